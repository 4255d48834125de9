"""LoRA with ranks from 1 to 32, in all linear layers and in two of the attention's only.

Same records, steps and learning rate for all ranks; alpha is twice the rank, so that the factor
``alpha / rank`` stays the same. The embeddings of the chat tokens are trained too. Taught in
:doc:`/book/training/lora`.
"""

from typing import Any

from companion.chat_template import turn_tokens
from companion.lora import count_parameters
from companion.models import load
from companion.training.adapters import apply_lora

from ._instructions import (
    BATCH_SIZE,
    ITEMS,
    METHODS,
    STEPS,
    instruction_trainer,
    losses,
    share_right,
)

RANKS = (1, 2, 4, 8, 16, 32)
LEARNING_RATE = METHODS["lora"].learning_rate


def run(rank: int, targets: list[str] | None, *, steps: int, count: int) -> dict[str, Any]:
    """Train pocket-base with LoRA of one rank.

    Args:
        rank: Rank of the updates.
        targets: Names of layers; None for all linear layers.
        steps: Number of updates.
        count: Number of held-out instructions.
    """
    model, tokenizer = load("base", device="cpu")
    tuned = apply_lora(model, rank=rank, targets=targets, token_ids=turn_tokens(tokenizer))
    counted = count_parameters(tuned)
    trainer = instruction_trainer(tuned, tokenizer, steps=steps, learning_rate=LEARNING_RATE)
    trainer.train()
    merged = tuned.merge_and_unload()
    return {
        "rank": rank,
        "targets": "all linear layers" if targets is None else ", ".join(targets),
        "trainable": counted.trainable,
        "total": counted.total,
        "losses": losses(trainer),
        **share_right(merged, tokenizer, count),
    }


def measure(*, scale: float = 1.0) -> dict[str, Any]:
    """Measure all ranks.

    Args:
        scale: Below 1, fewer steps and items.
    """
    steps, count = max(2, round(STEPS * scale)), max(10, round(ITEMS * scale))
    settings = [(rank, None) for rank in RANKS] + [(8, ["q_proj", "v_proj"])]
    return {
        "steps": steps,
        "batch_size": BATCH_SIZE,
        "learning_rate": LEARNING_RATE,
        "alpha_over_rank": 2,
        "runs": [run(rank, targets, steps=steps, count=count) for rank, targets in settings],
    }
