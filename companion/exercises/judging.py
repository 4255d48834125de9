"""Judge an answer: case by case for code, as a whole for the other kinds.

An `AnswerKey` compares what came of the cases with what the solution returns, and asks which known
wrong answer behaves the same. It never runs the learner's code; the notebook and
``companion grade`` both end here.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import import_module
from typing import Any

from companion.exercises.answers import judge_value
from companion.exercises.comparison import describe, difference, named
from companion.exercises.display import as_code
from companion.exercises.exercise import Case, CodeExercise, Exercise
from companion.exercises.running import Outcome, run_case
from companion.exercises.values import freeze
from companion.exercises.verdict import CaseResult, Verdict, not_attempted

PUBLIC_SEED = "public"
_REFERENCE_SECONDS = 60.0


def judge(
    exercise: Exercise,
    answer: Any,
    *,
    covered: Sequence[int] | None = None,
    seed: str = PUBLIC_SEED,
) -> Verdict:
    """Judge an answer, running it here if it is code.

    Args:
        exercise: The exercise.
        answer: Function, class, number, letters or text.
        covered: For a text, the numbers of the key points that it covers.
        seed: Draws the cases.

    Raises:
        ValueError: If ``covered`` names key points that do not exist.
    """
    if not isinstance(exercise, CodeExercise):
        return judge_value(exercise, freeze(answer), covered=freeze(covered))
    if answer is None or answer is Ellipsis:
        return not_attempted(exercise)
    if not callable(answer):
        return not_callable(exercise, named(freeze(answer)))
    key = AnswerKey(exercise, seed)
    return key.judge(run_cases(exercise, answer, key.cases))


def not_callable(exercise: CodeExercise, got: str) -> Verdict:
    """Return the verdict on something that is neither a function nor a class."""
    kind = "class" if isinstance(exercise.solution, type) else "function"
    message = f"Pass your {kind} `{exercise.variable}` itself, not {as_code(got)}."
    return Verdict(exercise, "wrong", message=message)


def run_cases(exercise: CodeExercise, answer: Any, cases: Sequence[Case]) -> list[Outcome]:
    """Run an answer on cases within the exercise's time limit."""
    return list(each_outcome(exercise, answer, cases))


def each_outcome(
    exercise: CodeExercise,
    answer: Any,
    cases: Sequence[Case],
    *,
    through: tuple[type[BaseException], ...] = (KeyboardInterrupt,),
) -> Iterator[Outcome]:
    """Run an answer on cases as `run_cases` does, and yield each outcome once it is known.

    Exceptions of the kinds of ``through`` are none of the answer's, and pass.
    """
    for module in exercise.uses:  # its import is not the learner's time
        import_module(module)
    left = exercise.seconds
    for case in cases:
        if left <= 0:
            yield Outcome("not run")
            continue
        start = time.monotonic()
        outcome = run_case(exercise.run or call, answer, case.args, seconds=left, through=through)
        left -= time.monotonic() - start
        yield outcome


def call(answer: Any, *args: Any) -> Any:
    """Exercise an answer the usual way."""
    return answer(*args)


