"""JSON as a model wrote it, read strictly: no repair, no guess, nothing huge.

Python's own reader allows NaN, a key that occurs twice, numbers of any size and nesting to any
depth. Taught in :doc:`/book/applications/function-calling`.
"""

import json
import math
from typing import Any, NoReturn

from companion.errors import ToolCallError

MAX_DEPTH = 16
"""Most lists and objects inside each other."""

MAX_INTEGER = 2**63 - 1
"""Largest whole number."""

BLANKS = " \t\r\n"


def read_value(text: str, at: int = 0) -> tuple[Any, int]:
    """Read one JSON value.

    Args:
        text: Text that holds the value.
        at: Where the value begins; blanks before it are skipped.

    Returns:
        The value, and where it ends.

    Raises:
        ToolCallError: If there is no valid value, or one that is deeper than allowed, has a key
            twice, half a character, or a number that is NaN, infinite or huge.

    Example:
        >>> read_value('{"a": [1, 2]} and more')
        ({'a': [1, 2]}, 13)
    """
    at += len(text[at:]) - len(text[at:].lstrip(BLANKS))
    try:
        value, end = _DECODER.raw_decode(text, at)
        _check_depth(value)
        text[at:end].encode()
        json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise ToolCallError(_TOO_DEEP) from None
    except UnicodeEncodeError:
        raise ToolCallError("the call holds half of a character (a lone surrogate)") from None
    except json.JSONDecodeError as error:
        raise ToolCallError(
            f"the call is not valid JSON: {error.msg} at character {error.pos - at + 1} of "
            f"{shown(text[at:])}"
        ) from None
    return value, end


def read_only_value(text: str) -> Any:
    """Read a text that is one JSON value and no more.

    Raises:
        ToolCallError: As in `read_value`, or if something follows.
    """
    value, end = read_value(text)
    if rest := text[end:].strip(BLANKS):
        raise ToolCallError(f"text after a call: {shown(rest)}. Write the call and no more.")
    return value


def shown(value: Any) -> str:
    """Quote the beginning of a value. What a model wrote may be long."""
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


_TOO_DEEP = f"more than {MAX_DEPTH} lists and objects inside each other"


def _check_depth(value: Any) -> None:
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(MAX_DEPTH):
        parts = (item.values() if isinstance(item, dict) else item for item in level)
        level = [part for inner in parts for part in inner if isinstance(part, (dict, list))]
    if level:
        raise ToolCallError(_TOO_DEEP)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ToolCallError(f"the key {shown(twice)} stands twice in one object")
    return members


def _integer(digits: str) -> int:
    value = int(digits) if len(digits) <= 20 else MAX_INTEGER + 1
    if abs(value) > MAX_INTEGER:
        raise ToolCallError(f"the whole number {shown(digits)} is too large")
    return value


def _number(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ToolCallError(f"the number {shown(digits)} is too large")
    return value


def _constant(name: str) -> NoReturn:
    raise ToolCallError(f"{name} is not a JSON number")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_int=_integer, parse_float=_number, parse_constant=_constant
)
