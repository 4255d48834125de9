"""A turn of the assistant while it is written: its reasoning, its text, its calls of tools.

A call is known as one when it is whole. So what may become a call is held back: a turn that begins
as one does, and all behind a tag of a call. Taught in :doc:`/book/open-models/serving`.
"""

import json
import secrets
from collections.abc import Iterator
from typing import Any

from companion.errors import ToolCallError
from companion.generation.stopping import settled_length
from companion.reasoning import Reasoning, keep_apart
from companion.tools import parse_calls
from companion.tools.call import OPENING

BEGINNINGS = ("{", "[", "```", OPENING)
"""How a turn begins that may be a call."""

Delta = dict[str, Any]
"""A piece of a message, in the form of the protocol."""


class GrowingTurn:
    """A turn that grows.

    Args:
        opening: The mark with which the prompt opens the model's reasoning, if it does.
        tools: Whether it may be a call.

    Example:
        >>> turn = GrowingTurn(tools=True)
        >>> list(turn.add('{"name": "now", ')), list(turn.add('"arguments": {}}'))
        ([], [])
        >>> next(turn.end())["tool_calls"][0]["function"]
        {'name': 'now', 'arguments': '{}'}
    """

    def __init__(self, opening: str = "", *, tools: bool = False) -> None:
        self.tools, self.called = tools, False
        self._text, self._shown = "", 0  # the answer without reasoning
        self._new: list[str] = []
        self._whole = False
        self._apart = keep_apart(self._pieces(), opening)

    def _pieces(self) -> Iterator[str | None]:
        """Yield what was added, and None when all of it was."""
        while True:
            if self._new:
                yield self._new.pop(0)
            elif self._whole:
                return
            else:
                yield None

    @property
    def said(self) -> str:
        """The answer in words, as far as it was handed out."""
        return self._text[: self._shown]

    def add(self, text: str) -> Iterator[Delta]:
        """Take in text, and yield what it adds to the message."""
        self._new.append(text)
        yield from self._read()
        yield from self._show(self._settled())

    def end(self) -> Iterator[Delta]:
        """Yield the rest of the message."""
        self._whole = True
        yield from self._read()
        calls = self._calls()
        if calls:
            self.called = True
            yield {"tool_calls": calls}
        else:
            yield from self._show(len(self._text))

    def _read(self) -> Iterator[Delta]:
        for piece in self._apart:
            if piece is None:
                return
            if isinstance(piece, Reasoning):
                yield {"reasoning_content": piece.text}
                if piece.takes_back:  # what was sent as the answer can't be called back
                    self._text, self._shown = "", 0
            else:
                self._text += piece

    def _show(self, end: int) -> Iterator[Delta]:
        if end > self._shown:
            yield {"content": self._text[self._shown : end]}
            self._shown = end

    def _settled(self) -> int:
        """Return how much of the answer is no call for certain."""
        if not self.tools:
            return len(self._text)
        begun = self._text.lstrip()
        if any(begun.startswith(one) or one.startswith(begun) for one in BEGINNINGS):
            return 0
        tag = self._text.find(OPENING)
        return tag if tag >= 0 else settled_length(self._text, [OPENING])

    def _calls(self) -> list[dict[str, Any]]:
        """Return the calls of the turn; none if it is an answer, or can't be read as one."""
        if not self.tools:
            return []
        try:
            calls = parse_calls(self._text)
        except ToolCallError:
            return []
        return [
            {
                "index": index,
                "id": f"call_{secrets.token_hex(12)}",
                "type": "function",
                "function": {"name": call.name, "arguments": json.dumps(call.arguments)},
            }
            for index, call in enumerate(calls)
        ]
