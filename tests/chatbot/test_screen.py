"""What a terminal shows: a call in a line, and no text that controls it."""

import pytest

from companion.chatbot.screen import call_line, printable


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
