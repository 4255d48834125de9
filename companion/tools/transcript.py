"""Tool calls in a conversation, in the forms that models read.

*As text*, the call is the assistant's content and the result a message of the role ``tool``:
pocket-chat. *As objects*, the call is in ``tool_calls`` with an identifier that the result
repeats: endpoints, and chat templates that know of tools. A conversation can hold both forms, since
it can go on with another model. Taught in :doc:`/book/applications/chatbot`.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from companion.errors import ToolCallError
from companion.messages import Message
from companion.tools.call import ToolCall, parse_calls, parse_tool_calls
from companion.tools.toolbox import Toolbox

UNREADABLE = "unreadable_call"
"""Name given to a call that can't be read, where a name is needed."""


def with_tools(messages: Sequence[Message], toolbox: Toolbox) -> list[Message]:
    """Return the conversation with the declarations in its system message, as pocket-chat has them.

    Example:
        >>> from companion.tools.calculator import calculator
        >>> with_tools([{"role": "user", "content": "1 + 1?"}], Toolbox([calculator]))[0]["content"]
        'You can call these tools: [{"name": "calculator", "parameters": {"expression": "string"}}]'
    """
    text = toolbox.system_text()
    if messages and messages[0]["role"] == "system":
        text, messages = f"{messages[0]['content']}\n{text}", messages[1:]
    return [{"role": "system", "content": text}, *messages]


def calls_as_text(messages: Sequence[Message]) -> list[Message]:
    """Return the conversation with every call as the content of the assistant's message.

    A call that can't be read is written as it is, so that the model sees what its result is about.

    Example:
        >>> function = {"name": "calculator", "arguments": '{"expression": "6 * 7"}'}
        >>> call = {"id": "call_1", "type": "function", "function": function}
        >>> called = {"role": "assistant", "content": None, "tool_calls": [call]}
        >>> calls_as_text([called])[0]["content"]
        '{"name": "calculator", "arguments": {"expression": "6 * 7"}}'
    """
    return [_as_text(message) for message in messages]


def calls_as_objects(messages: Sequence[Message]) -> list[Message]:
    """Return the conversation with every call that was answered in ``tool_calls``.

    Calls get an identifier where they have none, and the results after them repeat it.

    Example:
        >>> call = '{"name": "calculator", "arguments": {"expression": "6 * 7"}}'
        >>> told = calls_as_objects([{"role": "user", "content": "6 x 7?"},
        ...     {"role": "assistant", "content": call}, {"role": "tool", "content": "42"}])
        >>> told[1]["tool_calls"][0]["function"]
        {'name': 'calculator', 'arguments': '{"expression": "6 * 7"}'}
        >>> told[2]["tool_call_id"] == told[1]["tool_calls"][0]["id"]
        True
    """
    turns: list[Message] = []
    waiting: list[str] = []  # identifiers of calls that have no result yet
    for index, message in enumerate(messages):
        following = messages[index + 1]["role"] if index + 1 < len(messages) else ""
        if message["role"] == "assistant" and (message.get("tool_calls") or following == "tool"):
            calls = [
                {**call, "id": call["id"] or f"companion_{index}_{number}"}
                for number, call in enumerate(_objects(message))
            ]
            content = message.get("content") if message.get("tool_calls") else None
            message = {"role": "assistant", "content": content, "tool_calls": calls}
            waiting = [call["id"] for call in calls]
        elif message["role"] == "tool" and waiting:
            given = message.get("tool_call_id")
            waiting_for = given if given in waiting else waiting[0]
            waiting.remove(waiting_for)
            message = {**message, "tool_call_id": waiting_for}
        turns.append(message)
    return turns


def calls_for_template(messages: Sequence[Message]) -> list[Message]:
    """Return the conversation with the arguments of calls as dicts, as chat templates want them.

    An endpoint writes arguments as a JSON text. Most templates would quote that a second time.
    """
    return [
        {**message, "tool_calls": [_with_dict(call) for call in message["tool_calls"]]}
        if message.get("tool_calls")
        else message
        for message in messages
    ]


