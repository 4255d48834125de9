"""The corpus that this book retrieves from: its own pages, and questions about them.

A snapshot of the prose of the pages before those on retrieval, so that a change of a page does not
change what other pages measure. ``python book/_tools/corpus.py`` writes it again.
"""

import json
from importlib.resources import files
from typing import Any, NamedTuple

from companion.rag.documents import Document


class BookQuestion(NamedTuple):
    """A question about the book, and the pages that answer it."""

    text: str
    pages: tuple[str, ...]
    """Sources of documents, such as ``"gpt/sampling.md"``; any of them will do."""


def load_book() -> list[Document]:
    """Return the sections of this book. Taught in :doc:`/book/applications/retrieval`.

    Returns:
        One document per section. ``source`` is the page below ``book/``.

    Example:
        >>> load_book()[0].metadata
        {'source': 'start/how-to-use.md', 'title': 'How to use this book', 'heading': ...}
    """
    return [
        Document(section["text"], section["metadata"]) for section in _read("book.json")["sections"]
    ]


def load_questions() -> list[BookQuestion]:
    """Return questions about the book with the pages that answer them, written by hand.

    Returns:
        The questions, in the order of the pages.

    Example:
        >>> load_questions()[0].text
        'Why may a token not look at the tokens after it?'
    """
    return [
        BookQuestion(entry["question"], tuple(entry["pages"])) for entry in _read("questions.json")
    ]


def _read(name: str) -> Any:
    return json.loads((files("companion.rag") / "data" / name).read_text(encoding="utf-8"))
