"""Checks of the shapes of tensors: broadcasting would hide a mistake. And of their precision.

Shape letters: ``B`` responses, ``T`` tokens.
"""

import torch
from torch import Tensor


def widened(tensor: Tensor) -> Tensor:
    """Return a tensor in float32 if it has fewer bits; sums and exponentials need them.

    float16 ends at 65,504 and bfloat16 has 8 bits of precision, so a loss over a batch would
    overflow in the one and stand still in the other. Gradients arrive in the given dtype.

    Args:
        tensor: Floating-point numbers, any shape.

    Returns:
        The same numbers, in float32 or in what they were in.

    Example:
        >>> widened(torch.ones(1, dtype=torch.bfloat16)).dtype
        torch.float32
    """
    return tensor.float() if tensor.is_floating_point() and tensor.itemsize < 4 else tensor


def check_shapes(dims: int | None = None, /, **tensors: Tensor) -> None:
    """Check that tensors have one shape.

    Args:
        dims: How many dimensions it should have. None: any number.
        tensors: Each under its name.

    Raises:
        ValueError: If the shapes differ or have other dimensions. It names them.
    """
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    listed = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
    if len(set(shapes.values())) > 1:
        raise ValueError(f"these tensors must have the same shape, got {listed}")
    if dims is not None and len(next(iter(shapes.values()))) != dims:
        raise ValueError(f"expected {dims} dimension{'s' * (dims > 1)}, got {listed}")


def check_tokens(mask: Tensor, **tensors: Tensor) -> None:
    """Check a mask, and that per-token tensors have its shape.

    Args:
        mask: True for what counts.
        tensors: Each under its name.

    Raises:
        ValueError: If the mask is not boolean or a shape differs.
    """
    if mask.dtype != torch.bool:
        raise ValueError(f"the mask must be boolean (True = counts), got {mask.dtype}; use .bool()")
    check_shapes(**tensors, mask=mask)


def check_rows(mask: Tensor, **tensors: Tensor) -> None:
    """Check that a mask is ``(B, T)`` and that per-response tensors have the shape ``(B,)``.

    Args:
        mask: True for what counts.
        tensors: Each under its name.

    Raises:
        ValueError: If a shape is wrong.
    """
    check_shapes(2, mask=mask)
    for name, tensor in tensors.items():
        if tensor.shape != mask.shape[:1]:
            raise ValueError(
                f"{name} must have the shape ({len(mask)},), one per response, got "
                f"{tuple(tensor.shape)}"
            )
