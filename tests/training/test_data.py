"""Records to ids and labels: which tokens count, and what is refused."""

import pytest

from companion.errors import DataError
from companion.training.data import (
    check_records,
    label_tokens,
    preference_dataset,
    prompt_dataset,
    reward_dataset,
    sft_dataset,
)

USER, GOOD, BAD = (
    {"role": "user", "content": "Hi"},
    {"role": "assistant", "content": "Hello"},
    {"role": "assistant", "content": "Go 4"},
)
CHAT = {"messages": [USER, GOOD]}
PAIR = {"prompt": [USER], "chosen": [GOOD], "rejected": [BAD], "kind": "extra"}


def shown(tokenizer, labels: list[int]) -> list[str]:
    """Write labels as text, one string per token."""
    return ["-" if label == -100 else tokenizer.decode([label]) for label in labels]


def text(tokenizer, ids: list[int]) -> str:
    return tokenizer.decode(ids)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "- - - - - - - - H ello <|end|> -"),
        ({"learn_eos": False}, "- - - - - - - - H ello - -"),
        (
            {"mask_prompt": False},
            "<|user|> \n H i <|end|> \n <|assistant|> \n H ello <|end|> \n",
        ),
        (
            {"mask_prompt": False, "learn_eos": False},
            "<|user|> \n H i <|end|> \n <|assistant|> \n H ello - \n",
        ),
    ],
    ids=str,
)
def test_labels_token_by_token(pocket_tokenizer, settings: dict, expected: str) -> None:
    (row,) = sft_dataset(pocket_tokenizer, [CHAT], max_length=99, **settings)

    assert shown(pocket_tokenizer, row["labels"]) == expected.split(" ")
    assert "".join(shown(pocket_tokenizer, row["input_ids"])) == (
        "<|user|>\nHi<|end|>\n<|assistant|>\nHello<|end|>\n"
    )


def test_every_answer_of_a_conversation_counts(pocket_tokenizer) -> None:
    (row,) = sft_dataset(pocket_tokenizer, [{"messages": [USER, GOOD, USER, BAD]}], max_length=99)

    learned = [token for token in shown(pocket_tokenizer, row["labels"]) if token != "-"]
    assert "".join(learned) == "Hello<|end|>Go 4<|end|>"


def test_without_eos_both_ends_are_left_out(pocket_tokenizer) -> None:
    (row,) = sft_dataset(
        pocket_tokenizer, [{"messages": [USER, GOOD, USER, BAD]}], max_length=99, learn_eos=False
    )

    learned = [token for token in shown(pocket_tokenizer, row["labels"]) if token != "-"]
    assert "".join(learned) == "HelloGo 4"


def test_labels_keep_their_places(pocket_tokenizer) -> None:
    (row,) = sft_dataset(pocket_tokenizer, [CHAT], max_length=99)

    pairs = zip(row["input_ids"], row["labels"], strict=True)
    assert all(label in (token, -100) for token, label in pairs)


def test_a_conversation_that_ends_with_the_mask_loses_its_last_token() -> None:
    assert label_tokens(([5, 6, 7], [0, 1, 1]), learn_eos=False) == [-100, 6, -100]


def test_preference_rows_have_prompt_and_answers_apart(pocket_tokenizer) -> None:
    (row,) = preference_dataset(pocket_tokenizer, [PAIR], max_length=99)

    assert {name: text(pocket_tokenizer, ids) for name, ids in row.items()} == {
        "prompt_ids": "<|user|>\nHi<|end|>\n<|assistant|>\n",
        "chosen_ids": "Hello<|end|>",
        "rejected_ids": "Go 4<|end|>",
    }


def test_reward_rows_are_whole_conversations_that_end_with_the_turn(pocket_tokenizer) -> None:
    (row,) = reward_dataset(pocket_tokenizer, [PAIR], max_length=99)

    prompt = "<|user|>\nHi<|end|>\n<|assistant|>\n"
    assert {name: text(pocket_tokenizer, ids) for name, ids in row.items()} == {
        "chosen_ids": prompt + "Hello<|end|>",
        "rejected_ids": prompt + "Go 4<|end|>",
    }


