"""Reasoning: what some models write before their answer, kept apart from it.

The marks are words of the text, ``<think>`` and ``</think>``. A chat template may write the first
one into the prompt, so that the model's turn has the second one only. Reasoning holds drafts: calls
that the model rejects, answers that it corrects. Nothing in it may be run or shown as the answer.
Taught in :doc:`/book/applications/chatbot`.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from companion.generation.stopping import settled_length

MARKS = ("<think>", "</think>", "<thinking>", "</thinking>", "[THINK]", "[/THINK]")
"""What begins and ends reasoning: Qwen, DeepSeek and others; Claude's words; Magistral."""

# An opening mark begins a line, since answers may speak of it. A closing one may be anywhere,
# but not behind a backtick: that is a word about the mark.
OPENING = re.compile(r"^[ \t]*(?:<think>|<thinking>|\[THINK\])", re.MULTILINE)
CLOSING = re.compile(r"(?<!`)(?:</think>|</thinking>|\[/THINK\])")
AT_THE_END = re.compile(r"(?:<think>|<thinking>|\[THINK\])(?=\s*\Z)")


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


def split_reasoning(text: str) -> tuple[str, str]:
    r"""Return the reasoning in a model's turn, and its answer.

    All up to the last closing mark is reasoning, and so is what follows an opening mark that is
    never closed.

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
    """
    closed = _last_closing(text)
    opened = OPENING.search(text[closed:])
    end = closed + opened.start() if opened else len(text)
    if not closed and not opened:
        return "", text
    thought = [text[:closed], text[end:]]
    answer = text[closed:end]
    return "\n".join(filter(None, map(_without_marks, thought))), answer.strip()


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
    past: list[str] = []  # since the last closing mark, what can't become a mark any more
    line, rest = "", begun  # the line in which it ends, see `_end_of_line`; and what follows
    shown, after, opened = False, False, None
    try:
        for piece in pieces:
            if not isinstance(piece, str):
                yield piece
                continue
            rest += piece
            if (closed := _last_closing(line + rest) - len(line)) > 0:
                thought = "".join([*past, rest[:closed]])
                yield Reasoning(_without_marks(thought), takes_back=shown)
                past, line, rest = [], "", rest[closed:]
                shown, after, opened = False, True, None
            rest = rest.lstrip() if after and not past else rest
            settled = settled_length(rest, MARKS)
            opening = OPENING.search(line + rest) if opened is None else None
            end = max(0, opening.start() - len(line)) if opening else settled
            if opened is None and (shown or rest[:end].strip()):
                shown = True
                yield from filter(None, [rest[:end]])
            elif opened is None and not opening:  # blanks so far
                continue
            past += [rest[:end], rest[end:settled]]
            opened = len(past) - 1 if opening else opened
            line, rest = _end_of_line(line + rest[:settled]), rest[settled:]
    finally:
        getattr(pieces, "close", lambda: None)()
    if opened is not None:
        yield Reasoning(_without_marks("".join([*past[opened:], rest])))
    elif rest:
        yield rest


def _end_of_line(text: str) -> str:
    """Return the last line of a text if it is blank, else a sign and its last character.

    That is all that the marks behind it depend on, and it stays short in a long answer.
    """
    line = text.rpartition("\n")[2]
    return f".{line[-1]}" if line.strip(" \t") else line


def _last_closing(text: str) -> int:
    """Return where the last closing mark ends; 0 if there is none."""
    return max((match.end() for match in CLOSING.finditer(text)), default=0)


def _without_marks(text: str) -> str:
    for mark in MARKS:
        text = text.replace(mark, "")
    return text.strip()
