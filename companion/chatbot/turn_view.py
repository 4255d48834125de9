"""A turn as the page shows it: the same right after the answer and after a reload."""

import json
from typing import TYPE_CHECKING, Any

from companion.chatbot.history import Turn
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
        "calls": _calls(turn),
        "passages": [_passage(turn, hit) for hit in turn.passages],
        "unknown": list(turn.unknown_citations),
    }
    if reply is not None:
        names = ("reasoning", "left_out", "tokens", "seconds")
        view |= {name: getattr(reply, name) for name in names}
    return view


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


def _calls(turn: Turn) -> list[dict[str, Any]]:
    """Return the calls of tools with their results, whatever form the model wrote them in."""
    messages = calls_as_objects(turn.messages)
    results = {m.get("tool_call_id"): m["content"] for m in messages if m["role"] == "tool"}
    calls = [call for message in messages for call in message.get("tool_calls") or ()]
    return [
        {
            "name": call["function"]["name"],
            "arguments": _value(call["function"]["arguments"]),
            "result": results.get(call["id"]),
        }
        for call in calls
    ]


def _value(text: str) -> Any:
    """Return the arguments of a call; as a text if they are no JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
