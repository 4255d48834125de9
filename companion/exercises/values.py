"""Plain values: what a submission may hand back, frozen, compared and written as JSON.

Nothing that a learner's object could override takes part: no ``__eq__``, no ``__repr__``, no
pickle. A value is taken apart by its exact type; whatever is not plain becomes `Foreign`. The
module uses the standard library only, and NumPy where it is loaded already, because the sandbox of
``companion grade`` reads this very file.
"""

import base64
import json
import math
import sys
from dataclasses import dataclass
from typing import Any

_DEEPEST = 20
_LARGEST = 200_000  # items of one answer, and elements of one array
_MOST_BITS = 10_000  # Python refuses to write integers of more than 4,300 digits
_DTYPES = ("bool", "int8", "int16", "int32", "int64", "uint8", "float16", "float32", "float64")


@dataclass(frozen=True)
class Foreign:
    """Stands for an object that is not plain data; ``type_name`` is all that is kept of it."""

    type_name: str


def freeze(value: Any, depth: int = 0) -> Any:
    """Copy a value as plain data.

    Args:
        value: None, bool, int, float, str; list, tuple, dict or set of them; NumPy array or
            scalar; torch tensor.
        depth: How deep inside another value this one stands.

    Returns:
        None, bool, int, float, str, list, dict, `numpy.ndarray` or `Foreign`. Tuples become lists,
        sets sorted lists, tensors arrays.

    Example:
        >>> freeze({"kept": (1, 2.5)})
        {'kept': [1, 2.5]}
        >>> freeze(object())
        Foreign(type_name='object')
    """
    kind = type(value)
    if value is Ellipsis:  # a placeholder, as None is
        return None
    if kind is int and value.bit_length() > _MOST_BITS:
        return Foreign(f"int, of {value.bit_length()} bits")
    if value is None or kind in (bool, int, float, str):
        return value
    if depth >= _DEEPEST:
        return Foreign("deeply nested value")
    if kind in (list, tuple, set, frozenset, dict) and len(value) > _LARGEST:
        return Foreign(f"{kind.__name__} of {len(value)} items")
    if kind in (list, tuple):
        return [freeze(item, depth + 1) for item in value]
    if kind in (set, frozenset):
        items = [freeze(item, depth + 1) for item in value]
        return sorted(items, key=lambda item: (type(item).__name__, str(item)))
    if kind is dict:
        keys = [freeze(key) for key in value]
        if all(type(key) in (str, int, float, bool) for key in keys):
            names = [key if type(key) is str else repr(key) for key in keys]
            frozen = [freeze(item, depth + 1) for item in value.values()]
            return dict(zip(names, frozen, strict=True))
    return _freeze_array(value)


def _freeze_array(value: Any) -> Any:
    """Take an array or a tensor as it is; anything else is foreign."""
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    kind = type(value)
    if torch is not None and kind in (torch.Tensor, torch.nn.Parameter):
        value = value.detach().cpu()
        value = (value.float() if value.dtype == torch.bfloat16 else value).numpy()
        kind = type(value)
    if numpy is not None and kind is numpy.ndarray and str(value.dtype) in _DTYPES:
        if value.size > _LARGEST:
            return Foreign(f"array of {value.size} elements")
        return value.copy()
    if numpy is not None and kind.__module__ == "numpy" and issubclass(kind, numpy.generic):
        return freeze(value.item()) if str(value.dtype) in _DTYPES else Foreign(kind.__name__)
    return Foreign(str(kind.__name__)[:100])


def encode(frozen: Any) -> str:
    """Write a frozen value as JSON; arrays with their bytes in base64."""
    return json.dumps(frozen, default=_encode_object)


def _encode_object(value: Any) -> dict[str, Any]:
    if isinstance(value, Foreign):
        return {"__foreign__": value.type_name}
    data = base64.b64encode(value.tobytes()).decode()
    return {"__array__": str(value.dtype), "shape": list(value.shape), "data": data}


def decode(text: str) -> Any:
    """Read what `encode` wrote.

    Raises:
        ValueError: If it is not that, whoever wrote it.
    """
    try:
        return json.loads(text, object_hook=_decode_object)
    except (RecursionError, TypeError, KeyError) as error:
        raise ValueError(f"not an encoded value: {error}") from None


