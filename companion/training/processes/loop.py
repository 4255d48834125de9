"""The training step of several processes, equal to that of one, and the loop around it.

Each process adds up the losses of its own tokens. All divide by the number of tokens of *all*, so a
token counts the same wherever it was read; the mean of the processes' means would not do that.
DDP and FSDP average gradients, that is, divide by the number of processes, so the loss is
multiplied by it before. Taught in :doc:`/book/training/many-processes`.

Left out: gradient accumulation, a last incomplete batch.

Shape letters: ``B`` rows of T tokens.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from companion.training.data import IGNORED
from companion.training.processes import sharded_checkpoint
from companion.training.processes.sharing import clip_gradients, wrap
from companion.training.processes.world import Batch, World, share_of, total

LossSum = Callable[[nn.Module, Batch], tuple[Tensor, Tensor]]
"""From model and rows to the *sum* of the losses in nats and the number of tokens in it."""


class TrainingTask(NamedTuple):
    """What is trained on what."""

    model: nn.Module
    """A model in float32, not yet wrapped."""
    optimizer: Callable[[Any], torch.optim.Optimizer]
    """Makes the optimizer of parameters. It must treat each number of a tensor alone, as AdamW
    does: with FSDP a process has a part of each tensor."""
    batches: Callable[[int], Iterator[Batch]]
    """From the number of a step to the batches from there on, the same in every process."""
    loss: LossSum
    """See `token_losses`."""
    learning_rate: Callable[[int], float]
    """The learning rate of a step, from 0."""
    steps: int
    """Steps of the whole run."""
    recipe: Mapping[str, Any]
    """Settings that must be the same when the run goes on."""
    max_grad_norm: float = 1.0
    """Gradients are clipped to this norm."""


def token_losses(model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
    """Add up the next-token losses of some rows.

    Args:
        model: A causal language model of `transformers`.
        batch: ``input_ids``, shape ``(B, T)``; with ``labels`` only those count that are not -100,
            with ``attention_mask`` padding is hidden.

    Returns:
        Sum of the losses in nats and number of tokens, two scalars.
    """
    labels = batch.get("labels", batch["input_ids"])[:, 1:]  # (B, T - 1)
    inputs = {name: tensor for name, tensor in batch.items() if name != "labels"}
    logits = model(**inputs, use_cache=False).logits[:, :-1]  # (B, T - 1, V)
    flat = logits.float().flatten(0, 1), labels.flatten()
    summed = cross_entropy(*flat, ignore_index=IGNORED, reduction="sum")
    return summed, (labels != IGNORED).sum()


def train_step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    loss: LossSum,
    world: World,
    *,
    max_grad_norm: float = 1.0,
) -> dict[str, float]:
    """Take one step on a batch that the processes share.

    Taught in :doc:`/book/training/many-processes`.

    Args:
        model: What `wrap` returned.
        optimizer: Of its parameters.
        batch: The whole batch, the same in every process.
        loss: Sum of the losses and number of tokens.
        world: The processes.
        max_grad_norm: Gradients are clipped to this norm.

    Returns:
        ``loss`` (nats per token over all processes) and ``grad_norm`` before clipping.

    Raises:
        ValueError: If no token of the batch counts, or there are fewer rows than processes.
    """
    summed, tokens = loss(model, share_of(batch, world))
    everyones = total(tokens)
    if not everyones:
        raise ValueError("no token of the batch counts in the loss: all labels are -100")
    (summed * world.size / everyones).backward()
    norm = clip_gradients(model, max_grad_norm)
    optimizer.step()
    optimizer.zero_grad()
    return {"loss": (total(summed) / everyones).item(), "grad_norm": norm}


def train(
    task: TrainingTask,
    world: World,
    folder: Path,
    *,
    sharing: str = "ddp",
    dtype: torch.dtype | None = None,
    save_steps: int = 50,
    stop: Event | None = None,
) -> Iterator[dict[str, float]]:
    """Train, yielding a record for each step; go on from the checkpoint in ``folder`` if any.

    Taught in :doc:`/book/training/many-processes`.

    Args:
        task: What to train. Its model is trained in place.
        world: The processes. Each must run this with the same arguments.
        folder: Where checkpoints are kept; on several machines, a folder that all of them share.
        sharing: ``"ddp"`` or ``"fsdp"``.
        dtype: Format of the matrix products, such as ``torch.bfloat16``. None: float32.
        save_steps: Steps between checkpoints.
        stop: When it is set in *one* process, all save after the step and stop.

    Yields:
        ``step``, ``loss``, ``grad_norm`` and ``learning_rate``, the same in every process.

    Raises:
        CheckpointError: If the checkpoint is damaged or belongs to another run.
        KeyboardInterrupt: If ``stop`` was set.
        ValueError: As `wrap` and `train_step`.
    """
    model = wrap(task.model, sharing, world, dtype=dtype).train()
    half = sharing == "ddp" and dtype is not None  # FSDP2 casts by itself
    optimizer = task.optimizer(model.parameters())
    done = sharded_checkpoint.restore(folder, model, optimizer, task.recipe)
    steps = range(done, task.steps)
    for step, batch in zip(steps, task.batches(done), strict=False):
        for group in optimizer.param_groups:
            group["lr"] = task.learning_rate(step)
        with torch.autocast(world.device.type, dtype, enabled=half):
            record = train_step(
                model, optimizer, batch, task.loss, world, max_grad_norm=task.max_grad_norm
            )
        asked = total(torch.tensor(float(stop is not None and stop.is_set()))).item() > 0
        if (step + 1) % save_steps == 0 or step + 1 == task.steps or asked:
            sharded_checkpoint.save(folder, model, optimizer, task.recipe, step=step + 1)
        yield {"step": step + 1, **record, "learning_rate": task.learning_rate(step)}
        if asked:
            raise KeyboardInterrupt
