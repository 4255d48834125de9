"""Group relative policy optimization with TRL: the model answers, a reward compares the answers.

Taught in :doc:`/book/training/dpo-grpo`.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from companion._checks import check_above_zero, check_whole
from companion.rewards import Reward, check_rewards
from companion.training.data import Record, prompt_dataset
from companion.training.rollout import longest_prompt
from companion.training.settings import TrainingSettings
from companion.training.sft import row_length, stop_at_end_of_turn
from companion.training.silence import silence
from companion.training.trainer import common_arguments, from_trl

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def grpo_trainer(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    records: Sequence[Record],
    reward: Reward,
    settings: TrainingSettings,
    *,
    group_size: int = 8,
    beta: float = 0.0,
    clip_range: float = 0.2,
    max_new_tokens: int = 48,
    temperature: float = 1.0,
) -> Any:
    """Set up TRL's ``GRPOTrainer``; ``.train()`` then trains the model in place.

    In every step the model writes ``group_size`` responses to each of ``batch_size / group_size``
    prompts. The loss is `companion.losses.grpo_loss` with the advantages of
    `companion.advantages.group_advantages`, as in the paper (TRL's ``loss_type="grpo"`` without
    its correction of the KL gradient; its defaults are others). Each response is learned from
    once, so the ratio of the probabilities is 1 and nothing is clipped: the *value* of the loss is
    0 but for the KL penalty, its gradient is not. Watch the reward instead. Generation stops at
    the end of a turn. Taught in
    :doc:`/book/training/dpo-grpo`.

    Args:
        model: A causal language model, usually after supervised fine-tuning.
        tokenizer: Its tokenizer, with a chat template.
        records: Dicts with ``prompt`` and what the reward needs.
        reward: Scores the responses, see `companion.rewards.Reward`. It gets the records as they
            were given here.
        settings: How to train. The default of the learning rate, 1e-4, suits the pocket models;
            for a model of a billion parameters, 1e-6 is usual. To resume from checkpoints, start
            again with the original model.
        group_size: Responses to one prompt, from 2. It divides the batch.
        beta: Weight of the KL penalty, from 0 up. Above 0, the model as it is now is kept as the
            reference. (TRL by itself would load it again from where the model once came from.)
        clip_range: How far the ratio may usefully move from 1.
        max_new_tokens: Length at which a response is cut off.
        temperature: Divides the logits, when the responses are drawn and in the loss.

    Returns:
        A ``trl.GRPOTrainer``. `companion.training.trainer.history` reads its ``reward``,
        ``reward_std``, ``frac_reward_zero_std`` (share of the groups whose responses all have the
        same reward and teach nothing), ``completions/mean_length``, and ``kl`` per token if
        ``beta`` is above 0; `companion.training.trainer.resume` continues an interrupted run.

    Raises:
        DataError: If there are no records, or one is malformed or does not fit into the context.
        ValueError: If a number is out of range, or as `common_arguments`.
        RewardError: While training, if the reward returns NaN, infinity or the wrong number of
            values. (TRL by itself takes NaN for "no opinion" and goes on.)
        MissingExtraError: If TRL is not installed.
    """
    trainer_class, config_class = from_trl("GRPO")
    check_whole(2, group_size=group_size)
    check_whole(max_new_tokens=max_new_tokens)
    check_above_zero(clip_range=clip_range, temperature=temperature)
    settings = settings.filled(batch_size=64, learning_rate=1e-4)
    if settings.batch_size % group_size:
        raise ValueError(
            f"group_size must divide batch_size={settings.batch_size}, got {group_size}"
        )
    if not 0 <= beta < float("inf"):
        raise ValueError(f"beta must be 0 (no penalty) or above, got {beta}")
    records = list(records)
    longest = row_length(model, longest_prompt(model, max_new_tokens))
    dataset = prompt_dataset(tokenizer, records, max_length=longest)
    # Other columns than these would get names in TRL's calls, or be taken for tools and images.
    dataset = dataset.select_columns(["prompt"]).add_column("record", list(range(len(records))))
    arguments = common_arguments(model, settings)
    stop_at_end_of_turn(model, tokenizer)
    adapted = settings.peft_config is not None or hasattr(model, "peft_config")
    with _stored(model, wanted=beta > 0 and not adapted):
        return trainer_class(
            model=model,
            reward_funcs=_reward_function(reward, tokenizer, records),
            args=config_class(
                **arguments,
                num_generations=group_size,
                max_completion_length=max_new_tokens,
                temperature=temperature,
                beta=beta,
                epsilon=clip_range,
                loss_type="grpo",
                use_bias_correction_kl=False,
                scale_rewards="group",
                disable_dropout=True,
            ),
            train_dataset=dataset,
            processing_class=tokenizer,
            peft_config=settings.peft_config,
        )


@contextmanager
def _stored(model: "PreTrainedModel", *, wanted: bool) -> Iterator[None]:
    """Write a model to the disk for a moment, where TRL reads it as the reference."""
    if not wanted:
        yield
        return
    source = model.config._name_or_path
    with TemporaryDirectory(prefix="companion-reference-") as folder:
        with silence():
            model.save_pretrained(folder)
        model.config._name_or_path = folder
        try:
            yield
        finally:
            model.config._name_or_path = source


def _reward_function(
    reward: Reward, tokenizer: "PreTrainedTokenizerBase", records: list[Record]
) -> Callable[..., list[float]]:
    """Wrap a reward in the form that TRL calls."""

    def score(completion_ids: list[list[int]], record: list[int], **_: Any) -> list[float]:
        responses = tokenizer.batch_decode(completion_ids, skip_special_tokens=True)
        values = reward([records[index] for index in record], responses)
        return check_rewards(values, len(responses)).tolist()

    return score
