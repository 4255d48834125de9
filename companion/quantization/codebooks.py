"""Four bits by table: NF4 and FP4 in blocks of 64, and double quantization.

Each block is divided by its largest magnitude, and every number is replaced by the nearest of 16
values in [-1, 1]. Stored: the 4-bit position in the table and one scale per block. As in
bitsandbytes and QLoRA (Dettmers et al. 2023, https://arxiv.org/abs/2305.14314). Taught in
:doc:`/book/open-models/quantization`.

Departure: double quantization here rounds the scales to plain 8-bit integers; bitsandbytes uses an
8-bit floating-point table. The number of bits is the same.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from companion._checks import check_whole
from companion.quantization.integers import IntegerQuantized, absmax_quantize, dequantize

OFFSET = 0.9677083
"""Quantile of the outermost value of NF4, as in the code published with QLoRA: the mean of
``1 - 1/32`` and ``1 - 1/30``."""


def nf4_codebook() -> Tensor:
    """Derive the 16 values of NF4 ("4-bit NormalFloat").

    Weights are roughly normal, so values are placed at quantiles of the normal distribution: 8
    steps above zero, 7 below, and zero itself, then scaled to end at -1 and 1. Section 3 of
    Dettmers et al. 2023.

    Returns:
        float32, shape ``(16,)``, rising from -1 to 1.

    Example:
        >>> nf4_codebook()[[0, 7, 8, 15]]
        tensor([-1.0000,  0.0000,  0.0796,  1.0000])
    """
    # Probabilities from the outermost one to just above the middle, and their normal quantiles.
    ends = torch.linspace(OFFSET, 0.5, 9, dtype=torch.float64)[:-1]
    positive = torch.special.ndtri(ends)  # 8 values
    ends = torch.linspace(OFFSET, 0.5, 8, dtype=torch.float64)[:-1]
    negative = -torch.special.ndtri(ends)  # 7 values
    values = torch.cat([negative, torch.zeros(1, dtype=torch.float64), positive]).sort().values
    return (values / values.max()).float()


def fp4_codebook() -> Tensor:
    """Derive the values of bitsandbytes' FP4: a sign, two bits of exponent, one of mantissa.

    ``(1 + m/2) * 2^e`` for exponents 1 to 3; exponent 0 holds 0 and 1/16. Scaled to end at 1.

    Returns:
        float32, shape ``(15,)``, rising; 15 because 0 has two signs and is listed once.

    Example:
        >>> len(fp4_codebook())
        15
    """
    magnitudes = [0.0, 1 / 16] + [(1 + m / 2) * 2**e for e in (1, 2, 3) for m in (0, 1)]
    values = torch.tensor([-m for m in magnitudes[1:]] + magnitudes, dtype=torch.float64)
    return (values / values.max()).sort().values.float()


class BlockQuantized(NamedTuple):
    """Positions in a table, and one scale per block of values."""

    codes: Tensor
    """Positions, uint8, shape ``(blocks, block_size)``; the last block is padded with 0."""
    scales: Tensor
    """Largest magnitude of each block, float32, shape ``(blocks,)``."""
    codebook: Tensor
    """The values that the positions stand for."""
    shape: torch.Size
    """Shape of the original."""


def quantize_blocks(values: Tensor, codebook: Tensor, *, block_size: int = 64) -> BlockQuantized:
    """Replace each number by the nearest value of a table, scaled block by block.

    Blocks run through the flattened tensor, rows or not, as in bitsandbytes. A number halfway
    between two values takes the lower one.

    Args:
        values: Weights, any shape.
        codebook: Rising values in [-1, 1], at most 256.
        block_size: Numbers that share a scale.

    Returns:
        Positions and scales.

    Raises:
        ValueError: If a value is not finite, there are none, the block size is not positive, or
            the codebook does not rise.

    Example:
        >>> quantize_blocks(torch.tensor([0.0, 2.0, -2.0]), nf4_codebook()).codes[0, :3]
        tensor([ 7, 15,  0], dtype=torch.uint8)
    """
    if not values.numel() or not torch.isfinite(values).all():
        raise ValueError("values must be finite and at least one; found none, or NaN or infinity")
    check_whole(block_size=block_size)
    if not 2 <= len(codebook) <= 256 or (codebook.diff() <= 0).any():
        raise ValueError(f"codebook must have 2 to 256 rising values, got {codebook.tolist()}")
    # 1. Blocks: the numbers in one line, filled up with 0 to whole blocks.
    flat = values.float().reshape(-1)
    missing = -len(flat) % block_size
    blocks = torch.nn.functional.pad(flat, (0, missing)).reshape(-1, block_size)

    # 2. Scales: each block is stretched to reach from -1 to 1.
    scales = blocks.abs().amax(dim=-1)  # (blocks,)
    scaled = blocks / torch.where(scales == 0, torch.ones_like(scales), scales)[:, None]

    # 3. Codes: the nearest value is found by the middles between neighbors.
    codebook = codebook.to(scaled.device)
    middles = (codebook[1:] + codebook[:-1]) / 2
    codes = torch.bucketize(scaled.contiguous(), middles).to(torch.uint8)
    return BlockQuantized(codes, scales, codebook, values.shape)


def dequantize_blocks(quantized: BlockQuantized) -> Tensor:
    """Turn positions back into numbers.

    Args:
        quantized: Result of `quantize_blocks`.

    Returns:
        float32 tensor of the original shape.

    Example:
        >>> dequantize_blocks(quantize_blocks(torch.tensor([0.0, 2.0, -2.0]), nf4_codebook()))
        tensor([ 0.,  2., -2.])
    """
    numbers = quantized.codebook[quantized.codes.long()] * quantized.scales[:, None]
    return numbers.reshape(-1)[: quantized.shape.numel()].reshape(quantized.shape)


class DoubleQuantized(NamedTuple):
    """Scales of blocks in 8 bits: their mean, and the rest as integers."""

    mean: Tensor
    rest: IntegerQuantized
    count: int


def double_quantize(scales: Tensor, *, block_size: int = 256) -> DoubleQuantized:
    """Quantize the scales themselves: 8 bits each instead of 32, and one scale per 256 of them.

    Scales are all positive, so their mean is taken out first. Section 3 of Dettmers et al. 2023.

    Args:
        scales: Scales of blocks, shape ``(blocks,)``.
        block_size: Scales that share a scale.

    Returns:
        The mean, and the differences from it as 8-bit integers.

    Raises:
        ValueError: If a scale is not finite.
    """
    mean = scales.mean()
    rest = torch.nn.functional.pad(scales - mean, (0, -len(scales) % block_size))
    return DoubleQuantized(mean, absmax_quantize(rest, group_size=block_size), len(scales))


def restore_scales(double: DoubleQuantized) -> Tensor:
    """Undo `double_quantize`, up to rounding.

    Args:
        double: Result of `double_quantize`.

    Returns:
        Scales, float32, shape ``(blocks,)``.

    Example:
        >>> scales = torch.rand(1000, generator=torch.Generator().manual_seed(0))
        >>> bool((restore_scales(double_quantize(scales)) - scales).abs().max() < 0.005)
        True
    """
    return (dequantize(double.rest) + double.mean)[: double.count]


def bits_per_parameter(
    *, bits: float = 4, block_size: int = 64, double: bool = False, second_block_size: int = 256
) -> float:
    """Count the bits that a parameter costs, scales included.

    ``4 + 32/64 = 4.5`` for blocks of 64 with a 32-bit scale; with double quantization
    ``4 + 8/64 + 32/(64 * 256) = 4.127``.

    Args:
        bits: Bits of one position in the table.
        block_size: Numbers that share a scale.
        double: Whether the scales are quantized to 8 bits.
        second_block_size: Scales that share a scale.

    Returns:
        Bits per parameter.

    Example:
        >>> bits_per_parameter(), round(bits_per_parameter(double=True), 3)
        (4.5, 4.127)
    """
    if not double:
        return bits + 32 / block_size
    return bits + 8 / block_size + 32 / (block_size * second_block_size)
