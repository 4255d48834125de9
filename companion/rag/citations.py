"""Citations: the marks by which an answer names its passages, such as ``[1]``.

A citation is a number in brackets in prose, or several: ``[1]``, ``[1, 2]``, ``[1-3]``, ``[^1]``,
``[Doc 1]``, ``[[1]]`` and ``[1†source]``, or the same in ``【】``. What is written for something
else is none: what stands in code, behind ``=``, an open bracket, a call or a key of JSON, and the
text of a link. Nor is what can't be the number of a passage: they are counted from 1, and there
are never hundreds, so that ``[0, 5]`` is an interval and ``[2024]`` a year. Only a ``[0]`` alone is
by one who counts from 0.

In some places it can't be told: directly behind a word or a bracket (``Oslo[1]``, ``row[1]``), as
the first thing of a list's item, before a colon where a line begins, in a line that is indented as
code. In doubt a number names its passage, if there is one, and never accuses: the mark stays.

A model can cite a number that no passage has. Such a citation is invented: it is reported, never
replaced by another passage, and not shown. What is stored is what the model wrote. Where code is
tells `companion._markup`, also while the answer is being written. Left out: code that goes over
several lines without a fence, and formulas beyond their first signs.
"""

import re
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Any, NamedTuple

from companion._markup import LOOK_AHEAD, Place
from companion.reasoning import TakenBack

MOST = 99
"""The highest number that a citation can have, unless there are more passages."""

_LABEL = (
    r"(?:(?:doc|document|passage|source|text|context|ref|reference|excerpt|snippet|chunk)s?\.?"
    r"\s{0,3}#?\s{0,3})?"
)
_NUMBERS = rf"\^?{_LABEL}\d{{1,9}}(?:\s{{0,3}}[-\u2013,;]\s{{0,3}}{_LABEL}\d{{1,9}}){{0,19}}"
_MARK = rf"({_NUMBERS})(?:†[^\[\]【】\n]{{0,80}})?"
CITATION = re.compile(rf"(?<!\s)(\s*)(?:\[\[{_MARK}\]\]|\[{_MARK}\]|【{_MARK}】)", re.IGNORECASE)
"""What may be a citation, with the blanks before: they, and one of three groups of numbers."""

_BEGUN = (
    rf"\^?(?:[a-z]{{0,10}}\.?[\s#]{{0,7}}"
    rf"|{_LABEL}\d[\w\s,;.#\u2013-]{{0,700}}(?:†[^\[\]【】\n]{{0,80}})?)"
)
_UNDECIDED = re.compile(rf"(?<!\s)\s*(?:[\[【]{{1,2}}{_BEGUN}[\]】]{{0,2}})?\Z", re.IGNORECASE)
"""An end of a text that may become a citation or is one, or the blanks before one."""

_OTHER = re.compile(r"(?:[=<{\[\\∈]|[\"']\s*:|\\[a-zA-Z]+)\s*\Z|(?:\w\(|\$)\Z")
"""What stands before brackets that cite nothing."""

_AT_WORD = re.compile(r"[\w)\]}\"'\u201d\u2019»`]\Z")
"""What may have an index directly behind it."""

_INDEX = re.compile(r"[\[\]\d\s,;\u2013-]+")

_ITEM = re.compile(r"[ \t>]*(?:[-*+]|\d{1,9}[.)])[ \t]+")
_INDENTED = re.compile(r" {4}| {0,3}\t")


class Mark(NamedTuple):
    """A citation in a text."""

    blanks: str
    """Those before it."""
    text: str
    numbers: list[int]
    sure: bool
    """Whether it can be nothing else."""


def cited(text: str, count: int) -> tuple[list[int], list[int]]:
    """Return the numbers that a text cites, each once, in order.

    Args:
        text: An answer.
        count: How many passages there were.

    Returns:
        Numbers of passages, and invented ones.

    Example:
        >>> cited("Bern. [2] It is old [1, 7]; see a[9] and `[8]`.", 2)
        ([2, 1], [7])
    """
    marks = [part for part in _Reader().read(text, count, last=True) if isinstance(part, Mark)]
    known = [number for mark in marks for number in mark.numbers if 1 <= number <= count]
    invented = [n for mark in marks if mark.sure for n in mark.numbers if not 1 <= n <= count]
    return list(dict.fromkeys(known)), list(dict.fromkeys(invented))


def without_citations(text: str, count: int) -> str:
    """Take the citations out of a text, except what may be something else.

    Example:
        >>> without_citations("Bern [1]. It is old [1, 7]; see `a[1]`.", 2)
        'Bern. It is old; see `a[1]`.'
    """
    parts = _Reader().read(text, count, last=True)
    return "".join(_shown(part, 0) for part in parts)


def known_only(text: str, count: int) -> str:
    """Take out of a text the citations that no passage has.

    Args:
        text: An answer.
        count: How many passages there were.

    Example:
        >>> known_only("Bern [1]. It is old [1, 7]. It is large. [9]", 2)
        'Bern [1]. It is old [1]. It is large.'
    """
    return "".join(_shown(part, count) for part in _Reader().read(text, count, last=True))