def test_prompt_rows_keep_every_column(pocket_tokenizer) -> None:
    record = {"prompt": [USER], "answer": "5"}

    rows = prompt_dataset(pocket_tokenizer, [record, record], max_length=99)

    assert list(rows) == [record, record]


@pytest.mark.parametrize("make", [sft_dataset, preference_dataset, reward_dataset, prompt_dataset])
def test_an_empty_data_set_is_refused(pocket_tokenizer, make) -> None:
    with pytest.raises(DataError, match=r"there are no records. Give at least one"):
        make(pocket_tokenizer, [], max_length=99)


@pytest.mark.parametrize(
    ("make", "record", "missing"),
    [
        (sft_dataset, CHAT, "messages"),
        (preference_dataset, PAIR, "prompt"),
        (preference_dataset, PAIR, "rejected"),
        (reward_dataset, PAIR, "chosen"),
        (prompt_dataset, PAIR, "prompt"),
    ],
)
def test_a_missing_field_is_named_with_the_record(
    pocket_tokenizer, make, record: dict, missing: str
) -> None:
    broken = {key: value for key, value in record.items() if key != missing}

    with pytest.raises(DataError, match=f"record 2 has no field '{missing}', only: "):
        make(pocket_tokenizer, [record, record, broken], max_length=99)


@pytest.mark.parametrize(
    ("make", "record", "longest"),
    [
        (sft_dataset, CHAT, 12),
        (preference_dataset, PAIR, 13),
        (reward_dataset, PAIR, 13),
        (prompt_dataset, {"prompt": [USER]}, 8),
    ],
)
def test_a_record_that_is_too_long_is_refused_and_one_that_just_fits_is_not(
    pocket_tokenizer, make, record: dict, longest: int
) -> None:
    assert len(make(pocket_tokenizer, [record, record], max_length=longest)) == 2

    with pytest.raises(
        DataError, match=f"record 0 has {longest} tokens, but at most {longest - 1} fit. Shorten"
    ):
        make(pocket_tokenizer, [record], max_length=longest - 1)


def test_a_malformed_message_is_named_with_record_and_field() -> None:
    with pytest.raises(DataError, match="record 1, field 'messages': message 0 has the role 'bot'"):
        check_records([CHAT, {"messages": [{"role": "bot", "content": ""}]}], ["messages"])


def test_a_record_that_is_no_dict_is_refused() -> None:
    with pytest.raises(DataError, match="record 1 must be a dict, got str"):
        check_records([CHAT, "Hello"], ["messages"])


def test_a_conversation_without_an_answer_teaches_nothing(pocket_tokenizer) -> None:
    with pytest.raises(DataError, match="record 1: no message is the assistant's"):
        sft_dataset(pocket_tokenizer, [CHAT, {"messages": [USER]}], max_length=99)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rejected": [GOOD]}, "record 1: 'chosen' and 'rejected' are the same"),
        ({"chosen": [USER]}, "record 1: 'chosen' must hold one message, the assistant's"),
        ({"rejected": [BAD, BAD]}, "record 1: 'rejected' must hold one message"),
        ({"prompt": [USER, GOOD]}, "record 1: 'prompt' ends with the assistant's message"),
    ],
)
def test_pairs_that_teach_nothing_are_refused(pocket_tokenizer, change: dict, message: str) -> None:
    for make in (preference_dataset, reward_dataset):
        with pytest.raises(DataError, match=message):
            make(pocket_tokenizer, [PAIR, PAIR | change], max_length=99)


def test_prompts_with_different_columns_are_refused(pocket_tokenizer) -> None:
    records = [{"prompt": [USER], "answer": "5"}, {"prompt": [USER]}]

    with pytest.raises(DataError, match="record 1: it has the fields prompt, but record 0 has"):
        prompt_dataset(pocket_tokenizer, records, max_length=99)


def test_a_data_error_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="no records"):
        check_records([], ["messages"])
