"""From the options about tools to a toolbox: the book's, the user's own, those of MCP servers."""

import io
import json
import shlex
import stat
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from companion.chatbot import Chatbot, ChatSettings
from companion.chatbot.options import ChatOptions
from companion.chatbot.terminal import Terminal
from companion.chatbot.toolset import book_tools, chat_toolbox, distinct, open_audit, permitted
from companion.errors import CompanionError, ToolDefinitionError
from companion.tools import Toolbox, ToolCall

OWN = '''
def tide(place: str) -> str:
    """Tell the tide.

    Args:
        place: Where.
    """
    return f"high in {place}"
'''


@pytest.fixture
def own(tmp_path: Path) -> str:
    (tmp_path / "own.py").write_text(OWN)
    return f"{tmp_path}/own.py:tide"


def test_own_tools_ask_and_those_of_the_book_do_not(own: str) -> None:
    options = ChatOptions(tools=True, tool=[own])

    box = chat_toolbox(options, ExitStack(), 4096, pytest.fail)

    asks = {tool.name: tool.needs_approval for tool in box}
    assert asks == {"calculator": False, "get_weather": False, "tide": True}
    assert box.timeout == 60
    assert chat_toolbox(ChatOptions(tools=True), ExitStack(), 4096, pytest.fail).timeout == 10


def test_a_tool_may_be_allowed_by_name(own: str) -> None:
    options = ChatOptions(tool=[own], allow=["tide"])

    box = chat_toolbox(options, ExitStack(), 4096, pytest.fail)

    assert not box["tide"].needs_approval
    with pytest.raises(ToolDefinitionError, match="--allow names 'x'; the tools are calculator"):
        permitted(book_tools(), ["calculator", "x"])


def test_results_may_be_as_long_as_the_context() -> None:
    options = ChatOptions(tools=True)

    sizes = [chat_toolbox(options, ExitStack(), n, pytest.fail).max_output for n in (512, 32_000)]

    assert sizes == [4000, 32_000]


def test_a_server_that_can_not_be_used_leaves_the_others(own: str) -> None:
    pytest.importorskip("mcp")
    script = str(Path(__file__).parents[1] / "tools" / "mcp_server.py")
    good, dead = (shlex.join([sys.executable, script, how]) for how in ("good", "dead"))
    told: list[str] = []

    with ExitStack() as servers:
        options = ChatOptions(tool=[own], mcp=[dead, good], allow=["tide_2"])
        box = chat_toolbox(options, servers, 4096, told.append)
        answer = box.run(ToolCall("tide_2", {"place": "Oslo"}))

    assert [tool.name for tool in box][:2] == ["tide", "tide_2"]
    assert (box["tide"].needs_approval, box["tide_2"].needs_approval) == (True, False)
    assert answer.value == {"meters": 1.5}
    assert "left out: the MCP server" in told[0]
    assert "no database here" in told[0]
    assert told[1:] == ["there are two tools 'tide'; the later one is called 'tide_2'"]


def test_without_any_tool_there_is_no_toolbox() -> None:
    told: list[str] = []

    assert chat_toolbox(ChatOptions(mcp=["no-such"]), ExitStack(), 4096, told.append) is None
    assert len(told) == 1


def test_names_are_made_distinct() -> None:
    told: list[str] = []

    found = distinct([*book_tools(), *book_tools()[:1], *book_tools()[:1]], told.append)

    names = [tool.name for tool in found]
    assert names == ["calculator", "get_weather", "calculator_2", "calculator_3"]
    assert len(told) == 2


def test_the_log_is_for_its_owner_and_grows(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    record = {"tool": "t", "arguments": {}, "outcome": "ok"}
    for _ in range(2):
        open_audit(path).append(record)
        path.chmod(0o644)
    open_audit(path)

    assert [json.loads(line) for line in path.read_text().splitlines()] == [record, record]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"precious\n", b'{"a": 1}\n', b"\xff\xfe", b"[1]"])
def test_a_file_that_is_no_log_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content)

    with pytest.raises(CompanionError, match=r"no log of tool calls|it is not text"):
        open_audit(path)
    assert path.read_bytes() == content
    with pytest.raises(CompanionError, match="--audit needs a file"):
        open_audit(tmp_path)


class Caller:
    """A model that calls a tool, and then says what it was told."""

    context_length = 1000

    def count_tokens(self, messages: Sequence[dict]) -> int:
        return 10

    def stream(self, messages: Sequence[dict], params: object) -> list[str]:
        if "\nreturned: " in messages[-1]["content"]:
            return [messages[-1]["content"].partition("\nreturned: ")[2]]
        return [ToolCall("tide", {"place": "Oslo\x1b[2J"}).text()]


@pytest.fixture
def say(own: str, tmp_path: Path, capsys) -> Callable[..., tuple[str, str, list[dict]]]:
    """Ask once; returns output, errors and the log."""

    def run(*allow: str) -> tuple[str, str, list[dict]]:
        box = chat_toolbox(ChatOptions(tool=[own], allow=allow), ExitStack(), 1000, pytest.fail)
        log = open_audit(tmp_path / "log")
        bot = Chatbot(Caller(), tools=Toolbox(list(box)), settings=ChatSettings(log=log))
        Terminal(stdin=io.StringIO()).once(bot, "Tide?")
        return (*capsys.readouterr(), log.records)

    return run


def test_without_a_person_a_tool_runs_only_if_it_is_allowed(say) -> None:
    output, errors, records = say()
    assert "the user did not allow this tide" in output
    assert "[tide was not run: it needs an approval; --allow tide]" in errors
    assert [record["outcome"] for record in records] == ["refused"]

    output, errors, records = say("tide")
    assert "high in Oslo" in output
    assert errors.startswith("[tide(place='Oslo")
    assert "\x1b" not in output + errors
    assert [record["outcome"] for record in records] == ["ok"]


class Typed(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_person_is_asked_until_the_answer_is_always(own: str) -> None:
    box = chat_toolbox(ChatOptions(tools=True, tool=[own]), ExitStack(), 1000, pytest.fail)
    asked = io.StringIO()
    terminal = Terminal(stdin=Typed("\nno\nY\nalways\n"), stdout=asked, stderr=asked)
    terminal.bot = Chatbot(Caller(), tools=box)

    said = [terminal.approve(ToolCall("tide", {"place": "Oslo"})) for _ in range(6)]

    assert said == [False, False, True, True, True, True]
    assert asked.getvalue().count("May the model call") == 4
    assert terminal.approve(ToolCall("calculator")) is True
    terminal = Terminal(stdin=Typed(""), stdout=asked, stderr=asked)
    terminal.bot = Chatbot(Caller(), tools=box)
    assert terminal.approve(ToolCall("tide", {"place": "Oslo"})) is False
