r"""Sentences: cut documents into the shortest parts that can answer a question by themselves.

A part is a sentence of a paragraph, an item of a list, or a row of a table with the names of its
columns. Each keeps the headings above it, which often say what it is about: "Knead for eight
minutes." is found under *Rye bread*. A short line without a period, such as text files and PDFs
have them, is a heading of what follows.

To choose one of them as the answer is *answer sentence selection* (Yang et al. 2015,
https://doi.org/10.18653/v1/D15-1237). `companion.rag.close` does it.

Left out: what a sentence leaves to the one before it ("It", "the latter"), and sentences of
languages that end them with other signs than . ! ? or their Japanese forms.
"""

import re
from collections.abc import Iterable
from itertools import zip_longest
from typing import NamedTuple

from companion._checks import check_whole
from companion.rag.chunking import split_recursively
from companion.rag.documents import Document
from companion.rag.sections import SEPARATOR

LENGTH = 300
"""Characters of a part at most. Longer sentences are cut, at a blank."""

TITLE_WORDS = 6
"""Words of a line without a period that is taken for a heading, at most."""

MARK = re.compile(r"\s*(?:[-*+\u2022]|\d{1,3}[.)])\s+")
"""What an item of a list begins with."""

ENDED = re.compile(r"[.!?:;,\u3002\uff01\uff1f][\"')\]\u201d\u2019]*$")
"""A line that ends as headings do not."""

BETWEEN = re.compile(
    r"(?:(?<=[.!?])|(?<=[.!?][\"')\]\u201d\u2019]))\s+(?=[\"'(\[\u201c\u2018]?[^\Wa-z_])"
    r"|(?<=[\u3002\uff01\uff1f])(?=.)"
)
"""Where a sentence ends and the next may begin: with a capital letter or a number."""

SHORT = re.compile(
    r"\b(?:Mrs?|Ms|Dr|Prof|St|Nos?|Nr|[Ff]ig|[Vv]s|[Aa]pprox|ca|pp?|e\.g|i\.e|[A-Z])\.$"
)
"""An abbreviation or an initial, whose period ends no sentence."""


def split_sentences(documents: Iterable[Document], *, chunk_size: int = LENGTH) -> list[Document]:
    r"""Cut documents into sentences, items and rows. Taught in :doc:`/book/applications/rag`.

    Args:
        documents: What to cut. A row of a table that is a file stays whole.
        chunk_size: Characters of a part at most.

    Returns:
        The parts, in order. Each has its document's metadata and ``chunk`` (number within the
        document, from 0). A heading that the text itself holds is its ``heading``, below the one
        that was there.

    Raises:
        ValueError: If ``chunk_size`` is below 1.

    Example:
        >>> text = "Mr. Osei has keys. Ask him.\n\n- oars\n\n|boat|for|\n|---|---|\n|Ibis|2|"
        >>> [part.text for part in split_sentences([Document(text)])]
        ['Mr. Osei has keys.', 'Ask him.', 'oars', 'boat: Ibis; for: 2']
    """
    check_whole(chunk_size=chunk_size)
    parts: list[Document] = []
    for document in documents:
        short = [piece for part in _parts(document) for piece in _short(part, chunk_size)]
        for number, part in enumerate(short):
            metadata = {**document.metadata, **_headings(document, part.title), "chunk": number}
            parts.append(Document(part.text, metadata))
    return parts


def sentences(text: str) -> list[str]:
    """Return the sentences of a paragraph, line breaks made blanks.

    Example:
        >>> sentences("It is 3.5 km to St. Anne. Go by bus! No. 4 stops there.")
        ['It is 3.5 km to St. Anne.', 'Go by bus!', 'No. 4 stops there.']
    """
    text, found, start = " ".join(text.split()), [], 0
    for gap in BETWEEN.finditer(text):
        if not SHORT.search(text[start : gap.start()]):
            found.append(text[start : gap.start()])
            start = gap.end()
    return [*found, text[start:]] if text[start:] else found


class _Part(NamedTuple):
    title: str
    """The heading in the text that stands above it; empty if there is none."""
    text: str


