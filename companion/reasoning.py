r"""Reasoning: what some models write before their answer, kept apart from it.

The marks are words of the text, ``<think>`` and ``</think>``. A chat template may write the first
one into the prompt, so that the model's turn has the second one only. Reasoning holds drafts: calls
that the model rejects, answers that it corrects. Nothing in it may be run or shown as the answer.

An answer may speak of the marks. So they are marks in these places only:

- ``<think>`` where the turn begins, or later where a line begins, with a word or a line break
  behind it;
- ``</think>`` behind it; without it, on a line of its own, behind a word and before an empty line,
  or close behind the end of a sentence.

In code and in quotation marks they are text; in reasoning, too, if there is another end of it.
Left out: quotations and code in backticks that go over several lines. Taught in
:doc:`/book/applications/chatbot`.
"""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from companion.generation.stopping import settled_length

OPENING = ("<think>", "<thinking>", "[THINK]")
CLOSING = ("</think>", "</thinking>", "[/THINK]")
MARKS = (*OPENING, *CLOSING)
"""What begins and ends reasoning: Qwen, DeepSeek and others; Claude's words; Magistral."""

ANY_MARK = re.compile("|".join(map(re.escape, MARKS)))
AT_THE_END = re.compile(rf"(?:{'|'.join(map(re.escape, OPENING))})(?=\s*\Z)")
QUOTE = re.compile(r"[`\"“„«]|(?<!\w)'")
QUOTED = r"`+[^`\n]+`|\"[^\"\n]*\"|“[^”\n]*”|„[^“”\n]*[“”]|«[^»\n]*»|(?<!\w)'[^'\n]*'"
"""Code and quotations in a line, ended by the first character that can end them."""
LOOK_AHEAD = 400
"""Characters behind a mark in which a quotation around it has to end."""
BARE_MARK = re.compile(rf"({QUOTED})|{ANY_MARK.pattern}")
FENCE = re.compile(r"[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?(`{3,}(?=[^`]*$)|~{3,})")


@dataclass(frozen=True)
class Reasoning:
    """Reasoning in a stream of pieces.

    Args:
        text: What the model reasoned, without marks.
        takes_back: Whether the pieces before it, taken for the answer, were reasoning, too. So it
            is if the turn has a closing mark and no opening one.
    """

    text: str
    takes_back: bool = False


class TakenBack(str):
    """An empty piece of what is shown: what was shown of this turn before it was reasoning."""


def split_reasoning(text: str) -> tuple[str, str]:
    r"""Return the reasoning in a model's turn, and its answer.

    Reasoning is what stands between an opening mark and the next closing one, or the end of the
    text; and all before a closing mark that has no opening one.

    Args:
        text: What the model wrote in its turn.

    Returns:
        Reasoning without marks, and the answer. A turn without reasoning is returned as it is.

    Example:
        >>> split_reasoning("<think>\n6 x 7 is 42.\n</think>\n\nIt is 42.")
        ('6 x 7 is 42.', 'It is 42.')
        >>> split_reasoning("Perhaps 41? No.\n</think>\n\nIt is 42.")
        ('Perhaps 41? No.', 'It is 42.')
        >>> split_reasoning("<think>\n6 x 7 is")
        ('6 x 7 is', '')
        >>> split_reasoning("Reasoning is between <think> and </think>.")
        ('', 'Reasoning is between <think> and </think>.')
    """
    thought: list[str] = []
    answer, found = "", False
    for piece in keep_apart([text]):
        if isinstance(piece, str):
            answer += piece
            continue
        found = True
        thought.append(piece.text)
        answer = "" if piece.takes_back else answer
    return "\n".join(filter(None, thought)), answer.strip() if found else text


def opening_mark(prompt: str) -> str:
    """Return the mark with which a prompt opens the model's reasoning; empty if it does not.

    It belongs to the model's turn. Put it in front of what the model writes.
    """
    match = AT_THE_END.search(prompt)
    return match[0] if match else ""


def keep_apart(pieces: Iterable[Any], begun: str = "") -> Iterator[Any]:
    """Take the reasoning out of a stream of text.

    Args:
        pieces: Pieces of a model's turn. Those that are no texts are passed on.
        begun: What `opening_mark` found in the prompt.

    Yields:
        Pieces of the answer, and a `Reasoning` where some has ended. Without an opening mark
        reasoning is known as such when it ends, and not before.
    """
    turn = _Turn()
    try:
        yield from turn.read(begun)
        for piece in pieces:
            if isinstance(piece, str):
                yield from turn.read(piece)
            else:
                yield piece
    finally:
        getattr(pieces, "close", lambda: None)()
    yield from turn.end()


