"""Decide where a generated text ends, and how much of it can already be shown.

Stop strings are looked for in the *text*, not in the tokens: the same characters can be cut into
tokens in many ways, and a stop string may begin in the middle of one token and end in the next.
Taught in :doc:`/book/gpt/decoding`.
"""

from collections.abc import Iterable, Sequence
from typing import Any

UNFINISHED = "\ufffd"
"""What a decoder writes for bytes that are not (yet) a whole character."""


def find_stop(text: str, stop: Sequence[str]) -> int | None:
    r"""Return where the earliest stop string begins in ``text``, or None.

    Example:
        >>> find_stop("4 + 4 = 8\n\nQ:", ["Q:", "\n\n"])
        9
    """
    starts = [index for s in stop if (index := text.find(s)) >= 0]
    return min(starts, default=None)


def settled_length(text: str, stop: Sequence[str]) -> int:
    r"""Count the leading characters of ``text`` that no further token can change or cut off.

    Two things are held back. A character of several bytes may have arrived in part: a byte-level
    tokenizer can spread one Japanese character or emoji over three tokens. And the end of the
    text may be the beginning of a stop string.

    Args:
        text: Everything decoded so far.
        stop: Stop strings, none of them contained in ``text``.

    Returns:
        A length in characters, at most ``len(text)``.

    Example:
        >>> settled_length("8\n", ["\n\n"]), settled_length("8\nQ", ["\n\n"])
        (1, 3)
        >>> settled_length("caf\ufffd", [])
        3
    """
    whole = len(text.rstrip(UNFINISHED))
    return min([whole, *(whole - _overlap(text[:whole], s) for s in stop)])


def close(pieces: Iterable[Any]) -> None:
    """Stop a stream that is not read on: close it if it can be closed, as a generator can."""
    if hasattr(pieces, "close"):
        pieces.close()


def _overlap(text: str, stop: str) -> int:
    """Return the length of the longest end of ``text`` with which ``stop`` begins."""
    return next((n for n in range(len(stop) - 1, 0, -1) if text.endswith(stop[:n])), 0)
