"""The text of a quiz question, as it stands between ```` ```{quiz} name ```` and its end.

    Which positions may the third token see?

    - [ ] All of them.

      Then it could copy the token it should predict.
    - [x] The first three.

      Itself, and what comes before it.

Each option has an explanation, the right ones too. With several right options the page shows
checkboxes in place of radio buttons.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_OPTION = re.compile(r"^- \[(?P<mark>[ x])\] (?P<text>.+)$")
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")


@dataclass
class Option:
    """One option, in MyST; ``line`` is that of its text, counted from 0 in the body."""

    text: str
    right: bool
    why: str
    line: int


@dataclass
class Quiz:
    """A question with its options."""

    name: str
    question: str
    options: list[Option]

    @property
    def several(self) -> bool:
        """Whether more than one option is right."""
        return sum(option.right for option in self.options) > 1


def parse_quiz(name: str, body: list[str]) -> Quiz:
    """Read a question.

    Args:
        name: Its name, unique in the book, such as ``"sampling-top-p"``.
        body: Lines between the fences.

    Raises:
        ValueError: If something is missing; the message says what.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"a quiz needs a name such as sampling-top-p, not {name!r}")
    starts = [number for number, line in enumerate(body) if _OPTION.match(line)]
    if len(starts) < 3:
        raise ValueError(
            f"quiz {name}: {len(starts)} options ('- [ ] text'); at least 3 are needed"
        )
    question = "\n".join(body[: starts[0]]).strip()
    if not question:
        raise ValueError(f"quiz {name}: there is no question above the options")
    options = [
        _option(name, body, start, end)
        for start, end in zip(starts, [*starts[1:], len(body)], strict=True)
    ]
    if not any(option.right for option in options):
        raise ValueError(f"quiz {name}: no option is marked as right with [x]")
    return Quiz(name, question, options)


def _option(name: str, body: list[str], start: int, end: int) -> Option:
    match = _OPTION.match(body[start])
    rest = body[start + 1 : end]
    if strays := [line for line in rest if line.strip() and not line.startswith("  ")]:
        raise ValueError(f"quiz {name}: indent this line by two spaces: {strays[0].strip()!r}")
    text, _, why = "\n".join([match["text"], *(line[2:] for line in rest)]).partition("\n\n")
    if not why.strip():
        raise ValueError(f"quiz {name}: the option {match['text']!r} has no explanation below it")
    return Option(text.strip(), match["mark"] == "x", why.strip(), start)