class _Turn:
    """A turn that is being read: what is not decided yet, and what was read before it."""

    def __init__(self) -> None:
        self.rest, self.place = "", _Place()
        self.answer: list[str] = []
        self.blanks: str | None = ""  # with which the answer may begin; None if it has begun
        self.after = False  # some reasoning
        self.thought: list[str] | None = None  # of reasoning that goes on
        self.doubt: tuple[int, float] | None = None  # see `_doubtful`

    def read(self, text: str, *, last: bool = False) -> Iterator[str | Reasoning]:
        """Read on, and yield what is decided; at last that is all."""
        self.rest += text
        while True:
            mark = ANY_MARK.search(self.rest)
            settled = len(self.rest) if last else settled_length(self.rest, MARKS)
            yield from self._take(mark.start() if mark else settled)
            if not mark:
                return
            meant = self._meant(mark[0], self.rest[len(mark[0]) :], last)
            if meant is None:
                return
            if not meant:
                yield from self._take(len(mark[0]))
                continue
            self.rest, self.place = self.rest[len(mark[0]) :], _Place()
            if mark[0] in OPENING:
                self.thought, self.doubt = [], None
            else:
                yield self._ended()

    def end(self) -> Iterator[str | Reasoning]:
        """Yield what was not decided until now."""
        yield from self.read("", last=True)
        while self.thought is not None:
            self.place.add("\n")
            at = self._doubtful()
            more = [] if at is None else self.thought[at + 1 :]
            self.thought = self.thought[:at]
            yield self._ended()
            self.place = _Place()
            yield from self.read("".join(more), last=True)

    def _take(self, length: int) -> Iterator[str]:
        """Take in some text, and yield it if it is of the answer."""
        text, self.rest = self.rest[:length], self.rest[length:]
        self.place.add(text)
        if self.thought is not None:
            self.thought.append(text)
            return
        if self.blanks is not None:
            text = self.blanks + text
            text = text.lstrip() if self.after else text
            self.blanks = None if text.strip() else text
        if text and self.blanks is None:
            self.answer.append(text)
            yield text

    def _ended(self) -> Reasoning:
        """Return the reasoning that has ended, or all that was taken for the answer."""
        takes_back = self.thought is None and bool(self.answer)
        thought = self.answer if self.thought is None else self.thought
        self.answer = [] if self.thought is None else self.answer
        self.thought, self.blanks, self.after = None, "", True
        return Reasoning(BARE_MARK.sub(r"\1", "".join(thought)).strip(), takes_back)

    def _meant(self, mark: str, after: str, last: bool) -> bool | None:
        """Tell whether a mark is meant as such; None if what follows will tell."""
        before = self.place.line()
        fenced = self.place.fenced(before)
        if self.thought is None:
            if self.blanks is not None:
                return True
            if fenced or any(one in before for one in OPENING):
                return False
            return (_begins if mark in OPENING else _ends)(before, mark, after, last)
        if mark in OPENING:
            return False
        quoted = "" if fenced else _quotation(before, mark, after, last)
        if quoted is None:
            return None
        sure = quoted[:1] == "`" or len(quoted) == len(mark) + 2 or any(map(quoted.count, OPENING))
        if (fenced or (quoted and not sure)) and self._doubtful() is None:
            self.doubt = len(self.thought), self.place.closed if fenced else math.inf
        return not fenced and not quoted

    def _doubtful(self) -> int | None:
        """Return where the mark is, in parts of the reasoning, that ends it if no other does.

        It is in a quotation, or in a fenced block that is still open and so may be none.
        """
        return self.doubt[0] if self.doubt and self.place.closed <= self.doubt[1] else None


class _Place:
    """Where in a text one is: in its line, and in a fenced block."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.fence = ""
        self.closed = 0  # blocks

    def add(self, text: str) -> None:
        """Go on behind some text."""
        first, *more = text.split("\n")
        self.parts.append(first)
        for part in more:
            self._next_line()
            self.parts = [part]

    def line(self) -> str:
        """Return the line up to here."""
        self.parts = ["".join(self.parts)]
        return self.parts[0]

    def fenced(self, line: str) -> bool:
        """Tell whether one is in a fenced block if its last line is this."""
        words = line.strip(" \t\r>")
        ends = words.startswith(self.fence) and not words.strip(self.fence[:1] or None)
        return bool(self.fence) and not ends

    def _next_line(self) -> None:
        line = self.line()
        opening = FENCE.match(line)
        if not self.fence:
            self.fence = opening[1] if opening else ""
        elif not self.fenced(line):
            self.fence, self.closed = "", self.closed + 1
        elif opening:  # no fence has words behind it at its end: the one before was never closed
            self.closed -= 1


def _begins(before: str, _: str, after: str, last: bool) -> bool | None:
    """Tell whether an opening mark in an answer begins reasoning."""
    if before:
        return False
    if not after.strip(" \t\r"):
        return True if last else None
    return bool(re.match(r"[ \t\r]*\n|[^\s.,:;!?)/…-]", after))


def _ends(before: str, mark: str, after: str, last: bool) -> bool | None:
    """Tell whether a closing mark without an opening one ends reasoning."""
    line, newline, more = after.partition("\n")
    words, close = line.strip(), not before[-1:].isspace()
    if words:
        ends = before[-1:] in (*".!?…", "") and words[0] not in ".,:;!?)"
        ends = ends and (bool(before) or not line[0].isspace())
    elif not before.strip():
        ends = len(before.expandtabs()) < 4 and (True if newline or last else None)
    elif not close:
        ends = False
    else:
        following, newline, _ = more.partition("\n")
        ends = not following.strip() and (True if newline or last else None)
    if not ends:
        return ends
    quoted = _quotation(before, mark, after, last)
    return None if quoted is None else not quoted


def _quotation(before: str, mark: str, after: str, last: bool) -> str | None:
    """Return the code or the quotation around a mark in its line; None if that is not known yet."""
    if not QUOTE.search(re.sub(QUOTED, "", before)):
        return ""
    line, newline, _ = after[:LOOK_AHEAD].partition("\n")
    if not (newline or last or len(line) == LOOK_AHEAD):
        return None
    around = re.finditer(QUOTED, before + mark + line)
    return next((one[0] for one in around if one.start() < len(before) < one.end()), "")
