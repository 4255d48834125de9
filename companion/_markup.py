"""Where in a text one is: in its line, in a fenced block, in code or a quotation of the line.

The text comes in pieces, and each is read once: what is asked about a place takes no longer far
into a long line. Left out: code in backticks and quotations that go over several lines.
"""

import re

FENCE = re.compile(r"[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?(`{3,}(?=[^`]*$)|~{3,})")
ENDS = {"`": "`", '"': '"', "“": "”", "„": "“”", "«": "»", "'": "'"}
"""What begins code or a quotation, and what can end it: the first such character does."""
QUOTES = re.compile(f"[{''.join({*ENDS, *''.join(ENDS.values())})}]")
LOOK_AHEAD = 400
"""Characters behind a word in which a quotation around it has to end."""


class Place:
    """The end of a text that goes on."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.length = 0  # of the line
        self.fence = ""
        self.closed = 0  # blocks
        self.open: dict[str, int] = {}  # what began in the line and has not ended, and where
        self.last = ""  # character
        self.run = -1  # where the last backtick before that code is

    def add(self, text: str) -> None:
        """Go on behind some text."""
        first, *more = text.split("\n")
        self._add_to_line(first)
        for part in more:
            self._next_line()
            self._add_to_line(part)

    def line(self) -> str:
        """Return the line up to here."""
        self.parts = ["".join(self.parts)]
        return self.parts[0]

    def fenced(self, line: str) -> bool:
        """Tell whether one is in a fenced block if its last line is this."""
        if not self.fence:
            return False
        words = line.strip(" \t\r>")
        return not words.startswith(self.fence) or bool(words.strip(self.fence[0]))

    def quotation(self, word: str, after: str, last: bool) -> str | None:
        """Return the code or the quotation around a word that follows here.

        Args:
            word: The word, without quotation marks.
            after: What follows it, as far as it is known.
            last: Whether that is all.

        Returns:
            From the first quotation mark to the last; nothing if there is none; None if that is
            not known yet.

        Example:
            >>> place = Place()
            >>> place.add('He said "the ')
            >>> place.quotation("word", '" twice', True)
            '"the word"'
        """
        if not self.open:
            return ""
        line, newline, _ = after[:LOOK_AHEAD].partition("\n")
        if not (newline or last or len(line) == LOOK_AHEAD):
            return None
        for mark, start in self.open.items():
            if end := re.search(f"[{ENDS[mark]}]", line):
                return self.line()[start:] + word + line[: end.end()]
        return ""

    def _add_to_line(self, text: str) -> None:
        for found in QUOTES.finditer(text):
            at = found.start()
            before = text[at - 1] if at else self.last
            self._quote(found[0], self.length + at, before)
        self.parts.append(text)
        self.length += len(text)
        self.last = text[-1:] or self.last

    def _quote(self, mark: str, at: int, before: str) -> None:
        """Take in a character that can begin or end a quotation.

        What began first and can end here does, and what began in it has not begun.
        """
        if mark == "`" and mark in self.open and at == self.run + 1:  # code can begin with several
            self.run = at
            return
        ended = next((one for one in self.open if mark in ENDS[one]), None)
        if ended is not None:
            start = self.open[ended]
            self.open = {one: begun for one, begun in self.open.items() if begun < start}
        elif mark in ENDS and mark not in self.open and not (mark == "'" and _in_word(before)):
            self.open[mark] = at
            self.run = at if mark == "`" else self.run

    def _next_line(self) -> None:
        line = self.line()
        opening = FENCE.match(line)
        if not self.fence:
            self.fence = opening[1] if opening else ""
        elif not self.fenced(line):
            self.fence, self.closed = "", self.closed + 1
        elif opening:  # no fence has words behind it at its end: the one before was never closed
            self.closed -= 1
        self.parts, self.length, self.open, self.last = [], 0, {}, ""


def _in_word(character: str) -> bool:
    return character.isalnum() or character == "_"
