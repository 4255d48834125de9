"""Direct preference optimization with TRL: learning from pairs without a reward model.

Taught in :doc:`/book/training/dpo-grpo`.
"""

import copy
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from companion._checks import check_above_zero
from companion.training.data import Record, preference_dataset
from companion.training.settings import TrainingSettings
from companion.training.sft import row_length, stop_at_end_of_turn
from companion.training.trainer import common_arguments, from_trl

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def dpo_trainer(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    records: Sequence[Record],
    settings: TrainingSettings,
    *,
    beta: float = 0.1,
    max_length: int | None = None,
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
        settings: How to train. The default of the learning rate, 1e-4, suits the pocket models;
            for a model of a billion parameters, 5e-7 is usual (and 5e-6 with LoRA). With a
            ``peft_config``, the reference is the model without the adapter. To resume from
            checkpoints, start again with the original model: it is the reference.
        beta: Price of leaving the reference, in units of the implicit reward per nat.
        max_length: Longest conversation, in tokens. None: the context.

    Returns:
        A ``trl.DPOTrainer``. `companion.training.trainer.history` reads its losses,
        ``rewards/accuracies`` (share of the pairs in which the chosen response has the higher
        implicit reward) and ``rewards/margins``; `companion.training.trainer.resume` continues an
        interrupted run.

    Raises:
        DataError: If there are no records, or one lacks a field or is longer than ``max_length``.
        ValueError: If ``beta`` or ``max_length`` is out of range, or as `common_arguments`.
        MissingExtraError: If TRL is not installed.
    """
    trainer_class, config_class = _dpo()
    check_above_zero(beta=beta)
    max_length = row_length(model, max_length)
    dataset = preference_dataset(tokenizer, records, max_length=max_length)
    settings = settings.filled(batch_size=16, learning_rate=1e-4)
    arguments = common_arguments(model, settings)
    stop_at_end_of_turn(model, tokenizer)
    adapted = settings.peft_config is not None or hasattr(model, "peft_config")
    return trainer_class(
        model=model,
        ref_model=None if adapted else copy.deepcopy(model),
        args=config_class(**arguments, beta=beta, loss_type=["sigmoid"], max_length=None),
        train_dataset=dataset,
        processing_class=tokenizer,
        peft_config=settings.peft_config,
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
