"""Turns, and trimming by tokens in whole turns."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.chatbot.history import (
    Conversation,
    Turn,
    first_fitting,
    split_turns,
    trim_messages,
)
from companion.errors import ContextLengthError, ConversationError


def message(role: str, words: int) -> dict[str, str]:
    return {"role": role, "content": " ".join(["word"] * words)}


def count(messages: list[dict]) -> int:
    return sum(len(one["content"].split()) for one in messages)


SYSTEMS = st.lists(st.builds(message, st.just("system"), st.integers(0, 9)), max_size=2)
ANSWERS = st.lists(
    st.builds(message, st.sampled_from(["assistant", "tool"]), st.integers(0, 9)), max_size=4
)
TURNS = st.lists(
    st.tuples(st.builds(message, st.just("user"), st.integers(0, 9)), ANSWERS).map(
        lambda pair: [pair[0], *pair[1]]
    ),
    min_size=1,
    max_size=9,
)


@given(SYSTEMS, TURNS, st.integers(0, 120))
def test_trimming_keeps_the_most_whole_turns_that_fit(head, turns, budget) -> None:
    messages = head + [one for turn in turns for one in turn]

    try:
        kept = trim_messages(messages, count_tokens=count, budget=budget)
    except ContextLengthError:
        assert count(head + turns[-1]) > budget
        return

    assert count(kept) <= budget
    suffixes = [head + [one for turn in turns[i:] for one in turn] for i in range(len(turns))]
    assert kept in suffixes
    longer = suffixes[: suffixes.index(kept)]
    assert all(count(suffix) > budget for suffix in longer)


@given(TURNS, st.integers(0, 120))
def test_the_budget_holds_for_a_count_that_is_not_additive(turns, budget) -> None:
    """A template may write something once around everything, or merge tokens at seams."""

    def strange(messages: list[dict]) -> int:
        return count(messages) + 3 - len(messages) % 3

    try:
        first = first_fitting([], turns, count_tokens=strange, budget=budget)
    except ContextLengthError:
        assert strange(turns[-1]) > budget
        return

    assert strange([one for turn in turns[first:] for one in turn]) <= budget


def test_a_long_conversation_is_counted_few_times() -> None:
    calls = []

    def counting(messages: list[dict]) -> int:
        calls.append(1)
        return len(messages)

    first = first_fitting([], [[{}]] * 1000, count_tokens=counting, budget=10)

    assert first == 990
    assert len(calls) <= 12


def test_what_can_not_fit_is_an_error_with_both_numbers() -> None:
    messages = [message("system", 5), message("user", 7)]

    with pytest.raises(ContextLengthError, match="have 12 tokens and the room for them is 11"):
        trim_messages(messages, count_tokens=count, budget=11)


def test_tool_calls_and_results_stay_with_their_turn() -> None:
    messages = [
        message("user", 1),
        message("assistant", 1),
        message("tool", 1),
        message("assistant", 1),
        message("user", 1),
    ]

    assert trim_messages(messages, count_tokens=count, budget=4) == messages[-1:]
    assert trim_messages(messages, count_tokens=count, budget=5) == messages


@pytest.mark.parametrize(
    "roles",
    [["assistant"], ["system", "tool"], ["user", "system"], ["user", "assistant", "system"]],
)
def test_turns_begin_with_the_user(roles: list[str]) -> None:
    with pytest.raises(ConversationError, match="can't begin a turn"):
        split_turns([message(role, 1) for role in roles])


def test_nothing_to_trim_is_an_error() -> None:
    with pytest.raises(ConversationError, match="no turn"):
        trim_messages([message("system", 1)], count_tokens=count, budget=9)


@pytest.mark.parametrize(
    ("messages", "wrong"),
    [
        ([], "empty"),
        ([message("assistant", 1)], "the roles assistant"),
        ([message("user", 1), message("user", 1)], "the roles user, user"),
        ([message("user", 1), message("system", 1)], "the roles user, system"),
        ([{"role": "user", "content": 3}], "no text"),
        ([{"role": "human", "content": "Hi"}], "'human'"),
    ],
)
def test_a_turn_is_checked(messages: list, wrong: str) -> None:
    with pytest.raises(ConversationError, match=wrong):
        Turn(messages)


def test_turns_without_an_answer_are_kept_and_not_sent() -> None:
    user, answer, tool = message("user", 1), message("assistant", 1), message("tool", 1)
    turns = [
        Turn([user]),
        Turn([user, answer]),
        Turn([user, answer, tool]),
        Turn([user, message("assistant", 0)]),
    ]

    assert Conversation(turns=turns).groups() == [[], [user, answer], [], []]


@pytest.mark.parametrize("summarized", [-1, 1])
def test_a_summary_covers_turns_that_exist(summarized: int) -> None:
    with pytest.raises(ConversationError, match=f"got {summarized}"):
        Conversation(summarized=summarized)
