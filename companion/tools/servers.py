"""Tools of MCP servers: programs that offer tools to any chat, by the Model Context Protocol.

A server is a command that is started here and talks over its input and output, or an address. The
protocol is spoken by the official library `mcp`. That is asynchronous, so each server gets a
thread with an event loop, in which its connection lives until it is closed.

Nothing that a server says is trusted. The model reads its descriptions and results, which can hold
instructions, so its tools need approval. They run in the server's process, with the rights of
whoever started it. Left out: resources, prompts, logins, and requests of a server to the model or
to the user. Taught in :doc:`/book/applications/mcp`.
"""

import asyncio
import logging
import os
import re
import shlex
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import AsyncExitStack
from typing import Any, Self

from companion._checks import check_above_zero
from companion._extras import require
from companion.errors import ToolDefinitionError, ToolError, ToolServerError
from companion.tools.tool import Tool

MAX_TOOLS = 100
MAX_DESCRIPTION = 2000
"""Characters of a description; the rest of a longer one is cut off."""


class ToolServer:
    """An MCP server, and the tools that it offers. As a context it closes the connection.

    Args:
        address: The command that starts the server, such as ``"python server.py"``, or its
            address, which begins with http.
        timeout: Seconds for the start, and for each call.

    Attributes:
        tools: The tools, each of which needs approval.
        left_out: Why some of its tools are not among them, a line for each.

    Raises:
        ToolServerError: If the server can't be started or reached, or does not answer as one.
        MissingExtraError: If `mcp` is not installed.
    """

    def __init__(self, address: str, *, timeout: float = 60.0) -> None:
        """Connect, and ask for the tools."""
        check_above_zero(timeout=timeout)
        self._mcp = require("mcp", extra="mcp")
        self.address, self.timeout = address, timeout
        self._log = tempfile.TemporaryFile(  # noqa: SIM115  closed by close()
            "w+", encoding="utf-8", errors="replace"
        )
        self._ready: Future[list[Any]] = Future()
        self._loop, self._end = asyncio.new_event_loop(), asyncio.Event()
        self._client: Any = None
        self._thread = threading.Thread(target=self._live, name=f"mcp {address}", daemon=True)
        self._thread.start()
        try:
            offered = self._ready.result(timeout + 10)  # the library needs time to give up, too
        except Exception as error:
            why = self._why(error)
            self.close()
            raise ToolServerError(f"the MCP server {address!r} {why}") from error
        self.left_out: list[str] = []
        self.tools = list(self._made(offered))

    def __enter__(self) -> Self:
        """Return the server."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self.close()

    def close(self) -> None:
        """End the connection, and the server if it was started here."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._end.set)
        if threading.current_thread() is not self._thread:
            self._thread.join(10)
        self._log.close()

    def call(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """Run a tool of the server.

        Returns:
            Its result as data, or as text where it has no data.

        Raises:
            ToolError: If the tool fails, or the server does. The words are for the model.
        """
        if self._loop.is_closed():
            raise ToolError(f"the server of {name} has ended; its tools can't be used any more")
        calling = self._client.call_tool(name, dict(arguments))
        answer = asyncio.run_coroutine_threadsafe(calling, self._loop)
        try:
            result = answer.result(self.timeout + 1)
        except TimeoutError:
            answer.cancel()
            raise ToolError(f"{name} did not answer within {self.timeout:g} seconds") from None
        except Exception as error:
            raise ToolError(f"{name} failed: {_words(error)}") from error
        texts = "\n".join(map(_text, result.content))
        if result.is_error:
            raise ToolError(texts or f"{name} failed")
        return texts if result.structured_content is None else result.structured_content

    def _live(self) -> None:
        """Hold the connection, in a thread of its own."""
        for name in ("mcp", "client"):  # what it logs is said in words where it matters
            logging.getLogger(name).setLevel(logging.CRITICAL)
        try:
            self._loop.run_until_complete(self._connection())
        except BaseException as error:  # the library raises groups of them
            if not self._ready.done():
                self._ready.set_exception(_first(error))
        finally:
            self._loop.close()

    async def _connection(self) -> None:
        async with AsyncExitStack() as stack:
            async with asyncio.timeout(self.timeout):
                client = self._mcp.Client(self._transport(), read_timeout_seconds=self.timeout)
                self._client = await stack.enter_async_context(client)
                offered = await _listed(self._client)
            self._ready.set_result(offered)
            await self._end.wait()

    def _transport(self) -> Any:
        if self.address.startswith(("http://", "https://")):
            return self.address
        try:
            words = shlex.split(self.address, posix=os.name == "posix")
        except ValueError as error:
            raise ToolServerError(f"is no command: {error}") from None
        if not words:
            raise ToolServerError("is no command: it is empty")
        stdio = require("mcp.client.stdio", extra="mcp")
        given = stdio.StdioServerParameters(command=words[0], args=words[1:])
        return stdio.stdio_client(given, errlog=self._log)

    def _why(self, error: BaseException) -> str:
        """Say why the server could not be used, with its own last words."""
        if isinstance(error, TimeoutError):
            problem = f"did not answer as an MCP server within {self.timeout:g} seconds"
        elif isinstance(error, ToolServerError):
            problem = str(error)
        elif isinstance(error, FileNotFoundError | PermissionError):
            problem = f"can't be started: {error.strerror}: {error.filename}"
        else:
            problem = f"can't be used: {_words(error)}"
        return problem + self._last_words()

    def _last_words(self) -> str:
        self._log.seek(0)
        lines = [line.strip() for line in self._log.read(100_000).splitlines() if line.strip()]
        return f" (it wrote: {lines[-1][:200]})" if lines else ""

    def _made(self, offered: list[Any]) -> Iterator[Tool]:
        names: set[str] = set()
        for offer in offered[:MAX_TOOLS]:
            try:
                tool = _tool(offer, self._runner(offer.name))
            except ToolDefinitionError as error:
                self.left_out.append(f"the tool {offer.name[:80]!r} of {self.address}: {error}")
                continue
            if tool.name in names:
                self.left_out.append(f"a second tool {tool.name!r} of {self.address}")
                continue
            names.add(tool.name)
            yield tool
        if len(offered) > MAX_TOOLS:
            self.left_out.append(f"{len(offered) - MAX_TOOLS} more tools of {self.address}")

    def _runner(self, name: str) -> Callable[..., Any]:
        return lambda **arguments: self.call(name, arguments)


async def _listed(client: Any) -> list[Any]:
    """Return all tools of a server, page by page."""
    tools, cursor = [], None
    for _ in range(MAX_TOOLS):
        page = await client.list_tools(cursor=cursor)
        tools, cursor = [*tools, *page.tools], page.next_cursor
        if cursor is None or len(tools) > MAX_TOOLS:
            break
    return tools


def _tool(offered: Any, function: Callable[..., Any]) -> Tool:
    """Make a tool that can be declared to any model of what a server offers."""
    name = re.sub(r"[^a-zA-Z0-9_-]", "_", offered.name)[:64]
    name = name if re.match("[a-zA-Z]", name) else f"tool_{name}"[:64]
    schema = {"type": "object", "properties": {}, **offered.input_schema}
    if foreign := _foreign_reference(schema):
        raise ToolDefinitionError(f"its schema refers to {foreign!r:.80}, which is not fetched")
    jsonschema = require("jsonschema", extra="tools")
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError as error:
        raise ToolDefinitionError(f"its schema is none: {error.message:.100}") from error
    if schema["type"] != "object" or not isinstance(schema["properties"], dict):
        raise ToolDefinitionError("its arguments are no object")
    description = (offered.description or offered.title or name).strip()[:MAX_DESCRIPTION]
    return Tool(name, description, schema, function, needs_approval=True, strict=False)


def _foreign_reference(schema: Any) -> str | None:
    """Return a reference in a schema that leads out of it: a validator would fetch it."""
    if isinstance(schema, list):
        return next(filter(None, map(_foreign_reference, schema)), None)
    if not isinstance(schema, dict):
        return None
    for key in ("$ref", "$dynamicRef"):
        if isinstance(schema.get(key), str) and not schema[key].startswith("#"):
            return schema[key]
    return _foreign_reference(list(schema.values()))


def _text(part: Any) -> str:
    """Return a part of a result as text; what is none is named."""
    resource = getattr(part, "resource", part)
    text = getattr(resource, "text", None)
    return f"[{part.type}, not shown]" if text is None else str(text)


def _words(error: BaseException) -> str:
    said = " ".join(str(_first(error)).split())[:200]
    if said == "Connection closed":
        return "the server has ended"
    return said or type(_first(error)).__name__


def _first(error: BaseException) -> BaseException:
    """Return the first error of a group of groups."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
