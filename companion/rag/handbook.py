"""An ordinary text: the handbook of a lending library for tools, and questions about it.

The other collections of this book are easy for a small model in one way or another: made-up facts
in the very form that it was trained on, or pages that nobody but the search has to read. This one
is what people bring: prose with headings, a table, and questions in words of their own.
"""

import json
from importlib.resources import files
from typing import Any, NamedTuple

from companion.rag.documents import Document, section_document
from companion.rag.readers import read_sections


class HandbookQuestion(NamedTuple):
    """A question about the handbook."""

    text: str
    source: str
    """The file that answers it, such as ``"membership.md"``."""
    answers: tuple[str, ...]
    """Words of which a right answer holds at least one."""


def load_handbook() -> list[Document]:
    r"""Return the sections of the handbook. Taught in :doc:`/book/applications/rag`.

    Example:
        >>> load_handbook()[0].text.split("\n")[0]
        'Opening hours'
    """
    return [
        section_document(section, name)
        for name, text in _read()["files"].items()
        for section in read_sections(text.encode(), ".md", name=name)
    ]


def load_handbook_questions() -> list[HandbookQuestion]:
    """Return thirteen questions with their files and right answers, written by hand."""
    return [
        HandbookQuestion(entry["question"], entry["file"], tuple(entry["answers"]))
        for entry in _read()["questions"]
    ]


def _read() -> Any:
    file = files("companion.rag") / "data" / "handbook.json"
    return json.loads(file.read_text(encoding="utf-8"))