def _decode_object(item: dict[str, Any]) -> Any:
    if item.keys() == {"__foreign__"}:
        return Foreign(str(item["__foreign__"])[:100])
    if item.keys() != {"__array__", "shape", "data"}:
        return item
    import numpy

    if item["__array__"] not in _DTYPES:
        raise ValueError(f"not a plain dtype: {str(item['__array__'])[:40]!r}")
    shape = [int(size) for size in item["shape"]]
    flat = numpy.frombuffer(base64.b64decode(item["data"]), dtype=item["__array__"])
    if flat.size > _LARGEST or min(shape, default=0) < 0:
        raise ValueError("array too large")
    return flat.reshape(shape).copy()


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
    if isinstance(got, Foreign):
        return f"expected {describe(expected)}, got an object of type {got.type_name}"
    if _is_array(expected) or _is_array(got):
        return _array_difference(expected, got, tolerance)
    if isinstance(expected, list) and isinstance(got, list):
        return _list_difference(expected, got, tolerance)
    if isinstance(expected, dict) and isinstance(got, dict):
        return _dict_difference(expected, got, tolerance)
    if isinstance(expected, str) and isinstance(got, str):
        return _text_difference(expected, got)
    numbers = (int, float)
    flags = isinstance(expected, bool) + isinstance(got, bool)
    if isinstance(expected, numbers) and isinstance(got, numbers) and flags != 1:
        agree = _close(expected, got, tolerance)
    else:
        agree = type(expected) is type(got) and expected == got
    return None if agree else f"expected {describe(expected)}, got {describe(got)}"


def _close(expected: float, got: float, tolerance: float) -> bool:
    try:
        if expected == got or (math.isnan(expected) and math.isnan(got)):
            return True
        return abs(expected - got) <= tolerance * max(1.0, abs(expected)) < math.inf
    except OverflowError:  # an int beyond every float
        return False


def _list_difference(expected: list, got: list, tolerance: float) -> str | None:
    if len(expected) != len(got):
        return (
            f"expected {len(expected)} items, got {len(got)}: "
            f"{describe(expected)} and {describe(got)}"
        )
    for number, pair in enumerate(zip(expected, got, strict=True)):
        if found := difference(*pair, tolerance):
            return f"item {number}: {found}"
    return None


def _dict_difference(expected: dict, got: dict, tolerance: float) -> str | None:
    if missing := [key for key in expected if key not in got]:
        return f"the key {missing[0]!r} is missing"
    if extra := [key for key in got if key not in expected]:
        return f"the key {extra[0]!r} should not be there"
    for key, value in expected.items():
        if found := difference(value, got[key], tolerance):
            return f"{key}: {found}"
    return None


def _kind(value: Any) -> str:
    return "None" if value is None else f"a value of type {type(value).__name__}"


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


def _is_array(value: Any) -> bool:
    return type(value).__name__ == "ndarray" and type(value).__module__ == "numpy"


def _array_difference(expected: Any, got: Any, tolerance: float) -> str | None:
    import numpy

    if not (_is_array(got) and _is_array(expected)):
        kinds = ["an array" if _is_array(one) else _kind(one) for one in (expected, got)]
        return f"expected {kinds[0]}, got {kinds[1]}: {describe(expected)} and {describe(got)}"
    if expected.shape != got.shape:
        return f"expected the shape {expected.shape}, got {got.shape}"
    if (expected.dtype == bool) != (got.dtype == bool):
        return f"expected elements of type {expected.dtype}, got {got.dtype}"
    wanted, found = expected.astype("float64"), got.astype("float64")
    with numpy.errstate(all="ignore"):
        near = numpy.abs(wanted - found) <= tolerance * numpy.maximum(1.0, numpy.abs(wanted))
    both_nan = numpy.isnan(wanted) & numpy.isnan(found)
    wrong = ~((wanted == found) | both_nan | (near & numpy.isfinite(wanted)))
    if not wrong.any():
        return None
    first = tuple(int(i) for i in numpy.argwhere(wrong)[0])
    where = f"at {list(first)}: " if first else ""
    values = f"expected {describe(expected[first].item())}, got {describe(got[first].item())}"
    count = f" ({int(wrong.sum())} of {wrong.size} elements differ)" if wrong.size > 1 else ""
    return f"{where}{values}{count}"


def describe(value: Any, limit: int = 120) -> str:
    """Show a frozen value in one line of at most ``limit`` characters.

    Example:
        >>> describe(0.1 + 0.2)
        '0.3'
    """
    if isinstance(value, Foreign):
        return f"an object of type {value.type_name}"
    if _is_array(value):
        text = f"array of shape {value.shape}"
        if value.size <= 12:
            text = describe(value.tolist(), limit)
    elif isinstance(value, float):
        text = f"{value:.6g}"
        text += ".0" if text.lstrip("-").isdigit() else ""
    elif isinstance(value, list):
        text = "[" + ", ".join(describe(item, limit) for item in value[:40]) + "]"
    elif isinstance(value, dict):
        pairs = list(value.items())[:40]
        text = "{" + ", ".join(f"{key!r}: {describe(item, limit)}" for key, item in pairs) + "}"
    elif isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 300:
        text = f"an integer of {value.bit_length()} bits"
    else:
        text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."
