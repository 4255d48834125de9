"""Tools of MCP servers, over a real server made with the official library."""

import shlex
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from companion.errors import ToolDefinitionError, ToolServerError
from companion.tools import Toolbox, ToolCall
from companion.tools.servers import ToolServer, _tool

pytest.importorskip("mcp")

COMMAND = shlex.join([sys.executable, str(Path(__file__).with_name("mcp_server.py"))])


@pytest.fixture(scope="module")
def server() -> Iterator[ToolServer]:
    with ToolServer(COMMAND, timeout=60) as server:
        yield server


@pytest.fixture(scope="module")
def box(server: ToolServer) -> Toolbox:
    return Toolbox(server.tools, timeout=60)


def test_the_tools_are_declared_and_need_approval(server: ToolServer, box: Toolbox) -> None:
    assert [tool.name for tool in box] == ["tide", "log_book_read", "sink", "wait", "secrets"]
    assert all(tool.needs_approval for tool in box)
    assert list(box["tide"].parameters["properties"]) == ["place", "hours"]
    assert box["log_book_read"].description.startswith("Read the log book.")
    assert "strict" not in box["secrets"].declaration()["function"]
    assert server.left_out == []


@pytest.mark.parametrize(
    ("name", "arguments", "outcome", "content"),
    [
        ("tide", {"place": "Oslo", "hours": 2}, "ok", '{"meters": 3.0}'),
        ("log_book_read", {}, "ok", '{"result": "Calm.\\nNo wind."}'),
        ("secrets", {}, "ok", '{"result": []}'),
        ("tide", {"place": "nowhere"}, "failed", "Error executing tool tide"),
        ("tide", {"place": 3}, "bad arguments", "3 is not of type 'string'"),
        ("drown", {}, "unknown tool", "there is no tool 'drown'"),
    ],
)
def test_calls_reach_the_server_and_come_back(
    box: Toolbox, monkeypatch: pytest.MonkeyPatch, name, arguments, outcome, content
) -> None:
    result = box.run(ToolCall(name, arguments))

    assert result.outcome == outcome
    assert content in result.content()


def test_a_server_does_not_get_our_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPANION_API_KEY", "sk-secret")

    with ToolServer(COMMAND, timeout=60) as server:
        assert server.call("secrets", {}) == {"result": []}


def test_a_server_that_dies_or_hangs_is_a_failed_call() -> None:
    with ToolServer(COMMAND + " noisy", timeout=60) as server:
        server.timeout = 1
        box = Toolbox(server.tools, timeout=30)
        began = time.monotonic()
        late = box.run(ToolCall("wait", {"seconds": 20}))
        waited = time.monotonic() - began
        sunk = box.run(ToolCall("sink"))
        after = box.run(ToolCall("tide", {"place": "Oslo"}))

    assert "did not answer within 1 seconds" in late.error
    assert waited < 10
    assert [one.outcome for one in (late, sunk, after)] == ["failed"] * 3
    assert "the server has ended" in after.error
    assert "its tools can't be used any more" in box.run(ToolCall("tide", {"place": "x"})).error


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (f"{COMMAND} dead", r"can't be used: the server has ended \(it wrote: no database here\)"),
        (f"{COMMAND} silent", "did not answer as an MCP server within 1 seconds"),
        (f"{COMMAND} nonsense", "did not answer as an MCP server within 1 seconds"),
        (f"{sys.executable} -c 1", "can't be used: the server has ended"),
        ("no-such-program --x", "can't be started: No such file or directory: no-such-program"),
        ("'half", "is no command: No closing quotation"),
        ("", "is no command: it is empty"),
        ("http://127.0.0.1:9/mcp", "can't be used"),
    ],
)
def test_what_is_no_server_is_said_in_words(command: str, said: str) -> None:
    with pytest.raises(ToolServerError, match=said):
        ToolServer(command, timeout=1)


def offered(**fields: object) -> SimpleNamespace:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    plain = {"name": "get", "title": None, "description": "Get.", "input_schema": schema}
    return SimpleNamespace(**plain | fields)


def test_what_a_server_offers_is_made_fit_to_be_declared() -> None:
    assert _tool(offered(name="9/ä b"), str).name == "tool_9___b"
    assert _tool(offered(name="x" * 200), str).name == "x" * 64
    assert _tool(offered(description=None), str).description == "get"
    assert len(_tool(offered(description="x" * 9000), str).description) == 2000
    assert _tool(offered(input_schema={}), str).parameters == {"type": "object", "properties": {}}


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"properties": {"a": {"$ref": "http://127.0.0.1:9/x"}}}, "refers to 'http://127.0.0.1:9"),
        ({"$defs": {"a": {"anyOf": [{"$ref": "file:///etc/passwd"}]}}}, "refers to 'file:"),
        ({"properties": {"a": {"type": "strange"}}}, "its schema is none"),
        ({"type": "string"}, "its arguments are no object"),
        ({"properties": 3}, "its schema is none"),
    ],
)
def test_a_schema_that_can_not_be_used_is_refused(schema: dict, said: str) -> None:
    with pytest.raises(ToolDefinitionError, match=said):
        _tool(offered(input_schema=schema), str)
