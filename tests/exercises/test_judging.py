"""Judging code: what counts, what does not, and answers that do everything but answer."""

import ast
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from companion.exercises import catalog
from companion.exercises.exercise import Case, CodeExercise, Wrong
from companion.exercises.judging import AnswerKey, judge

MASK = catalog.find("causal-mask")


def halve(number: int) -> float:
    """Return half of an even number."""
    if number % 2:
        raise ValueError("odd")
    return number / 2


def half_cases(rng):
    for number in (2, 4, 6, 8):
        yield Case(f"even {number}", (number,), "Is it even?")
    yield Case("odd", (3,), "Is it odd?", refused=True)
    yield Case("odd too", (5,), "Is it odd?", refused=True)


HALVE = CodeExercise(
    id="halve",
    title="Halve",
    section="gpt",
    page="gpt/sampling",
    difficulty="easy",
    minutes=1,
    statement="Halve.",
    hints=("Divide.", "By 2."),
    solution=halve,
    cases=half_cases,
    wrong=(Wrong(lambda number: number, "Nothing was divided."),),
)


def right_up_to(limit):
    return lambda number: halve(number) if number % 2 or number <= limit else -1


@pytest.mark.parametrize(
    ("limit", "passed"), [(8, 6), (6, 5), (4, 4), (2, 1), (0, 0)]
)  # the two refusals count from two right results of four
def test_a_refusal_counts_only_beside_right_results(limit, passed):
    verdict = judge(HALVE, right_up_to(limit))

    assert sum(case.passed for case in verdict.cases) == passed
    assert verdict.share == passed / 6
    if passed < 3:
        assert f"It counts as soon as half of the inputs that have a result get it ({passed}" in (
            verdict.cases[-1].problem
        )


@pytest.mark.parametrize("error", [ValueError, UnicodeDecodeError])
def test_raising_alone_earns_nothing_and_is_called_by_its_name(error):
    def refuse(number):
        raise error("utf-8", b"", 0, 1, "no") if error is UnicodeDecodeError else error("no")

    verdict = judge(HALVE, refuse)

    assert (verdict.share, verdict.wrong) == (0, None)
    assert "Every input raises a ValueError, even those that have a result." in repr(verdict)


def test_another_error_is_no_refusal():
    def fail(number):
        return number / 2 if number % 2 == 0 else {}["odd"]

    verdict = judge(HALVE, fail)

    assert verdict.share == 4 / 6
    assert "KeyError: 'odd'" in repr(verdict)


def unfinished(number: int) -> float:
    return {2: 1.0, 4: 2.0}[number]


def too_slow(number: int) -> float:
    while True:
        pass


@pytest.mark.parametrize("solution", [unfinished, too_slow])
def test_where_the_solution_fails_nobody_gets_a_point(solution, monkeypatch):
    monkeypatch.setattr("companion.exercises.judging._REFERENCE_SECONDS", 0.2)
    broken = replace(HALVE, solution=solution)

    for answer in (unfinished, lambda number: None, halve, lambda number: 1 / 0):
        verdict = judge(broken, answer)

        assert (verdict.state, verdict.share) == ("not judged", 0)
        assert "the solution itself does not run here" in repr(verdict)
        assert "Your answer is not the cause" in verdict._repr_html_()


NO_TIMERS = """
import signal, sys, threading
def refuse(*_): raise RuntimeError("can't start new thread")
threading.Thread.start = refuse
if "no function" in sys.argv:
    del signal.setitimer
else:
    def no_timer(*_): raise signal.ItimerError(38, "Function not implemented")
    signal.setitimer = no_timer
from companion.exercises import catalog
from companion.exercises.judging import judge
one = catalog.find("causal-mask")
print(judge(one, one.solution).share, judge(one, one.wrong[0].answer).share,
      judge(one, lambda length: 1 / 0).share, judge(one, len).share)
"""


