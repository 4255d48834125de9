"""Read the tool calls out of what a model wrote, or find that it is an answer.

Models write calls in several forms. Understood are

- ``{"name": ..., "arguments": {...}}``: pocket-chat; several on lines of their own or in a list
  are parallel calls. Llama 3 says ``parameters`` instead of ``arguments``;
- ``<tool_call>{...}</tool_call>``: Qwen, Hermes, SmolLM. Prose around it is allowed;
- the ``tool_calls`` of an OpenAI-compatible endpoint, with the arguments as a JSON string.

A call is either whole and unambiguous or refused: no repair, no guess. Left out: calls written as
Python code, ``[TOOL_CALLS]`` of Mistral. Taught in :doc:`/book/applications/function-calling`.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

from companion.errors import ToolCallError

MAX_LENGTH = 20_000
"""Longest text with a call, in characters."""

MAX_DEPTH = 16
"""Most lists and objects inside each other."""

MAX_CALLS = 8
"""Most calls in one turn."""

MAX_INTEGER = 2**63 - 1
"""Largest whole number in the arguments."""

BEGINNING = re.compile(r"\{|\[\s*\{")
FENCE = re.compile(r"```(?:json)?\n(.*?)\n?```", re.DOTALL)
OPENING, CLOSING = "<tool_call>", "</tool_call>"


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
    as a call, and so is one with a line that begins with ``<tool_call>``. Every other text is an
    answer, even if a call is quoted in the middle of it. Reasoning in ``<think>`` is skipped.
    Taught in :doc:`/book/applications/function-calling`.

    Args:
        text: What the model wrote in its turn, without special tokens.

    Returns:
        The calls in their order, at most `MAX_CALLS`.

    Raises:
        ToolCallError: If the text is meant as a call and is not valid JSON, not a call, longer
            or deeper than allowed, has a key twice, or a number that is NaN, infinite or huge.

    Example:
        >>> parse_calls('{"name": "search", "arguments": {"query": "tides"}}')
        [ToolCall(name='search', arguments={'query': 'tides'}, call_id=None)]
        >>> parse_calls("In Paris it is sunny.")
        []
    """
    body = text.strip()
    if body.startswith("<think>"):
        body = body.partition("</think>")[2].strip()  # nothing, if the reasoning has no end
    if body.startswith(OPENING) or f"\n{OPENING}" in body:
        _check_length(body)
        values = _tagged(body)
    else:
        fenced = FENCE.fullmatch(body)
        body = fenced[1].strip() if fenced else body
        if not BEGINNING.match(body) or ('"name"' not in body and '"arguments"' not in body):
            return []
        _check_length(body)
        values = _sequence(body)
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
    for one in tool_calls:
        function = one.get("function") if isinstance(one, Mapping) else None
        if not isinstance(function, Mapping):
            raise ToolCallError(f"a tool call must have a 'function', got {_shown(one)}")
        arguments = function.get("arguments")
        if not isinstance(arguments, str):
            arguments = _written(arguments)
        _check_length(arguments)
        value = {"name": function.get("name"), "arguments": _load(arguments or "{}")}
        call_id = None if one.get("id") is None else str(one["id"])
        calls.append(replace(_call(value), call_id=call_id))
    return calls


def _tagged(body: str) -> list[Any]:
    """Return the JSON values between the tags."""
    values = []
    for piece in re.split(rf"(?:^|\n){OPENING}", body)[1:]:
        inside, closing, _ = piece.partition(CLOSING)
        if not closing:
            raise ToolCallError(f"{OPENING} without {CLOSING}: the call is not complete")
        values.append(_load(inside))
    return values


def _sequence(body: str) -> list[Any]:
    """Return the JSON values that stand one after the other, or in one list."""
    _check_depth(body)
    values, at = [], 0
    while at < len(body):
        value, end = _decode(body, at)
        values.append(value)
        rest = body[end:].lstrip(" \t\r\n")
        if rest and rest[0] not in "{[":
            raise ToolCallError(f"text after a call: {_shown(rest)}. Write the call and no more.")
        at = len(body) - len(rest)
    if len(values) == 1 and isinstance(values[0], list):
        values = values[0]
    return values


def _call(value: Any) -> ToolCall:
    """Make a call from a JSON value of the right form."""
    if not isinstance(value, dict):
        raise ToolCallError(f"a call must be an object, got {_shown(value)}")
    keys = ("arguments", "parameters")
    given = [key for key in keys if key in value]
    extra = sorted(set(value) - {"name", "type", "id", *keys})
    if len(given) != 1 or extra:
        raise ToolCallError(
            "a call must have the keys 'name' and 'arguments' and no others, got "
            f"{_shown(', '.join(map(repr, value)))}"
        )
    name, arguments = value.get("name"), value[given[0]]
    if not isinstance(name, str) or not name:
        raise ToolCallError(f"the 'name' of a call must be a text, got {_shown(name)}")
    if not isinstance(arguments, dict):
        raise ToolCallError(
            f'the arguments of {name[:64]!r} must be an object such as {{"city": "Paris"}}, got '
            f"{_shown(arguments)}"
        )
    return ToolCall(name, arguments)


def _load(text: str) -> Any:
    """Read exactly one JSON value."""
    text = text.strip(" \t\r\n")
    _check_depth(text)
    value, end = _decode(text, 0)
    if end != len(text):
        raise ToolCallError(f"text after a call: {_shown(text[end:])}. Write the call and no more.")
    return value


def _decode(text: str, at: int) -> tuple[Any, int]:
    try:
        value, end = DECODER.raw_decode(text, at)
        text[at:end].encode()
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ToolCallError("the call holds half of a character (a lone surrogate)") from None
    except json.JSONDecodeError as error:
        raise ToolCallError(
            f"the call is not valid JSON: {error.msg} at character {error.pos + 1} of "
            f"{_shown(text)}"
        ) from None
    return value, end


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ToolCallError(f"the key {_shown(twice)} stands twice in one object")
    return found


def _integer(digits: str) -> int:
    value = int(digits) if len(digits) <= 20 else MAX_INTEGER + 1
    if abs(value) > MAX_INTEGER:
        raise ToolCallError(f"the whole number {_shown(digits)} is too large")
    return value


def _number(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ToolCallError(f"the number {_shown(digits)} is too large")
    return value


def _constant(name: str) -> NoReturn:
    raise ToolCallError(f"{name} is no JSON number")


DECODER = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_int=_integer, parse_float=_number, parse_constant=_constant
)


def _check_length(text: str) -> None:
    if len(text) > MAX_LENGTH:
        raise ToolCallError(f"a call of {len(text)} characters; at most {MAX_LENGTH} are allowed")


def _check_depth(text: str) -> None:
    """Refuse deep nesting before the parser sees it, which would run out of stack."""
    depth, in_string, escaped = 0, False, False
    for char in text:
        if in_string:
            in_string = escaped or char != '"'
            escaped = char == "\\" and not escaped
        elif char == '"':
            in_string = True
        else:
            depth += (char in "[{") - (char in "]}")
            if depth > MAX_DEPTH:
                raise ToolCallError(f"more than {MAX_DEPTH} lists and objects inside each other")


def _written(value: Any) -> str:
    """Write arguments that came as a dict, so that they pass through the same checks."""
    try:
        return json.dumps({} if value is None else value)
    except (TypeError, ValueError, RecursionError):
        raise ToolCallError("the arguments of a call can't be written as JSON") from None


def _shown(value: Any) -> str:
    """Quote the beginning of a value. What a model wrote may be long."""
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
