"""Conversation files: JSON with a version number, checked when read, written whole or not at all.

Reading refuses what it does not understand completely. A field that it ignored would be lost when
the conversation is saved again. Taught in :doc:`/book/applications/conversation`.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from companion._files import resolved, write_whole
from companion.chatbot.history import Conversation, Turn
from companion.errors import ConversationError
from companion.rag.documents import Document, Hit

VERSION = 1
MAX_BYTES = 64 * 2**20
"""Size of the largest file that is read or written: 64 MiB, a hundred thousand messages or so."""

_FORMAT = "companion-conversation"
_FILE = {
    "format": str,
    "version": int,
    "system": (str, type(None)),
    "summary": str,
    "summarized": int,
    "turns": list,
}
_FILE_EXTRAS = {"title": str}
_TURN = {"messages": list, "sources": list, "interrupted": bool}
_TURN_EXTRAS = {"note": str, "passages": list, "unknown_citations": list, "found": bool}
_SOURCE = {"text": str, "metadata": dict, "score": (int, float, type(None))}
_MESSAGE = {"role": str, "content": (str, type(None))}
_MESSAGE_EXTRAS = {"tool_calls": list, "tool_call_id": str, "name": str}


def to_json(conversation: Conversation) -> str:
    """Write a conversation as JSON.

    Args:
        conversation: Any conversation.

    Returns:
        The text of a file.

    Example:
        >>> from_json(to_json(Conversation("Be brief."))).system
        'Be brief.'
    """
    record = {
        "format": _FORMAT,
        "version": VERSION,
        "system": conversation.system,
        "summary": conversation.summary,
        "summarized": conversation.summarized,
        "turns": [_turn_record(turn) for turn in conversation.turns],
        **({"title": conversation.title} if conversation.title else {}),
    }
    return json.dumps(record, indent=1, allow_nan=False) + "\n"


def _turn_record(turn: Turn) -> dict[str, Any]:
    """Return a turn as JSON has it. What is as it mostly is, is left out."""
    record = {
        "messages": [dict(message) for message in turn.messages],
        "sources": [_hit_record(hit) for hit in turn.sources],
        "interrupted": turn.interrupted,
    }
    if turn.note:
        record["note"] = turn.note
    if turn.passages != turn.sources:
        record["passages"] = [_hit_record(hit) for hit in turn.passages]
    if turn.unknown_citations:
        record["unknown_citations"] = list(turn.unknown_citations)
    if not turn.found:
        record["found"] = False
    return record


def _hit_record(hit: Hit) -> dict[str, Any]:
    return {"text": hit.document.text, "metadata": hit.document.metadata, "score": hit.score}


def from_json(text: str) -> Conversation:
    """Read a conversation from JSON.

    Args:
        text: What `to_json` has written.

    Returns:
        The conversation, equal to the one that was written.

    Raises:
        ConversationError: If the text is not JSON, of another version, or has a field that is
            missing, unknown or of the wrong type. It names the place.
    """
    try:
        record = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_distinct)
        _check_value(record)
    except (ValueError, RecursionError) as error:
        raise ConversationError(
            f"this is not a whole, valid JSON text; maybe it is truncated ({str(error)[:100]}). "
            "Take a copy of the file from before."
        ) from None
    if not is_own(record):
        raise ConversationError(f"this is no conversation: its 'format' is not {_FORMAT!r}")
    if record.get("version") != VERSION or isinstance(record["version"], bool):
        raise ConversationError(
            f"the conversation has the version {str(record.get('version'))[:40]} and this program "
            f"reads version {VERSION}. Use the release of companion that wrote it."
        )
    _check_fields(record, _FILE, "the conversation", _FILE_EXTRAS)
    turns = [_read_turn(turn, f"turn {index}") for index, turn in enumerate(record["turns"])]
    return Conversation(
        record["system"],
        turns,
        record["summary"],
        record["summarized"],
        record.get("title", ""),
    )


def is_own(record: object) -> bool:
    """Tell whether a JSON value is a conversation of this program, of any version."""
    return isinstance(record, dict) and record.get("format") == _FORMAT


def save(conversation: Conversation, path: str | Path) -> None:
    """Write a conversation to a file: into a new file beside it, which then takes its place.

    A crash or a full disk leaves the old file as it was. The file can be read by its owner only.

    Args:
        conversation: The conversation.
        path: Where to. An existing file is replaced if it is a conversation of this version.

    Raises:
        ConversationError: If the path can't be written, or holds something else.
    """
    text = to_json(conversation)
    if len(text) > MAX_BYTES:
        raise ConversationError(f"the conversation is larger than {MAX_BYTES // 2**20} MiB")
    try:
        path = resolved(path)
        if path.exists():
            _check_replaceable(path)
        write_whole(path, text, mode=0o600)
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        if isinstance(error, ConversationError):
            raise
        raise ConversationError(
            f"can't write {path}: {getattr(error, 'strerror', None) or error}"
        ) from None


def load(path: str | Path) -> Conversation:
    """Read a conversation from a file.

    Args:
        path: A file that `save` has written.

    Returns:
        The conversation.

    Raises:
        ConversationError: If the file can't be read, is too large, or is no conversation of this
            version.
    """
    try:
        return from_json(read_bytes(path).decode("utf-8"))
    except (OSError, ValueError) as error:
        why = "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else None
        why = why or getattr(error, "strerror", None) or error
        raise ConversationError(f"can't read {path}: {why}") from None


def read_bytes(path: str | Path) -> bytes:
    """Return what is in a file of at most `MAX_BYTES`.

    Raises:
        OSError: If it can't be read.
        ConversationError: If it is no file, or larger.
    """
    if not Path(path).is_file() and Path(path).exists():
        raise ConversationError("it is not a file")  # a pipe would wait for ever
    with open(path, "rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ConversationError(f"it is larger than {MAX_BYTES // 2**20} MiB")
    return data


def _check_replaceable(path: Path) -> None:
    try:
        load(path)
    except ConversationError:
        raise ConversationError(
            f"{path} exists and is not a conversation of this version, so it is left as it is. "
            "Choose another name."
        ) from None


def _read_turn(record: object, place: str) -> Turn:
    _check_fields(record, _TURN, place, _TURN_EXTRAS)
    for index, message in enumerate(record["messages"]):
        _check_fields(message, _MESSAGE, f"{place}, message {index}", _MESSAGE_EXTRAS)
    hits = {
        kind: [
            _read_hit(source, f"{place}, {kind} {index}")
            for index, source in enumerate(record.get(f"{kind}s", record["sources"]))
        ]
        for kind in ("source", "passage")
    }
    unknown = record.get("unknown_citations", [])
    if not all(type(number) is int for number in unknown):
        raise ConversationError(f"{place}: 'unknown_citations' must be whole numbers")
    try:
        return Turn(
            record["messages"],
            hits["source"],
            record["interrupted"],
            record.get("note", ""),
            hits["passage"],
            unknown,
            record.get("found", True),
        )
    except ConversationError as error:
        raise ConversationError(f"{place}: {error}") from None


def _read_hit(record: object, place: str) -> Hit:
    _check_fields(record, _SOURCE, place)
    try:
        return Hit(Document(record["text"], record["metadata"]), record["score"])
    except ValueError as error:
        raise ConversationError(f"{place}: {str(error)[:300]}") from None


def _check_fields(
    record: object,
    fields: Mapping[str, Any],
    place: str,
    optional: Mapping[str, Any] | None = None,
) -> None:
    """Check that a record has these fields with these types, and no other field."""
    if not isinstance(record, dict):
        raise ConversationError(f"{place} must be an object, got {type(record).__name__}")
    known = {**fields, **(optional or {})}
    missing, unknown = fields.keys() - record.keys(), record.keys() - known.keys()
    if missing or unknown:
        wrong = [f"lacks {name!r}" for name in sorted(missing)]
        wrong += [f"has the unknown field {name[:100]!r}" for name in sorted(unknown)[:3]]
        raise ConversationError(f"{place} {' and '.join(wrong)}")
    for name, value in record.items():
        wanted = known[name]
        types = wanted if isinstance(wanted, tuple) else (wanted,)
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            allowed = " or ".join("null" if kind is type(None) else kind.__name__ for kind in types)
            raise ConversationError(
                f"{place}: {name!r} must be {allowed}, got {type(value).__name__}"
            )


def _check_value(value: Any) -> None:
    """Refuse what JSON can say and no text or number of ours can: half characters, 1e999."""
    if isinstance(value, str):
        value.encode()  # UnicodeEncodeError is a ValueError
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number is too large")
    elif isinstance(value, dict):
        _check_value([*value.keys(), *value.values()])
    elif isinstance(value, list):
        for part in value:
            _check_value(part)


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        raise ValueError("it has a field twice")
    return record


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
