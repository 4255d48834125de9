"""How long the context of a server is, and how much of it messages take."""

import json

import pytest

from companion.backends.context import Meter, estimate_text, estimate_tokens, told_context
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
        ([{"id": "m", "meta": "x"}], None),
        ([{"id": "m", "meta": [1], "context_length": 300}], 300),
        ([{"id": "m", "max_model_len": True}], None),
        ([{"id": "m", "meta": {"n_ctx": True}, "context_window": 400}], 400),
        ([], None),
    ],
)
def test_a_list_of_models_tells_the_context_where_it_does(
    listed: list[dict], length: int | None
) -> None:
    assert told_context(listed, "m") == length


TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
ASKED = [{"role": "user", "content": "What is 2 + 2?"}]
NEXT = [*ASKED, {"role": "assistant", "content": "It is 4."}, {"role": "user", "content": "And?"}]


def whole(messages: list, tools: list = TOOLS) -> int:
    return estimate_tokens(messages) + estimate_text(json.dumps(tools))


def test_what_the_server_has_counted_needs_no_estimate() -> None:
    meter = Meter(estimate_tokens)
    before = meter.count(NEXT, TOOLS)

    meter.learn(ASKED, TOOLS, 41)

    assert before == whole(NEXT)
    assert meter.count(ASKED, TOOLS) == 41
    assert meter.count(NEXT, TOOLS) == 41 + estimate_tokens(NEXT[1:])


def test_tools_of_another_conversation_have_their_share_of_the_last_count() -> None:
    meter = Meter(estimate_tokens)
    meter.learn(ASKED, TOOLS, whole(ASKED) // 2)

    declared = whole([])
    assert declared / 2 - 1 <= meter.count(NEXT[1:], TOOLS) - estimate_tokens(NEXT[1:])
    assert meter.count(NEXT[1:], TOOLS) - estimate_tokens(NEXT[1:]) <= declared / 2 + 1
    assert meter.count(ASKED, []) == estimate_tokens(ASKED)


@pytest.mark.parametrize("tokens", [0, 1, 3])
def test_a_count_that_can_not_be_right_is_left_out(tokens: int) -> None:
    meter = Meter(estimate_tokens)

    meter.learn(ASKED, TOOLS, tokens)

    assert meter.count(ASKED, TOOLS) == whole(ASKED)


def test_a_count_above_the_estimate_does_not_make_tools_larger() -> None:
    meter = Meter(estimate_tokens)

    meter.learn(ASKED, TOOLS, 3 * whole(ASKED))

    assert meter.count(ASKED, TOOLS) == 3 * whole(ASKED)
    assert meter.count(NEXT[1:], TOOLS) == whole(NEXT[1:])
