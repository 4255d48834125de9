"""Check answers in a page of the website, where Python runs as WebAssembly in a Worker.

The page ends a Worker that takes too long, and all that it has not said is lost. So each outcome is
said as soon as it is known; a second Worker judges those that arrived, in the same way as
``ex.check`` in a notebook. What is said is JSON:

==============  =====================================================================
``started``     the learner's code begins: its ``seconds`` and the number of ``cases``
``printed``     a piece of what it prints, all pieces together bounded
``defined``     its definitions are done, the cases begin
``outcome``     what came of the next case
``ran``         the learner's code is over; what follows takes none of its time
``trouble``     why its code could not be run to its end, as text
``verdict``     the end, unless there was trouble: ``state``, ``share``, ``html``, ``text``
==============  =====================================================================

Records of what was solved are the page's own business. No name of this module is for learners.
"""

import contextlib
import io
import linecache
import os
import re
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from json import dumps, loads  # a learner's code may replace those of the module
from types import CodeType
from typing import Any

from companion.exercises import catalog
from companion.exercises.attempts import error_text
from companion.exercises.comparison import named
from companion.exercises.display import as_html, as_text
from companion.exercises.exercise import (
    ChoiceExercise,
    CodeExercise,
    NumericExercise,
    OutputExercise,
    WordsExercise,
)
from companion.exercises.integers import narrow, widen
from companion.exercises.judging import PUBLIC_SEED, AnswerKey, each_outcome, judge, not_callable
from companion.exercises.running import pack, unpack
from companion.exercises.values import freeze
from companion.exercises.verdict import Verdict, not_attempted

FILE = "<your code>"
MOST_PRINTED = 5_000  # characters
_MOST_TROUBLE = 3_000  # characters
_VALUE_SECONDS = 2.0  # for the code that computes a number
_MODULES = "In a page there are Python's own modules and NumPy; others need the notebook."
_OVERFLOW = re.compile(
    "overflow encountered in scalar|invalid value encountered in cast|out of bounds for int32|"
    r"Python int too large to convert to C long|from dtype\('int64'\) to dtype\('int32'\)"
)
_NARROW = (
    "In this page some of NumPy's integers have 32 bits, where a notebook has 64. Your numbers may "
    "be too large for them, or of the other kind: use floats, np.int64 or Python's own numbers, "
    "x[...] in place of x.take(...), or open the page as a notebook."
)
_BLANKS = {0xA0: " ", 0x202F: " ", 0x3000: " ", 0x200B: None, 0xFEFF: None}
_WHAT_TO_DO = {  # with an answer that is empty
    ChoiceExercise: "Tick what is right, then press Check again.",
    OutputExercise: "Write into the field what the program prints, then press Check again.",
    WordsExercise: "Write your explanation into the field, then press Check again.",
}

Say = Callable[..., None]


def check(request: str, say: Callable[[str], object]) -> None:
    """Check one answer, or judge what a Worker that was ended has said of one.

    Args:
        request: JSON with ``exercise``, its id, perhaps its ``place`` as `catalog.find` takes it,
            and either ``answer``, code or text, with ``imports``, the page's lines of imports, and
            ``covered`` as in ``ex.check``; or ``outcomes``.
        say: Takes each message.

    Raises:
        ValueError: If there is no such exercise or key point.
    """
    widen()
    if sys.platform == "emscripten":
        os._exit = os.abort = _no_end
    asked = loads(request)
    exercise = catalog.find(asked["exercise"], asked.get("place"))

    def tell(**message: Any) -> None:
        say(dumps(message))

    verdict: Verdict | None
    if "outcomes" in asked:
        key = AnswerKey(exercise, PUBLIC_SEED)
        verdict = key.judge([unpack(outcome) for outcome in asked["outcomes"]])
    elif isinstance(exercise, CodeExercise | NumericExercise):
        verdict = _run(exercise, asked["answer"], asked.get("imports", ""), tell)
    else:
        verdict = judge(exercise, asked["answer"], covered=asked.get("covered"))
    if verdict is not None:
        verdict = _for_page(verdict)
        result = {"state": verdict.state, "share": verdict.share}
        tell(verdict=result | {"html": as_html(verdict), "text": as_text(verdict)})


