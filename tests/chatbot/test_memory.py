"""Summary memory, and what the model reads."""

import pytest

from companion.chatbot.history import Conversation, Turn
from companion.chatbot.memory import HEADING, ModelSummary, fit
from companion.errors import ContextLengthError


def turn(asked: str, answer: str | None = "fine") -> Turn:
    messages = [{"role": "user", "content": asked}]
    if answer is not None:
        messages.append({"role": "assistant", "content": answer})
    return Turn(messages)


NEWEST = [{"role": "user", "content": "now"}]


def join(summary: str, messages: list[dict]) -> str:
    return f"{summary}{messages[0]['content']};"


def contents(messages: list[dict]) -> list[str]:
    return [message["content"] for message in messages]


def test_without_a_summary_old_turns_are_left_out_and_stay_stored(scripted) -> None:
    conversation = Conversation(turns=[turn("one"), turn("two"), turn("three")])

    read, left_out = fit(
        conversation, NEWEST, system="sys", count_tokens=scripted().count_tokens, budget=8
    )

    assert contents(read) == ["sys", "three", "fine", "now"]
    assert left_out == 2
    assert len(conversation.turns) == 3


def test_turns_that_drop_out_are_summarized_once(scripted) -> None:
    conversation = Conversation(turns=[turn("one"), turn("two"), turn("three")])
    told = []

    def summarize(summary: str, messages: list[dict]) -> str:
        told.append(messages[0]["content"])
        return join(summary, messages)

    for _ in range(2):
        read, _ = fit(
            conversation,
            NEWEST,
            system=None,
            count_tokens=scripted().count_tokens,
            budget=13,
            summarize=summarize,
        )

    assert told == ["one", "two"]
    assert contents(read) == [f"{HEADING}one;two;", "three", "fine", "now"]
    assert conversation.summarized == 2


def test_a_summary_that_grows_too_long_is_left_out(scripted) -> None:
    conversation = Conversation(turns=[turn("one"), turn("two")])

    read, _ = fit(
        conversation,
        NEWEST,
        system="sys",
        count_tokens=scripted().count_tokens,
        budget=5,
        summarize=lambda summary, messages: "many words " * 20,
    )

    assert contents(read) == ["sys", "now"]
    assert conversation.summarized == 2


def test_a_turn_without_an_answer_is_not_summarized(scripted) -> None:
    turns = [turn("one", None), turn("two two two two two two"), turn("three")]
    told = []

    fit(
        conversation := Conversation(turns=turns),
        NEWEST,
        system=None,
        count_tokens=scripted().count_tokens,
        budget=13,
        summarize=lambda summary, messages: told.append(messages) or "short",
    )

    assert told == [turns[1].messages]
    assert conversation.summarized == 2


def test_a_summary_that_fails_is_taken_up_again(scripted) -> None:
    conversation = Conversation(turns=[turn("one"), turn("two"), turn("three")])

    def broken(summary: str, messages: list[dict]) -> str:
        if messages[0]["content"] == "two":
            raise ConnectionError
        return join(summary, messages)

    options = {"system": None, "count_tokens": scripted().count_tokens, "budget": 13}
    with pytest.raises(ConnectionError):
        fit(conversation, NEWEST, summarize=broken, **options)
    fit(conversation, NEWEST, summarize=join, **options)

    assert conversation.summary == "one;two;"


def test_calls_in_the_form_of_an_endpoint_are_summarized_too(scripted) -> None:
    backend = scripted("short")
    function = {"name": "calculator", "arguments": '{"expression": "6 * 7"}'}
    call = {"id": "a", "type": "function", "function": function}
    messages = [
        {"role": "user", "content": "6 x 7?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "42", "tool_call_id": "a"},
    ]

    ModelSummary(backend)("", messages)

    (asked,) = backend.seen[0]
    assert asked["content"].endswith(
        'User: 6 x 7?\nAssistant: {"name": "calculator", "arguments": {"expression": "6 * 7"}}\n'
        "Tool: 42"
    )


def test_the_model_summarizes_with_what_was_before(scripted) -> None:
    backend = scripted("  Ann lives in Oslo. ")

    summary = ModelSummary(backend)("She is Ann.", turn("I live in Oslo.", "Nice.").messages)

    assert summary == "Ann lives in Oslo."
    (asked,) = backend.seen[0]
    assert asked["content"].endswith(
        f"\n{HEADING}She is Ann.\nUser: I live in Oslo.\nAssistant: Nice."
    )


def test_a_long_turn_is_cut_before_it_is_summarized(scripted) -> None:
    backend = scripted("short", context_length=100)

    ModelSummary(backend, max_new_tokens=10)("", turn("long " * 500).messages)

    assert 40 < backend.count_tokens(backend.seen[0]) <= 90


def test_no_room_for_a_summary_is_an_error(scripted) -> None:
    with pytest.raises(ContextLengthError, match="Lower max_new_tokens"):
        ModelSummary(scripted(context_length=20), max_new_tokens=10)("", turn("one").messages)


def test_pocket_chat_writes_some_summary(pocket) -> None:
    text = ModelSummary(pocket)("", turn("My name is Tavira.", "Hello, Tavira!").messages)

    assert text
    assert pocket.count_tokens([{"role": "user", "content": text}]) < 80


@pytest.mark.parametrize(
    ("past", "read"), [(0, []), (1, ["three", "fine"]), (9, None), (None, None)]
)
def test_the_number_of_past_turns_can_be_limited(past: int | None, read: list, scripted) -> None:
    conversation = Conversation(turns=[turn("one"), turn("two"), turn("three")])

    messages, left_out = fit(
        conversation,
        NEWEST,
        system=None,
        count_tokens=scripted().count_tokens,
        budget=100,
        past_turns=past,
    )

    everything = ["one", "fine", "two", "fine", "three", "fine"]
    assert contents(messages) == [*(everything if read is None else read), "now"]
    assert left_out == 3 - (len(contents(messages)) - 1) // 2


def test_turns_beyond_the_limit_are_summarized(scripted) -> None:
    conversation = Conversation(turns=[turn("one"), turn("two"), turn("three")])

    messages, _ = fit(
        conversation,
        NEWEST,
        system=None,
        count_tokens=scripted().count_tokens,
        budget=100,
        summarize=join,
        past_turns=1,
    )

    assert contents(messages) == [f"{HEADING}one;two;", "three", "fine", "now"]
