"""Conversations from other programs, and for them."""

import json
import os

import pytest

from companion.chatbot import Conversation, Turn, storage
from companion.chatbot.exchange import export, format_of, import_all, import_conversation
from companion.errors import ConversationError

CALL = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}


def as_bytes(value: object) -> bytes:
    return json.dumps(value).encode()


def user(text: str) -> dict:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict:
    return {"role": "assistant", "content": text}


def node(parent: str | None, role: str, *parts: object, **more: object) -> dict:
    content = {"content_type": more.pop("kind", "text"), "parts": list(parts)}
    message = {"author": {"role": role}, "content": content, "recipient": "all", **more}
    return {"parent": parent, "message": message}


def chatgpt(title: object = "Tea", current: object = "a2", **changes: object) -> dict:
    """One conversation of ChatGPT's export: the first answer was made again."""
    mapping = {
        "root": {"parent": None, "message": None, "children": ["s"]},
        "s": node("root", "system", ""),
        "u1": node("s", "user", "How long?"),
        "a1": node("u1", "assistant", "One minute."),
        "a2": node("u1", "assistant", "Three minutes."),
    }
    return {"title": title, "mapping": mapping | changes, "current_node": current}


def said(conversation: Conversation) -> list[tuple[str, str | None]]:
    return [(m["role"], m["content"]) for turn in conversation.turns for m in turn.messages]


def test_own_files_come_back_as_they_were() -> None:
    talk = Conversation("Be brief.", [Turn([user("Hi")], interrupted=True)], title="Tea")

    assert import_conversation(export(talk).encode()) == talk


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
        ([{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {}}], "a\n[image_url]"),
        ("half \ud83d", "half \ufffd"),
        ([{"type": "input_audio"}, "x", 3, None], "[input_audio]\nx"),
    ],
)
def test_contents_of_all_kinds_become_text(content: object, text: str) -> None:
    talk = import_conversation(as_bytes([{"role": "user", "content": content}]))

    assert said(talk) == [("user", text)]
    assert storage.from_json(storage.to_json(talk)) == talk


def test_developer_and_several_system_messages_are_one() -> None:
    head = [{"role": "system", "content": "A"}, {"role": "developer", "content": "B"}]

    assert import_conversation(as_bytes([*head, user("Hi")])).system == "A\n\nB"


def test_lines_of_data_for_fine_tuning_are_conversations() -> None:
    lines = [as_bytes({"messages": [user("a")]}), b'{"messages": [', as_bytes([user("c")])]

    found = import_all(b"\n".join(lines))

    assert [said(one)[0][1] for one in found.conversations] == ["a", "c"]
    assert found.problems[0].startswith("line 2: this is no valid JSON")


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


def test_the_good_ones_of_an_export_are_read_and_the_others_named() -> None:
    found = import_all(as_bytes([chatgpt(), {"mapping": {}}, 3, chatgpt("Milk")]))

    assert [one.title for one in found.conversations] == ["Tea", "Milk"]
    assert [problem[:14] for problem in found.problems] == ["conversation 2", "conversation 3"]


def test_one_of_several_is_chosen_by_its_title() -> None:
    data = as_bytes([chatgpt("Green tea"), chatgpt("Milk")])

    assert import_conversation(data, title="milk").title == "Milk"
    with pytest.raises(ConversationError, match="2 conversations, choose one: 'Green tea', 'Milk'"):
        import_conversation(data)
    with pytest.raises(ConversationError, match="no conversation in it has 'beer'"):
        import_conversation(data, title="beer")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "not a whole, valid JSON"),
        (b"{", "not a whole, valid JSON"),
        (b"[" * 100_000, "not a whole, valid JSON"),
        (b"\xff\xfe{\x00", "not UTF-8 text"),
        (b"PK\x03\x04abc", "unpack it"),
        (b"[]", "no conversation"),
        (b"3", "no conversation"),
        (b'{"messages": []}', "no conversation"),
        (b'{"messages": "hi"}', "no conversation"),
        (b'[{"content": "hi"}]', "message 0 must be an object with a 'role'"),
        (b'[{"role": "human", "content": "hi"}]', "can't begin a turn"),
        (b'[{"role": "assistant", "content": "hi"}]', "'assistant' can't begin a turn"),
        (b'[{"role": "user", "content": {"a": 1}}]', "message 0: 'content' must be"),
        (b'[{"role": "user", "content": "a"}, {"role": "system", "content": "b"}]', "'system'"),
        (b'{"format": "companion-conversation", "version": 9}', "reads version 1"),
        (b'{"format": "companion-conversation", "version": 1, "x": 2}', "unknown field 'x'"),
        (b'{"mapping": {}}', "the user says nothing"),
    ],
)
def test_other_files_are_refused_in_words(data: bytes, told: str) -> None:
    with pytest.raises(ConversationError, match=told):
        import_conversation(data)


def test_a_path_is_read_and_named(tmp_path) -> None:
    path = tmp_path / "talk.json"
    path.write_bytes(b"\xef\xbb\xbf" + as_bytes([user("Hi")]))

    assert said(import_conversation(path)) == [("user", "Hi")]
    for name in (tmp_path / "none.json", tmp_path):
        with pytest.raises(ConversationError, match=f"can't read {name}"):
            import_conversation(name)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_not_waited_for(tmp_path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(ConversationError, match="not a file"):
        import_conversation(tmp_path / "pipe")


def test_markdown_has_everything_that_was_said() -> None:
    turn = Turn([user("1?"), assistant("call"), {"role": "tool", "content": "```x```"}], note="cut")
    text = export(Conversation("Be brief.", [turn], title="Sums"), "markdown")

    assert text == (
        "# Sums\n\n## System\n\nBe brief.\n\n## You\n\n1?\n\n## Assistant\n\ncall\n\n"
        "## Result of a tool\n\n````\n```x```\n````\n\n*Cut.*\n"
    )


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ValueError, match="companion, openai, markdown, got 'pdf'"):
        export(Conversation(), "pdf")


@pytest.mark.parametrize(
    ("name", "format"), [("A.MD", "markdown"), ("x.messages.json", "openai"), ("x", "companion")]
)
def test_a_file_name_tells_the_format(name: str, format: str) -> None:
    assert format_of(name) == format
