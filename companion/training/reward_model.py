"""A reward model from a language model, trained with TRL on pairs of answers.

Taught in :doc:`/book/training/reward-model`.
"""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from transformers import (
    AutoModelForSequenceClassification,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from companion.chat_template import special_tokens, turn_tokens
from companion.messages import end_of_turn_id
from companion.training.data import Record, reward_dataset
from companion.training.settings import TrainingSettings
from companion.training.sft import row_length
from companion.training.trainer import common_arguments, from_trl


def reward_model_from(
    model: PreTrainedModel, *, generator: torch.Generator | None = None
) -> PreTrainedModel:
    """Copy a causal language model and put a scalar head in the place of its output layer.

    As in InstructGPT (Ouyang et al. 2022, section 3.5): the unembedding layer is removed, and one
    number is read from the last hidden state, at the last token that is no padding. The head
    starts near 0, so all answers start with nearly the same reward. Taught in
    :doc:`/book/training/reward-model`.

    Args:
        model: A causal language model, usually after supervised fine-tuning. It is not changed.
        generator: Source of randomness for the head; the global one of torch if None.

    Returns:
        An ``AutoModelForSequenceClassification`` with ``num_labels=1`` in eval mode.

    Raises:
        ValueError: If `transformers` has no such model for this architecture, or the model has no
            padding token.
    """
    config = copy.deepcopy(model.config)
    config.num_labels = 1
    if config.pad_token_id is None:
        raise ValueError(
            "the model's config has no pad_token_id, and the reward is read at the last token that "
            "is no padding. Set model.config.pad_token_id = tokenizer.pad_token_id, or call "
            "own_padding."
        )
    reward = AutoModelForSequenceClassification.from_config(config, dtype=model.dtype)
    prefix = reward.base_model_prefix
    missing, unexpected = getattr(reward, prefix).load_state_dict(
        getattr(model, prefix).state_dict(), strict=False
    )
    if missing or unexpected:
        raise ValueError(f"the two models differ in {(missing + unexpected)[:3]}")
    (head,) = (p for name, p in reward.named_parameters() if not name.startswith(f"{prefix}."))
    with torch.no_grad():
        device = generator.device if generator else None
        noise = torch.randn(head.shape, generator=generator, device=device)
        head.copy_(noise / (10 * head.shape[-1] ** 0.5))
    return reward.to(model.device).eval()


def own_padding(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> int:
    """See to it that model and tokenizer pad with a token that stands in no turn, in place.

    A reward is read at the last token that is no padding. Many tokenizers pad with the token that
    ends a turn, and then the end of an answer can't be told from padding. Nothing is added to the
    vocabulary: a special token that the chat template does not write takes the place. Taught in
    :doc:`/book/training/reward-model`.

    Args:
        model: A language model before `reward_model_from`, or what that made.
        tokenizer: Its tokenizer, with a chat template.

    Returns:
        Id of the padding token. If the tokenizer's fits, it stays.

    Raises:
        ValueError: If all special tokens stand in turns.
    """
    written = turn_tokens(tokenizer)
    if tokenizer.pad_token_id is None or tokenizer.pad_token_id in written:
        free = special_tokens(tokenizer).difference(written)
        if not free:
            raise ValueError(
                "the chat template writes all special tokens, so none is left to pad with. Add "
                "one: tokenizer.add_special_tokens({'pad_token': '<|pad|>'}), then "
                "model.resize_token_embeddings(len(tokenizer))."
            )
        tokenizer.pad_token = tokenizer.convert_ids_to_tokens(min(free))
    model.config.pad_token_id = tokenizer.pad_token_id
    return tokenizer.pad_token_id


def reward_trainer(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    records: Sequence[Record],
    settings: TrainingSettings,
    *,
    max_length: int | None = None,
) -> Any:
    """Set up TRL's ``RewardTrainer`` for pairs of answers; ``.train()`` then trains in place.

    The loss is the mean of `companion.losses.reward_model_loss` over the pairs. Taught in
    :doc:`/book/training/reward-model`.

    Args:
        model: A reward model, as `reward_model_from` makes it.
        tokenizer: Its tokenizer, with a chat template and a padding token.
        records: Dicts with ``prompt``, ``chosen`` and ``rejected``.
        settings: How to train. The default of the learning rate, 3e-4, suits the pocket models. An
            adapter needs ``peft.LoraConfig(..., modules_to_save=["score"])``.
        max_length: Longest conversation, in tokens. None: the context.

    Returns:
        A ``trl.RewardTrainer``. `companion.training.trainer.history` reads its losses and
        accuracies, `companion.training.trainer.resume` continues an interrupted run.

    Raises:
        DataError: If there are no records, or one lacks a field or is longer than ``max_length``.
        ValueError: If ``max_length`` exceeds the context, or model and tokenizer do not pad alike
            or pad with the end of a turn, or as `common_arguments`.
        MissingExtraError: If TRL is not installed.
    """
    trainer_class, config_class = from_trl("Reward")
    if model.config.pad_token_id != tokenizer.pad_token_id:
        raise ValueError(
            f"the model pads with token {model.config.pad_token_id}, the tokenizer with "
            f"{tokenizer.pad_token_id}, so the reward would be read at the wrong place. Make them "
            "equal, for example by own_padding."
        )
    if tokenizer.pad_token_id == end_of_turn_id(tokenizer):
        raise ValueError(
            f"the tokenizer pads with {tokenizer.pad_token!r}, the end of a turn, so the reward "
            "would be read before it. Call own_padding(model, tokenizer) first."
        )
    max_length = row_length(model, max_length)
    dataset = reward_dataset(tokenizer, records, max_length=max_length)
    settings = settings.filled(batch_size=16, learning_rate=3e-4)
    arguments = common_arguments(model, settings)
    return trainer_class(
        model=model,
        args=config_class(**arguments, max_length=None),
        train_dataset=dataset,
        processing_class=tokenizer,
        peft_config=settings.peft_config,
    )
