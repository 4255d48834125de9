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

    answer = "Three\n[a picture was here]\n\nminutes."
    assert said(talk) == [("user", "How long?"), ("assistant", answer)]


def test_citations_of_an_answer_become_links() -> None:
    mark = "\ue200cite\ue202turn0search0\ue201"
    page = {"title": "Tea", "url": "https://example.org/tea"}
    metadata = {"content_references": [{"matched_text": mark, "items": [page]}]}
    asked = node("s", "user", f"What is {mark}?")
    told = node("u1", "assistant", f"It is 4 {mark}.", metadata=metadata)

    talk = import_conversation(as_bytes(chatgpt(u1=asked, a2=told)))

    assert said(talk) == [
        ("user", f"What is {mark}?"),
        ("assistant", "It is 4 ([Tea](https://example.org/tea))."),
    ]


def test_a_picture_that_was_made_is_told_and_one_that_a_tool_read_is_not() -> None:
    picture = {"content_type": "image_asset_pointer", "asset_pointer": "sediment://f"}
    made = picture | {"metadata": {"dalle": {"gen_id": "g"}, "generation": None}}
    extra = {
        "t1": node("a2", "tool", picture, "a page", kind="multimodal_text"),
        "t2": node("t1", "tool", made, "DALL-E displayed 1 images.", kind="multimodal_text"),
    }

    talk = import_conversation(as_bytes(chatgpt(current="t2", **extra)))

    assert said(talk)[1:] == [("assistant", "Three minutes.\n\n[a picture was here]")]


def test_a_greeting_is_kept_in_the_system_message() -> None:
    greeted = {"g": node("s", "assistant", "Hello!"), "u1": node("g", "user", "How long?")}

    talk = import_conversation(as_bytes(chatgpt(**greeted)))

    assert talk.system == "You have begun the conversation with these words:\n\nHello!"
    assert said(talk) == [("user", "How long?"), ("assistant", "Three minutes.")]


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
