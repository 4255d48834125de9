"""Supervised fine-tuning with TRL: instruction tuning with the book's defaults.

Taught in :doc:`/book/training/instruction-tuning`.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from companion.generation.batching import context_length, eos_token_ids
from companion.messages import end_of_turn_id
from companion.training.data import Record, sft_dataset
from companion.training.settings import TrainingSettings
from companion.training.trainer import common_arguments, from_trl

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def sft_trainer(
    model: "PreTrainedModel | PeftModel",
    tokenizer: "PreTrainedTokenizerBase",
    records: Sequence[Record],
    settings: TrainingSettings,
    *,
    max_length: int | None = None,
    packing: bool = False,
    mask_prompt: bool = True,
    learn_eos: bool = True,
) -> Any:
    """Set up TRL's ``SFTTrainer`` for conversations; ``.train()`` then trains the model in place.

    The loss is the mean over the tokens that the assistant writes, the end of each turn included
    (`companion.losses.masked_cross_entropy`). The end-of-turn token is added to the model's
    generation config, so that generating stops there. Taught in
    :doc:`/book/training/instruction-tuning`.

    Args:
        model: A causal language model.
        tokenizer: Its tokenizer, with a chat template.
        records: Dicts with ``messages``.
        settings: How to train. The default of the learning rate, 1e-3, suits the pocket models;
            for a model of a billion parameters, 1e-5 is usual (and 1e-4 with LoRA). With
            ``packing``, ``batch_size`` counts packed rows.
        max_length: Longest record, and length of a packed row, in tokens. None: the context.
        packing: Put several records into one row instead of padding each one. They do not see
            each other.
        mask_prompt: False lets the prompt count in the loss, to show what that does.
        learn_eos: False leaves the end of the turn out of the loss, to show what that does.

    Returns:
        A ``trl.SFTTrainer``. `companion.training.trainer.history` reads its losses,
        `companion.training.trainer.resume` continues an interrupted run.

    Raises:
        DataError: If there are no records, or one lacks a field or is longer than ``max_length``.
        ValueError: If ``max_length`` exceeds the context, or as `common_arguments`.
        MissingExtraError: If TRL is not installed.
    """
    trainer_class, config_class = from_trl("SFT")
    max_length = row_length(model, max_length)
    dataset = sft_dataset(
        tokenizer, records, max_length=max_length, mask_prompt=mask_prompt, learn_eos=learn_eos
    )
    settings = settings.filled(batch_size=16, learning_rate=1e-3)
    arguments = common_arguments(model, settings)
    if packing:  # TRL would join all rows of a batch, and attention over that grows as its square
        rows = arguments["per_device_train_batch_size"]
        arguments |= {"per_device_train_batch_size": 1, "gradient_accumulation_steps": rows}
    stop_at_end_of_turn(model, tokenizer)
    trainer = trainer_class(
        model=model,
        args=config_class(**arguments, max_length=max_length if packing else None, packing=packing),
        train_dataset=dataset,
        processing_class=tokenizer,
        peft_config=settings.peft_config,
    )
    if getattr(model, "is_quantized", False):
        # TRL rounds what is trained to bfloat16, in which small updates are lost
        for parameter in trainer.model.parameters():
            if parameter.requires_grad:
                parameter.data = parameter.data.float()
    return trainer


def stop_at_end_of_turn(
    model: "PreTrainedModel | PeftModel", tokenizer: "PreTrainedTokenizerBase"
) -> None:
    """Add the token that ends a turn to those at which the model stops generating.

    Args:
        model: A causal language model; its generation config is changed.
        tokenizer: Its tokenizer, with a chat template.
    """
    ids = eos_token_ids(model, tokenizer) | {end_of_turn_id(tokenizer)}
    model.generation_config.eos_token_id = sorted(ids)


def row_length(model: "PreTrainedModel | PeftModel", max_length: int | None) -> int:
    """Return ``max_length``, or the context of the model if it is None.

    Raises:
        ValueError: If it exceeds the context, or both are unknown.
    """
    limit = context_length(model.config)
    wanted = max_length or limit
    if wanted is None:
        raise ValueError("the model's config names no context length: pass max_length")
    if limit is not None and wanted > limit:
        raise ValueError(f"max_length must be at most the context, {limit} tokens, got {wanted}")
    return wanted
