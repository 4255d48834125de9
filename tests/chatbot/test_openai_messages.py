"""Messages in OpenAI's form are read and written."""

import json

import pytest

from companion.chatbot import Conversation, Turn, storage
from companion.chatbot.exchange import export, import_conversation
from companion.errors import ConversationError
from tests.chatbot.exports import as_bytes, assistant, said, user

CALL = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}


def test_messages_come_back_as_they_were() -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        user("1 + 1?"),
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "content": "2", "tool_call_id": "c1"},
        assistant("2"),
        user("no answer"),
        user("Thanks"),
        assistant("Ü 茶"),
    ]

    talk = import_conversation(as_bytes({"model": "m", "messages": messages}))

    assert [len(turn.messages) for turn in talk.turns] == [4, 1, 2]
    assert json.loads(export(talk, "openai")) == {"messages": messages}


def test_a_call_that_was_text_is_exported_as_an_object() -> None:
    text = '{"name": "add", "arguments": {"a": 1}}'
    talk = Conversation(
        None, [Turn([user("?"), assistant(text), {"role": "tool", "content": "2"}])]
    )

    (_, called, result) = json.loads(export(talk, "openai"))["messages"]

    assert called["tool_calls"][0]["function"] == {"name": "add", "arguments": '{"a": 1}'}
    assert result["tool_call_id"] == called["tool_calls"][0]["id"]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "a\nb"),
        (
            [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {}}],
            "a\n[a picture was here]",
        ),
        ("half \ud83d", "half \ufffd"),
        ([{"type": "input_audio"}, "x", 3, None], "[a sound was here]\nx"),
        ([{"type": "input_file"}, {"type": "video_url"}], "[a file was here]\n[a video was here]"),
        ([{"type": "odd"}], "[something was here: odd]"),
    ],
)
def test_contents_of_all_kinds_become_text(content: object, text: str) -> None:
    talk = import_conversation(as_bytes([{"role": "user", "content": content}]))

    assert said(talk) == [("user", text)]
    assert storage.from_json(storage.to_json(talk)) == talk


def test_developer_and_several_system_messages_are_one() -> None:
    head = [{"role": "system", "content": "A"}, {"role": "developer", "content": "B"}]

    assert import_conversation(as_bytes([*head, user("Hi")])).system == "A\n\nB"


@pytest.mark.parametrize("system", [None, "Be brief."])
def test_a_greeting_is_kept_in_the_system_message(system: str | None) -> None:
    head = [{"role": "system", "content": system}] if system else []
    messages = [
        *head,
        assistant("Hello!"),
        assistant("How can I help?"),
        user("Hi"),
        assistant("?"),
    ]

    talk = import_conversation(as_bytes(messages))

    greeting = "You have begun the conversation with these words:\n\nHello!\n\nHow can I help?"
    assert talk.system == "\n\n".join(filter(None, [system, greeting]))
    assert said(talk) == [("user", "Hi"), ("assistant", "?")]
    called = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    with pytest.raises(ConversationError, match="can't begin a turn"):
        import_conversation(as_bytes([*head, called, *messages]))
