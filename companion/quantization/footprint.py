"""Bytes of a model's weights in each format: computed from its shapes, or measured.

Libraries quantize the linear layers of the blocks. Embeddings, the output layer and norms stay in
16 or 32 bits, so "4 bits per parameter" is never the whole truth. Taught in
:doc:`/book/open-models/quantization`.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from companion.linear_layers import layer_shape, linear_layers
from companion.quantization.codebooks import bits_per_parameter

FORMAT_BITS = {
    "float32": 32.0,
    "bfloat16": 16.0,
    "float16": 16.0,
    "int8": 8.0,
    "nf4": bits_per_parameter(double=True),
    "fp4": bits_per_parameter(),
}
"""Bits per weight of a linear layer. "nf4" means with double quantization, "fp4" without."""

GB = 10**9
"""Bytes in a gigabyte, as disks and model cards count."""

GIB = 2**30
"""Bytes in a gibibyte, as memory is built."""


class WeightCounts(NamedTuple):
    """Numbers in a model by how they are stored."""

    linear: int
    """Weights of the linear layers that get quantized."""
    rows: int
    """Output features of these layers: int8 stores one scale for each."""
    other: int
    """The rest: embeddings, output layer, norms, biases; a shared tensor counted once."""

    @property
    def total(self) -> int:
        """All numbers."""
        return self.linear + self.other


def count_weights(model: nn.Module) -> WeightCounts:
    """Count what quantization would touch, and what it would leave.

    Works on the "meta" device, where a model of any size takes no memory. The output layer counts
    as "other", since libraries leave it alone.

    Args:
        model: A model of `transformers`, not yet quantized.

    Returns:
        The counts.
    """
    layers = linear_layers(model).values()
    linear = sum(layer.weight.numel() for layer in layers)
    rows = sum(layer_shape(layer)[1] for layer in layers)
    total = sum(parameter.numel() for parameter in model.parameters())
    return WeightCounts(linear, rows, total - linear)


def weight_bytes(
    counts: WeightCounts | int, quantization: str | None = None, *, dtype: str = "bfloat16"
) -> float:
    """Compute the bytes of the weights.

    Args:
        counts: Result of `count_weights`; or a plain number of parameters, all of which are then
            taken to be in the format.
        quantization: "int8", "nf4" or "fp4" for the linear layers; None leaves them in ``dtype``.
        dtype: Format of everything else.

    Returns:
        Bytes.

    Raises:
        ValueError: If a format is unknown.

    Example:
        >>> [round(weight_bytes(7_000_000_000, dtype=d) / GIB, 2) for d in ("float32", "bfloat16")]
        [26.08, 13.04]
        >>> round(weight_bytes(7_000_000_000, "int8") / GIB, 2)
        6.52
    """
    for name in filter(None, (quantization, dtype)):
        if name not in FORMAT_BITS:
            raise ValueError(f"unknown format {name!r}; known: {', '.join(FORMAT_BITS)}")
    bits = FORMAT_BITS[quantization or dtype]
    if isinstance(counts, int):
        return counts * bits / 8
    scales = 4 * counts.rows if quantization == "int8" else 0
    return (counts.linear * bits + counts.other * FORMAT_BITS[dtype]) / 8 + scales


def measured_bytes(model: nn.Module, *, linear_only: bool = False) -> int:
    """Add up the tensors that hold a model's weights, as they lie in memory.

    Counts the scales that bitsandbytes keeps beside the 4-bit and 8-bit weights, which
    ``model.get_memory_footprint()`` leaves out. Shared memory is counted once. Lookup tables of
    the library are not counted: there is one for all layers of a size.

    Args:
        model: A model, quantized or not.
        linear_only: Count the linear layers of the blocks only, not the output layer.

    Returns:
        Bytes.
    """
    if linear_only:
        layers = linear_layers(model).values()
        weights = [parameter for layer in layers for parameter in layer.parameters()]
        tensors: list[Tensor] = list(weights)
    else:
        weights = list(model.parameters())
        tensors = [*weights, *model.buffers()]
    for weight in weights:
        tensors += _scales(weight)
    for layer in layers if linear_only else model.modules():
        tensors += _scales(getattr(layer, "state", None))  # int8 moves its scales there in use
    # On the "meta" device all pointers are 0.
    unique = {tensor.data_ptr() or id(tensor): tensor for tensor in tensors if tensor.numel()}
    return sum(tensor.numel() * tensor.element_size() for tensor in unique.values())


def _scales(owner: object) -> list[Tensor]:
    """Return the scales that bitsandbytes keeps on a weight, or on a layer's state."""
    scales = [getattr(owner, "SCB", None)]
    state = getattr(owner, "quant_state", None)
    if state is not None:
        scales.append(state.absmax)
        if state.nested:
            scales += [state.offset, state.state2.absmax]
    return [tensor for tensor in scales if isinstance(tensor, torch.Tensor)]
