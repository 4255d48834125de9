"""Conversations out of ChatGPT's export of data: ``conversations.json``.

Each conversation there is a tree of messages: a message that was edited, or an answer that was made
again, is one more branch. Read is the branch that was on the screen last. Taught in
:doc:`/book/applications/chatbot`.

Citations become links. Where a picture was, also one that was made, words say so.

Left out: the other branches, what models wrote to plugins and what these answered, reasoning.
"""

from collections.abc import Mapping
from typing import Any

from companion.chatbot.chatgpt_citations import with_links
from companion.chatbot.history import Conversation, Turn
from companion.chatbot.openai_messages import system_text, text_of, whole
from companion.errors import ConversationError

_SHOWN = ("text", "multimodal_text")
"""Kinds of content that were on the screen as words."""


def is_export(record: Any) -> bool:
    """Tell whether a JSON value looks like a conversation of the export."""
    return isinstance(record, Mapping) and isinstance(record.get("mapping"), Mapping)


def read_export(record: Mapping[str, Any]) -> Conversation:
    """Make a conversation of one of the export.

    Args:
        record: An object with ``mapping`` and, in the usual case, ``current_node``.

    Returns:
        The conversation, with its title. A greeting before the user's first message becomes a part
        of the system message.

    Raises:
        ConversationError: If nothing in it was said by the user.
    """
    system, greeting, turns = [], [], []
    for role, text in filter(None, map(_said, _branch(record))):
        if role == "system":
            system.append(text)
        elif role == "user":
            turns.append([{"role": "user", "content": text}])
        elif turns and turns[-1][-1]["role"] == "assistant":  # one answer in several messages
            turns[-1][-1]["content"] += f"\n\n{text}"
        elif turns:
            turns[-1].append({"role": "assistant", "content": text})
        else:
            greeting.append(text)
    if not turns:
        raise ConversationError("the user says nothing in it")
    title = record.get("title")
    return Conversation(
        system_text(system, greeting),
        [Turn(messages) for messages in turns],
        title=whole(title) if isinstance(title, str) else "",
    )


def _branch(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the messages on the way to the last one that was shown, the oldest first."""
    nodes = {name: node for name, node in record["mapping"].items() if isinstance(node, Mapping)}
    parents = {node.get("parent") for node in nodes.values() if _is_name(node.get("parent"))}
    last = next((name for name in reversed(nodes) if name not in parents), None)
    current = record.get("current_node")
    at = current if _is_name(current) and current in nodes else last
    branch: list[Mapping[str, Any]] = []
    while _is_name(at) and at in nodes:
        node = nodes.pop(at)  # popped, so that a circle ends
        if isinstance(node.get("message"), Mapping):
            branch.append(node["message"])
        at = node.get("parent")
    return branch[::-1]


def _said(message: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the role and the words of a message that was on the screen; None for another."""
    author, content = message.get("author"), message.get("content")
    metadata = message.get("metadata")
    if not isinstance(author, Mapping) or not isinstance(content, Mapping):
        return None
    hidden = isinstance(metadata, Mapping) and metadata.get("is_visually_hidden_from_conversation")
    role, parts = author.get("role"), content.get("parts")
    if role == "tool":  # its words are for the model, its pictures for the user
        role, parts = "assistant", _made(parts)
    text = text_of(parts)
    text = (with_links(text, metadata) if role == "assistant" else text).strip()
    if hidden or not text or content.get("content_type") not in _SHOWN:
        return None
    if role not in ("system", "user", "assistant") or message.get("recipient", "all") != "all":
        return None
    return role, text


def _made(parts: Any) -> list[Mapping[str, Any]]:
    """Return the pictures among the parts of a message that a model has made."""
    given = parts if isinstance(parts, list) else []
    return [part for part in given if isinstance(part, Mapping) and _is_made(part.get("metadata"))]


def _is_made(metadata: Any) -> bool:
    return isinstance(metadata, Mapping) and bool(
        metadata.get("dalle") or metadata.get("generation")
    )


def _is_name(value: Any) -> bool:
    return isinstance(value, str)