class _Walk:
    """Goes through the lines of a document and collects its parts."""

    def __init__(self) -> None:
        self.parts: list[_Part] = []
        self.title, self.title_used = "", True
        self.lines: list[str] = []  # of the paragraph or item that has begun
        self.is_item = False
        self.names: list[str] | None = None  # of the columns; None outside a table

    def text(self, line: str, following: str) -> None:
        """Take a line of a paragraph, an item, or a heading; ``following`` is what comes next."""
        mark = MARK.match(line)
        if mark:
            self.end_block()
            line = line[mark.end() :]
        begins = not self.lines or (not self.is_item and bool(ENDED.search(self.lines[-1])))
        if begins and _is_title(line, following, alone=not mark):
            self.end_block()
            self._keep_title()
            self.title, self.title_used = line.strip(), False
            return
        self.is_item = self.is_item or bool(mark)
        self.lines.append(line)

    def row(self, line: str, following: str) -> None:
        """Take a row of a table; the first one holds names if a line of dashes follows."""
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if self.names is None:
            self.end_block()
            self.names = cells if _is_rule(following) else []
            if self.names:
                return
        if not _is_rule(line):
            pairs = zip_longest(self.names[: len(cells)], cells, fillvalue="")
            told = [f"{name}: {cell}" if name else cell for name, cell in pairs if cell]
            self._add("; ".join(told))

    def end_block(self) -> None:
        """End the paragraph, item or table, if one has begun."""
        whole = " ".join(" ".join(self.lines).split())
        for text in [whole] if self.is_item else sentences(whole):
            self._add(text)
        self.lines, self.is_item, self.names = [], False, None

    def end(self) -> list[_Part]:
        """Return all parts."""
        self.end_block()
        self._keep_title()
        return self.parts

    def _add(self, text: str) -> None:
        if text:
            self.parts.append(_Part(self.title, text))
            self.title_used = True

    def _keep_title(self) -> None:
        """Make a part of a heading that stands above nothing: no word is lost."""
        if not self.title_used:
            self.parts.append(_Part("", self.title))
            self.title_used = True


def _parts(document: Document) -> list[_Part]:
    """Return the parts of a document, its own heading left out."""
    whole = " ".join(document.text.split())
    if document.metadata.get("row"):
        return [_Part("", whole)]
    lines = [re.sub(r"^(?:> ?)+", "", line) for line in document.text.split("\n")]
    if lines[0].strip() == document.metadata.get("heading"):
        lines = lines[1:]
    walk = _Walk()
    for at, line in enumerate(lines):
        following = next((text for text in lines[at + 1 :] if text.strip()), "")
        adjacent = lines[at + 1] if at + 1 < len(lines) else ""
        if not line.strip():
            walk.end_block()
        elif line.lstrip().startswith("|"):
            walk.row(line, adjacent)
        else:
            walk.text(line, adjacent if adjacent.strip() else following and "\n")
    return walk.end() or [_Part("", whole)]


def _is_title(line: str, following: str, *, alone: bool) -> bool:
    """Tell whether a line that begins a block is a heading of what follows.

    Args:
        line: The line, without the mark of an item.
        following: The next line; a line break for an empty one with text below, else nothing.
        alone: Whether an empty line or a list may follow: not after an item.
    """
    if ENDED.search(line.strip()) or len(line.split()) > TITLE_WORDS or BETWEEN.search(line):
        return False
    if following == "\n":
        return alone
    if MARK.match(following):
        return alone
    return following[:1].isupper() or following[:1].isdigit()  # an indented line continues


def _is_rule(line: str) -> bool:
    """Tell whether a line of a table only parts the names from the rows."""
    return line.lstrip().startswith("|") and not line.strip("|-: \t") and "-" in line


def _headings(document: Document, title: str) -> dict[str, str]:
    """Return the metadata of a part that stands below a heading in the text."""
    if not title:
        return {}
    heading, parents = (str(document.metadata.get(key, "")) for key in ("heading", "parents"))
    above = [part for part in (parents, heading) if part]
    return {"heading": title, **({"parents": SEPARATOR.join(above)} if above else {})}


def _short(part: _Part, chunk_size: int) -> list[_Part]:
    """Cut a part that is too long."""
    if len(part.text) <= chunk_size:
        return [part]
    pieces = split_recursively([Document(part.text)], len, chunk_size=chunk_size, overlap=0)
    return [part._replace(text=piece.text.strip()) for piece in pieces]
