"""The terminal chat, driven through a pty and through pipes."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from companion.chatbot import Chatbot, ChatSettings, storage
from companion.chatbot.terminal import Terminal
from companion.reasoning import Reasoning, keep_apart
from companion.tools import Tool, Toolbox, ToolCall
from companion.tools.calculator import calculator
from companion.tools.weather import get_weather

pexpect = pytest.importorskip("pexpect")

SCRIPT = Path(__file__).with_name("run_terminal.py")
ENVIRONMENT = os.environ | {
    "PYTHONPATH": str(Path(__file__).parents[2]),
    "TERM": "dumb",  # no colors, no bracketed paste
    "INPUTRC": os.devnull,
}


@pytest.fixture
def chat(tmp_path: Path) -> Iterator[Callable]:
    """Start the chat in a pty, and end it after the test."""
    started = []

    def start(*arguments: str):
        child = pexpect.spawn(
            sys.executable,
            [str(SCRIPT), *arguments],
            timeout=60,
            encoding="utf-8",
            env=ENVIRONMENT,
            cwd=str(tmp_path),
        )
        started.append(child)
        child.expect_exact("> ")
        return child

    yield start
    for child in started:
        child.close(force=True)


def say(child, line: str, answer: str) -> None:
    child.sendline(line)
    child.expect_exact(answer)
    child.expect_exact("> ")


def pipe(*lines: str, cwd: Path, arguments: tuple[str, ...] = ()) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, SCRIPT, *arguments],
        input="\n".join(lines).encode(),
        capture_output=True,
        env=ENVIRONMENT,
        cwd=cwd,
        timeout=30,
        check=False,
    )


def test_messages_are_answered_and_ctrl_d_quits(chat) -> None:
    child = chat()

    say(child, "hello", "slow heard hello")
    say(child, "history", "['hello', 'slow heard hello', 'history']")
    child.sendeof()
    child.expect(pexpect.EOF)
    child.close()

    assert child.exitstatus == 0


def test_ctrl_c_stops_the_answer_and_keeps_what_was_written(chat, tmp_path: Path) -> None:
    child = chat()

    child.sendline("count")
    child.expect_exact("0 1 2 3 ")
    child.sendintr()
    child.expect_exact("[stopped]")
    child.expect_exact("> ")
    say(child, "/save chat.json", "Saved 1 turn to chat.json.")

    (turn,) = storage.load(tmp_path / "chat.json").turns
    assert turn.interrupted
    assert turn.messages[1]["content"].startswith("0 1 2 3 ")
    say(child, "history", "['count', '0 1 2 3")


def test_ctrl_c_at_the_prompt_gives_up_the_line(chat) -> None:
    child = chat()

    child.send("half a li")
    child.expect_exact("half a li")
    child.sendintr()
    child.expect_exact("> ")
    say(child, "hello", "slow heard hello")


def test_many_ctrl_c_lose_nothing(chat) -> None:
    child = chat()

    for number in range(4):
        child.sendline(f"count {number}")
        child.expect_exact("0 1 ")
        child.sendintr()
        child.expect_exact("[stopped]")
        child.expect_exact("> ")

    say(child, "/save chat.json", "Saved 4 turns")


def test_the_line_can_be_edited_and_the_last_one_taken_again(chat) -> None:
    pytest.importorskip("readline")
    child = chat()

    say(child, "hello", "slow heard hello")
    child.send("\x10")  # Ctrl-P: the line before
    child.send(" again\r")
    child.expect_exact("slow heard hello again")


def test_quit_ends(chat) -> None:
    child = chat()

    child.sendline("/quit")
    child.expect(pexpect.EOF)
    child.close()

    assert child.exitstatus == 0


def test_the_commands(chat, tmp_path: Path) -> None:
    child = chat()

    say(child, "/help", "/sources        show the passages")
    say(child, "/tools", "There are no tools")
    say(child, "/sources", "no sources")
    say(child, "hello", "slow heard hello")
    say(child, "/save 'my chat.json'", "Saved 1 turn to my chat.json.")
    say(child, "/reset", "A new conversation.")
    say(child, "history", "['history']")
    say(child, "/load my chat.json", "Loaded 1 turn from my chat.json.")
    say(child, "history", "['hello', 'slow heard hello', 'history']")
    say(child, "/model fast", "Now talking to fast.")
    say(child, "hi", "fast heard hi")
    say(child, "//model", "fast heard /model")
    assert [file.name for file in tmp_path.iterdir()] == ["my chat.json"]


def test_wrong_commands_lose_nothing(chat, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("precious")
    (tmp_path / "new.json").write_text(
        json.dumps({"format": "companion-conversation", "version": 9})
    )
    child = chat()
    say(child, "hello", "slow heard hello")

    say(child, "/hlp", "there is no command /hlp; did you mean /help?")
    say(child, "/fly", "there is no command /fly; /help lists")
    say(child, "/", "there is no command /;")
    say(child, "/save", "/save needs a FILE")
    say(child, "/quit now", "/quit takes nothing after it")
    say(child, "/load nothing.json", "can't read nothing.json: No such file")
    say(child, "/load notes.txt", "notes.txt: this is not a whole, valid JSON")
    say(child, "/load new.json", "has the version 9")
    say(child, "/save notes.txt", "left as it is")
    say(child, "/save no/such/folder.json", "can't write")
    say(child, "/model missing", "there is no model 'missing'")
    say(child, "word " * 250, "Shorten the message")

    say(child, "history", "['hello', 'slow heard hello', 'history']")
    assert (tmp_path / "notes.txt").read_text() == "precious"


def test_a_failing_endpoint_is_one_line(chat) -> None:
    child = chat()

    say(child, "fail", "half\r\ncompanion: the endpoint broke off\r\n")
    say(child, "hello", "slow heard hello")


def test_the_model_can_not_control_the_terminal(chat) -> None:
    child = chat()

    say(child, "escape", "red [31m text\r\n")


def test_sources_are_named_and_shown(chat) -> None:
    child = chat("--docs")

    say(child, "where is Ann", "Sources: [1] a.md")
    say(child, "/sources", "[1] a.md: Ann lives in Oslo.")
    say(child, "thanks", "slow heard thanks")
    say(child, "/sources", "no sources")


def test_a_tool_that_needs_approval_is_asked_for(chat) -> None:
    child = chat("--tools")
    say(child, "/tools", "send(text): Send a message. (asks you first)")

    for said, told in [("y", "sent x"), ("", "did not allow"), ("no", "did not allow")]:
        child.sendline("please")
        child.expect_exact('May the model call {"name": "send", "arguments": {"text": "x"}}? ')
        child.expect_exact("[y]es, [a]lways, [N]o ")
        child.sendline(said)
        child.expect_exact(told)
        child.expect_exact("> ")

    child.sendline("please")
    child.expect_exact("[N]o ")
    child.sendintr()
    child.expect_exact("[stopped]")
    child.expect_exact("> ")
    say(child, "/save chat.json", "Saved 4 turns")


def test_piped_lines_are_answered_without_prompts(tmp_path: Path) -> None:
    done = pipe("hello", "", "  again  ", cwd=tmp_path)

    assert done.stdout.decode() == "slow heard hello\nslow heard again\n"
    assert (done.returncode, done.stderr) == (0, b"")


MARKED = (
    "I could say 41. No.\r\n[what stands above was reasoning; the answer is below]\r\nIt is 42."
)


def test_what_turns_out_as_reasoning_is_marked_in_a_terminal(chat, tmp_path: Path) -> None:
    child = chat()

    say(child, "reason", MARKED)
    say(child, "/save chat.json", "Saved 1 turn")

    (turn,) = storage.load(tmp_path / "chat.json").turns
    assert turn.messages[1]["content"] == "It is 42."


def test_with_passages_it_is_marked_as_well(chat) -> None:
    say(chat("--docs"), "where? reason", MARKED)


def test_a_pipe_gets_the_answer_and_no_reasoning(tmp_path: Path) -> None:
    done = pipe("reason", "hello", cwd=tmp_path)

    assert done.stdout.decode() == "It is 42.\nslow heard hello\n"


class Thoughtful:
    """A model that reasons before it calls a tool, and again before it answers."""

    context_length = 1000

    def count_tokens(self, messages: object) -> int:
        return 10

    def bind_tools(self, toolbox: object) -> "Thoughtful":
        return self

    def stream(self, messages: list[dict], params: object) -> Iterator[object]:
        if messages[-1]["role"] == "tool":
            return keep_apart(["So 3? ", "No.\n</think>\n\n", "It is 2."])
        call = '<tool_call>{"name": "calculator", "arguments": {"expression": "1 + 1"}}</tool_call>'
        return keep_apart(["Add them?\n</think>\n", "I add them.\n", call])


class Window(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stdout", [io.StringIO, Window])
def test_the_answer_to_one_message_is_all_that_is_written(stdout: type) -> None:
    screen, errors = stdout(), io.StringIO()
    terminal = Terminal(stdin=io.StringIO(), stdout=screen, stderr=errors)

    terminal.once(Chatbot(Thoughtful(), tools=Toolbox([calculator])), "1 + 1?")

    assert screen.getvalue() == "I add them.\nIt is 2.\n"
    assert errors.getvalue() == "[calculator(expression='1 + 1') -> {\"value\": 2}]\n"


def test_an_answer_that_breaks_off_is_written_as_far_as_it_came(scripted, cut) -> None:
    screen = io.StringIO()
    terminal = Terminal(stdin=io.StringIO(), stdout=screen)

    with pytest.raises(type(cut)):
        terminal.once(Chatbot(scripted(("half an", cut))), "hi")

    assert screen.getvalue() == "half an\n"


@pytest.mark.parametrize("stdout", [io.StringIO, Window])
@pytest.mark.parametrize(("written", "shown"), [("half an", "half an\n"), ("", "")])
def test_ctrl_c_ends_a_single_message_and_says_so_beside_the_output(
    scripted, stdout: type, written: str, shown: str
) -> None:
    screen, errors = stdout(), io.StringIO()
    terminal = Terminal(stdin=io.StringIO(), stdout=screen, stderr=errors)

    with pytest.raises(KeyboardInterrupt):
        terminal.once(Chatbot(scripted((written, KeyboardInterrupt()))), "hi")

    assert screen.getvalue() == shown
    assert errors.getvalue() == "[stopped]\n"


def stopped_at_first(messages: list[dict]) -> str | tuple:
    return ("half an", KeyboardInterrupt()) if messages[-1]["content"] == "hi" else "whole"


def test_ctrl_c_ends_a_talk_from_a_pipe_into_a_pipe(scripted) -> None:
    screen, errors = io.StringIO(), io.StringIO()
    lines = io.StringIO("hi\nagain\n")
    bot = Chatbot(scripted(stopped_at_first))

    with pytest.raises(KeyboardInterrupt):
        Terminal(stdin=lines, stdout=screen, stderr=errors).run(bot)

    assert (screen.getvalue(), errors.getvalue()) == ("half an\n", "[stopped]\n")
    assert bot.conversation.turns[-1].interrupted


def test_a_talk_from_a_pipe_goes_on_if_somebody_watches_it(scripted) -> None:
    screen, lines = Window(), io.StringIO("hi\nagain\n")

    bot = Chatbot(scripted(stopped_at_first))
    status = Terminal(stdin=lines, stdout=screen).run(bot)

    assert screen.getvalue() == "half an [stopped]\nwhole\n"
    assert status == 0


@pytest.mark.parametrize("answer", ["", " \n"])
def test_an_empty_answer_to_a_single_message_is_no_success(scripted, answer: str) -> None:
    errors = io.StringIO()
    terminal = Terminal(stdin=io.StringIO(), stdout=io.StringIO(), stderr=errors)

    status = terminal.once(Chatbot(scripted(answer)), "hi")

    assert (status, errors.getvalue()) == (1, "[an empty answer]\n")


def test_a_failed_line_of_a_pipe_sets_the_status(tmp_path: Path) -> None:
    done = pipe("fail", "/fly", "hello", cwd=tmp_path)

    assert done.stdout.decode() == "half\nslow heard hello\n"
    assert done.stderr.decode().splitlines() == [
        "companion: the endpoint broke off",
        "companion: there is no command /fly; /help lists the commands",
    ]
    assert done.returncode == 1


def test_in_a_pipe_nobody_can_approve() -> None:
    guarded = Tool.from_function(calculator, needs_approval=True)
    terminal = Terminal(stdin=io.StringIO(""), stdout=io.StringIO())
    bot = Chatbot(Pondering(), tools=Toolbox([guarded, get_weather]))

    terminal.run(bot)

    assert bot.settings.approve(ToolCall("calculator")) is False
    assert bot.settings.approve(ToolCall("get_weather")) is True


def test_a_bot_that_asks_elsewhere_goes_on_doing_so() -> None:
    bot = Chatbot(Pondering(), settings=ChatSettings(approve=bool))

    Terminal(stdin=io.StringIO(""), stdout=io.StringIO()).run(bot)

    assert bot.settings.approve is bool


def test_odd_bytes_do_not_end_the_chat(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT],
        input=b"caf\xe9 \xff\nhello\n/save \xff\x00\n",
        capture_output=True,
        env=ENVIRONMENT | {"PYTHONIOENCODING": "utf-8"},
        cwd=tmp_path,
        timeout=30,
        check=False,
    )

    assert done.stdout.decode() == "slow heard caf\ufffd \ufffd\nslow heard hello\n"
    assert done.stderr.decode().count("\n") == 1


def test_an_ascii_terminal_gets_question_marks(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT],
        input="\u2600 sun\n".encode(),
        capture_output=True,
        env=ENVIRONMENT | {"PYTHONIOENCODING": "ascii"},
        cwd=tmp_path,
        timeout=30,
        check=False,
    )

    assert done.stdout.startswith(b"slow heard ?")
    assert done.returncode == 0


class Pondering:
    """A model that uses up its tokens for reasoning."""

    context_length = 1000

    def count_tokens(self, messages: object) -> int:
        return 10

    def stream(self, messages: object, params: object) -> Iterator[Reasoning]:
        yield Reasoning("Hm, what does he want?")


def test_an_answer_without_words_is_explained() -> None:
    screen = io.StringIO()
    terminal = Terminal(stdin=io.StringIO("hello\n"), stdout=screen)

    status = terminal.run(Chatbot(Pondering()))

    assert screen.getvalue() == "\n[no answer: reasoning only]\n"
    assert status == 0
