"""The arguments of a case as JSON, with every type that a case may use kept.

Unlike `companion.exercises.values.freeze`, this keeps tuples, sets, tensors and keys that are not
text as they are. It serves one direction only, from the grader into the sandbox. It needs the
standard library; NumPy and torch only if a case holds an array or a tensor.
"""

import base64
import json
from typing import Any


def encode_arguments(args: tuple[Any, ...]) -> str:
    """Write arguments as JSON.

    Raises:
        TypeError: If a case holds something that a sandbox can't be handed.

    Example:
        >>> decode_arguments(encode_arguments(((1, 2.5), {3: None})))
        [(1, 2.5), {3: None}]
    """
    return json.dumps([_pack(value) for value in args])


def _pack(value: Any) -> Any:
    kind = type(value)
    if value is None or kind in (bool, int, float, str):
        return value
    if kind is list:
        return [_pack(item) for item in value]
    if kind in (tuple, set, frozenset):
        items = sorted(value) if kind in (set, frozenset) else value
        return {"kind": kind.__name__, "items": [_pack(item) for item in items]}
    if kind is dict:
        pairs = [[_pack(key), _pack(item)] for key, item in value.items()]
        return {"kind": "dict", "items": pairs}
    if kind.__name__ in ("ndarray", "Tensor"):
        array = value.detach().numpy() if kind.__name__ == "Tensor" else value
        return {
            "kind": kind.__name__,
            "dtype": str(array.dtype),
            "shape": list(array.shape),
            "data": base64.b64encode(array.tobytes()).decode(),
        }
    raise TypeError(f"a case can't hold an object of type {kind.__name__}")


def decode_arguments(text: str) -> list[Any]:
    """Read what `encode_arguments` wrote."""
    return [_unpack(value) for value in json.loads(text)]


def _unpack(value: Any) -> Any:
    if isinstance(value, list):
        return [_unpack(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value["kind"] in ("ndarray", "Tensor"):
        return _unpack_array(value)
    items = [_unpack(item) for item in value["items"]]
    return {"tuple": tuple, "set": set, "frozenset": frozenset, "dict": dict}[value["kind"]](items)


def _unpack_array(value: dict[str, Any]) -> Any:
    import numpy

    flat = numpy.frombuffer(base64.b64decode(value["data"]), dtype=value["dtype"])
    array = flat.reshape(value["shape"]).copy()
    if value["kind"] == "ndarray":
        return array
    import torch

    return torch.from_numpy(array)
