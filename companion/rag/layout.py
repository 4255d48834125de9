"""Layout: marked-up text as plain text that people, searches and models can read.

A paragraph is one line, whatever the source was wrapped at. Items keep a mark and their depth,
quotes a ``>``. A row of a table is one line, its cells apart. Blocks are apart by an empty line.
"""

import unicodedata

from companion.rag.sections import SectionList

LINE_BREAK = "\v"
"""Stands in inline text for a line break that is meant."""


class _Container:
    """An item or a quote, which marks the lines in it."""

    def __init__(self, kind: str, first: str, rest: str) -> None:
        self.kind, self.first, self.rest = kind, first, rest

    def prefix(self) -> str:
        """Return what comes before the next line."""
        prefix, self.first = self.first, self.rest
        return prefix


class Layout:
    r"""Writes text into sections, block by block.

    Example:
        >>> sections = SectionList()
        >>> layout = Layout(sections)
        >>> layout.open("item", "- ")
        >>> layout.write("An oak\n is tall.")
        >>> layout.end_block()
        >>> sections.sections()[0].text
        '- An oak is tall.'
    """

    def __init__(self, sections: SectionList) -> None:
        self.sections = sections
        self._inline: list[str] = []
        self._containers: list[_Container] = []
        self._heading = 0  # level, while we are in one
        self._table: list[list[str]] | None = None
        self._names = False  # does the table begin with a row of names?
        self._after_item = False

    def write(self, text: str) -> None:
        """Add inline text. Blanks and line breaks of the source mean no more than a blank."""
        self._inline.append(text)

    def end_block(self, *, item: bool = False) -> None:
        """End the block, if one was begun.

        Args:
            item: Its text is directly in an item of a list, so no empty line sets it apart.
        """
        text, self._inline = _squeezed("".join(self._inline)), []
        if self._table and self._table[-1]:
            cell = self._table[-1][-1]
            self._table[-1][-1] = f"{cell} {text}".replace("\n", " ").strip()
        elif self._heading:
            self.sections.begin(self._heading, text.replace("\n", " "))
            self._heading = 0
            self._after_item = False
        elif text:
            self._emit(text.split("\n"), near=item and self._after_item)
            self._after_item = item

    def verbatim(self, text: str) -> None:
        """Add a block whose lines stay as they are."""
        self.end_block()
        if self._table is not None:
            self.write(text)
        elif text.strip():
            self._emit(text.strip("\n").split("\n"))
            self._after_item = False

    def begin_heading(self, level: int) -> None:
        """Begin a heading; the next `end_block` ends it. In a list or table it is a paragraph."""
        self.end_block()
        self._heading = 0 if self._containers or self._table is not None else level

    @property
    def in_heading(self) -> bool:
        """Whether inline text goes to a heading."""
        return self._heading > 0

    def open(self, kind: str, first: str, rest: str | None = None) -> None:
        """Begin a container.

        Args:
            kind: Its name. An item ends an item that it is directly in.
            first: What comes before its first line.
            rest: What comes before the other lines; as many blanks, if None.
        """
        if kind == "item" and self._containers and self._containers[-1].kind == "item":
            self._containers.pop()
        rest = " " * len(first) if rest is None else rest
        self._containers.append(_Container(kind, first, rest))

    def close(self, kind: str) -> None:
        """End the innermost container of a kind, and all in it."""
        if any(container.kind == kind for container in self._containers):
            while self._containers.pop().kind != kind:
                pass

    def begin_table(self) -> None:
        """Begin a table."""
        self.end_block()
        self._table, self._names = [], False

    def begin_row(self) -> None:
        """Begin a row."""
        self.end_block()
        if self._table is not None:
            self._table.append([])

    def begin_cell(self, *, name: bool) -> None:
        """Begin a cell; ``name`` tells that it names a column or row."""
        self.end_block()
        if self._table is not None:
            if not self._table:
                self._table.append([])
            if len(self._table) == 1:
                self._names = name and (self._names or not self._table[0])
            self._table[-1].append("")

    def end_table(self) -> None:
        """Write the rows."""
        self.end_block()
        rows, self._table = self._table or [], None
        lines = [f"| {' | '.join(row)} |" for row in rows if any(row)]
        if lines and self._names and len(rows) > 1:
            lines.insert(1, "|" + "---|" * len(rows[0]))
        if lines:
            self._emit(lines)
            self._after_item = False

    def _emit(self, lines: list[str], *, near: bool = False) -> None:
        marked = ["".join(c.prefix() for c in self._containers) + line for line in lines]
        between = "\n" if near else "\n\n"
        self.sections.add(between + "\n".join(line.rstrip() for line in marked))


def _squeezed(text: str) -> str:
    """Return inline text with single blanks, and a line break where one is meant."""
    lines = (_joined(line.split("\n")) for line in text.split(LINE_BREAK))
    return "\n".join(lines).strip()


def _joined(pieces: list[str]) -> str:
    """Join what the source has on several lines."""
    lines: list[str] = []
    for piece in (" ".join(piece.split()) for piece in pieces):
        if piece and lines and not (_unspaced(lines[-1][-1]) and _unspaced(piece[0])):
            lines.append(" ")
        if piece:
            lines.append(piece)
    return "".join(lines)


def _unspaced(char: str) -> bool:
    """Tell characters of Chinese and Japanese, which have no blanks between words; Korean has."""
    return (
        unicodedata.east_asian_width(char) in "WFH"
        and unicodedata.category(char)[0] in "LP"
        and "HANGUL" not in unicodedata.name(char, "")
    )
