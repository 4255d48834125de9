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

from companion._markup import Place
from companion.generation.stopping import close, settled_length

OPENING = ("<think>", "<thinking>", "[THINK]")
CLOSING = ("</think>", "</thinking>", "[/THINK]")
MARKS = (*OPENING, *CLOSING)
"""What begins and ends reasoning: Qwen, DeepSeek and others; Claude's words; Magistral."""

ANY_MARK = re.compile("|".join(map(re.escape, MARKS)))
AT_THE_END = re.compile(rf"(?:{'|'.join(map(re.escape, OPENING))})(?=\s*\Z)")
QUOTED = r"`+[^`\n]+`|\"[^\"\n]*\"|“[^”\n]*”|„[^“”\n]*[“”]|«[^»\n]*»|(?<!\w)'[^'\n]*'"
"""Code and quotations in a line, ended by the first character that can end them."""
MOST_DOUBTS = 8
"""How often in a turn reasoning without a sure end may end at a doubtful one. What is behind that
is read once more, and may reason again; a model in a loop does so without an end."""
BARE_MARK = re.compile(rf"({QUOTED})|{ANY_MARK.pattern}")


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
        close(pieces)
    yield from turn.end()


class _Turn:
    """A turn that is being read: what is not decided yet, and what was read before it."""

    def __init__(self) -> None:
        self.rest, self.place = "", Place()
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
            self.rest, self.place = self.rest[len(mark[0]) :], Place()
            if mark[0] in OPENING:
                self.thought, self.doubt = [], None
            else:
                yield self._ended()

    def end(self) -> Iterator[str | Reasoning]:
        """Yield what was not decided until now."""
        yield from self.read("", last=True)
        doubts = MOST_DOUBTS
        while self.thought is not None:
            self.place.add("\n")
            at = self._doubtful() if doubts else None
            doubts -= 1
            more = [] if at is None else self.thought[at + 1 :]
            self.thought = self.thought[:at]
            yield self._ended()
            self.place = Place()
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
            if mark in OPENING:
                return _begins(before, after, last)
            if not (ends := _ends(before, after, last)):
                return ends
            quoted = self.place.quotation(mark, after, last)
            return None if quoted is None else not quoted
        if mark in OPENING:
            return False
        quoted = "" if fenced else self.place.quotation(mark, after, last)
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


def _begins(before: str, after: str, last: bool) -> bool | None:
    """Tell whether an opening mark in an answer begins reasoning."""
    if before:
        return False
    if not after.strip(" \t\r"):
        return True if last else None
    return bool(re.match(r"[ \t\r]*\n|[^\s.,:;!?)/…-]", after))


def _ends(before: str, after: str, last: bool) -> bool | None:
    """Tell whether a closing mark without an opening one ends reasoning, if it is not quoted."""
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
    return ends
