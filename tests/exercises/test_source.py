"""The source of a solution as text: whole, as a stub, with a bug."""

import math
import textwrap

import numpy as np
import pytest

from companion.exercises import source


def decorator(function):
    return function


@decorator
def area(radius: float) -> float:
    """Return the area of a circle."""
    square = radius**2
    return math.pi * square


class Counter:
    """Counts."""

    def __init__(self, start: int) -> None:
        """Begin at a number."""
        self.count = np.int64(start)

    def step(self) -> None:
        """Add one."""
        self.count += 1


def no_docstring(x):
    return x


def buggy(radius: float) -> float:
    # a remark
    return math.pi * radius


def test_code_has_no_decorator_and_no_indent():
    def inner():
        return 1

    assert source.code(area).startswith("def area(radius: float) -> float:\n")
    assert source.code(inner) == "def inner():\n    return 1"


def test_a_body_has_no_docstring_and_no_indent():
    assert source.body(area) == "square = radius**2\nreturn math.pi * square"
    assert source.body(no_docstring) == "return x"


def test_a_stub_keeps_signature_and_docstring_and_raises():
    text = source.stub(area, "circle-area")
    space = {}
    exec(text, space)  # noqa: S102, the stub of the function above

    assert text.splitlines()[:2] == source.code(area).splitlines()[:2]
    assert "square" not in text
    with pytest.raises(NotImplementedError, match="circle-area: your code goes here"):
        space["area"](1.0)


def test_a_stub_of_a_class_keeps_what_is_named():
    text = source.stub(Counter, "counter", keep=("__init__",))

    assert "self.count = np.int64(start)" in text
    assert "self.count += 1" not in text
    assert text.count("raise NotImplementedError") == 1
    assert source.stub(Counter, "counter").count("raise NotImplementedError") == 2
    assert '        """Add one."""\n        raise' in text


def test_the_body_with_a_bug_stands_below_the_docstring_of_the_solution():
    text = source.started(area, buggy)

    expected = '''
        def area(radius: float) -> float:
            """Return the area of a circle."""
            return math.pi * radius'''
    assert text == textwrap.dedent(expected).strip()


@pytest.mark.parametrize(
    ("thing", "modules"), [(area, ("math",)), (Counter, ("numpy",)), (no_docstring, ())]
)
def test_the_modules_are_those_that_the_code_names(thing, modules):
    assert source.imported(thing) == modules


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", ""), ("a\n  b", "a b"), ("\n    a\n    b\n\n    c\n", "a b\n\nc")],
)
def test_the_lines_of_a_paragraph_are_joined(text, expected):
    assert source.prose(text) == expected
