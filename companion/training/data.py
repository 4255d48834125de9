"""From records to token ids and labels: what the trainers of TRL are fed with.

Everything that decides *what is learned* happens here, in the open: which tokens count, whether
the end of a turn is among them, and that nothing is cut off. The trainers receive finished ids and
do not tokenize again. Taught in :doc:`/book/training/instruction-tuning`.

Records are plain dicts in the conversational formats of TRL:

* supervised: ``{"messages": [...]}``
* preference: ``{"prompt": [...], "chosen": [answer], "rejected": [answer]}``
* prompt only: ``{"prompt": [...]}``

Further keys are allowed; the first two leave them out, the last keeps them for the reward.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from companion.errors import DataError
from companion.messages import ChatTokens, check_messages, prompt_text, tokenize_chat
from companion.training.silence import library

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

IGNORED = -100
"""The label of a token that does not count in the loss."""

Record = Mapping[str, Any]
Row = tuple[dict[str, Any], int]  # columns, and the tokens that must fit into the context


def check_records(records: Sequence[Record], fields: Sequence[str]) -> list[Record]:
    """Check that there are records, and that each one has lists of messages in ``fields``.

    Args:
        records: The data set.
        fields: Keys that every record must have, each with a list of messages.

    Returns:
        The records as a list.

    Raises:
        DataError: If there is no record, or one lacks a field or has a malformed message. It
            names the record's index.

    Example:
        >>> check_records([{"text": "Hello!"}], ["messages"])
        Traceback (most recent call last):
        companion.errors.DataError: record 0 has no field 'messages', only: text
    """
    records = list(records)
    if not records:
        raise DataError("there are no records. Give at least one, or check the filter that ran.")
    for index, record in enumerate(records):
        if not isinstance(record, Mapping):
            raise DataError(f"record {index} must be a dict, got {type(record).__name__}")
        for field in fields:
            if field not in record:
                present = ", ".join(map(str, record)) or "nothing"
                raise DataError(f"record {index} has no field {field!r}, only: {present}")
            try:
                check_messages(record[field])
            except ValueError as error:
                raise DataError(f"record {index}, field {field!r}: {error}") from error
    return records


def label_tokens(
    tokens: ChatTokens, *, mask_prompt: bool = True, learn_eos: bool = True
) -> list[int]:
    """Return the labels of a conversation: the ids that count, and -100 for those that do not.

    The labels are not shifted; the loss compares the prediction at ``t`` with the label at
    ``t + 1``. Taught in :doc:`/book/training/instruction-tuning`.

    Args:
        tokens: What `companion.messages.tokenize_chat` returns.
        mask_prompt: False lets every token count, those of the user too. That is a mistake in
            most cases; it is here to be shown.
        learn_eos: False leaves out the token that ends the assistant's turn, so that the model
            never learns to stop. A mistake as well.

    Returns:
        One label per token.

    Example:
        >>> tokens = ChatTokens([7, 8, 9, 2, 3], [0, 0, 1, 1, 0])  # 2 ends the turn
        >>> label_tokens(tokens)
        [-100, -100, 9, 2, -100]
        >>> label_tokens(tokens, learn_eos=False)
        [-100, -100, 9, -100, -100]
    """
    ids, mask = tokens
    labels = [i if m or not mask_prompt else IGNORED for i, m in zip(ids, mask, strict=True)]
    if not learn_eos:
        for at, (here, after) in enumerate(pairwise([*mask, 0])):
            if here and not after:
                labels[at] = IGNORED
    return labels


def sft_dataset(
    tokenizer: "PreTrainedTokenizerBase",
    records: Sequence[Record],
    *,
    max_length: int,
    mask_prompt: bool = True,
    learn_eos: bool = True,
) -> Any:
    """Tokenize supervised records.

    Args:
        tokenizer: A `transformers` tokenizer with a chat template.
        records: Dicts with ``messages``, at least one of them the assistant's.
        max_length: Longest record allowed, in tokens. Nothing is cut: half an answer would teach
            to stop in the middle.
        mask_prompt: See `label_tokens`.
        learn_eos: See `label_tokens`.

    Returns:
        A `datasets.Dataset` with the columns ``input_ids`` and ``labels``.

    Raises:
        DataError: If there are no records, or one is missing something or too long.
    """

    def convert(record: Record) -> Row:
        tokens = tokenize_chat(tokenizer, record["messages"])
        if not any(tokens.completion_mask):
            raise ValueError("no message is the assistant's, so there is nothing to learn")
        labels = label_tokens(tokens, mask_prompt=mask_prompt, learn_eos=learn_eos)
        return {"input_ids": tokens.input_ids, "labels": labels}, len(labels)

    return _dataset(records, ["messages"], convert, max_length)


def preference_dataset(
    tokenizer: "PreTrainedTokenizerBase", records: Sequence[Record], *, max_length: int
) -> Any:
    """Tokenize preference records for DPO: prompt and completions apart.

    A completion ends with the token that ends the turn.

    Args:
        tokenizer: A `transformers` tokenizer with a chat template.
        records: Dicts with ``prompt``, ``chosen`` and ``rejected``; the latter two hold one
            message of the assistant each.
        max_length: Longest prompt with completion allowed, in tokens.

    Returns:
        A `datasets.Dataset` with the columns ``prompt_ids``, ``chosen_ids`` and ``rejected_ids``.

    Raises:
        DataError: If there are no records, or one is missing something or too long, or its two
            answers are the same.
    """

    def convert(record: Record) -> Row:
        prompt, chosen, rejected = _pair(tokenizer, record)
        row = {"prompt_ids": prompt, "chosen_ids": chosen, "rejected_ids": rejected}
        return row, len(prompt) + max(len(chosen), len(rejected))

    return _dataset(records, ["prompt", "chosen", "rejected"], convert, max_length)


def reward_dataset(
    tokenizer: "PreTrainedTokenizerBase", records: Sequence[Record], *, max_length: int
) -> Any:
    """Tokenize preference records for a reward model: two whole conversations per record.

    Both end with the token that ends the turn. It is there that the reward is read.

    Args:
        tokenizer: A `transformers` tokenizer with a chat template.
        records: As in `preference_dataset`.
        max_length: Longest conversation allowed, in tokens.

    Returns:
        A `datasets.Dataset` with the columns ``chosen_ids`` and ``rejected_ids``.

    Raises:
        DataError: As in `preference_dataset`.
    """

    def convert(record: Record) -> Row:
        prompt, *sides = _pair(tokenizer, record)
        chosen, rejected = (prompt + side for side in sides)
        return {"chosen_ids": chosen, "rejected_ids": rejected}, max(len(chosen), len(rejected))

    return _dataset(records, ["prompt", "chosen", "rejected"], convert, max_length)


def prompt_dataset(
    tokenizer: "PreTrainedTokenizerBase", records: Sequence[Record], *, max_length: int
) -> Any:
    """Check prompt-only records and keep all their columns.

    They are for training on the model's own answers, which the trainer writes and rewards.

    Args:
        tokenizer: A `transformers` tokenizer with a chat template.
        records: Dicts with ``prompt`` and whatever the reward needs, such as ``answer``. All of
            them have the same keys.
        max_length: Longest prompt allowed, in tokens: the context less the new tokens.

    Returns:
        A `datasets.Dataset` with the columns of the records.

    Raises:
        DataError: If there are no records, or one is missing something or too long.
    """
    fields = list(records[0]) if records and isinstance(records[0], Mapping) else []

    def convert(record: Record) -> Row:
        if list(record) != fields:
            raise ValueError(
                f"it has the fields {', '.join(record)}, but record 0 has {', '.join(fields)}. "
                "Give all records the same fields, in the same order."
            )
        text = prompt_text(tokenizer, record["prompt"])
        ids = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        return dict(record), len(ids)

    return _dataset(records, ["prompt"], convert, max_length)


def _pair(
    tokenizer: "PreTrainedTokenizerBase", record: Record
) -> tuple[list[int], list[int], list[int]]:
    """Return the tokens of the prompt and of both answers, each answer with its end."""
    prompt, sides = list(record["prompt"]), []
    if prompt[-1]["role"] == "assistant":
        raise ValueError("'prompt' ends with the assistant's message; leave it out")
    for name in ("chosen", "rejected"):
        answer = list(record[name])
        if len(answer) != 1 or answer[0]["role"] != "assistant":
            raise ValueError(f"{name!r} must hold one message, the assistant's")
        tokens = tokenize_chat(tokenizer, prompt + answer)
        turn = tokens.last_turn()
        sides.append((tokens.input_ids[: turn.start], tokens.input_ids[turn]))
    (prompt_ids, chosen), (_, rejected) = sides
    if chosen == rejected:
        raise ValueError("'chosen' and 'rejected' are the same, which teaches nothing")
    return prompt_ids, chosen, rejected


def _dataset(
    records: Sequence[Record],
    fields: Sequence[str],
    convert: Callable[[Record], Row],
    max_length: int,
) -> Any:
    """Turn each record into a row, and name the record where that fails."""
    rows = []
    for index, record in enumerate(check_records(records, fields)):
        try:
            row, tokens = convert(record)
        except ValueError as error:
            raise DataError(f"record {index}: {error}") from error
        if tokens > max_length:
            raise DataError(
                f"record {index} has {tokens} tokens, but at most {max_length} fit. Shorten or "
                "leave out the record, or raise max_length if the model's context allows it."
            )
        rows.append(row)
    return library("datasets").Dataset.from_list(rows)
