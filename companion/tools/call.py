"""Read the tool calls out of what a model wrote, or find that it is an answer.

Models write calls in several forms. Understood are

- ``{"name": ..., "arguments": {...}}``: pocket-chat; several on lines of their own or in a list
  are parallel calls. Llama 3 says ``parameters`` instead of ``arguments``;
- ``<tool_call>{...}</tool_call>``: Qwen, Hermes; SmolLM2 with a list between the tags. Prose
  around it is allowed;
- the ``tool_calls`` of an OpenAI-compatible endpoint, with the arguments as a JSON string.

A call is either whole and unambiguous or refused: no repair, no guess. What the model only drafted
in its reasoning is no call. Left out: calls written as Python code or as XML, ``[TOOL_CALLS]`` of
Mistral; they are refused in words. Taught in :doc:`/book/applications/function-calling`.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from companion.errors import AmbiguousCallError, ToolCallError
from companion.reasoning import MARKS, split_reasoning
from companion.tools.strict_json import BLANKS, read_only_value, read_value, shown

MAX_LENGTH = 20_000
"""Longest text with a call, in characters."""

MAX_CALLS = 8
"""Most calls in one turn."""

OPENING, CLOSING = "<tool_call>", "</tool_call>"
OTHER_FORMS = ("[TOOL_CALLS]", "<|python_tag|>", "<function=", "<function_call>", "functools[")
BEGINNING = re.compile(r"\{|\[\s*\{")
FENCE = re.compile(r"```(?:json|xml|tool_calls?)?\s*(.*?)\s*(?:```)?", re.DOTALL | re.IGNORECASE)
LINE = re.compile(
    r'^[ \t]*(?=(?:\[\s*)?\{\s*"(?:name|type|id|function|arguments|parameters)"\s*:)', re.MULTILINE
)
"""A line that begins as a call does."""


@dataclass(frozen=True)
class ToolCall:
    """A request for a tool, as a model wrote it. Nothing is known yet about its being allowed.

    Args:
        name: Name of the tool.
        arguments: Its arguments by name.
        call_id: Identifier that an endpoint gave the call, to be repeated with the result.
    """

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    call_id: str | None = None

    def text(self) -> str:
        """Return the call as pocket-chat writes it, arguments in their order.

        Example:
            >>> ToolCall("get_weather", {"city": "Paris"}).text()
            '{"name": "get_weather", "arguments": {"city": "Paris"}}'
        """
        return json.dumps({"name": self.name, "arguments": self.arguments})

    def key(self) -> str:
        """Return a text that is the same for the same tool with the same arguments."""
        return json.dumps([self.name, self.arguments], sort_keys=True)


def parse_calls(text: str) -> list[ToolCall]:
    r"""Return the tool calls in a model's turn; none if the turn is an answer.

    A turn that begins with a brace or bracket and names a ``"name"`` or ``"arguments"`` is meant
    as a call, and so is ``<tool_call>`` at the beginning of a line or behind another call. A call
    that is elsewhere, such as ``<tool_call>{`` in the middle of a line or a whole JSON call
    below some words, may be meant or quoted: it is refused, so that the model can say which. Every
    other text is an answer. Reasoning is skipped: see `companion.reasoning.split_reasoning`.
    Taught in :doc:`/book/applications/function-calling`.

    Args:
        text: What the model wrote in its turn, without special tokens.

    Returns:
        The calls in their order, at most `MAX_CALLS`.

    Raises:
        ToolCallError: If the text is meant as a call and is not valid JSON, not a call, longer
            or deeper than allowed, has a key twice, or a number that is NaN, infinite or huge.
        AmbiguousCallError: If a call is where it may be a quotation.

    Example:
        >>> parse_calls('{"name": "search", "arguments": {"query": "tides"}}')
        [ToolCall(name='search', arguments={'query': 'tides'}, call_id=None)]
        >>> parse_calls("In Paris it is sunny.")
        []
    """
    body = split_reasoning(text)[1].replace("\r\n", "\n").strip()
    if fenced := FENCE.fullmatch(body):
        body = fenced[1] if BEGINNING.match(fenced[1]) or OPENING in fenced[1] else body
    if OPENING in body:
        values = _tagged(body)
    elif BEGINNING.match(body) and ('"name"' in body or '"arguments"' in body):
        values = _sequence(body)
    else:
        _refuse_call_among_words(body)
        return []
    if len(values) > MAX_CALLS:
        raise ToolCallError(f"{len(values)} calls in one turn; at most {MAX_CALLS} are allowed")
    return [_call(value) for value in values]


def parse_tool_calls(tool_calls: Sequence[Mapping[str, Any]]) -> list[ToolCall]:
    """Return the calls of an OpenAI-compatible endpoint's message.

    Taught in :doc:`/book/applications/function-calling`.

    Args:
        tool_calls: Dicts such as ``{"id": "call_1", "type": "function", "function": {"name":
            "search", "arguments": '{"query": "tides"}'}}``. The arguments may be a dict as well.

    Returns:
        The calls in their order.

    Raises:
        ToolCallError: As in `parse_calls`.
    """
    if isinstance(tool_calls, str | Mapping) or not isinstance(tool_calls, Sequence):
        raise ToolCallError(f"tool_calls must be a list, got {type(tool_calls).__name__}")
    if len(tool_calls) > MAX_CALLS:
        raise ToolCallError(f"{len(tool_calls)} calls in one turn; at most {MAX_CALLS} are allowed")
    calls = []
    for call in tool_calls:
        function = call.get("function") if isinstance(call, Mapping) else None
        if not isinstance(function, Mapping):
            raise ToolCallError(f"a tool call must have a 'function', got {shown(call)}")
        arguments = function.get("arguments")
        if not isinstance(arguments, str):
            arguments = _written(arguments)
        _check_length(arguments)
        value = {"name": function.get("name"), "arguments": read_only_value(arguments or "{}")}
        call_id = None if call.get("id") is None else str(call["id"])
        calls.append(replace(_call(value), call_id=call_id))
    return calls


def _tagged(body: str) -> list[Any]:
    """Return the JSON values between the tags."""
    values, words, at = [], [], 0
    while (start := body.find(OPENING, at)) >= 0:
        words.append(body[at:start])
        inside = start + len(OPENING)
        if words[-1].rpartition("\n")[2].strip():  # there are words before it on the line
            if body[inside:].lstrip()[:1] in ("{", "["):
                raise AmbiguousCallError(
                    f"a call in the middle of a line may be a quotation and is not run. To call a "
                    f"tool, begin a line with {OPENING}; else write the answer without the tag."
                )
            at = inside
            continue
        _check_length(body)
        value, end = read_value(body, inside)
        rest = body[end:].lstrip(BLANKS)
        if not rest.startswith(CLOSING):
            if CLOSING not in rest:
                raise ToolCallError(f"{OPENING} without {CLOSING}: the call is not complete")
            raise ToolCallError(f"text after a call: {shown(rest)}. Write the call and no more.")
        values += value if isinstance(value, list) else [value]  # SmolLM2 writes a list
        at = len(body) - len(rest) + len(CLOSING)
    words.append(body[at:])
    if values and any(mark in part for part in words for mark in MARKS):
        raise ToolCallError("a call inside of reasoning is not run. Reason first, then call.")
    _refuse_call_among_words("\n".join(words))
    return values


def _sequence(body: str) -> list[Any]:
    """Return the JSON values that follow one another, or are in one list."""
    _check_length(body)
    values, at = [], 0
    while at < len(body):
        value, end = read_value(body, at)
        values.append(value)
        rest = body[end:].lstrip(BLANKS)
        if rest and rest[0] not in "{[":
            raise ToolCallError(f"text after a call: {shown(rest)}. Write the call and no more.")
        at = len(body) - len(rest)
    if len(values) == 1 and isinstance(values[0], list):
        values = values[0]
    return values


def _refuse_call_among_words(text: str) -> None:
    """Raise an error if a line of an answer begins with a call, or with the beginning of one."""
    if text.lstrip().startswith(OTHER_FORMS):
        raise ToolCallError(
            f"calls in the form {shown(text.strip()[:20])} are not understood. Write "
            '{"name": ..., "arguments": {...}} and no more.'
        )
    for line in LINE.finditer(text):
        try:
            value, _ = read_value(text, line.end())
            first = value[0] if isinstance(value, list) else value
            meant = {"name", "arguments"} <= set(first) or {"name", "parameters"} <= set(first)
        except ToolCallError:
            meant = '"arguments"' in text[line.end() : line.end() + MAX_LENGTH]
        if meant:
            raise AmbiguousCallError(
                "a call among words may be a quotation and is not run. To call a tool, write the "
                "call and no more; else answer in words."
            )


def _call(value: Any) -> ToolCall:
    """Make a call from a JSON value of the right form."""
    if not isinstance(value, dict):
        raise ToolCallError(f"a call must be an object, got {shown(value)}")
    keys = ("arguments", "parameters")
    given = [key for key in keys if key in value]
    extra = sorted(set(value) - {"name", "type", "id", *keys})
    if len(given) != 1 or extra:
        raise ToolCallError(
            "a call must have the keys 'name' and 'arguments' and no others, got "
            f"{shown(', '.join(map(repr, value)))}"
        )
    name, arguments = value.get("name"), value[given[0]]
    if not isinstance(name, str) or not name:
        raise ToolCallError(f"the 'name' of a call must be a text, got {shown(name)}")
    if not isinstance(arguments, dict):
        raise ToolCallError(
            f'the arguments of {name[:64]!r} must be an object such as {{"city": "Paris"}}, got '
            f"{shown(arguments)}"
        )
    return ToolCall(name, arguments)


def _check_length(text: str) -> None:
    if len(text) > MAX_LENGTH:
        raise ToolCallError(f"a call of {len(text)} characters; at most {MAX_LENGTH} are allowed")


def _written(value: Any) -> str:
    """Write arguments that came as a dict, so that they pass through the same checks."""
    try:
        return json.dumps({} if value is None else value)
    except (TypeError, ValueError, RecursionError):
        raise ToolCallError("the arguments of a call can't be written as JSON") from None
