"""Rewards: what gives a number to a response.

A *reward* is any callable ``reward(records, responses) -> Tensor``. A record is a prompt-only
record: a dict with ``prompt`` (messages) and whatever else the reward needs, such as ``answer``. A
response is the text that a model wrote to it. PPO and GRPO take any such callable; a learned reward
model and a check against the right answer are two of them. Taught in
:doc:`/book/training/reward-model` and :doc:`/book/training/dpo-grpo`.

Left out: rewards for single steps of a solution, rewards that call other services.

Shape letters: ``B`` responses.
"""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from companion._checks import check_whole
from companion.errors import ContextLengthError, DataError, RewardError
from companion.messages import end_of_turn_id, tokenize_chat
from companion.number_text import number_at, whole_number_text
from companion.phrases import CONCLUSION
from companion.prompts.answers import extract_after

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

Record = Mapping[str, Any]

# What may stand around a number that stands alone, from the outside in.
_MARKS = (
    *(("**", "**"), ("*", "*"), ("__", "__"), ("_", "_"), ("`", "`")),
    *((r"\[", r"\]"), (r"\(", r"\)"), ("$$", "$$"), ("$", "$"), (r"\boxed{", "}")),
)
_LINE = re.compile(r"(?s:\\\[.*?\\\]|\$\$.*?\$\$)|.*")
"""A line, or a formula in lines of its own."""


class Reward(Protocol):
    """What PPO and GRPO call to score responses."""

    def __call__(self, records: Sequence[Record], responses: Sequence[str]) -> Tensor:
        """Score responses.

        Args:
            records: One prompt-only record per response.
            responses: Texts without the marks of the chat template.

        Returns:
            One finite number per response, higher is better, shape ``(B,)``.
        """
        ...


def check_rewards(values: Tensor, count: int) -> Tensor:
    """Check what a reward function returned, before it gets into a loss.

    One NaN in a reward makes every weight of a model NaN a step later, and a value that is missing
    gives each response the reward of its neighbor. Taught in :doc:`/book/training/ppo`.

    Args:
        values: What the function returned.
        count: Number of responses that it was given.

    Returns:
        The rewards in float32 without gradient, shape ``(count,)``.

    Raises:
        RewardError: If ``values`` is no tensor of real numbers, has another shape, or holds NaN or
            infinity. It names the first response concerned.

    Example:
        >>> check_rewards(torch.tensor([1, 0]), 2)
        tensor([1., 0.])
        >>> check_rewards(torch.tensor([1.0, float("nan")]), 2)
        Traceback (most recent call last):
        companion.errors.RewardError: the reward of response 1 is nan; rewards must be finite...
    """
    if not isinstance(values, Tensor) or values.is_complex():
        kind = f"complex {values.dtype}" if isinstance(values, Tensor) else type(values).__name__
        raise RewardError(
            f"the reward function returned {kind}; it must return a tensor of real numbers with "
            f"shape ({count},)"
        )
    if values.shape != (count,):
        raise RewardError(
            f"the reward function returned the shape {tuple(values.shape)} for {count} responses; "
            f"it must be ({count},), one number per response"
        )
    rewards = values.detach().float()
    broken = (~rewards.isfinite()).nonzero()[:, 0].tolist()
    if broken:
        raise RewardError(
            f"the reward of response {broken[0]} is {rewards[broken[0]].item()}; rewards must be "
            "finite. Look for a division by 0 or a logarithm of 0 in the reward function."
        )
    return rewards


class RewardModel:
    """A trained reward model as a reward.

    It reads the prompt and the response through the chat template, and takes the model's output at
    the token that ends the response's turn, where `companion.training.reward_model` trained it.
    Blanks around a response are ignored. Taught in :doc:`/book/training/reward-model`.
    """

    def __init__(
        self,
        model: "PreTrainedModel",
        tokenizer: "PreTrainedTokenizerBase",
        *,
        batch_size: int = 64,
    ) -> None:
        """Take a model that was trained on pairs of responses.

        Args:
            model: An ``AutoModelForSequenceClassification`` with ``num_labels=1``. It is put into
                eval mode.
            tokenizer: Its tokenizer, with a chat template.
            batch_size: Responses that the model reads at once. It changes speed and memory only.

        Raises:
            ValueError: If the model has several outputs, no padding token or one that ends turns,
                or if ``batch_size`` is below 1.
        """
        if model.config.num_labels != 1:
            raise ValueError(
                f"a reward model has one output, this model has {model.config.num_labels}; load it "
                "with num_labels=1"
            )
        check_whole(batch_size=batch_size)
        pad = model.config.pad_token_id
        if pad is None or pad == end_of_turn_id(tokenizer):
            raise ValueError(
                f"the model reads its reward at the last token that is no padding, but its "
                f"pad_token_id is {pad}, {'missing' if pad is None else 'the end of a turn'}. "
                "Before training, companion.training.reward_model.own_padding gives it another."
            )
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.batch_size = batch_size

    @torch.no_grad()
    def __call__(self, records: Sequence[Record], responses: Sequence[str]) -> Tensor:
        """Score responses.

        Args:
            records: One dict with ``prompt`` (messages) per response.
            responses: Texts without the marks of the chat template.

        Returns:
            Rewards in float32 on the CPU, shape ``(B,)``. Only differences between responses to
            the same prompt have a meaning.

        Raises:
            ValueError: If there are not as many records as responses, or messages are malformed.
            DataError: If a record has no ``prompt``.
            ContextLengthError: If a conversation is longer than the model's context.
            RewardError: If the model returns NaN or infinity.
        """
        rows = [
            self._tokens(index, prompt, response)
            for index, (prompt, response) in enumerate(_paired(records, responses, "prompt"))
        ]
        rewards = torch.zeros(len(rows))
        shortest_first = sorted(range(len(rows)), key=lambda index: len(rows[index]))
        for start in range(0, len(rows), self.batch_size):
            batch = shortest_first[start : start + self.batch_size]
            rewards[batch] = self._score([rows[index] for index in batch])
        return check_rewards(rewards, len(rows))

    def _tokens(self, index: int, prompt: Sequence[Mapping[str, Any]], response: str) -> list[int]:
        answer = {"role": "assistant", "content": response.strip()}
        ids = tokenize_chat(self.tokenizer, [*prompt, answer]).through_answer()
        context = getattr(self.model.config, "max_position_embeddings", None)
        if context is not None and len(ids) > context:
            raise ContextLengthError(
                f"prompt and response {index} have {len(ids)} tokens together and the context of "
                f"the reward model is {context}. Shorten the prompt or allow fewer new tokens."
            )
        return ids

    def _score(self, rows: Sequence[list[int]]) -> Tensor:
        """Score tokenized conversations, padded on the right, where no token looks."""
        width = max(map(len, rows))
        input_ids = torch.full((len(rows), width), self.model.config.pad_token_id)  # (B, T)
        for row, ids in enumerate(rows):
            input_ids[row, : len(ids)] = torch.tensor(ids)
        lengths = torch.tensor([len(ids) for ids in rows])
        mask = (torch.arange(width) < lengths[:, None]).long()  # (B, T)
        device = self.model.device
        output = self.model(input_ids=input_ids.to(device), attention_mask=mask.to(device))
        return output.logits[:, 0].float().cpu()  # (B,)


