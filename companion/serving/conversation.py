"""The messages of a request, and the tools that it declares.

Taught in :doc:`/book/open-models/serving`. Left out: images, sound and files, which no model here
reads; the older ``functions``.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple, NoReturn

from companion._extras import require
from companion.errors import ToolCallError
from companion.messages import Message
from companion.serving.fields import Fields
from companion.tools import Tool, Toolbox
from companion.tools.call import parse_tool_calls

ROLES = {"developer": "system"} | {role: role for role in ("system", "user", "assistant", "tool")}
"""Roles of a request, and what the chat templates call them."""
CHOICES = ("none", "auto", "required")
NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def read_messages(fields: Fields) -> list[Message]:
    """Return the messages of a request, their contents as texts.

    Raises:
        Refusal: If one of them is not well formed, or holds something else than text.

    Example:
        >>> parts = [{"type": "text", "text": "Hello!"}]
        >>> read_messages(Fields({"messages": [{"role": "developer", "content": parts}]}))
        [{'role': 'system', 'content': 'Hello!'}]
    """
    given = fields.items("messages")
    if not given:
        fields.refuse("messages", "must be a list of at least one message")
    return [_message(_object(fields, "messages", at, one)) for at, one in enumerate(given)]


class Declared(NamedTuple):
    """The tools that a model may call in its turn."""

    toolbox: Toolbox | None
    """None: it is told of none."""
    forced: Toolbox | None
    """What it must call one of; None leaves the choice to it."""


def read_tools(fields: Fields) -> Declared:
    """Read ``tools`` and ``tool_choice``.

    Raises:
        Refusal: If a tool is not well formed, or the choice names none of them.

    Example:
        >>> function = {"name": "now", "parameters": {"type": "object", "properties": {}}}
        >>> tools = [{"type": "function", "function": function}]
        >>> declared = read_tools(Fields({"tools": tools, "tool_choice": "required"}))
        >>> len(declared.toolbox), len(declared.forced)
        (1, 1)
    """
    for older in ("functions", "function_call"):
        if fields.get(older) is not None:
            fields.refuse(older, "is not offered here: declare tools, and tool_choice")
    given = fields.items("tools")
    tools = [_tool(_object(fields, "tools", at, one)) for at, one in enumerate(given)]
    names = [tool.name for tool in tools]
    if len(set(names)) < len(names):
        fields.refuse("tools", "must have each name once")
    choice = fields.get("tool_choice")
    if not tools and choice not in (None, "none", "auto"):
        fields.refuse("tool_choice", "needs tools to choose from: declare them in tools")
    if not tools or choice == "none":
        return Declared(None, None)
    toolbox = Toolbox(tools)
    if choice in (None, "auto"):
        return Declared(toolbox, None)
    return Declared(toolbox, _forced(fields, toolbox, choice))


def _forced(fields: Fields, toolbox: Toolbox, choice: Any) -> Toolbox:
    if choice == "required":
        return toolbox
    function = choice.get("function") if isinstance(choice, Mapping) else None
    name = function.get("name") if isinstance(function, Mapping) else None
    if not isinstance(name, str):
        rule = f"must be one of {', '.join(CHOICES)}, or an object that names a function"
        fields.refuse("tool_choice", rule)
    if name not in toolbox:
        there = ", ".join(tool.name for tool in toolbox)
        fields.refuse("tool_choice", f"names no tool of the request; there are {there}")
    return toolbox.only(name)


def _object(fields: Fields, name: str, at: int, value: Any) -> Fields:
    """Return the fields of an entry of a list."""
    inside = Fields({f"{name}[{at}]": value}, fields.path)
    found = inside.inner(f"{name}[{at}]")
    return found if found is not None else inside.refuse(f"{name}[{at}]", "must be an object")


def _message(fields: Fields) -> Message:
    role = fields.text("role")
    if role not in ROLES:
        fields.refuse("role", f"must be one of {', '.join(ROLES)}")
    message: dict[str, Any] = {"role": ROLES[role], "content": _content(fields)}
    if role == "assistant" and fields.items("tool_calls"):
        message["tool_calls"] = _calls(fields)
    elif message["content"] is None and role == "assistant":
        message["content"] = ""
    elif message["content"] is None:
        fields.refuse("content", "must be a text or a list of texts")
    if role == "tool" and (call_id := fields.text("tool_call_id")):
        message["tool_call_id"] = call_id
    return message


def _content(fields: Fields) -> str | None:
    """Return the text of a message. Parts of it are joined by line breaks, as vLLM does."""
    if not isinstance(fields.get("content"), list):
        return fields.text("content")
    parts = []
    for at, value in enumerate(fields.items("content")):
        part = _object(fields, "content", at, value)
        if part.get("type") not in ("text", "refusal"):
            part.refuse("type", 'must be "text": this server reads no images, sound or files')
        text = part.text(part.get("type"))
        parts.append(part.refuse("text", "must be a text") if text is None else text)
    return "\n".join(parts)


def _calls(fields: Fields) -> list[dict[str, Any]]:
    given = fields.items("tool_calls")
    for at, call in enumerate(given):
        inside = _object(fields, "tool_calls", at, call)
        function = inside.inner("function") or _missing(inside, "function")
        function.text("name")
        function.text("arguments")
    try:
        parse_tool_calls(given)
    except ToolCallError as error:
        fields.refuse("tool_calls", f"can't be read: {error}")
    return given


def _tool(fields: Fields) -> Tool:
    if fields.get("type") != "function":
        fields.refuse("type", 'must be "function"')
    function = fields.inner("function") or _missing(fields, "function")
    name = function.text("name") or ""
    if not NAME.fullmatch(name):
        function.refuse("name", "must be at most 64 letters, digits, _ and -")
    parameters = function.inner("parameters")
    schema = {"type": "object", "properties": {}, **(parameters.given if parameters else {})}
    _check_schema(function, schema)
    return Tool(name, function.text("description") or name, schema, _run_by_the_client)


def _check_schema(function: Fields, schema: dict[str, Any]) -> None:
    jsonschema = require("jsonschema", extra="tools")
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError as error:
        function.refuse("parameters", f"must be a JSON Schema: {error.message:.100}")
    properties = schema["properties"]
    if schema["type"] != "object" or not all(isinstance(one, dict) for one in properties.values()):
        function.refuse("parameters", "must be the JSON Schema of an object")


def _run_by_the_client(**arguments: Any) -> NoReturn:
    raise AssertionError("a server runs no tool")


def _missing(fields: Fields, name: str) -> NoReturn:
    fields.refuse(name, "must be an object")
