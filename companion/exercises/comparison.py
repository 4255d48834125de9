"""Describe and compare frozen values, and say what is different and what would help."""

import math
from typing import Any

from companion.exercises.values import Foreign, SetItems, is_array

_LAZY = "list(...) makes a list of it"
_CALL = "are the parentheses of a call missing?"
_ADVICE = {
    **dict.fromkeys(("generator", "map", "zip", "filter", "reversed", "enumerate"), _LAZY),
    **dict.fromkeys(("function", "method", "builtin_function_or_method"), _CALL),
    **dict.fromkeys(("Series", "DataFrame", "Index"), ".to_numpy() makes an array of it"),
    **dict.fromkeys(("bytes", "bytearray"), ".decode() makes a text of it"),
    "coroutine": "write a plain function, without async",
    "complex": "a real number is asked for",
    "MaskedArray": ".filled(...) makes an array of it",
}
_KINDS = {SetItems: "a set", list: "a list", dict: "a dict"}


def describe(value: Any, limit: int = 120) -> str:
    """Show a frozen value in one line of at most ``limit`` characters.

    Example:
        >>> describe(0.1 + 0.2)
        '0.3'
    """
    if isinstance(value, Foreign):
        text = f"an object of type {value.type_name}"
    elif is_array(value):
        text = f"array of shape {value.shape}"
        if value.size <= 16:
            text = describe(value.tolist(), limit)
    elif isinstance(value, float):
        text = f"{value:.6g}"
        text += ".0" if text.lstrip("-").isdigit() else ""
    elif isinstance(value, list):
        left, right = "{}" if isinstance(value, SetItems) else "[]"
        text = left + ", ".join(describe(item, limit) for item in value[:40]) + right
        text = "set()" if text == "{}" else text
    elif isinstance(value, dict):
        pairs = list(value.items())[:40]
        shown = [f"{describe(key, limit)}: {describe(item, limit)}" for key, item in pairs]
        text = "{" + ", ".join(shown) + "}"
    elif isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 300:
        text = f"an integer of {value.bit_length()} bits"
    else:
        text = repr(value[: limit + 1] if isinstance(value, str) else value)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def named(value: Any) -> str:
    """Describe a frozen value; for an object that is not plain data, also say what helps.

    Example:
        >>> named(Foreign("generator"))
        'an object of type generator (list(...) makes a list of it)'
    """
    advice = _ADVICE.get(value.type_name.split(",")[0]) if isinstance(value, Foreign) else None
    return describe(value) + (f" ({advice})" if advice else "")


def difference(expected: Any, got: Any, tolerance: float) -> str | None:
    """Say how two frozen values differ.

    Args:
        expected: The right value.
        got: The value to judge.
        tolerance: Largest difference of two numbers, relative to the expected one, or absolute
            where that is below 1.

    Returns:
        One line for the learner; None if the values agree.

    Example:
        >>> difference([1, 2.0], [1, 2.5], 1e-6)
        'item 1: expected 2.0, got 2.5'
    """
    if is_array(expected) and is_array(got):
        return _array_difference(expected, got, tolerance)
    if isinstance(expected, SetItems) != isinstance(got, SetItems):
        return _set_or_not(expected, got)
    if isinstance(expected, SetItems):
        return _set_difference(expected, got, tolerance)
    if isinstance(expected, list) and isinstance(got, list):
        return _list_difference(expected, got, tolerance)
    if isinstance(expected, dict) and isinstance(got, dict):
        return _dict_difference(expected, got, tolerance)
    if isinstance(expected, str) and isinstance(got, str):
        return _text_difference(expected, got)
    if _is_number(expected) and _is_number(got):
        agree = close(expected, got, tolerance)
    else:
        agree = not is_array(expected) and type(expected) is type(got) and expected == got
    return None if agree else _other_kind(expected, got)


def close(expected: float, got: float, tolerance: float) -> bool:
    """Whether two numbers agree, whatever their size."""
    try:
        if expected == got or (math.isnan(expected) and math.isnan(got)):
            return True
        return abs(expected - got) <= tolerance * max(1.0, abs(expected)) < math.inf
    except OverflowError:  # an int beyond every float
        return False


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _other_kind(expected: Any, got: Any) -> str:
    """Say what was expected and what came, with their kinds where these differ."""
    if is_array(expected) and isinstance(got, Foreign):
        return f"expected an array, got {named(got)}; right is {describe(expected)}"
    if is_array(expected) or is_array(got):
        help_with = ""
        if is_array(expected) and isinstance(got, list):
            help_with = "; np.array(...) makes an array of a list"
        elif is_array(got) and isinstance(expected, list):
            help_with = "; .tolist() makes a list of an array"
        elif is_array(got) and got.size == 1:
            help_with = "; .item() takes the number out of it"
        return (
            f"expected {_kind(expected)}, got {_kind(got)}: "
            f"{describe(expected)} and {named(got)}{help_with}"
        )
    if isinstance(got, Foreign) or type(expected) is type(got):
        return f"expected {describe(expected)}, got {named(got)}"
    if isinstance(got, list) and len(got) == 1 and difference(expected, got[0], 0) is None:
        return f"expected {describe(expected)} itself, got it in a list: {describe(got)}"
    return f"expected {describe(expected)}, got {describe(got)}"


