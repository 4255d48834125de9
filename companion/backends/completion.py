"""The answer of ``POST /chat/completions``, as it comes over the line.

An answer is a stream of server-sent events: lines ``data: {...}``, each event ended by an empty
line, the last one ``data: [DONE]``. Read here and not by `openai`, which does not tell an answer
that ended from one that broke off. Taught in :doc:`/book/applications/chatbot`.
"""

import json
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from typing import Any

from companion._checks import is_whole
from companion.backends.backend import Ending, Piece
from companion.backends.dialect import ending_of, read_message
from companion.generation.stopping import find_stop, settled_length
from companion.reasoning import Reasoning
from companion.tools.transcript import join_parts


class ReportedError(Exception):
    """An error that a server reported in the middle of its answer."""


class UnfinishedError(Exception):
    """An answer without an end. ``begun`` tells whether there was any of it."""

    def __init__(self, begun: bool) -> None:
        super().__init__("the answer has no end")
        self.begun = begun


def read_answer(chunks: Iterable[bytes]) -> Generator[Piece, None, Ending]:
    """Read an answer while it arrives.

    Args:
        chunks: The body of the response: a stream of events, or one JSON object from a server
            that does not stream.

    Yields:
        Pieces of text; the reasoning that the server keeps apart.

    Returns:
        Why the answer ended, the ``tool_calls`` if there are any, and the tokens read and written
        if the server sends its ``usage``.

    Raises:
        ReportedError: If the server reports an error.
        UnfinishedError: If the answer has neither a ``finish_reason`` nor ``[DONE]``.
        ValueError: If it is not in the format; so are TypeError and AttributeError.
    """
    begun = ended = False
    finish, tokens, read = "", 0, 0
    thought: list[str] = []
    parts: list[Any] = []
    for event in read_events(chunks):
        if event is None:
            ended = True
            break
        if error := reported(event):
            raise ReportedError(error)
        begun = True
        tokens = counted(event, "completion_tokens") or tokens
        read = counted(event, "prompt_tokens") or read
        for choice in event.get("choices") or []:
            if choice.get("index"):  # a second answer, which nobody asked for
                continue
            message = choice.get("delta") or choice.get("message") or {}
            text, reasoning, calls = read_message(message)
            thought.append(reasoning)
            parts += calls
            if message.get("refusal"):
                finish = "refusal"
            if choice.get("finish_reason") is not None:
                ended, finish = True, finish or ending_of(choice["finish_reason"])
            if text:
                yield text
    if reasoning := "".join(thought).strip():
        yield Reasoning(reasoning)
    calls = join_parts(parts)
    if not ended:
        raise UnfinishedError(begun)
    return Ending(finish, calls, tokens, read)


def counted(event: Mapping[str, Any], kind: str) -> int:
    """Return a count of tokens of an event's ``usage``; 0 if there is none.

    Example:
        >>> event = {"choices": [], "usage": {"completion_tokens": 7}}
        >>> counted(event, "completion_tokens"), counted(event, "prompt_tokens")
        (7, 0)
    """
    usage = event.get("usage")
    tokens = usage.get(kind) if isinstance(usage, Mapping) else None
    return tokens if is_whole(tokens) else 0


def reported(event: Mapping[str, Any]) -> str:
    """Return the message of an event that reports an error; empty if it reports none.

    Example:
        >>> reported({"error": {"message": "out of memory", "code": 500}})
        'out of memory'
        >>> reported({"object": "error", "message": "out of memory"})
        'out of memory'
    """
    error = event.get("error") or event.get("detail")
    if error is None and "message" in event and "choices" not in event:
        error = event
    if isinstance(error, Mapping):
        error = error.get("message") or json.dumps(error)
    return "" if error is None else str(error)


def until(stop: Sequence[str], pieces: Generator[Any, None, None]) -> Iterator[Any]:
    """Pass pieces on, up to a stop string in the text."""
    text, shown = "", 0
    with closing(pieces):
        for piece in pieces:
            if not isinstance(piece, str):
                if isinstance(piece, Reasoning) and piece.takes_back:
                    text, shown = "", 0
                elif len(text) > shown:
                    yield text[shown:]
                    shown = len(text)
                yield piece
                continue
            text += piece
            end = find_stop(text, stop)
            settled = settled_length(text, stop) if end is None else end
            if settled > shown:
                yield text[shown:settled]
                shown = settled
            if end is not None:
                return
    if len(text) > shown:
        yield text[shown:]


def read_events(chunks: Iterable[bytes]) -> Iterator[dict[str, Any] | None]:
    r"""Read server-sent events: the JSON object of each, and None for the end.

    Example:
        >>> list(read_events([b': hi\n\ndata: {"a"', b': 1}\r\n\r\ndata: [DONE]\n\n']))
        [{'a': 1}, None]
    """
    data: list[str] = []
    lines = _lines(chunks)
    for line in lines:
        if line.lstrip().startswith("{") and not data:  # not streamed
            yield _object("\n".join([line, *lines]))
            yield None
        elif line.startswith("data:"):
            data.append(line.removeprefix("data:").strip(" "))
        elif not line and data:
            yield _event(data)
            data = []
    with suppress(ValueError):  # the empty line after the last event is often missing
        if data:
            yield _event(data)


def _event(data: list[str]) -> dict[str, Any] | None:
    text = "\n".join(data)
    return None if text == "[DONE]" else _object(text)


def _object(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("JSON that is nested too deeply") from None


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Yield lines without their ends. A character may be cut between two chunks, a line too."""
    rest, count = b"", 0
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield _line(line, first=not count)
            count += 1
    if rest:
        yield _line(rest, first=not count)


def _line(line: bytes, *, first: bool) -> str:
    text = line.removesuffix(b"\r").decode("utf-8", "replace")
    return text.removeprefix("\ufeff") if first else text  # a byte order mark