def _run(
    exercise: CodeExercise | NumericExercise, source: str, imports: str, tell: Say
) -> Verdict | None:
    """Run a learner's code and judge what it defines; None if there was trouble."""
    key = AnswerKey(exercise, PUBLIC_SEED) if isinstance(exercise, CodeExercise) else None
    cases = key.cases if key else []
    if key:
        key.prepare()
        if key.unusable:  # earlier code may have broken this Python: the page asks a new one
            return key.judge([])
    space = _space(imports)
    seconds = getattr(exercise, "seconds", _VALUE_SECONDS)
    tell(started={"seconds": seconds, "cases": len(cases)})
    printed = _Printed(tell)
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        if trouble := _execute(source, space):
            tell(trouble=f"{trouble}\n{_NARROW}" if _is_narrow(trouble) else trouble)
            return None
        answer = space.get(exercise.variable)
        if exercise.variable not in space:
            message = f"Your code defines no `{exercise.variable}`: keep the name that was there."
            return Verdict(exercise, "not attempted", message=message)
        tell(defined=True)
        if key is None:
            tell(ran=True)
            return _explained(judge(exercise, answer), narrow=printed.narrow)
        if answer is None or answer is Ellipsis:
            return not_attempted(exercise)
        if not callable(answer):
            return not_callable(exercise, named(freeze(answer)))
        outcomes = []
        for outcome in each_outcome(exercise, answer, cases, through=()):  # nobody interrupts here
            if "ModuleNotFoundError" in outcome.kinds:
                outcome = replace(outcome, error=f"{outcome.error}. {_MODULES}")
            outcomes.append(outcome)
            tell(outcome=pack(outcome))
        tell(ran=True)
    is_narrow = printed.narrow or any(_is_narrow(outcome.error) for outcome in outcomes)
    return _explained(key.judge(outcomes), narrow=is_narrow)


def _is_narrow(text: str) -> bool:
    """Whether a text says that integers have fewer bits than they have in a notebook."""
    return narrow() and bool(_OVERFLOW.search(text))


def _explained(verdict: Verdict, *, narrow: bool) -> Verdict:
    """Add to a verdict on an answer that integers may have been too short for it, if so."""
    if not narrow or verdict.state not in ("wrong", "partly right"):
        return verdict
    return replace(verdict, message=f"{verdict.message}\n{_NARROW}".strip())


def _space(imports: str) -> dict[str, Any]:
    """Return the names that a learner's code finds: those that the page's first cell imports."""
    space: dict[str, Any] = {"__name__": "__main__", "input": _no_input}
    for line in imports.splitlines():
        with contextlib.suppress(ImportError):  # the page loads NumPy only where it is named
            exec(line, space)  # noqa: S102, lines that the book has written
    return space


def _no_end(*_: object) -> None:
    """Stand in for what would end Python itself, which takes seconds to start again."""
    raise RuntimeError("This would end Python itself. Let your code return, or raise an error.")


def _no_input(*_: object) -> str:
    """Stand in for the ``input`` of a page, where nobody can be asked."""
    raise EOFError("Nobody can be asked here: write the value into your code in place of input().")


def _compiled(source: str) -> CodeType:
    """Compile code; blanks of a page that it was copied from are blanks."""
    try:
        return compile(source, FILE, "exec")
    except SyntaxError:
        plain = source.translate(_BLANKS)
        if plain == source:
            raise
        return compile(plain, FILE, "exec")


def _execute(source: str, space: dict[str, Any]) -> str:
    """Run code, and return how it failed, with the learner's own lines; empty if it did not."""
    lines = source.splitlines(keepends=True)
    linecache.cache[FILE] = (len(source), None, lines, FILE)
    try:
        # The learner's code, in the learner's own browser, which asked for it.
        exec(_compiled(source), space)  # noqa: S102
    except BaseException as error:  # whatever code may raise, SystemExit too
        return _trouble(error)
    return ""


def _trouble(error: BaseException) -> str:
    try:
        report = traceback.TracebackException.from_exception(error)
        mine = [frame for frame in report.stack if frame.filename == FILE]
        report.stack = traceback.StackSummary.from_list(mine)
        text = "".join(report.format(chain=False)).strip()
    except Exception:  # the exception of a learner's own class can't be asked for its text
        text = error_text(error)
    if isinstance(error, ModuleNotFoundError):
        text += f"\n{_MODULES}"
    return text if len(text) <= _MOST_TROUBLE else f"... {text[-_MOST_TROUBLE:]}"


class _Printed(io.TextIOBase):
    """What code prints, said piece by piece until there is too much."""

    def __init__(self, tell: Say) -> None:
        self._tell, self._left = tell, MOST_PRINTED
        self.narrow = False  # whether NumPy warned that a number is too large

    def write(self, text: str) -> int:
        self.narrow = self.narrow or _is_narrow(text)
        if self._left > 0:
            piece = text[: self._left]
            self._left -= len(piece)
            end = "" if self._left else "\n... More was printed; it is not shown."
            if piece:
                self._tell(printed=piece + end)
        return len(text)


def _for_page(verdict: Verdict) -> Verdict:
    """Return a verdict that names the buttons of the page where a notebook has cells."""
    exercise = verdict.exercise
    message = verdict.message.replace("run this cell again", "press Check again")
    if verdict == not_attempted(exercise):  # fields have no name that one could set
        message = _WHAT_TO_DO.get(type(exercise), message)
    if verdict.state == "to assess" and isinstance(exercise, WordsExercise):
        message = (
            f"{exercise.solution_text()}\n\nWhich of the points does your text make? Tick them "
            "below, then press Check again."
        )
    return replace(verdict, message=message)
