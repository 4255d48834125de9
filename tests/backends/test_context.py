"""How long the context of a server is, and how much of it messages take."""

import json

import pytest

from companion.backends.context import estimate_text, estimate_tokens, told_context
from companion.pocket.corpus import demonstrations


def test_the_estimate_is_seldom_below_the_truth(pocket) -> None:
    """pocket-chat's vocabulary is small, so this is a hard test."""
    conversations = [one["messages"] for one in demonstrations.records(0, "eval", 200)]

    ratios = [
        estimate_tokens(messages) / pocket.count_tokens(messages)
        for messages in (one[:-1] for one in conversations)
    ]

    assert min(ratios) > 0.8
    assert sum(ratios) / len(ratios) > 1.1


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("abc", 1),
        ("abcd", 2),  # three letters or blanks a token, rounded up
        ("a b c", 2),
        ("12, 3!", 6),  # each digit and sign, and a blank
        ("é", 1),  # two bytes
        ("茶", 2),  # three bytes, rounded up
    ],
)
def test_the_estimate_by_hand(text: str, tokens: int) -> None:
    assert estimate_text(text) == tokens
    assert estimate_tokens([{"role": "user", "content": text}] * 2) == 2 * (8 + tokens)


def test_calls_are_counted_as_they_are_written() -> None:
    call = {"id": "c", "function": {"name": "f", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}

    assert estimate_tokens([message]) == 8 + estimate_text(json.dumps([call]))


@pytest.mark.parametrize(
    ("listed", "length"),
    [
        ([{"id": "m", "max_model_len": 100}], 100),
        ([{"id": "m", "meta": {"n_ctx": 200}}], 200),
        ([{"id": "m", "context_length": 300}], 300),
        ([{"id": "m", "context_window": 400}], 400),
        ([{"id": "m", "max_model_len": 100, "context_length": 300}], 100),
        ([{"id": "m", "max_model_len": None, "context_length": 300}], 300),
        ([{"id": "other", "max_model_len": 100}], 100),  # the only model takes any name
        ([{"id": "other", "max_model_len": 100}, {"id": "m", "max_model_len": 200}], 200),
        ([{"id": "a", "max_model_len": 100}, {"id": "b", "max_model_len": 200}], None),
        ([{"id": "m", "max_model_len": "100"}], None),
        ([{"id": "m", "max_model_len": 0}], None),
        ([{"id": "m", "meta": None}], None),
        ([], None),
    ],
)
def test_a_list_of_models_tells_the_context_where_it_does(
    listed: list[dict], length: int | None
) -> None:
    assert told_context(listed, "m") == length