def _set_or_not(expected: Any, got: Any) -> str:
    """Say that a set came where none is asked for, or none where one is."""
    if isinstance(got, Foreign):
        return f"expected {describe(expected)}, got {named(got)}"
    if not isinstance(expected, SetItems):
        help_with = "; sorted(...) makes a list of it" if isinstance(expected, list) else ""
    elif isinstance(got, dict) and not got:
        help_with = "; an empty set is written set()"
    else:
        help_with = "; set(...) makes a set of it" if isinstance(got, list) else ""
    return (
        f"expected {_kind(expected)}, got {_kind(got)}: "
        f"{describe(expected)} and {describe(got)}{help_with}"
    )


def _kind(value: Any) -> str:
    if is_array(value):
        return "an array"
    if type(value) in _KINDS:
        return _KINDS[type(value)]
    return "None" if value is None else f"a value of type {type(value).__name__}"


def _list_difference(expected: list, got: list, tolerance: float) -> str | None:
    if len(expected) != len(got):
        return (
            f"expected {len(expected)} items, got {len(got)}: "
            f"{describe(expected)} and {describe(got)}"
        )
    for number, pair in enumerate(zip(expected, got, strict=True)):
        if problem := difference(*pair, tolerance):
            return f"item {number}: {problem}"
    return None


def _set_difference(expected: SetItems, got: SetItems, tolerance: float) -> str | None:
    """Name an item that only one of two sets has."""
    for these, those, what in (
        (expected, got, "is missing"),
        (got, expected, "should not be there"),
    ):
        for item in these:
            if all(difference(item, other, tolerance) for other in those):
                return (
                    f"{describe(item)} {what}: expected {describe(expected)}, got {describe(got)}"
                )
    return None


def _dict_difference(expected: dict, got: dict, tolerance: float) -> str | None:
    if missing := [key for key in expected if key not in got]:
        return f"the key {describe(missing[0])} is missing"
    if extra := [key for key in got if key not in expected]:
        return f"the key {describe(extra[0])} should not be there"
    for key, value in expected.items():
        if problem := difference(value, got[key], tolerance):
            return f"{key}: {problem}"
    return None


def _text_difference(expected: str, got: str) -> str | None:
    """Show two texts from just before the place where they part."""
    if expected == got:
        return None
    pairs = enumerate(zip(expected, got, strict=False))
    first = next((i for i, (a, b) in pairs if a != b), min(len(expected), len(got)))
    start = max(0, first - 30) if max(len(expected), len(got)) > 80 else 0
    shown = [("..." if start else "") + text[start:] for text in (expected, got)]
    where = f" (they part at character {first})" if start else ""
    return f"expected {describe(shown[0])}, got {describe(shown[1])}{where}"


def _array_difference(expected: Any, got: Any, tolerance: float) -> str | None:
    import numpy

    if expected.shape != got.shape:
        return f"expected the shape {expected.shape}, got {got.shape}"
    if (expected.dtype == bool) != (got.dtype == bool):
        return f"expected elements of type {expected.dtype}, got {got.dtype}"
    wanted, given = expected.astype("float64"), got.astype("float64")
    with numpy.errstate(all="ignore"):
        near = numpy.abs(wanted - given) <= tolerance * numpy.maximum(1.0, numpy.abs(wanted))
    both_nan = numpy.isnan(wanted) & numpy.isnan(given)
    wrong = ~((wanted == given) | both_nan | (near & numpy.isfinite(wanted)))
    if not wrong.any():
        return None
    first = tuple(int(i) for i in numpy.argwhere(wrong)[0])
    where = f"at {list(first)}: " if first else ""
    values = f"expected {describe(expected[first].item())}, got {describe(got[first].item())}"
    count = f" ({int(wrong.sum())} of {wrong.size} elements differ)" if wrong.size > 1 else ""
    return f"{where}{values}{count}"
