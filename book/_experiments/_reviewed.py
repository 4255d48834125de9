"""Functions with a fault, the words that name it, and calls that show whether it is mended.

A call has one or several results that are right: what an average of nothing should be is a matter
of taste, but not that it raises.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from companion.exercises.arguments import encode_arguments
from companion.exercises.grading.cells import Cell
from companion.exercises.grading.sandbox import Sandbox, WorkerTask, worker_files
from companion.exercises.judging import call
from companion.exercises.running import unpack
from companion.exercises.source import code


class Function(NamedTuple):
    """A function to review."""

    code: str
    faults: tuple[str, ...]
    calls: tuple[tuple[tuple[Any, ...], tuple[Any, ...]], ...]

    @property
    def name(self) -> str:
        """Name of the function."""
        return self.code.removeprefix("def ").partition("(")[0]


FUNCTIONS = {
    "development": (
        Function(
            "def first_word(text):\n    return text.split()[0]",
            ("empty", "IndexError", "no words"),
            ((("two words",), ("two",)), (("",), ("", None))),
        ),
        Function(
            "def percent(part, whole):\n    return 100 * part / whole",
            ("zero", "ZeroDivision"),
            (((1, 4), (25.0,)), ((1, 0), (0, 0.0, None))),
        ),
    ),
    "held_out": (
        Function(
            "def average(numbers):\n    return sum(numbers) / len(numbers)",
            ("empty", "ZeroDivision", "by zero"),
            ((([2, 4],), (3.0,)), (([],), (0, 0.0, None))),
        ),
        Function(
            "def last(items):\n    return items[len(items)]",
            ("IndexError", "out of range", "off by one", "off-by-one", "- 1", "[-1]"),
            ((([1, 2, 3],), (3,)), ((["a"],), ("a",))),
        ),
        Function(
            "def is_adult(age):\n    if age > 18:\n        return True\n    return False",
            (">= 18", "exactly 18", "equal to 18", "is 18"),
            (((30,), (True,)), ((18,), (True,)), ((17,), (False,))),
        ),
        Function(
            "def largest(numbers):\n    best = 0\n    for number in numbers:\n"
            "        if number > best:\n            best = number\n    return best",
            ("negative", "empty", "numbers[0]", "-inf", "below zero"),
            ((([1, 5, 2],), (5,)), (([-4, -2],), (-2,))),
        ),
        Function(
            "def initials(name):\n    parts = name.split(' ')\n"
            "    return ''.join(part[0] for part in parts)",
            ("two spaces", "double space", "empty", "IndexError", "whitespace"),
            ((("Ada Lovelace",), ("AL",)), (("Ada  Lovelace",), ("AL",))),
        ),
        Function(
            "def count_vowels(word):\n    return sum(letter in 'aeiou' for letter in word)",
            ("capital", "upper", "case"),
            ((("apple",), (2,)), (("Anna",), (2,))),
        ),
    ),
}


def run_calls(source: str, function: Function) -> list[str]:
    """Run code in the sandbox that grades exercises, and the calls of a function on it.

    Args:
        source: Code that a model wrote. It runs in a process of its own that can do little.
        function: The function that it should define.

    Returns:
        For each call ``"right"``, ``"wrong"``, or how it failed.
    """
    task = {
        "id": function.name,
        "variable": function.name,
        "run": code(call),
        "seconds": 2.0,
        "cases": [encode_arguments(args) for args, _ in function.calls],
    }
    with worker_files() as tools:
        cell = Cell(source, "review.py", 1, script=True)
        said, _ = Sandbox(tools).run(WorkerTask((cell,), (task,), load_seconds=5.0))
    answers: Sequence[dict[str, Any]] = said.found.get(function.name, [])
    by_case = {one["case"]: unpack(one) for one in answers if "case" in one}
    results = []
    for number, (_, accepted) in enumerate(function.calls):
        outcome = by_case.get(number)
        if outcome is None:
            results.append("not defined")
        elif outcome.state != "value":
            results.append(outcome.error.partition(":")[0] or outcome.state)
        else:
            right = any(outcome.value == one for one in accepted)
            results.append("right" if right else "wrong")
    return results
