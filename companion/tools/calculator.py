"""A calculator that a model may use: arithmetic without ``eval``.

The expression comes from a model that reads untrusted text. ``eval`` would run whatever is in
it: CVE-2023-29374 was exactly that, in the math chain of a well-known library. Here the text is
parsed into a syntax tree, and only the nodes on a short list are computed: numbers, signs,
``+ - * / // %`` and parentheses. Names, calls, attributes, strings and powers are not on it.

Left out: functions, constants, exact fractions. Results are those of Python's numbers, so
``0.1 + 0.2`` is ``0.30000000000000004``. Taught in :doc:`/book/applications/function-calling`.
"""

import ast
import math
import operator
import re
from collections.abc import Callable

from companion.errors import ToolError
from companion.tools.tool import shown_by

MAX_LENGTH = 200
"""Longest expression, in characters."""

MAX_DEPTH = 20
"""Most parentheses inside each other."""

MAX_INTEGER = 2**53
"""Largest whole number: beyond it, readers of JSON that use floats lose digits."""

ALLOWED = re.compile(r"[0-9.eE+\-*/%() ]")
SYNONYMS = str.maketrans({"\u00d7": "*", "\u00f7": "/", "\u2212": "-"})  # times, divided by, minus

BINARY: dict[type[ast.operator], Callable[..., int | float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
UNARY: dict[type[ast.unaryop], Callable[..., int | float]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
}


@shown_by(
    ("What is 12 times 7?", {"expression": "12 * 7"}),
    ("Take 15 away from 60.", {"expression": "60 - 15"}),
    ("How much is 96 divided by 8?", {"expression": "96 / 8"}),
    ("Work out (2 + 3) * 4.", {"expression": "(2 + 3) * 4"}),
)
def calculator(expression: str) -> dict[str, int | float]:
    """Compute an arithmetic expression such as "2 * (3 + 4)".

    The tool itself; `evaluate` has the rules. Taught in
    :doc:`/book/applications/function-calling`.

    Args:
        expression: Numbers, + - * / // % and parentheses.

    Returns:
        ``{"value": number}``.

    Raises:
        ToolError: As in `evaluate`.

    Example:
        >>> calculator("12 * 7")
        {'value': 84}
    """
    return {"value": evaluate(expression)}


def evaluate(expression: str) -> int | float:
    """Compute an arithmetic expression without running any code.

    Taught in :doc:`/book/applications/function-calling`.

    Args:
        expression: Text with numbers, ``+ - * / // %``, signs and parentheses, at most
            `MAX_LENGTH` characters. The signs of printed texts are understood too.

    Returns:
        The value; an int if Python gives one.

    Raises:
        ToolError: If it has anything else in it, it is too long or too deep, a number is too
            large, or it divides by zero. A `ValueError`.

    Example:
        >>> evaluate("2*(3+4)-5/2")
        11.5
        >>> evaluate("9**9**9")
        Traceback (most recent call last):
        companion.errors.ToolError: the operator ** is not allowed; use + - * / // % and parentheses
    """
    text = _checked(expression)
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ToolError(f"{text!r} is no complete arithmetic expression") from None
    return _value(tree.body)


def _checked(expression: str) -> str:
    """Return the text to parse, or refuse it before Python's parser sees it."""
    if not isinstance(expression, str) or not expression.strip():
        raise ToolError("the expression must be a text such as '2 * (3 + 4)'")
    if len(expression) > MAX_LENGTH:
        raise ToolError(
            f"the expression has {len(expression)} characters; at most {MAX_LENGTH} are allowed"
        )
    text = " ".join(expression.translate(SYNONYMS).split())
    other = ALLOWED.sub("", text)
    if other:
        raise ToolError(
            f"{other[0]!r} is not allowed in an expression; use numbers, + - * / // % and "
            "parentheses"
        )
    depth = deepest = 0
    for char in text:
        depth += (char == "(") - (char == ")")
        deepest = max(deepest, depth)
    if deepest > MAX_DEPTH:
        raise ToolError(f"{deepest} parentheses inside each other; at most {MAX_DEPTH} are allowed")
    return text


def _value(node: ast.expr) -> int | float:
    """Compute a node of the tree. What is not on the list of nodes is refused."""
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return _small(node.value)
    if isinstance(node, ast.UnaryOp) and type(node.op) in UNARY:
        return UNARY[type(node.op)](_value(node.operand))
    if isinstance(node, ast.BinOp) and type(node.op) in BINARY:
        left, right = _value(node.left), _value(node.right)
        try:
            return _small(BINARY[type(node.op)](left, right))
        except ZeroDivisionError:
            raise ToolError(f"division by zero: {left} / {right}") from None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        raise ToolError("the operator ** is not allowed; use + - * / // % and parentheses")
    raise ToolError(
        f"{type(node).__name__} is not allowed in an expression; use numbers, + - * / // % and "
        "parentheses"
    )


def _small(value: int | float) -> int | float:
    if isinstance(value, int) and abs(value) > MAX_INTEGER:
        raise ToolError(f"a whole number of {len(str(abs(value)))} digits is too large; use less")
    if not math.isfinite(value):
        raise ToolError("the result is too large for a floating-point number")
    return value
