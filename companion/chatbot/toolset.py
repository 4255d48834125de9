"""The tools of ``companion chat``: the book's, the user's own, those of MCP servers.

Taught in :doc:`/book/applications/chatbot`.
"""

import json
import os
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from companion.chatbot.options import ChatOptions
from companion.errors import CompanionError, ToolDefinitionError, ToolServerError
from companion.tools import AuditLog, Tool, Toolbox

TIMEOUT = 60.0
"""Seconds for a call of a tool that is not the book's."""


def chat_toolbox(
    options: ChatOptions, servers: ExitStack, context: int, tell: Callable[[str], None]
) -> Toolbox | None:
    """Return the tools that the options ask for.

    Args:
        options: What was asked for.
        servers: Closes the MCP servers at its end.
        context: Tokens of the model's context. A result has at most as many characters, or 4,000.
        tell: Gets a line about each server or tool that can't be used; the others are.

    Returns:
        The toolbox; None if no tool is left.

    Raises:
        ToolDefinitionError: If a tool of the user's own can't be used, two tools have the same
            name, or ``--allow`` names a tool that is not there.
    """
    tools = book_tools() if options.tools else []
    if options.tool:
        from companion.tools.tool_file import tool_from_file

        tools += [tool_from_file(place) for place in options.tool]
    for address in options.mcp:
        tools = distinct([*tools, *_server_tools(address, servers, tell)], tell)
    tools = permitted(tools, options.allow)
    if not tools:
        return None
    timeout = TIMEOUT if options.tool or options.mcp else 10.0
    return Toolbox(tools, timeout=timeout, max_output=max(4000, context))


def book_tools() -> list[Tool]:
    """Return the tools of the book: the calculator and the weather over bundled data."""
    from companion.tools.calculator import calculator
    from companion.tools.weather import get_weather

    return [Tool.from_function(calculator), Tool.from_function(get_weather)]


def _server_tools(address: str, servers: ExitStack, tell: Callable[[str], None]) -> list[Tool]:
    """Return the tools of an MCP server; none of one that can't be used."""
    from companion.tools.servers import ToolServer

    try:
        server = servers.enter_context(ToolServer(address, timeout=TIMEOUT))
    except ToolServerError as error:
        tell(f"left out: {error}")
        return []
    for line in server.left_out:
        tell(f"left out: {line}")
    if not server.tools:
        tell(f"the MCP server {address!r} has no tools")
    return server.tools


def distinct(tools: Iterable[Tool], tell: Callable[[str], None]) -> list[Tool]:
    """Give a tool whose name is taken another one: with a number behind it."""
    named: dict[str, Tool] = {}
    for tool in tools:
        name, number = tool.name, 2
        while name in named:
            name, number = f"{tool.name[:60]}_{number}", number + 1
        if name != tool.name:
            tell(f"there are two tools {tool.name!r}; the later one is called {name!r}")
        named[name] = replace(tool, name=name)
    return list(named.values())


def permitted(tools: list[Tool], names: Iterable[str]) -> list[Tool]:
    """Let some tools run without an approval.

    Raises:
        ToolDefinitionError: If there is no tool of a name.
    """
    known, names = [tool.name for tool in tools], set(names)
    if missing := sorted(names - set(known)):
        there = ", ".join(known) or "none"
        raise ToolDefinitionError(f"--allow names {missing[0]!r:.80}; the tools are {there}")
    return [
        replace(tool, needs_approval=tool.needs_approval and tool.name not in names)
        for tool in tools
    ]


def open_audit(path: Path) -> AuditLog:
    """Return a log that appends to a file, which only its owner can read.

    Args:
        path: The file. One that exists must be such a log.

    Raises:
        CompanionError: If it can't be written, or holds something else.
    """
    path = path.expanduser()
    try:
        if path.exists() and not path.is_file():
            raise CompanionError(f"--audit needs a file, and {path} is none")
        with open(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), encoding="utf-8") as file:
            first = file.readline(100_000)
        if first and not _is_record(first):
            raise CompanionError(
                f"{path} exists and is no log of tool calls, so nothing is written to it. Choose "
                "another name for --audit."
            )
        path.chmod(0o600)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        raise CompanionError(f"can't write the log {path}: {why}") from error
    return AuditLog(path)


def _is_record(line: str) -> bool:
    try:
        record = json.loads(line)
    except ValueError:
        return False
    return isinstance(record, dict) and {"tool", "arguments", "outcome"} <= record.keys()
