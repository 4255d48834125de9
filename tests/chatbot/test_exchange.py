"""Conversations from other programs, and for them."""

import os

import pytest

from companion.chatbot import Conversation, Turn
from companion.chatbot.exchange import export, format_of, import_all, import_conversation
from companion.errors import ConversationError
from tests.chatbot.exports import as_bytes, assistant, chatgpt, said, user


def test_own_files_come_back_as_they_were() -> None:
    talk = Conversation("Be brief.", [Turn([user("Hi")], interrupted=True)], title="Tea")

    assert import_conversation(export(talk).encode()) == talk


def test_lines_of_data_for_fine_tuning_are_conversations() -> None:
    lines = [as_bytes({"messages": [user("a")]}), b'{"messages": [', as_bytes([user("c")])]

    found = import_all(b"\n".join(lines))

    assert [said(one)[0][1] for one in found.conversations] == ["a", "c"]
    assert found.problems[0].startswith("line 2: this is no valid JSON")


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
