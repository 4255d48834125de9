"""The options of a question: written in one way, in a page's ``quiz`` and in the catalog.

    - [ ] All of them.

      Then it could copy the token it should predict.
    - [x] The first three.

      Itself, and what comes before it.

Each option has an explanation, the right ones too.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

LETTERS = "abcdefgh"
_OPTION = re.compile(r"^- \[(?P<mark>[ x])\] (?P<text>.+)$")


@dataclass(frozen=True)
class Option:
    """One option, its texts in Markdown.

    Args:
        text: What is claimed.
        right: Whether it holds.
        why: Explains it to somebody who has chosen it.
        line: Where it begins, counted from 0 in the lines that were read.
    """

    text: str
    right: bool
    why: str
    line: int = 0


def read_options(lines: Sequence[str], question: str) -> list[Option]:
    """Read options; whatever comes before the first of them is skipped.

    Args:
        lines: Lines of a question.
        question: What it is called in a message, such as ``"quiz sampling-top-p"``.

    Raises:
        ValueError: If there are too few or too many, none is right, or one is not explained.

    Example:
        >>> read_options(["- [x] Yes.", "", "  So it is.", "- [ ] No.", "", "  It is."] * 2, "q")[1]
        Option(text='No.', right=False, why='It is.', line=3)
    """
    starts = [number for number, line in enumerate(lines) if _OPTION.match(line)]
    if not 3 <= len(starts) <= len(LETTERS):
        raise ValueError(
            f"{question}: {len(starts)} options ('- [ ] text'); "
            f"at least 3 are needed, and at most {len(LETTERS)}"
        )
    ends = [*starts[1:], len(lines)]
    options = [
        _option(question, lines[start:end], start) for start, end in zip(starts, ends, strict=True)
    ]
    if not any(option.right for option in options):
        raise ValueError(f"{question}: no option is marked as right with [x]")
    return options


def _option(question: str, lines: Sequence[str], start: int) -> Option:
    match = _OPTION.match(lines[0])
    rest = lines[1:]
    if strays := [line for line in rest if line.strip() and not line.startswith("  ")]:
        raise ValueError(f"{question}: indent this line by two spaces: {strays[0].strip()!r}")
    text, _, why = "\n".join([match["text"], *(line[2:] for line in rest)]).partition("\n\n")
    if not why.strip():
        raise ValueError(f"{question}: the option {match['text']!r} has no explanation below it")
    return Option(text.strip(), match["mark"] == "x", why.strip(), start)
