"""How much did quantization change a tensor? Taught in :doc:`/book/open-models/quantization`."""

import math
from typing import NamedTuple

from torch import Tensor


class QuantizationError(NamedTuple):
    """Distance of a restored tensor from the original."""

    maximum: float
    """Largest difference, in units of the original."""
    mean: float
    """Mean difference without sign, in units of the original."""
    relative: float
    """Root mean square of the difference, over that of the original."""

    @property
    def sqnr_db(self) -> float:
        """Signal-to-quantization-noise ratio in decibels; 6 dB are one bit."""
        return math.inf if self.relative == 0 else -20 * math.log10(self.relative)


def quantization_error(original: Tensor, restored: Tensor) -> QuantizationError:
    """Compare a tensor with what came back from quantization.

    Args:
        original: Any shape.
        restored: The same shape.

    Returns:
        The error, in several measures.

    Raises:
        ValueError: If the shapes differ or there is nothing to compare.

    Example:
        >>> import torch
        >>> error = quantization_error(torch.tensor([3.0, 4.0]), torch.tensor([3.0, 4.5]))
        >>> error.maximum, error.mean, round(error.relative, 3), round(error.sqnr_db, 1)
        (0.5, 0.25, 0.1, 20.0)
    """
    if original.shape != restored.shape or not original.numel():
        raise ValueError(
            f"both must have the same shape and at least one value, got {tuple(original.shape)} "
            f"and {tuple(restored.shape)}"
        )
    original, difference = original.double(), (original.double() - restored.double()).abs()
    size = original.pow(2).mean().sqrt().item()
    noise = difference.pow(2).mean().sqrt().item()
    relative = noise / size if size else (math.inf if noise else 0.0)
    return QuantizationError(difference.max().item(), difference.mean().item(), relative)
