"""Conversations as OpenAI's ``messages``: the form that most programs and data sets share.

Read are ``{"messages": [...]}``, a bare list of messages, and JSON Lines with one of either on each
line, the form of data for fine-tuning. Taught in :doc:`/book/applications/chatbot`.

Left out: images and sound (a mark such as ``[image_url]`` stands in their place), names of people.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from companion.chatbot.history import Conversation, Turn, split_turns
from companion.errors import ConversationError
from companion.tools.transcript import calls_as_objects

_SYSTEM = ("system", "developer")


def read_messages(messages: Sequence[Any]) -> Conversation:
    """Make a conversation of messages in OpenAI's form.

    Args:
        messages: Dicts with ``role`` and ``content``, a text or a list of parts; system messages
            first.

    Returns:
        The conversation. Several system messages become one.

    Raises:
        ConversationError: If a message is none, or they are no sequence of turns.

    Example:
        >>> read = read_messages([{"role": "user", "content": "Hi"},
        ...     {"role": "assistant", "content": [{"type": "text", "text": "Hello!"}]}])
        >>> read.turns[0].messages[1]
        {'role': 'assistant', 'content': 'Hello!'}
    """
    head, turns = split_turns(
        [_message(message, f"message {at}") for at, message in enumerate(messages)]
    )
    system = "\n\n".join(filter(None, (message["content"] for message in head)))
    return Conversation(
        system or None, [Turn([dict(message) for message in turn]) for turn in turns]
    )


def write_messages(conversation: Conversation) -> str:
    """Write a conversation as ``{"messages": [...]}``, calls of tools in ``tool_calls``.

    What the form has no place for is left out: sources, notes, whether an answer was stopped.

    Example:
        >>> print(write_messages(Conversation("Be brief.")))
        {
         "messages": [
          {
           "role": "system",
           "content": "Be brief."
          }
         ]
        }
        <BLANKLINE>
    """
    said = [message for turn in conversation.turns for message in turn.messages]
    head = [{"role": "system", "content": conversation.system}] if conversation.system else []
    record = {"messages": [*head, *calls_as_objects(said)]}
    return json.dumps(record, indent=1, ensure_ascii=False) + "\n"


def whole(text: str) -> str:
    """Return a text without half characters (lone surrogates), which no file of ours holds."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def text_of(content: Any) -> str:
    r"""Return the text of a content: a text, or a list of parts. Other parts become marks.

    Example:
        >>> text_of([{"type": "text", "text": "Look:"}, {"type": "image_url", "image_url": {}}])
        'Look:\n[image_url]'
    """
    if isinstance(content, str):
        return whole(content)
    parts = content if isinstance(content, list) else []
    return "\n".join(filter(None, map(_part, parts)))


def _part(part: Any) -> str:
    if isinstance(part, str):
        return whole(part)
    kind = part.get("type") or part.get("content_type") if isinstance(part, Mapping) else None
    if kind is None:
        return ""
    text = part.get("text") or part.get("refusal")
    return whole(text) if isinstance(text, str) else f"[{whole(str(kind))[:40]}]"


def _message(message: Any, place: str) -> dict[str, Any]:
    """Return a message with the fields that are kept."""
    if not isinstance(message, Mapping) or not isinstance(message.get("role"), str):
        raise ConversationError(f"{place} must be an object with a 'role', got {message!r:.60}")
    role, content = message["role"], message.get("content")
    if not isinstance(content, str | list | None):
        raise ConversationError(f"{place}: 'content' must be a text or a list of parts")
    refusal = message.get("refusal")
    text = text_of(content) or (whole(refusal) if isinstance(refusal, str) else "")
    kept: dict[str, Any] = {"role": "system" if role in _SYSTEM else role, "content": text}
    calls = message.get("tool_calls")
    if calls and role == "assistant":
        if not isinstance(calls, list):
            raise ConversationError(f"{place}: 'tool_calls' must be a list")
        kept |= {"content": text or None, "tool_calls": calls}
    call_id = message.get("tool_call_id")
    return kept | ({"tool_call_id": whole(call_id)} if isinstance(call_id, str) else {})
