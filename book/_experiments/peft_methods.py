"""Full fine-tuning, LoRA, adapters and prompt tuning on the same data: accuracy, memory, time.

Every method starts from pocket-base and learns to follow instructions through the chat template,
from the same records in the same order. Each one runs in a process of its own, since the
peak memory of a process can't be reset. Taught in :doc:`/book/training/lora`.
"""

from typing import Any

from companion.models import load
from companion.training.sft import stop_at_end_of_turn

from ._instructions import BATCH_SIZE, ITEMS, METHODS, STEPS, share_right, train_and_measure
from ._process import in_its_own_process


def run(name: str, *, steps: int, count: int) -> dict[str, Any]:
    """Train pocket-base with one method and measure everything about it.

    Args:
        name: A key of `METHODS`.
        steps: Number of updates.
        count: Number of held-out instructions.
    """
    return train_and_measure(METHODS[name], steps=steps, count=count)


def measure(*, scale: float = 1.0) -> dict[str, Any]:
    """Measure all methods, and the base model untrained.

    Seconds are those of the processor. On one core a clock shows the same, if nothing else runs.

    Args:
        scale: Below 1, fewer steps and items.
    """
    steps, count = max(2, round(STEPS * scale)), max(10, round(ITEMS * scale))
    model, tokenizer = load("base", device="cpu")
    stop_at_end_of_turn(model, tokenizer)
    return {
        "steps": steps,
        "batch_size": BATCH_SIZE,
        "base": share_right(model, tokenizer, count),
        "methods": {
            name: in_its_own_process(run, name, steps=steps, count=count) for name in METHODS
        },
    }