@pytest.mark.parametrize("how", ["no function", "no timer"])
def test_without_timers_and_threads_answers_are_judged_all_the_same(how):
    done = subprocess.run(
        [sys.executable, "-c", NO_TIMERS, how], capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == ["1.0", "0.0", "0.0", "0.0"]


def assign(text):
    space = {}
    exec(f"x = {text}", space)  # noqa: S102, the mistake
    return space["x"]


EVAL = eval  # another name for it


@pytest.mark.parametrize(
    "run",
    [
        lambda text: eval(text),  # noqa: S307, the mistake
        lambda text: eval(text, {"__builtins__": {}}),  # noqa: S307
        lambda text: eval(compile(text, "x", "eval")),  # noqa: S307
        lambda text: EVAL(text),
        assign,
        eval,
    ],
)
def test_a_calculator_that_runs_the_text_earns_nothing(run):
    calculator = catalog.find("safe-calculator")

    def caught(expression):
        if not set(expression) <= set("0123456789.+-*/() "):
            raise ValueError("not allowed")
        try:
            return run(expression)
        except Exception as error:
            raise TypeError(str(error)) from error

    def seldom(expression):
        return run(expression) if "0.25" in expression else calculator.solution(expression)

    for answer in (run, caught, seldom):
        verdict = judge(calculator, answer)

        assert (verdict.state, verdict.share, verdict.wrong) == ("wrong", 0, 0)
        assert "So this earns nothing here" in repr(verdict)
    assert judge(calculator, calculator.solution).state == "right"


def test_a_calculator_may_import_and_parse():
    def parses(expression):
        import colorsys  # an import runs code too, that of a file

        assert colorsys
        tree = ast.parse(expression, mode="eval")
        return catalog.find("safe-calculator").solution(ast.unparse(tree))

    assert judge(catalog.find("safe-calculator"), parses).share > 0.6


def test_an_unknown_tool_by_its_key_alone_is_named():
    def loop(model, tools, question, max_steps):
        messages = [{"role": "user", "content": question}]
        for _ in range(max_steps):
            turn = model(messages)
            if "content" in turn:
                return turn["content"]
            try:
                content = str(tools[turn["name"]](**turn["arguments"]))
            except Exception as error:
                content = f"error: {error}"
            messages += [{"role": "assistant", "call": turn}, {"role": "tool", "content": content}]
        raise ValueError("no answer")

    verdict = judge(catalog.find("tool-loop"), loop)

    assert "the text of a KeyError is the key" in verdict.message


class Endless(Exception):
    def __str__(self):
        while True:
            pass


class Unsayable(Exception):
    def __str__(self):
        raise RuntimeError("no")


class Shy(str):
    def __getitem__(self, key):
        raise RuntimeError("no")

    __format__ = __getitem__


class Reticent(Exception):
    def __str__(self):
        return Shy("quiet")


class LoopsWhenAsked(list):
    def __len__(self):
        while True:
            pass

    __iter__ = __eq__ = __repr__ = __len__
    __hash__ = None


class Frozen(np.ndarray):
    def __array_finalize__(self, other):
        if type(other) is Frozen:
            raise RuntimeError("no")


class Abstract(BaseException):
    pass


def raising(error):
    def answer(length):
        raise error

    return answer


def itself():
    value = []
    value += [value] * 4
    return value


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (raising(Endless()), "is there a loop that never ends?"),
        (raising(Unsayable()), "Unsayable (line"),
        (raising(Reticent()), "Reticent: quiet (line"),
        (raising(Abstract("x")), "Abstract: x (line"),
        (raising(GeneratorExit()), "GeneratorExit (line"),
        (raising(SystemExit(3)), "SystemExit: 3 (line"),
        (raising(ExceptionGroup("many", [KeyError(1)])), "ExceptionGroup: many"),
        (raising(StopIteration(2)), "StopIteration: 2"),
        (lambda length: itself(), "got a list"),
        (lambda length: LoopsWhenAsked([1]), "and [1]; np.array(...) makes"),
        (lambda length: np.ones((1, 1)).view(Frozen), "elements of type bool, got float64"),
        (lambda length: {"array": "float64", "shape": [1], "data": "x"}, "got a dict"),
        (lambda length: (row for row in [True]), "list(...) makes a list of it"),
        (lambda length: print, "are the parentheses of a call missing?"),
        (lambda length: "\ud800" * length, "'\\ud800'"),
        (lambda length: [[True]], "np.array(...) makes an array of a list"),
    ],
)
def test_whatever_code_gives_back_or_raises_ends_in_a_verdict(answer, says):
    start = time.monotonic()

    verdict = judge(MASK, answer)

    assert verdict.share < 1
    assert says in repr(verdict)
    assert says.split("'")[0] in repr(verdict)
    repr(verdict).encode()  # no half of a character in it
    assert time.monotonic() - start < 20


def test_a_key_says_on_which_case_the_solution_fails():
    key = AnswerKey(replace(HALVE, solution=unfinished), "public")

    assert key.unusable == "even 6: KeyError: 6"
    assert AnswerKey(HALVE, "public").unusable == ""