def exact_answer(records: Sequence[Record], responses: Sequence[str]) -> Tensor:
    r"""Reward 1 for the right answer, 0 for any other: a verifiable reward.

    The answer of a response is what follows its last "The answer is" on the same line; if nothing
    does, the next line that is not blank; without these words, the whole text. A full stop at the
    end is left out. If ``record["answer"]`` is a number, the answer must begin with a number of
    that value, in whatever form (``$1,000.00`` for ``1000``), read as
    `companion.prompts.answers.extract_number` reads it. A line below the words, or a whole text,
    must be nothing but that number, with marks of Markdown or LaTeX around it or without
    (``**42**``, ``\boxed{42}``). Other answers must be the same text. Nothing is learned here, so
    nothing can be fooled but the rule: a right answer after wrong reasoning counts. Taught in
    :doc:`/book/training/dpo-grpo`.

    Args:
        records: One dict with ``answer`` per response.
        responses: Texts without the marks of the chat template.

    Returns:
        1.0 or 0.0 for each response, shape ``(B,)``.

    Raises:
        ValueError: If there are not as many records as responses.
        DataError: If a record has no ``answer``, or one that divides by 0 or is too long a number.

    Example:
        >>> record = {"answer": "42"}
        >>> said = ["40 + 2 = 42. The answer is 42.", "42", "The answer is 41."]
        >>> exact_answer([record] * 3, said)
        tensor([1., 1., 0.])
        >>> exact_answer([record], ["The answer is:\n\n**42**"])
        tensor([1.])
    """
    pairs = _paired(records, responses, "answer")
    wanted = [_wanted(index, answer) for index, (answer, _) in enumerate(pairs)]
    right = [_is_right(answer, said) for answer, (_, said) in zip(wanted, pairs, strict=True)]
    return torch.tensor(right, dtype=torch.float32)


def _wanted(index: int, answer: object) -> int | float | str:
    """Return the number that an answer is, or else its text."""
    try:
        number = whole_number_text(str(answer))
    except ValueError as error:
        raise DataError(f"the answer of record {index} is not a number: {error}") from error
    return str(answer).strip() if number is None else number


def _is_right(wanted: int | float | str, response: str) -> bool:
    alone = _answer_alone(response)
    if alone is not None:
        answer = alone if isinstance(wanted, str) else _only_number(alone)
        return answer == wanted
    try:
        answer = extract_after(response)
        return (answer if isinstance(wanted, str) else number_at(answer, 0)) == wanted
    except ValueError:  # no answer, or a number that can't be read
        return False


def _answer_alone(response: str) -> str | None:
    """Return the line below the last "The answer is", or a text without it; None if neither is."""
    *before, rest = re.split(re.escape(CONCLUSION), response, flags=re.IGNORECASE)
    if before:
        same_line, _, below = rest.partition("\n")
        opening = same_line.strip(" \t\r:*_")
        if opening not in ("", r"\[", "$$"):
            return None
        rest = _LINE.match(f"{opening}\n{below}".strip())[0]
    return rest.strip().removesuffix(".")


def _only_number(text: str) -> int | float | None:
    for opening, closing in _MARKS:
        if text.startswith(opening) and text.endswith(closing):
            text = text[len(opening) : -len(closing)].strip()
    try:
        return whole_number_text(text)
    except ValueError:
        return None


def _paired(
    records: Sequence[Record], responses: Sequence[str], field: str
) -> list[tuple[Any, str]]:
    """Return a field of each record with its response."""
    if len(records) != len(responses):
        raise ValueError(
            f"there are {len(records)} records and {len(responses)} responses; give one record "
            "per response (repeat it where a prompt has several)"
        )
    for index, record in enumerate(records):
        if field not in record:
            raise DataError(
                f"record {index} has no field {field!r}, only: {', '.join(record) or 'nothing'}"
            )
    return [(record[field], said) for record, said in zip(records, responses, strict=True)]
