"""Conversations as other programs write them."""

import json

from companion.chatbot import Conversation


def user(text: str) -> dict:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict:
    return {"role": "assistant", "content": text}


def node(parent: str | None, role: str, *parts: object, **more: object) -> dict:
    content = {"content_type": more.pop("kind", "text"), "parts": list(parts)}
    message = {"author": {"role": role}, "content": content, "recipient": "all", **more}
    return {"parent": parent, "message": message}


def chatgpt(title: object = "Tea", current: object = "a2", **changes: object) -> dict:
    """One conversation of ChatGPT's export: the first answer was made again."""
    mapping = {
        "root": {"parent": None, "message": None, "children": ["s"]},
        "s": node("root", "system", ""),
        "u1": node("s", "user", "How long?"),
        "a1": node("u1", "assistant", "One minute."),
        "a2": node("u1", "assistant", "Three minutes."),
    }
    return {"title": title, "mapping": mapping | changes, "current_node": current}


def as_bytes(value: object) -> bytes:
    return json.dumps(value).encode()


def said(conversation: Conversation) -> list[tuple[str, str | None]]:
    return [(m["role"], m["content"]) for turn in conversation.turns for m in turn.messages]
