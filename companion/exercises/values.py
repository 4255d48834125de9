"""Plain values: what a submission may hand back, frozen and written as JSON.

Nothing that a learner's object could override takes part: no ``__eq__``, no ``__iter__``, no
``__repr__``, no pickle. A value is taken apart by the built-in type that it derives from, with the
methods of that type, so that a named tuple counts as a tuple and an `OrderedDict` as a dict.
Whatever is not plain becomes `Foreign`. The module uses the standard library only, and NumPy and
torch where they are loaded already, because the sandbox of ``companion grade`` reads this very
file.
"""

import base64
import math
import sys
from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from json import dumps, loads
from typing import Any

_DEEPEST = 20
_LARGEST = 200_000  # items and elements of one answer, all its parts together
_MOST_BITS = 10_000  # Python refuses to write integers of more than 4,300 digits
_DTYPES = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
_DTYPES += ("float16", "float32", "float64")
_SEQUENCES = (list, tuple, set, frozenset, deque, range)
_VIEWS = tuple(
    type(view)
    for mapping in ({}, OrderedDict())
    for view in (mapping.keys(), mapping.values(), mapping.items())
)
_name_of = type.__dict__["__name__"].__get__  # a metaclass can't override this one


@dataclass(frozen=True)
class Foreign:
    """Stands for an object that is not plain data; ``type_name`` is all that is kept of it."""

    type_name: str


class SetItems(list):
    """The items of a set, sorted: a list that is told from one."""


def freeze(value: Any) -> Any:
    """Copy a value as plain data.

    Args:
        value: None, bool, number or str; list, tuple, set, dict, deque, range or view of a dict;
            NumPy array or scalar; torch tensor; or of a class derived from one of these.

    Returns:
        None, bool, int, float, str, list, dict, `numpy.ndarray` or `Foreign`. Sequences become
        lists, sets `SetItems`, tensors arrays, and what has no dimension a number.

    Example:
        >>> freeze({"kept": (1, 2.5)})
        {'kept': [1, 2.5]}
        >>> freeze(object())
        Foreign(type_name='object')
    """
    return _Freezer().freeze(value, 0)


def type_name(kind: type) -> str:
    """Return the name of a class, at most 100 characters, whatever its metaclass says."""
    return _name_of(kind)[:100]