def join_parts(parts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Put the calls together that an endpoint streamed in pieces.

    Servers number the calls of a turn by ``index``; some give every call the same one, or none.
    So two pieces with different identifiers belong to different calls, whatever their index, and
    a piece with a name begins a new call if the call before it is whole.

    Args:
        parts: The ``tool_calls`` of all deltas, in order: dicts with ``index``, ``id`` and
            ``function``, the arguments in several pieces. Each of the three may be missing.

    Returns:
        The ``tool_calls`` of a message.

    Raises:
        ValueError: If a piece is no piece of a call, or a call has no name.
    """
    calls: list[dict[str, Any]] = []
    places: list[Any] = []  # the index of each call, None where the server gave none
    for part in parts:
        function, call_id = part.get("function") or {}, str(part.get("id") or "")
        name, arguments = function.get("name") or "", function.get("arguments") or ""
        if isinstance(arguments, Mapping):  # not streamed, and not written as JSON
            arguments = json.dumps(arguments)
        at = _place(part.get("index"), call_id, places, calls)
        if at is None or _is_next(calls[at], call_id, name, arguments):
            at = len(calls)
            calls.append({"id": None, "type": "function", "function": {}})
            places.append(part.get("index"))
        call, written = calls[at], calls[at]["function"]
        call["id"] = call_id or call["id"]
        before = written.get("name", "")
        written["name"] = before if name == before else before + name  # some repeat it
        written["arguments"] = written.get("arguments", "") + arguments
    if nameless := next((call for call in calls if not call["function"]["name"]), None):
        raise ValueError(f"a tool call without a name: {nameless!r:.80}")
    return calls


def _place(index: Any, call_id: str, places: Sequence[Any], calls: Sequence[Any]) -> int | None:
    """Return which call a piece may belong to; None if it begins a new one."""
    newest_first = range(len(calls) - 1, -1, -1)
    same_index = [at for at in newest_first if index is None or places[at] in (index, None)]
    same_id = [at for at in same_index if call_id and calls[at]["id"] == call_id]
    return next(iter(same_id or same_index), None)


def _is_next(call: Mapping[str, Any], call_id: str, name: str, arguments: str) -> bool:
    """Tell whether a piece begins the call after this one."""
    if call_id and call["id"] and call_id != call["id"]:
        return True
    if not name or (call_id and not arguments):
        return False
    try:
        json.loads(call["function"]["arguments"])
    except ValueError:
        return False  # its arguments have not ended, or not begun
    return True


def _as_text(message: Message) -> Message:
    plain = {key: message.get(key) for key in ("role", "content")}
    if not message.get("tool_calls"):
        return plain
    try:
        calls = [call.text() for call in parse_tool_calls(message["tool_calls"])]
    except ToolCallError:
        calls = [json.dumps(message["tool_calls"], default=str)]
    return plain | {"content": "\n".join(filter(None, [plain["content"], *calls]))}


def _objects(message: Message) -> list[dict[str, Any]]:
    """Return the calls of a message that has some, ``id`` None where there is none."""
    if message.get("tool_calls"):
        return [_object(call) for call in message["tool_calls"]]
    try:
        calls = parse_calls(message["content"])
    except ToolCallError:
        calls = []
    calls = calls or [ToolCall(UNREADABLE, {"text": message["content"]})]
    return [
        _object({"function": {"name": call.name, "arguments": call.arguments}}) for call in calls
    ]


def _object(call: Any) -> dict[str, Any]:
    """Return a call as the protocol has it. A conversation file may hold anything in its place."""
    given = call if isinstance(call, Mapping) else {}
    function = given.get("function") if isinstance(given.get("function"), Mapping) else {}
    name, arguments = function.get("name"), function.get("arguments")
    arguments = {} if arguments is None else arguments  # a tool without arguments
    if not isinstance(name, str) or not isinstance(arguments, str | Mapping):
        name, arguments = UNREADABLE, {"text": json.dumps(call, default=str)}
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments, default=str)
    call_id = given["id"] if isinstance(given.get("id"), str) else None
    function = {"name": name, "arguments": arguments}
    return {"id": call_id, "type": "function", "function": function}


def _with_dict(call: Any) -> Any:
    function = call.get("function") if isinstance(call, Mapping) else None
    arguments = function.get("arguments") if isinstance(function, Mapping) else None
    if not isinstance(arguments, str):
        return call
    try:
        (parsed,) = parse_tool_calls([call])
    except ToolCallError:
        return call
    return {**call, "function": {**function, "arguments": parsed.arguments}}
