"""What a terminal shows: text that can't control it, a tool call in a line, the place of a passage.

Taught in :doc:`/book/applications/chatbot`.
"""

import shutil
import unicodedata
from collections.abc import Callable
from typing import Any

from companion.rag.documents import Hit


def place(hit: Hit) -> str:
    """Name the file, the page or row, and the heading that a passage comes from.

    Example:
        >>> from companion.rag import Document
        >>> from companion.rag.documents import Hit
        >>> place(Hit(Document("...", {"source": "a.pdf", "page": 3, "heading": "Fees"}), 1.0))
        'a.pdf, page 3, Fees'
    """
    metadata = hit.document.metadata
    parts = [hit.origin, *(f"{key} {metadata[key]}" for key in ("page", "row") if key in metadata)]
    return ", ".join(filter(None, [*parts, str(metadata.get("heading", ""))]))


class ShownCalls:
    """A log of tool calls that shows each of them in a line.

    Args:
        show: Gets the line.
        log: Gets the records, too, if there is one.
    """

    def __init__(self, show: Callable[[str], None], log: Any = None) -> None:
        self.show, self.log = show, log

    def append(self, record: dict[str, Any]) -> None:
        """Hand a record on, and show it."""
        if self.log is not None:
            self.log.append(record)
        self.show(call_line(record, shutil.get_terminal_size().columns))


def call_line(record: dict[str, Any], width: int) -> str:
    """Return a call and its result in one line of at most so many characters.

    Example:
        >>> record = {"tool": "add", "arguments": {"a": 1}, "result": '{"value": 2}'}
        >>> call_line(record, 80)
        '[add(a=1) -> {"value": 2}]'
        >>> call_line(record, 20)
        '[add(a=1) -> {"v...]'
    """
    arguments = ", ".join(f"{name}={value!r}" for name, value in record["arguments"].items())
    text = " ".join(f"{record['tool']}({arguments}) -> {record['result']}".split())
    room = max(width, 20) - 2
    return f"[{text if len(text) <= room else text[: room - 3] + '...'}]"


def printable(text: str) -> str:
    r"""Remove control characters but line breaks and tabs, and what reverses the direction.

    Example:
        >>> printable("one\x1b]0;title\x07 two\n")
        'one]0;title two\n'
    """
    return "".join(
        character
        for character in text
        if character in "\n\t"
        or (unicodedata.category(character) != "Cc" and character not in _REVERSING)
    )


_REVERSING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
