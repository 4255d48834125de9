"""Citations: the numbers in brackets by which an answer names its passages, such as ``[1]``.

A model can cite a number that no passage has. Such a citation is invented: it is reported, never
replaced by another passage, and taken out of what is shown.
"""

import re
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Any

from companion.reasoning import TakenBack

CITATION = re.compile(r"(\s*)\[(\d{1,9}(?:\s*[,;]\s*\d{1,9})*)\]")
"""One number or several, with the blanks before."""

_UNDECIDED = re.compile(r"\s*(?:\[[\d,;\s]{0,40})?\Z")
"""An end of a text that may become a citation, or the blanks before one."""


def numbers(text: str) -> list[int]:
    """Return the numbers that a text cites, each once, in order.

    A number close behind a word is an index, as in ``a[0]``, and cites nothing if it is 0.

    Example:
        >>> numbers("Bern. [2] It is old [1, 7]; see a[0].")
        [2, 1, 7]
    """
    cited = [
        number
        for mark in CITATION.finditer(text)
        for number in _numbers(mark)
        if number or not _is_index(mark)
    ]
    return list(dict.fromkeys(cited))


def known_only(text: str, count: int) -> str:
    """Take out of a text the citations that no passage has.

    Args:
        text: An answer.
        count: How many passages there were.

    Example:
        >>> known_only("Bern [1]. It is old [1, 7]. It is large. [9]", 2)
        'Bern [1]. It is old [1]. It is large.'
    """

    def kept(mark: re.Match[str]) -> str:
        known = [number for number in _numbers(mark) if 1 <= number <= count]
        if len(known) == len(_numbers(mark)) or _is_index(mark):
            return mark[0]
        return f"{mark[1]}[{', '.join(map(str, known))}]" if known else ""

    return CITATION.sub(kept, text)


def known_citations(pieces: Generator[str, None, Any], count: int) -> Iterator[str]:
    """Do the same with an answer while it is being written. Closing it closes the pieces.

    Example:
        >>> pieces = (piece for piece in ["Bern", " [", "7", "] is", " old [1]", "."])
        >>> list(known_citations(pieces, 1))
        ['Bern', ' is', ' old [1]', '.']
    """
    before, rest = "", ""  # the letter before what is not decided yet, if it is one
    with closing(pieces):
        for piece in pieces:
            if isinstance(piece, TakenBack):
                before = rest = ""
                yield piece
                continue
            text = before + rest + piece
            end = max(_UNDECIDED.search(text).start(), len(before))
            if known := known_only(text[:end], count)[len(before) :]:
                yield known
            if end > len(before):
                before = text[end - 1] if _in_word(text[end - 1]) else ""
            rest = text[end:]
    if known := known_only(before + rest, count)[len(before) :]:
        yield known


def _numbers(mark: re.Match[str]) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", mark[2])]


def _is_index(mark: re.Match[str]) -> bool:
    before = mark.string[: mark.start()][-1:]
    return not mark[1] and _in_word(before)


def _in_word(character: str) -> bool:
    return character.isalnum() or character == "_"
