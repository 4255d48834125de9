"""A turn as the page shows it: the same right after the answer and after a reload.

The turn holds what the model wrote; here, citations that no passage has are left out.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from companion.chatbot.history import Turn
from companion.chatbot.tool_use import visible_length
from companion.rag.citations import known_only
from companion.tools.transcript import calls_as_objects

if TYPE_CHECKING:
    from companion.chatbot.reply import Reply
    from companion.rag.documents import Hit


def shown(turn: Turn, reply: "Reply | None" = None) -> dict[str, Any]:
    """Return a turn in a form that JSON can hold.

    Args:
        turn: The turn.
        reply: Its answer, if it was written just now: it knows more than is stored.
    """
    view = {
        "asked": turn.messages[0]["content"],
        "text": turn.messages[-1]["content"] if turn.answered else "",
        "interrupted": turn.interrupted,
        "note": turn.note,
        "found": turn.found,
        "parts": _parts(turn),
        "passages": [_passage(turn, hit) for hit in turn.passages],
        "unknown": list(turn.unknown_citations),
    }
    if reply is not None:
        names = ("reasoning", "left_out", "unread", "tokens", "seconds")
        view |= {name: getattr(reply, name) for name in names}
    return view


def version(turns: Sequence[Turn]) -> str:
    """Return a text that is another one if other turns are shown."""
    views = json.dumps([shown(turn) for turn in turns])
    return hashlib.sha256(views.encode()).hexdigest()


def _passage(turn: Turn, hit: "Hit") -> dict[str, Any]:
    """Return a passage: where it stands, its text, and whether the answer cites it."""
    metadata = hit.document.metadata
    above = [metadata.get(key) for key in ("parents", "heading")]
    return {
        "origin": hit.origin,
        "page": metadata.get("page"),
        "heading": " > ".join(str(heading) for heading in above if heading),
        "text": hit.document.text,
        "cited": hit in turn.sources,
    }


def _parts(turn: Turn) -> list[dict[str, Any]]:
    """Return what answers the user, in its order: texts, and calls of tools with their results."""
    parts: list[dict[str, Any]] = []
    waiting: dict[str, dict[str, Any]] = {}  # the newest call with each identifier
    cites = bool(turn.passages or turn.unknown_citations)  # a number in brackets is a citation
    for kept, message in zip(turn.messages, calls_as_objects(turn.messages), strict=True):
        if message["role"] == "assistant":
            text = _words(kept, message)
            text = known_only(text, len(turn.passages)) if cites else text
            parts += [{"text": text}] if text.strip() else []
        elif message["role"] == "tool" and message.get("tool_call_id") in waiting:
            waiting[message["tool_call_id"]]["result"] = message["content"]
        for call in message.get("tool_calls") or ():
            waiting[call["id"]] = {
                "name": call["function"]["name"],
                "arguments": _value(call["function"]["arguments"]),
                "result": None,
            }
            parts.append({"call": waiting[call["id"]]})
    return parts


def _words(kept: Mapping[str, Any], message: Mapping[str, Any]) -> str:
    """Return what a message says beside its calls, which may be written in its text."""
    text = kept.get("content") or ""
    return (
        text[: visible_length(text)]
        if message.get("tool_calls") != kept.get("tool_calls")
        else text
    )


def _value(text: str) -> Any:
    """Return the arguments of a call; as a text if they are no JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