def known_citations(
    pieces: Generator[str, None, Any], count: int, before: str = ""
) -> Iterator[str]:
    """Do the same with an answer while it is being written. Closing it closes the pieces.

    Args:
        pieces: The answer.
        count: How many passages there were.
        before: The beginning of the answer, if these pieces go on with it.

    Example:
        >>> pieces = (piece for piece in ["Bern", " [", "7", "] is", " old [1]", "."])
        >>> list(known_citations(pieces, 1))
        ['Bern', ' is', ' old', ' [1].']
    """
    reader = _Reader(before)
    with closing(pieces):
        for piece in pieces:
            if isinstance(piece, TakenBack):
                reader = _Reader(before)
                yield piece
                continue
            parts = reader.read(piece, count)
            if known := "".join(_shown(part, count) for part in parts):
                yield known
    if known := "".join(_shown(part, count) for part in reader.read("", count, last=True)):
        yield known


def in_parentheses(text: str) -> str:
    """Write the citations of a passage in other brackets, so that nobody takes them for ours.

    Example:
        >>> in_parentheses("As [3] says, see [1, 2]: x = [4]; row[5].")
        'As (3) says, see (1, 2): x = [4]; row[5].'
    """
    parts, end, chain = [], 0, False
    for match in CITATION.finditer(text):
        chain = chain and not match[1] and match.start() == end
        before = text[max(0, match.start() - 40) : match.start()] + match[1]
        other = _OTHER.search(before) or (_AT_WORD.search(before) and not chain)
        chain = not other and bool(_values(match, MOST))
        mark = f"{match[1]}({_inner(match)})" if chain else match[0]
        parts += [text[end : match.start()], mark]
        end = match.end()
    return "".join([*parts, text[end:]])


class _Reader:
    """Finds the citations of a text that comes in pieces."""

    def __init__(self, before: str = "") -> None:
        self.rest, self.place = "", Place()
        self.place.add(before)
        self.blanks = ""  # before a mark that is not decided yet; the place is behind them
        self.chain = False  # whether the last thing that was read is surely a citation

    def read(self, piece: str, count: int, *, last: bool = False) -> Iterator[str | Mark]:
        """Read on, and yield what is decided; at last that is all."""
        blank = self.rest.isspace() and piece.isspace()
        self.rest += piece
        if blank and not last:
            return
        while match := CITATION.search(self.rest):
            if match.end() == len(self.rest) and not last:
                break
            yield from self._take(match.start())
            self.blanks += match[1]
            self.place.add(match[1])
            mark, after = match[0][len(match[1]) :], self.rest[match.end() - match.start() :]
            self.rest = mark + after
            in_code = self._in_code(after, last)
            if in_code is None:
                return
            numbers = _values(match, max(count, MOST))
            if in_code or not numbers or self._is_other(after):
                yield from self._take(len(mark))
                continue
            sure = not self._is_doubtful(mark, after)
            yield Mark(self.blanks, mark, numbers, sure)
            self.place.add(mark)
            self.rest, self.blanks, self.chain = after, "", sure
        yield from self._take(len(self.rest) if last else _UNDECIDED.search(self.rest).start())

    def _take(self, length: int) -> Iterator[str]:
        text, self.rest = self.rest[:length], self.rest[length:]
        if text:
            self.place.add(text)
            yield self.blanks + text
            self.blanks, self.chain = "", False

    def _in_code(self, after: str, last: bool) -> bool | None:
        """Tell whether what is read next is in code; None if what follows it will tell."""
        if self.place.fenced(self.place.line()):
            return True
        if "`" not in self.place.open:
            return False
        line, newline, _ = after[:LOOK_AHEAD].partition("\n")
        known = newline or last or len(line) == LOOK_AHEAD
        return True if "`" in line else (False if known else None)

    def _is_other(self, after: str) -> bool:
        """Tell whether brackets, with this behind them, are surely no citation."""
        return bool(_OTHER.search(self.place.line()[-40:])) or after[:1] in tuple("(]}")

    def _is_doubtful(self, mark: str, after: str) -> bool:
        """Tell whether they may be something else."""
        line = self.place.line()
        if self.blanks or not line:
            heads = _ITEM.fullmatch(line) or (not line.strip(" \t>") and after[:1] == ":")
            return bool(heads or (_INDENTED.match(line) and not _ITEM.match(line)))
        close = not self.chain and _AT_WORD.search(line[-1:])
        return bool(close and _INDEX.fullmatch(mark))


def _values(match: re.Match[str], most: int) -> list[int]:
    """Return the numbers in brackets; none if one of them can be of no passage."""
    ranges = [
        (int(first), int(last or first))
        for first, last in re.findall(r"(\d+)(?:\s*[-\u2013]\s*\D*?(\d+))?", _inner(match))
    ]
    if ranges != [(0, 0)] and not all(1 <= first <= last <= most for first, last in ranges):
        return []
    return [number for first, last in ranges for number in range(first, last + 1)]


def _inner(match: re.Match[str]) -> str:
    return match[2] or match[3] or match[4]


def _shown(part: str | Mark, count: int) -> str:
    """Return what is shown of a part of an answer: of a citation the numbers up to a count."""
    if isinstance(part, str):
        return part
    known = [number for number in part.numbers if 1 <= number <= count]
    if not part.sure or len(known) == len(part.numbers):
        return part.blanks + part.text
    return f"{part.blanks}[{', '.join(map(str, known))}]" if known else ""
