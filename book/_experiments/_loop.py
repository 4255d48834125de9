"""The training loop of the small studies: AdamW on batches of rows, with a rate per step.

Left out: checkpoints, logs, accumulation. `companion.pocket.pretrain` has them.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn


def learn(
    model: nn.Module,
    batches: Sequence[Tensor],
    loss: Callable[[Tensor], Tensor],
    rate: Callable[[int], float],
    *,
    fused: bool = False,
) -> None:
    """Train a model in place, one step per batch.

    Args:
        model: The model.
        batches: Rows of tokens, shape ``(B, T)`` each, in the order in which they are read.
        loss: Returns the loss of a batch in nats.
        rate: Returns the learning rate of a step, counted from 0.
        fused: Let PyTorch update all weights at once. It is quicker, and rounds otherwise.
    """
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=0.0, betas=(0.9, 0.95), weight_decay=0.1, fused=fused
    )
    for step, batch in enumerate(batches):
        for group in optimizer.param_groups:
            group["lr"] = rate(step)
        loss(batch).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()


def plateau(step: int, steps: int, *, warmup: int, last: float) -> float:
    """Return the share of the full learning rate: up in a line, level, down to 0 at the end.

    Args:
        step: The step, counted from 0.
        steps: Steps of the run.
        warmup: Steps until the full rate.
        last: Share of the run in which the rate falls; 0 for a rate that stays.

    Example:
        >>> [plateau(step, 10, warmup=2, last=0.3) for step in (0, 1, 6, 9)]
        [0.5, 1, 1, 0.3333333333333333]
    """
    left = (steps - step) / (last * steps) if last else 1
    return min(1, (step + 1) / warmup, left)
