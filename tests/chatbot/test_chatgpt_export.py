"""Of a tree in ChatGPT's export, the branch that was shown is read."""

import pytest

from companion.chatbot.exchange import import_conversation
from companion.errors import ConversationError
from tests.chatbot.exports import as_bytes, chatgpt, node, said


def test_the_branch_that_was_shown_is_read() -> None:
    talk = import_conversation(as_bytes([chatgpt()]))

    assert talk.title == "Tea"
    assert said(talk) == [("user", "How long?"), ("assistant", "Three minutes.")]
    other = import_conversation(as_bytes(chatgpt(current="a1")))
    assert said(other)[1][1] == "One minute."


@pytest.mark.parametrize("current", [None, "lost", 3, ["a2"]])
def test_without_a_current_message_the_last_one_ends_the_branch(current: object) -> None:
    assert said(import_conversation(as_bytes(chatgpt(current=current))))[1][1] == "Three minutes."


def test_what_was_not_on_the_screen_is_left_out() -> None:
    extra = {
        "a2": node("u1", "assistant", "search(tea)", recipient="browser"),
        "t": node("a2", "tool", "results"),
        "h": node("t", "user", "hidden", metadata={"is_visually_hidden_from_conversation": True}),
        "r": node("h", "assistant", "hm", kind="thoughts"),
        "a3": node("r", "assistant", "Three", {"content_type": "image_asset_pointer"}),
        "a4": node("a3", "assistant", "minutes."),
    }

    talk = import_conversation(as_bytes(chatgpt(current="a4", **extra)))

    answer = "Three\n[image_asset_pointer]\n\nminutes."
    assert said(talk) == [("user", "How long?"), ("assistant", answer)]


@pytest.mark.parametrize(
    "broken",
    [
        {"u1": node("a2", "user", "round")},  # a circle
        {"x": 3, "u1": node("s", "user", "kept")},
        {"a2": {"parent": "u1", "message": {"author": None, "content": {}}}},
        {"a2": {"parent": ["u1"], "message": 3}},
    ],
)
def test_odd_trees_end(broken: dict) -> None:
    try:
        turns = import_conversation(as_bytes(chatgpt(**broken))).turns
    except ConversationError as error:
        assert "the user says nothing" in str(error)  # noqa: PT017
    else:
        assert turns
