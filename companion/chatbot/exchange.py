"""Conversations from other programs, and for them.

For ``/load`` and ``/save`` of the terminal and for the page:

- ``import_conversation(path or bytes)`` reads one conversation;
- ``import_all(path or bytes)`` reads all of a file that holds several, each with what is wrong with
  those that can't be read;
- ``export(conversation, format)`` writes one, ``format_of(path)`` tells which format a name means.

Read are our own files, OpenAI's ``messages`` and ChatGPT's export (``conversations.json``); written
are our own, OpenAI's and Markdown. Taught in :doc:`/book/applications/chatbot`.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from companion.chatbot import storage
from companion.chatbot.chatgpt_export import is_export, read_export
from companion.chatbot.history import Conversation
from companion.chatbot.openai_messages import read_messages, write_messages
from companion.errors import ConversationError
from companion.tools.transcript import calls_as_text

FORMATS = {"companion": ".json", "openai": ".messages.json", "markdown": ".md"}
"""The formats of `export`, each with the end of its files' names."""


class Imported(NamedTuple):
    """What was read out of a file."""

    conversations: list[Conversation]
    """In the order of the file, at least one."""
    problems: list[str]
    """What is wrong with those that could not be read, a line for each."""


def import_all(source: str | Path | bytes) -> Imported:
    """Read every conversation of a file.

    Args:
        source: A path, or what is in a file.

    Returns:
        The conversations, and the problems with others.

    Raises:
        ConversationError: If the file can't be read, is of another kind, or if no conversation in
            it can be read.

    Example:
        >>> data = b'{"messages": [{"role": "user", "content": "Hi"}]}'
        >>> import_all(data).conversations[0].turns[0].messages
        [{'role': 'user', 'content': 'Hi'}]
    """
    text = _text(source)
    conversations: list[Conversation] = []
    problems: list[str] = []
    for name, read in _readers(text):
        try:
            conversations.append(_checked(read()))
        except ConversationError as error:
            problems.append(f"{name}: {' '.join(str(error).split())[:300]}")
    if not conversations:
        raise ConversationError("; ".join(problems[:3]) or "the file holds no conversation")
    return Imported(conversations, problems)


def import_conversation(source: str | Path | bytes, *, title: str | None = None) -> Conversation:
    """Read one conversation, whatever program has written it.

    Args:
        source: A path, or what is in a file.
        title: Which one to take from a file that holds several: a part of its title.

    Raises:
        ConversationError: As in `import_all`, and if there are several to choose from. It names
            their titles.
    """
    conversations = import_all(source).conversations
    if title is not None:
        conversations = [
            conversation
            for conversation in conversations
            if title.casefold() in conversation.title.casefold()
        ]
    if len(conversations) == 1:
        return conversations[0]
    if not conversations:
        raise ConversationError(f"no conversation in it has {title!r} in its title")
    names = ", ".join(repr(conversation.title[:40]) for conversation in conversations[:5])
    more = ", ..." if len(conversations) > 5 else ""
    raise ConversationError(
        f"it holds {len(conversations)} conversations, choose one: {names}{more}"
    )


def export(conversation: Conversation, format: str = "companion") -> str:
    """Write a conversation as the text of a file.

    Args:
        conversation: Any conversation.
        format: One of `FORMATS`. Only ``"companion"`` keeps everything.

    Raises:
        ValueError: If there is no such format.

    Example:
        >>> from companion.chatbot.history import Turn
        >>> talk = Conversation(None, [Turn([{"role": "user", "content": "Hi"}])], title="Greeting")
        >>> print(export(talk, "markdown"))
        # Greeting
        <BLANKLINE>
        ## You
        <BLANKLINE>
        Hi
        <BLANKLINE>
    """
    writers = {"companion": storage.to_json, "openai": write_messages, "markdown": _write_markdown}
    if format not in writers:
        raise ValueError(f"format must be one of {', '.join(FORMATS)}, got {format!r:.40}")
    return writers[format](conversation)


def format_of(path: str | Path) -> str:
    """Return the format that a file's name means: Markdown, OpenAI's messages, or our own.

    Example:
        >>> [format_of(name) for name in ("a.md", "a.messages.json", "a.json", "a")]
        ['markdown', 'openai', 'companion', 'companion']
    """
    name = str(path).lower()
    ends = [(".markdown", "markdown"), *((end, form) for form, end in FORMATS.items())]
    fitting = [(len(end), form) for end, form in ends if name.endswith(end)]
    return max(fitting, default=(0, "companion"))[1]


def _text(source: str | Path | bytes) -> str:
    try:
        data = source if isinstance(source, bytes) else storage.read_bytes(source)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise ConversationError(f"can't read {source}: {why}") from None
    if data[:4] == b"PK\x03\x04":
        raise ConversationError("this is a ZIP archive: unpack it and take its conversations.json")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConversationError("the file is not UTF-8 text") from None


def _readers(text: str) -> Iterator[tuple[str, Callable[[], Conversation]]]:
    """Yield for each conversation of a file what to call it, and what reads it."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2 or not lines[0].lstrip().startswith(("{", "[")):
            raise ConversationError(
                f"this is not a whole, valid JSON text; maybe it is truncated ({error})"
            ) from None
        for number, line in enumerate(lines, 1):
            yield f"line {number}", partial(_read_line, line)
        return
    if storage.is_own(value):
        yield "the conversation", partial(storage.from_json, text)  # strictly
    elif isinstance(value, list) and any(map(is_export, value)):
        for number, conversation in enumerate(value, 1):
            title = conversation.get("title") if isinstance(conversation, Mapping) else None
            yield f"conversation {number} ({str(title)[:40]!r})", partial(_read, conversation)
    else:
        yield "the file", partial(_read, value)


def _read_line(line: str) -> Conversation:
    try:
        return _read(json.loads(line))
    except (ValueError, RecursionError) as error:
        raise ConversationError(f"this is no valid JSON ({error})") from None


def _read(value: Any) -> Conversation:
    if is_export(value):
        return read_export(value)
    messages = value.get("messages") if isinstance(value, Mapping) else value
    if isinstance(messages, list) and messages:
        return read_messages(messages)
    raise ConversationError(
        "this is no conversation. Files of companion, OpenAI's 'messages' and the "
        "conversations.json of ChatGPT's export can be read"
    )


def _checked(conversation: Conversation) -> Conversation:
    """Return a conversation as our own file gives it back: so it can be saved."""
    return storage.from_json(storage.to_json(conversation))


def _write_markdown(conversation: Conversation) -> str:
    """Write what was said, each message below a heading that names who said it."""
    parts = [f"# {conversation.title or 'Conversation'}"]
    parts += ["## System", conversation.system] if conversation.system else []
    for turn in conversation.turns:
        for message in calls_as_text(turn.messages):
            parts += [f"## {_NAMES[message['role']]}", _body(message)]
        parts += [f"*{turn.note[0].upper()}{turn.note[1:]}.*"] if turn.note else []
        parts += ["*Stopped.*"] if turn.interrupted and not turn.note else []
        origins = dict.fromkeys(filter(None, (source.origin for source in turn.sources)))
        parts += [f"Sources: {', '.join(origins)}"] if origins else []
    return "\n\n".join(parts) + "\n"


_NAMES = {"user": "You", "assistant": "Assistant", "tool": "Result of a tool"}


def _body(message: Mapping[str, Any]) -> str:
    if message["role"] != "tool":
        return str(message["content"] or "")
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", message["content"])), default=0))
    return f"{fence}\n{message['content']}\n{fence}"
