"""Conversations as OpenAI's ``messages``: the form that most programs and data sets share.

Read are ``{"messages": [...]}``, a bare list of messages, and JSON Lines with one of either on each
line, the form of data for fine-tuning. Taught in :doc:`/book/applications/chatbot`.

Left out: pictures and sound (words such as ``[a picture was here]`` stand in their place), names of
people.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from companion.chatbot.history import Conversation, Turn, split_turns
from companion.errors import ConversationError
from companion.tools.transcript import calls_as_objects

_SYSTEM = ("system", "developer")
_THINGS = {"image": "picture", "audio": "sound", "video": "video", "file": "file"}
"""What is no text, by a word in the name of its kind."""

GREETING = "You have begun the conversation with these words:"
"""Stands before a greeting in the system message."""


def read_messages(messages: Sequence[Any]) -> Conversation:
    """Make a conversation of messages in OpenAI's form.

    Args:
        messages: Dicts with ``role`` and ``content``, a text or a list of parts; system messages
            first.

    Returns:
        The conversation. Several system messages become one. A turn begins with the user, as chat
        templates want it; so what the assistant said before that becomes a part of the system
        message.

    Raises:
        ConversationError: If a message is none, or they are no sequence of turns.

    Example:
        >>> read = read_messages([{"role": "user", "content": "Hi"},
        ...     {"role": "assistant", "content": [{"type": "text", "text": "Hello!"}]}])
        >>> read.turns[0].messages[1]
        {'role': 'assistant', 'content': 'Hello!'}
    """
    said = [_message(message, f"message {at}") for at, message in enumerate(messages)]
    first = next((at for at, message in enumerate(said) if message["role"] == "user"), 0)
    greeting = [message for message in said[:first] if _greets(message)]
    others = [message for message in said[:first] if not _greets(message)]
    head, turns = split_turns([*others, *said[first:]])
    system = system_text(*([message["content"] for message in part] for part in (head, greeting)))
    return Conversation(system, [Turn([dict(message) for message in turn]) for turn in turns])


def system_text(system: Sequence[str], greeting: Sequence[str] = ()) -> str | None:
    r"""Return the system message of a conversation; None if nothing is in it.

    Args:
        system: What the assistant is told.
        greeting: What it said before the user's first message.

    Example:
        >>> system_text(["Be brief."], ["Hello!"])
        'Be brief.\n\nYou have begun the conversation with these words:\n\nHello!'
    """
    words = list(filter(None, greeting))
    return "\n\n".join([*filter(None, system), *([GREETING, *words] if words else [])]) or None


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
    r"""Return the text of a content: a text, or a list of parts. Words say where others were.

    Example:
        >>> text_of([{"type": "text", "text": "Look:"}, {"type": "image_url", "image_url": {}}])
        'Look:\n[a picture was here]'
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
    if isinstance(text, str):
        return whole(text)
    thing = next((name for word, name in _THINGS.items() if word in str(kind)), "")
    return f"[a {thing} was here]" if thing else f"[something was here: {whole(str(kind))[:40]}]"


def _greets(message: Mapping[str, Any]) -> bool:
    return message["role"] == "assistant" and "tool_calls" not in message


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