class _Freezer:
    """Takes one value apart: so many items in all, so deep, and not in a circle."""

    def __init__(self) -> None:
        self.left, self.around = _LARGEST, set()

    def freeze(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if value is None or value is Ellipsis:  # a placeholder, as None is
            return None
        if kind is bool:
            return value
        if issubclass(kind, int):
            number = int.__int__(value)
            bits = number.bit_length()
            return number if bits <= _MOST_BITS else Foreign(f"int, of {bits} bits")
        if issubclass(kind, float):
            return float.__float__(value)
        if issubclass(kind, str):
            return str.__str__(value)
        for base in (dict, *_SEQUENCES, *_VIEWS):
            if issubclass(kind, base):
                return self._container(value, base, depth)
        return self._array_or_foreign(value, depth)

    def _container(self, value: Any, base: type, depth: int) -> Any:
        name, size = type_name(type(value)), base.__len__(value)
        if depth >= _DEEPEST:
            return Foreign("deeply nested value")
        if id(value) in self.around:
            return Foreign(f"{name} that holds itself")
        if size > self.left:
            return Foreign(f"{name} of {size} items, too many in all")
        self.left -= size
        self.around.add(id(value))
        try:
            if base is dict:
                return self._dict(dict.items(value), depth)
            items = [self.freeze(item, depth + 1) for item in base.__iter__(value)]
            return SetItems(sorted(items, key=_rank)) if base in (set, frozenset) else items
        finally:
            self.around.discard(id(value))

    def _dict(self, pairs: Iterable[tuple[Any, Any]], depth: int) -> Any:
        frozen = {}
        for key, item in pairs:
            name = _key(self.freeze(key, depth + 1))
            if name is None or name in frozen:
                return Foreign("dict whose keys are no plain values, or look alike")
            frozen[name] = self.freeze(item, depth + 1)
        return frozen

    def _array_or_foreign(self, value: Any, depth: int) -> Any:
        """Take an array, a tensor or a number as it is; anything else is foreign."""
        kind, array = type(value), None
        numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
        if torch is not None and kind in (torch.Tensor, torch.nn.Parameter):
            array = _tensor_array(value)
        elif numpy is not None and issubclass(kind, numpy.ndarray | numpy.generic):
            array = _plain_array(numpy, value)
        elif kind in _exact_numbers():
            try:
                return float(value)
            except (OverflowError, ValueError):
                pass
        if array is None or isinstance(array, Foreign):
            return array or Foreign(type_name(kind))
        if array.size > self.left:
            return Foreign(f"array of {array.size} elements, too many in all")
        self.left -= array.size
        if array.dtype.kind == "U" or not array.shape:
            return self.freeze(array.tolist(), depth)
        return array


def _rank(item: Any) -> tuple:
    """Sort numbers by size, and before everything else."""
    number = isinstance(item, int | float)
    return (0, item, "") if number else (1, 0, f"{type(item).__name__} {item!s}")


def _key(frozen: Any) -> str | None:
    """Return a frozen key of a dict as text, equal for keys that Python takes as equal."""
    if isinstance(frozen, str):
        return frozen
    if isinstance(frozen, float) and frozen.is_integer():
        return repr(int(frozen))
    if isinstance(frozen, list):
        keys = [repr(item) if isinstance(item, str) else _key(item) for item in frozen]
        return None if None in keys else f"({', '.join(keys)})"
    return repr(frozen) if frozen is None or isinstance(frozen, int | float) else None


def _exact_numbers() -> list[type]:
    names = (("fractions", "Fraction"), ("decimal", "Decimal"))
    return [getattr(sys.modules[module], name) for module, name in names if module in sys.modules]


def _tensor_array(tensor: Any) -> Any:
    """Return a tensor as an array; `Foreign` if it has no such form."""
    if tensor.numel() > _LARGEST:
        return Foreign(f"Tensor of {tensor.numel()} elements")
    try:
        if tensor.is_floating_point() and tensor.element_size() < 4:  # bfloat16 and float8 too
            tensor = tensor.float()
        return _plain_array(sys.modules["numpy"], tensor.numpy(force=True))
    except (TypeError, RuntimeError, NotImplementedError):
        return Foreign(f"Tensor of {tensor.dtype} on {tensor.device}, {tensor.layout}")


def _plain_array(numpy: Any, value: Any) -> Any:
    """Return numbers, truth values or texts as an array of a plain dtype, a copy."""
    masked = sys.modules.get("numpy.ma")
    if masked is not None and issubclass(type(value), masked.MaskedArray):
        return Foreign("MaskedArray")
    array = numpy.array(value, subok=False)
    if array.dtype.kind == "U":
        return array
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        array = array.astype("float64")
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if array.dtype == int:  # NumPy's default, which has 32 bits in a browser
        array = array.astype("int64", copy=False)
    if str(array.dtype) in _DTYPES:
        return array
    name = "complex" if array.dtype.kind == "c" else type_name(type(value))
    return Foreign(f"{name}, of dtype {str(array.dtype)[:40]}")


def encode(frozen: Any) -> str:
    """Write a frozen value as JSON; arrays with their bytes in base64."""
    return dumps(_pack(frozen))


def _pack(value: Any) -> Any:
    if isinstance(value, SetItems):
        return {"set": [_pack(item) for item in value]}
    if isinstance(value, list):
        return [_pack(item) for item in value]
    if isinstance(value, dict):  # marked, so that no dict can look like an array
        return {"dict": {key: _pack(item) for key, item in value.items()}}
    if isinstance(value, Foreign):
        return {"foreign": value.type_name}
    if not is_array(value):
        return value
    data = base64.b64encode(value.tobytes()).decode()
    return {"array": str(value.dtype), "shape": list(value.shape), "data": data}


def decode(text: str) -> Any:
    """Read what `encode` wrote.

    Raises:
        ValueError: If it is not that, whoever wrote it.
    """
    try:
        return _Reader().unpack(loads(text), 0)
    except (RecursionError, TypeError) as error:
        raise ValueError(f"not an encoded value: {error}") from None


class _Reader:
    """Reads one value, within the limits that `freeze` keeps."""

    def __init__(self) -> None:
        self.left = _LARGEST

    def unpack(self, value: Any, depth: int) -> Any:
        if isinstance(value, list):
            self._spend(len(value), depth)
            return [self.unpack(item, depth + 1) for item in value]
        if isinstance(value, int) and value.bit_length() > _MOST_BITS:
            raise ValueError(f"not an encoded value: an integer of {value.bit_length()} bits")
        if not isinstance(value, dict):
            return value
        if value.keys() == {"dict"} and isinstance(value["dict"], dict):
            self._spend(len(value["dict"]), depth)
            return {key: self.unpack(item, depth + 1) for key, item in value["dict"].items()}
        if value.keys() == {"set"} and isinstance(value["set"], list):
            return SetItems(self.unpack(value["set"], depth))
        if value.keys() == {"foreign"} and isinstance(value["foreign"], str):
            return Foreign(value["foreign"][:200])
        if value.keys() == {"array", "shape", "data"}:
            return self._array(value["array"], value["shape"], value["data"])
        raise ValueError("not an encoded value: an object of no known kind")

    def _spend(self, size: int, depth: int) -> None:
        self.left -= size
        if depth >= _DEEPEST or self.left < 0:
            raise ValueError("not an encoded value: nested too deeply, or too many items")

    def _array(self, dtype: Any, shape: Any, data: Any) -> Any:
        import numpy

        if dtype not in _DTYPES:
            raise ValueError(f"not a plain dtype: {str(dtype)[:40]!r}")
        if not isinstance(shape, list) or not 1 <= len(shape) <= 32:
            raise ValueError("an array has 1 to 32 dimensions")
        if not all(type(size) is int and size >= 0 for size in shape):
            raise ValueError("the sizes of an array are whole numbers, 0 or more")
        flat = numpy.frombuffer(base64.b64decode(data), dtype=dtype)
        self._spend(flat.size, 0)
        if math.prod(shape) != flat.size:
            raise ValueError(f"{flat.size} elements do not fill an array of another size")
        return flat.reshape(shape).copy()


def is_array(value: Any) -> bool:
    """Whether a frozen value is a NumPy array."""
    return type(value).__name__ == "ndarray" and type(value).__module__ == "numpy"
