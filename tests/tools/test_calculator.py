"""The calculator: arithmetic, and nothing else."""

import math
import operator
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from companion.errors import ToolError
from companion.tools.calculator import MAX_INTEGER, calculator, evaluate


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("2*(3+4)-5/2", 11.5),
        ("7", 7),
        ("-7 + +3", -4),
        ("7 // 2", 3),
        ("-7 // 2", -4),
        ("7 % 4", 3),
        ("1e3 * .5", 500.0),
        ("6 \u00d7 4 \u00f7 3 \u2212 1", 7.0),
        ("1\n+\t2", 3),
        ("6 / 2", 3.0),
        ("6 * 2", 12),
    ],
)
def test_it_computes(expression: str, value: float) -> None:
    found = evaluate(expression)

    assert found == value
    assert type(found) is type(value)


def test_the_tool_returns_what_pocket_chat_was_trained_on() -> None:
    assert calculator("312 + 74") == {"value": 386}


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("9**9**9", r"\*\* is not allowed"),
        ("2^8", r"'\^' is not allowed"),
        ("'a'*10**9", '"\'" is not allowed'),
        ('"a"', "is not allowed"),
        ("().__class__", "'_' is not allowed"),
        ("__import__('os').system('true')", "'_' is not allowed"),
        ("open('x')", "'o' is not allowed"),
        ("2(3)", "Call is not allowed"),
        ("...", "Constant is not allowed"),
        ("e", "Name is not allowed"),
        ("(1).e", "Attribute is not allowed"),
        ("()", "Tuple is not allowed"),
        ("1, 2", "',' is not allowed"),
        ("[1]", r"'\[' is not allowed"),
        ("1 < 2", "'<' is not allowed"),
        ("~1", "'~' is not allowed"),
        ("1j", "'j' is not allowed"),
        ("1_000", "'_' is not allowed"),
        ("\u0663 + 1", "is not allowed"),
        ("1 +", "no complete arithmetic expression"),
        ("(1", "no complete arithmetic expression"),
        ("1)", "no complete arithmetic expression"),
        ("007", "no complete arithmetic expression"),
        ("1 2", "no complete arithmetic expression"),
        ("1\x00", "is not allowed"),
        ("", "must be a text"),
        ("  ", "must be a text"),
        (None, "must be a text"),
        (7, "must be a text"),
        ("1/0", "division by zero: 1 / 0"),
        ("7 % (3 - 3)", "division by zero"),
        ("7 // 0.0", "division by zero"),
        ("1 +" * 70 + "1", "211 characters; at most 200"),
        ("(" * 21 + "1" + ")" * 21, "21 parentheses inside each other; at most 20"),
        ("9" * 60, "60 digits is too large"),
        ("9007199254740992 + 1", "16 digits is too large"),
        ("1e308 * 10", "too large for a floating-point"),
        ("1e999", "too large for a floating-point"),
    ],
)
def test_everything_else_is_refused_with_a_reason(expression: object, problem: str) -> None:
    with pytest.raises(ToolError, match=problem) as caught:
        evaluate(expression)

    assert isinstance(caught.value, ValueError)


def test_what_is_allowed_at_the_limits() -> None:
    assert evaluate("(" * 20 + "1" + ")" * 20) == 1
    assert evaluate("-" * 199 + "1") == -1
    assert evaluate("9007199254740991 + 1") == MAX_INTEGER


@example("1/0")
@example("-" * 200)
@example("(" * 200)
@given(st.text(max_size=250) | st.text("0123456789.eE+-*/%() ", max_size=250))
def test_any_text_gives_a_finite_number_or_a_tool_error(text: str) -> None:
    began = time.perf_counter()

    try:
        value = evaluate(text)
    except ToolError:
        value = 0

    assert type(value) in (int, float)
    assert math.isfinite(value)
    assert time.perf_counter() - began < 1


numbers = st.integers(0, 999) | st.floats(0, 999, allow_subnormal=False).map(lambda x: round(x, 3))
OPERATORS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}


def joined(left: tuple, sign: str, right: tuple) -> tuple:
    """Join two pairs of text and value; None stands for a division by zero below."""
    text = f"({left[0]} {sign} {right[0]})"
    if None in (left[1], right[1]) or (sign == "/" and right[1] == 0):
        return text, None
    return text, OPERATORS[sign](left[1], right[1])


pairs = st.recursive(
    numbers.map(lambda x: (repr(x), x)),
    lambda inner: st.builds(joined, inner, st.sampled_from([*OPERATORS]), inner),
    max_leaves=5,
)


@given(pairs)
def test_values_are_those_of_python(pair: tuple) -> None:
    expression, expected = pair

    if expected is None:
        with pytest.raises(ToolError, match="division by zero"):
            evaluate(expression)
    else:
        assert evaluate(expression) == expected
