"""Direct preference optimization with TRL: learning from pairs without a reward model.

Taught in :doc:`/book/training/dpo-grpo`.
"""

import copy
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from companion._checks import check_above_zero
from companion.training.data import Record, preference_dataset
from companion.training.sft import row_length, stop_at_end_of_turn
from companion.training.trainer import common_arguments, from_trl


def dpo_trainer(
    model: Any,
    tokenizer: Any,
    records: Sequence[Record],
    *,
    steps: int,
    batch_size: int = 16,
    learning_rate: float = 1e-4,
    beta: float = 0.1,
    max_length: int | None = None,
    peft_config: Any = None,
    mixed_precision: bool | None = None,
    output_dir: str | Path | None = None,
    save_steps: int | None = None,
    seed: int = 0,
) -> Any:
    """Set up TRL's ``DPOTrainer`` for pairs; ``.train()`` then trains the model in place.

    The loss is the mean of `companion.losses.dpo_loss` over the pairs. The reference is the model
    as it is now. (TRL by itself would load it again from where the model once came from, whatever
    happened to the model since.) A response counts up to the end of its turn. Taught in
    :doc:`/book/training/dpo-grpo`.

    Args:
        model: A causal language model, usually after supervised fine-tuning.
        tokenizer: Its tokenizer, with a chat template.
        records: Dicts with ``prompt``, ``chosen`` and ``rejected``.
        steps: Number of updates.
        batch_size: Pairs per update, over all processes together.
        learning_rate: Highest learning rate. The default suits the pocket models; for a model of
            a billion parameters, 5e-7 is usual (and 5e-6 with LoRA).
        beta: Price of leaving the reference, in units of the implicit reward per nat.
        max_length: Longest conversation, in tokens. None: the context.
        peft_config: Such as ``peft.LoraConfig(...)``: train an adapter only. The reference is
            then the model without the adapter, and the trained model is ``trainer.model``.
        mixed_precision: Compute matrix products in 16 bits. None: on a GPU only.
        output_dir: Folder for checkpoints. None: nothing is kept. To resume, start again with the
            original model: it is the reference.
        save_steps: Write a checkpoint every so many steps.
        seed: Fixes the order of the data and the new weights.

    Returns:
        A ``trl.DPOTrainer``. `companion.training.trainer.history` reads its losses,
        ``rewards/accuracies`` (share of the pairs in which the chosen response has the higher
        implicit reward) and ``rewards/margins``; `companion.training.trainer.resume` continues an
        interrupted run.

    Raises:
        DataError: If there are no records, or one lacks a field or is longer than ``max_length``.
        ValueError: If a number is out of range.
        MissingExtraError: If TRL is not installed.
    """
    trainer_class, config_class = _dpo()
    check_above_zero(beta=beta)
    max_length = row_length(model, max_length)
    dataset = preference_dataset(tokenizer, records, max_length=max_length)
    arguments = common_arguments(
        model,
        steps=steps,
        batch_size=batch_size,
        learning_rate=learning_rate,
        mixed_precision=mixed_precision,
        output_dir=output_dir,
        save_steps=save_steps,
        seed=seed,
    )
    stop_at_end_of_turn(model, tokenizer)
    adapted = peft_config is not None or hasattr(model, "peft_config")
    return trainer_class(
        model=model,
        ref_model=None if adapted else copy.deepcopy(model),
        args=config_class(**arguments, beta=beta, loss_type=["sigmoid"], max_length=None),
        train_dataset=dataset,
        processing_class=tokenizer,
        peft_config=peft_config,
    )


@cache
def _dpo() -> tuple[type, type]:
    """Return TRL's trainer for finished token ids, and the class of its arguments."""
    trainer_class, config_class = from_trl("DPO")

    class DPOTrainer(trainer_class):
        def _prepare_dataset(self, dataset: Any, *args: Any, **kwargs: Any) -> Any:
            """Leave the ids alone: TRL would count what the template adds after the turn."""
            return dataset

    DPOTrainer.__qualname__ = "DPOTrainer"
    return DPOTrainer, config_class
