"""Round weights to integers: absmax and zero-point, for a whole tensor or for groups.

A group is ``group_size`` neighbors along the last dimension, with a scale of its own. One scale
for everything is cheapest, and one outlier ruins it. Taught in
:doc:`/book/open-models/quantization`.

Left out: activations, calibration data, and fast kernels.
"""

from typing import NamedTuple

import torch
from torch import Tensor


class IntegerQuantized(NamedTuple):
    """Integers, and what turns them back into numbers: ``(codes - zero_point) * scale``."""

    codes: Tensor
    """Integers in int8, shape of the original."""
    scale: Tensor
    """One step, in units of the original; one per group, shape ``(..., groups)``."""
    zero_point: Tensor
    """The integer that stands for 0; one per group. All zero for absmax."""
    bits: int

    @property
    def bits_per_value(self) -> float:
        """Bits stored per value with scales in 16 bits, and zero points where they are used."""
        zeros = self.bits * self.zero_point.numel() if bool(self.zero_point.any()) else 0
        return self.bits + (16 * self.scale.numel() + zeros) / self.codes.numel()


def absmax_quantize(
    values: Tensor, *, bits: int = 8, group_size: int | None = None
) -> IntegerQuantized:
    """Scale by the largest magnitude, then round: ``round(x / s)``, ``s = max|x| / (2^(b-1) - 1)``.

    Symmetric: 0 stays 0. The most negative integer is not used. Section 2 of Dettmers et al. 2022,
    https://arxiv.org/abs/2208.07339.

    Args:
        values: Weights, any shape of at least one dimension.
        bits: Size of the integers, 2 to 8.
        group_size: Neighbors along the last dimension that share a scale; None: the whole tensor.

    Returns:
        Integers in ``-(2^(b-1) - 1) .. 2^(b-1) - 1`` and scales.

    Raises:
        ValueError: If ``bits`` is out of range, a value is not finite, or the last dimension is
            not divisible by the group size.

    Example:
        >>> quantized = absmax_quantize(torch.tensor([0.5, -2.54, 0.0]))
        >>> quantized.codes, round(quantized.scale.item(), 4)
        (tensor([  25, -127,    0], dtype=torch.int8), 0.02)
    """
    groups = _groups(values, bits, group_size)  # (..., G, g)
    top = 2 ** (bits - 1) - 1
    scale = groups.abs().amax(dim=-1) / top
    codes = torch.round(groups / _nonzero(scale)[..., None])
    return IntegerQuantized(
        codes.to(torch.int8).reshape(values.shape), scale, torch.zeros_like(scale), bits
    )


def zero_point_quantize(
    values: Tensor, *, bits: int = 8, group_size: int | None = None
) -> IntegerQuantized:
    """Map the range from minimum to maximum onto all integers: asymmetric, or affine.

    ``s = (max - min) / (2^b - 1)``, and the zero point is the integer that 0 falls on. The range
    always includes 0, so 0 stays 0. Worth it where values lie to one side, such as activations
    after a ReLU.

    Args:
        values: Numbers, any shape of at least one dimension.
        bits: Size of the integers, 2 to 8.
        group_size: Neighbors along the last dimension that share scale and zero point; None: the
            whole tensor.

    Returns:
        Integers in ``-2^(b-1) .. 2^(b-1) - 1``, scales and zero points.

    Raises:
        ValueError: As in `absmax_quantize`.

    Example:
        >>> zero_point_quantize(torch.tensor([0.0, 1.0, 2.55])).codes
        tensor([-128,  -28,  127], dtype=torch.int8)
    """
    groups = _groups(values, bits, group_size)
    # The range, with 0 in it.
    low, high = groups.amin(dim=-1).clamp(max=0), groups.amax(dim=-1).clamp(min=0)
    # One step, and the integer that 0 falls on.
    smallest, largest = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    scale = (high - low) / (largest - smallest)
    zero_point = torch.round(smallest - low / _nonzero(scale))
    # Rounding can step over the end by one.
    codes = torch.round(groups / _nonzero(scale)[..., None]) + zero_point[..., None]
    codes = codes.clamp(smallest, largest).to(torch.int8).reshape(values.shape)
    return IntegerQuantized(codes, scale, zero_point, bits)


def dequantize(quantized: IntegerQuantized) -> Tensor:
    """Turn integers back into numbers.

    Args:
        quantized: Result of `absmax_quantize` or `zero_point_quantize`.

    Returns:
        float32 tensor of the original shape.

    Example:
        >>> restored = dequantize(absmax_quantize(torch.tensor([0.5, -2.54, 0.0])))
        >>> [round(value, 2) for value in restored.tolist()]
        [0.5, -2.54, 0.0]
    """
    codes, scale, zero_point, _ = quantized
    groups = codes.float().reshape(*scale.shape, -1)
    return ((groups - zero_point[..., None]) * scale[..., None]).reshape(codes.shape)


def pack_int4(codes: Tensor) -> Tensor:
    """Put two 4-bit integers into each byte, the first in the high half.

    Args:
        codes: Integers in -8..7, an even number of them.

    Returns:
        uint8, half as many, one dimension.

    Raises:
        ValueError: If the number is odd or a code is out of range.

    Example:
        >>> pack_int4(torch.tensor([1, -1]))
        tensor([31], dtype=torch.uint8)
    """
    if codes.numel() % 2:
        raise ValueError(f"pack_int4 needs an even number of codes, got {codes.numel()}")
    if codes.numel() and (codes.min() < -8 or codes.max() > 7):
        raise ValueError(
            f"4-bit codes lie in -8..7, got {int(codes.min())}..{int(codes.max())}; quantize with "
            "bits=4"
        )
    nibbles = codes.reshape(-1).to(torch.int16) & 0xF  # two's complement
    return ((nibbles[::2] << 4) | nibbles[1::2]).to(torch.uint8)


def unpack_int4(packed: Tensor) -> Tensor:
    """Undo `pack_int4`.

    Args:
        packed: uint8 tensor.

    Returns:
        int8 codes in -8..7, twice as many, one dimension.

    Example:
        >>> unpack_int4(torch.tensor([31], dtype=torch.uint8))
        tensor([ 1, -1], dtype=torch.int8)
    """
    high, low = packed.reshape(-1) >> 4, packed.reshape(-1) & 0xF
    nibbles = torch.stack((high, low), dim=-1).reshape(-1).to(torch.int8)
    return torch.where(nibbles > 7, nibbles - 16, nibbles)


def _groups(values: Tensor, bits: int, group_size: int | None) -> Tensor:
    """Check the arguments and return the values as ``(..., groups, group_size)``."""
    if not 2 <= bits <= 8:
        raise ValueError(f"bits must be 2 to 8, got {bits}")
    if not values.numel() or not torch.isfinite(values).all():
        raise ValueError("values must be finite and at least one; found none, or NaN or infinity")
    if group_size is None:
        return values.float().reshape(1, -1)
    last = values.shape[-1]
    if group_size < 1 or last % group_size:
        fitting = [size for size in (16, 32, 64, 128, 256) if last % size == 0] or [last]
        raise ValueError(
            f"the last dimension, {last}, is not divisible by group_size={group_size}. Sizes that "
            f"fit: {', '.join(map(str, fitting))}."
        )
    return values.float().reshape(*values.shape[:-1], last // group_size, group_size)


def _nonzero(scale: Tensor) -> Tensor:
    """Replace the scale of groups that are all zero, which divide to 0 by anything."""
    return torch.where(scale == 0, torch.ones_like(scale), scale)
