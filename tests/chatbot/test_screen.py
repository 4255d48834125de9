"""What a terminal shows: a call in a line, and no text that controls it."""

import pytest

from companion.chatbot.screen import ShownCalls, call_line, place, printable
from companion.rag.documents import Document, Hit


def test_a_call_is_one_line() -> None:
    record = {"tool": "t", "arguments": {"text": "a\nb" * 99}, "result": "{}"}

    assert len(call_line(record, 80)) == 80
    assert "\n" not in call_line(record, 80)


@pytest.mark.parametrize("text", ["\x1b]0;x\x07", "\x9b31m", "a\rb", "a\x08b", "\u202eabc", "\x00"])
def test_control_characters_are_not_printed(text: str) -> None:
    assert all(
        ord(character) >= 32 and character not in "\x9b\u202e" for character in printable(text)
    )
    assert printable("two\nlines\tand \u00fc \u2600") == "two\nlines\tand \u00fc \u2600"


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({"source": "a.pdf", "page": 3, "heading": "Fees"}, "a.pdf, page 3, Fees"),
        ({"source": "a.csv", "row": 7}, "a.csv, row 7"),
        ({"source": "a.txt"}, "a.txt"),
    ],
)
def test_a_passage_is_named_by_its_place(metadata: dict, said: str) -> None:
    assert place(Hit(Document("text", metadata), 1.0)) == said


def test_calls_are_logged_and_shown() -> None:
    lines: list[str] = []
    log: list[dict] = []
    record = {"tool": "add", "arguments": {"a": 1}, "result": "2"}

    ShownCalls(lines.append, log).append(record)
    ShownCalls(lines.append).append(record)

    assert log == [record]
    assert lines == ["[add(a=1) -> 2]"] * 2


def test_a_narrow_terminal_has_room_for_something() -> None:
    record = {"tool": "add", "arguments": {"a": 1}, "result": "x" * 99}

    assert [len(call_line(record, width)) for width in (0, 20, 50)] == [20, 20, 50]
