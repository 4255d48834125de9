"""Messages of several lines: pasted, broken by hand, edited, over a pipe."""

import builtins
import io
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from companion.chatbot import keyboard

pexpect = pytest.importorskip("pexpect")

SCRIPT = Path(__file__).with_name("run_terminal.py")
ENVIRONMENT = os.environ | {
    "PYTHONPATH": str(Path(__file__).parents[2]),
    "PROMPT_TOOLKIT_NO_CPR": "1",  # nobody answers where the cursor is
    "INPUTRC": os.devnull,
}
PROMPT = r">( |\x08\x1b\[2C)"  # or it moves the cursor
PASTE = "\x1b[200~{}\x1b[201~"


@pytest.fixture
def chat() -> Iterator[Callable]:
    started = []

    def start(term: str = "xterm"):
        child = pexpect.spawn(
            sys.executable,
            [str(SCRIPT)],
            timeout=15,
            encoding="utf-8",
            env=ENVIRONMENT | {"TERM": term},
            dimensions=(40, 100),
        )
        child.delaybeforesend = None
        started.append(child)
        child.expect(PROMPT)
        return child

    yield start
    for child in started:
        child.close(force=True)


def read_by_model(child) -> str:
    """Return the messages that the model has read, as it tells them."""
    child.expect(PROMPT)
    child.send("history\r")
    child.expect(r"\[['\"].*\]")
    return child.after


@pytest.mark.parametrize("term", ["xterm", "dumb"])
@pytest.mark.parametrize("ends", ["\r", ""])
def test_lines_that_are_pasted_are_one_message(chat, term: str, ends: str) -> None:
    child = chat(term)
    lines = "one\rtwo\rthree" + ends

    child.send(PASTE.format(lines) if term == "xterm" else lines)
    child.expect_exact("three")
    time.sleep(0.3)  # a hand takes its time
    child.send("\r")
    child.expect_exact("slow heard one\r\ntwo\r\nthree\r\n")

    assert read_by_model(child).startswith(r"['one\ntwo\nthree', ")


def test_a_terminal_that_does_not_mark_a_paste_does_as_well(chat) -> None:
    child = chat()

    child.send("one\rtwo\rthree")
    child.expect_exact("three")
    child.send("\r")

    child.expect_exact("slow heard one\r\ntwo\r\nthree\r\n")


@pytest.mark.parametrize(
    ("term", "keys"),
    [("xterm", "one\x1b\rtwo\r"), ("xterm", "one\\{}two\r"), ("dumb", "one\\{}two\r")],
)
def test_a_line_can_be_broken_by_hand(chat, term: str, keys: str) -> None:
    child = chat(term)

    first, broken, rest = keys.partition("{}")
    child.send(first + ("\r" if broken else ""))
    if broken:
        child.expect_exact("one")
        child.send(rest)

    child.expect_exact("slow heard one\r\ntwo\r\n")


def test_a_paste_that_begins_with_a_slash_is_no_command(chat) -> None:
    child = chat()

    child.send(PASTE.format("/bin/sh: error\r/quit") + "\r")

    child.expect_exact("slow heard /bin/sh: error\r\n/quit\r\n")


def test_commands_that_are_typed_ahead_are_obeyed_one_by_one(chat) -> None:
    child = chat()

    child.send("/tools\r/sources\r")

    child.expect_exact("There are no tools")
    child.expect_exact("has no sources")


def test_the_history_is_searched_and_the_last_message_edited(chat) -> None:
    child = chat()
    child.send("where is Oslo\r")
    child.expect_exact("slow heard where is Oslo\r\n")
    child.expect(PROMPT)

    child.send("\x12Osl")  # Ctrl-R
    child.expect_exact("I-search backward")
    child.send("\r")
    child.send("\r")
    child.expect_exact("slow heard where is Oslo\r\n")
    child.expect(PROMPT)
    child.send("/edit\r")
    child.expect_exact("where is Oslo")
    child.send("\x7f\x7f\x7f\x7fRome\r")
    child.expect_exact("slow heard where is Rome\r\n")

    told = read_by_model(child)
    assert told.count("'where is Oslo'") == 1
    assert "'where is Rome'" in told


def test_an_edit_that_is_given_up_changes_nothing(chat) -> None:
    child = chat()
    child.send("hello\r")
    child.expect_exact("slow heard hello\r\n")
    child.expect(PROMPT)
    child.send("/edit\r")
    child.expect_exact("> hello")

    child.send("\x03")

    child.expect_exact("[stopped]")
    assert read_by_model(child) == "['hello', 'slow heard hello', 'history']"


def test_a_pipe_has_a_message_in_each_line() -> None:
    pipe = keyboard.source(io.StringIO("one\ntwo \\\nthree\n\na\\\\\nend\\"), io.StringIO())

    assert isinstance(pipe, keyboard.Pipe)
    assert [pipe.read() for _ in range(5)] == ["one", "two \nthree", "", "a\\\\", "end"]
    with pytest.raises(EOFError):
        pipe.read()


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_without_the_library_or_a_cursor_lines_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(keyboard.source(Screen(), Screen()), keyboard.Lines)
    monkeypatch.setenv("TERM", "xterm")
    assert isinstance(keyboard.source(Screen(), io.StringIO()), keyboard.Lines)
    monkeypatch.setattr(keyboard, "find_spec", lambda name: None)
    assert isinstance(keyboard.source(Screen(), Screen()), keyboard.Lines)


def test_lines_end_at_the_end_of_the_input(monkeypatch: pytest.MonkeyPatch) -> None:
    typed = iter(["one\\", "two"])
    monkeypatch.setattr(builtins, "input", lambda prompt="": next(typed))

    assert keyboard.Lines(io.StringIO()).read() == "one\ntwo"


@pytest.mark.parametrize(
    ("text", "command"), [("/help", True), ("//help", False), ("/a\nb", False), ("a/b", False)]
)
def test_a_command_is_one_line_that_begins_with_one_slash(text: str, command: bool) -> None:
    assert keyboard.is_command(text) is command