@dataclass(frozen=True)
class AnswerKey:
    """The cases of a seed with what the solution and the known wrong answers make of them.

    Args:
        exercise: The exercise.
        seed: Draws the cases.
    """

    exercise: CodeExercise
    seed: str

    @cached_property
    def cases(self) -> list[Case]:
        """The cases."""
        return self.exercise.draw(self.seed)

    @cached_property
    def expected(self) -> list[Outcome]:
        """What comes of the solution."""
        return self._outcomes(self.exercise.solution)

    @cached_property
    def known(self) -> list[list[Outcome]]:
        """What comes of each known wrong answer."""
        return [self._outcomes(wrong.answer) for wrong in self.exercise.wrong]

    @cached_property
    def given(self) -> list[Outcome] | None:
        """What comes of the code with a bug that the stub shows, if it does."""
        start = self.exercise.start
        return None if start is None else self._outcomes(start)

    def prepare(self) -> None:
        """Run the solution and all that is known now, before an answer can change what they call.

        Where an answer runs in this same Python, it may say ``np.tril = None``.
        """
        _ = self.expected, self.known, self.given

    def _outcomes(self, answer: Any) -> list[Outcome]:
        return run_cases(replace(self.exercise, seconds=_REFERENCE_SECONDS), answer, self.cases)

    @cached_property
    def unusable(self) -> str:
        """Why nothing can be judged here: what the solution itself ended in; empty if it is fine.

        A solution that fails where it should not, say since a library is missing or the machine is
        too slow, says nothing about an answer that fails in the same way.
        """
        for case, outcome in zip(self.cases, self.expected, strict=True):
            wanted = "error" if case.refused else "value"
            if outcome.state != wanted or (case.refused and "ValueError" not in outcome.kinds):
                return f"{case.name}: {outcome.error or outcome.state}"
        return ""

    def judge(self, outcomes: Sequence[Outcome]) -> Verdict:
        """Compare outcomes, one for each case, with those of the solution.

        To refuse an input by a ValueError counts only from an answer that is right on at least
        half of the inputs that have a result; to refuse everything is no answer.
        """
        exercise = self.exercise
        if self.unusable:
            message = (
                "This can't be judged on this machine: the solution itself does not run here "
                f"({as_code(self.unusable)}). Your answer is not the cause."
            )
            return Verdict(exercise, "not judged", message=message)
        if all(outcome.state == "not attempted" for outcome in outcomes):
            return not_attempted(exercise)
        texts = [outcome.value for outcome in outcomes if _is_text(outcome)]
        for number, wrong in enumerate(exercise.wrong):
            if wrong.fatal and wrong.fatal in texts:
                return Verdict(exercise, "wrong", message=wrong.message, wrong=number)
        problems = self._problems(outcomes)
        results = tuple(map(_case_result, self.cases, problems))
        passed = sum(result.passed for result in results)
        if passed == len(results):
            return Verdict(exercise, "right", 1.0, results)
        if self.given is not None and _same(exercise, self.given, outcomes):
            message = "This still behaves like the code that you were given."
            return Verdict(exercise, "not attempted", message=message)
        number = self.diagnose(outcomes)
        if number is not None:  # then the mistake is known, and a question would lead astray
            results = tuple(replace(result, think="") for result in results)
        message = exercise.wrong[number].message if number is not None else ""
        if number is None and all("ValueError" in outcome.kinds for outcome in outcomes):
            message = "Every input raises a ValueError, even those that have a result."
        state = "partly right" if passed else "wrong"
        return Verdict(exercise, state, passed / len(results), results, message, number)

    def _problems(self, outcomes: Sequence[Outcome]) -> list[str | None]:
        """Say of each case what is wrong with its outcome; None if it is right."""
        triples = zip(self.cases, self.expected, outcomes, strict=True)
        problems = [
            _problem(self.exercise, expected, outcome, refused=case.refused)
            for case, expected, outcome in triples
        ]
        numbers = range(len(problems))
        asked = [number for number in numbers if not self.cases[number].refused]
        right = sum(problems[number] is None for number in asked)
        if 2 * right < len(asked):
            for number in set(numbers) - set(asked):
                problems[number] = problems[number] or (
                    "a ValueError is right here. It counts as soon as half of the inputs that "
                    f"have a result get it ({right} of {len(asked)} do)"
                )
        return problems

    def diagnose(self, outcomes: Sequence[Outcome]) -> int | None:
        """Return the number of the known wrong answer with the same outcomes, if there is one."""
        everything = range(len(outcomes))
        values = [number for number in everything if not self.cases[number].refused]
        if not any(_tells_something(outcomes[number]) for number in values):
            return None
        # Second, who made a known mistake and forgot a check of arguments as well.
        for numbers in (everything, values):
            mine = [outcomes[number] for number in numbers]
            if _same(self.exercise, [self.expected[number] for number in numbers], mine):
                continue
            for which, known in enumerate(self.known):
                if _same(self.exercise, [known[number] for number in numbers], mine):
                    return which
        return None


def _is_text(outcome: Outcome) -> bool:
    return outcome.state == "value" and isinstance(outcome.value, str)


def _case_result(case: Case, problem: str | None) -> CaseResult:
    shown = ", ".join(describe(freeze(argument), 400) for argument in case.args)
    if problem is None:
        return CaseResult(case.name, passed=True, shown=shown)
    return CaseResult(case.name, passed=False, shown=shown, problem=problem, think=case.think)


def _problem(
    exercise: CodeExercise, expected: Outcome, outcome: Outcome, *, refused: bool
) -> str | None:
    """Say what is wrong with an outcome; None if it is right."""
    if refused:  # the right answer is to raise
        if outcome.state == "error" and "ValueError" in outcome.kinds:
            return None
        if outcome.state == "value":
            return f"expected a ValueError, got {named(outcome.value)}"
    elif outcome.state == "value":
        return difference(expected.value, outcome.value, exercise.tolerance)
    if outcome.state == "timeout":
        return "stopped, the time was up: is there a loop that never ends?"
    if outcome.state == "not run":
        return "not run, the time was up"
    if outcome.state == "not attempted":
        return "a part of the stub is still there"
    return f"{outcome.error} ({outcome.place})" if outcome.place else outcome.error


def _tells_something(outcome: Outcome) -> bool:
    """Whether an outcome can come of one mistake and not of a bare ``raise ValueError``."""
    return outcome.state == "value" or outcome.kinds[:1] not in ((), ("ValueError",))


def _same(exercise: CodeExercise, known: Sequence[Outcome], outcomes: Sequence[Outcome]) -> bool:
    """Whether outcomes agree: the same results, and errors of which one is a kind of the other."""
    for outcome, other in zip(known, outcomes, strict=True):
        if outcome.state != other.state:
            return False
        if outcome.state == "value" and difference(outcome.value, other.value, exercise.tolerance):
            return False
        if outcome.state == "error" and not (
            set(outcome.kinds[:1]) & set(other.kinds) or set(other.kinds[:1]) & set(outcome.kinds)
        ):
            return False
    return True
