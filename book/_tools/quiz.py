"""A quiz question, as it is written between ```` ```{quiz} name ```` and its end.

    Which positions may the third token see?

    - [ ] All of them.

      Then it could copy the token it should predict.
    - [x] The first three.

      Itself, and what comes before it.

The options are read by `companion.exercises.options`. With several right ones the page shows
checkboxes in place of radio buttons.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from companion.exercises.options import LETTERS, Option, read_options

__all__ = ["LETTERS", "Option", "Quiz", "parse_quiz"]
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")


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
    options = read_options(body, f"quiz {name}")
    question = "\n".join(body[: options[0].line]).strip()
    if not question:
        raise ValueError(f"quiz {name}: there is no question above the options")
    return Quiz(name, question, options)
