"""Files in a message: ``@notes.md`` puts the text of a file behind the words.

The readers are those of `companion.rag`: a PDF, a Word document or a web page is read as well as
plain text, and programs and data as they stand. Taught in :doc:`/book/applications/chatbot`.
"""

import re
from pathlib import Path
from typing import NamedTuple

from companion.errors import DocumentError

MAX_BYTES = 10 * 2**20
"""Size of the largest file that is read, 10 MiB."""

MAX_CHARACTERS = 1_000_000
"""Longest text of a file; beyond that, no model could read it at once."""

NAMED = re.compile(r'(?<!\S)@(?:"(?P<quoted>[^"\n]+)"|(?P<plain>\S+))')
"""A file in a message: an @ at the beginning of a word, and a path, in quotes if it has blanks."""


class Attached(NamedTuple):
    """A message with the files that it names."""

    text: str
    """The words, then each file with its name."""
    files: dict[str, int]
    """Characters of each file's text, by its name."""
    missing: list[str]
    """Names of which there is no file. They were left in the words."""


def attach(message: str) -> Attached:
    """Put the files that a message names behind its words.

    An @ that stands for itself is written twice. In a message of several lines, such as pasted
    code, a name without a file is left as it is: there the sign may mean something else.

    Args:
        message: What the user wrote.

    Returns:
        The message.

    Raises:
        DocumentError: If a file can't be read, or a message of one line names none that exists.

    Example:
        >>> attach("Ask @@ann.").text
        'Ask @ann.'
    """
    texts: dict[str, str] = {}
    missing: list[str] = []

    def replace(match: re.Match[str]) -> str:
        plain = match["plain"] or ""
        if plain.startswith("@"):
            return plain
        name, rest = _existing(match["quoted"]) or _existing_start(plain)
        if not name:
            missing.append(match["quoted"] or plain)
            return match[0]
        if name not in texts:
            texts[name] = read_text(Path(name).expanduser())
        return name + rest

    words = NAMED.sub(replace, message)
    if missing and "\n" not in message:
        raise DocumentError(
            f"there is no file {missing[0]!r:.200}. An @ that stands for itself is written twice: "
            f"@@{missing[0]:.40}"
        )
    parts = [words, *(f"{name}:\n{text}" for name, text in texts.items())]
    return Attached("\n\n".join(parts), {name: len(text) for name, text in texts.items()}, missing)


def read_text(path: Path) -> str:
    """Return the text of a file.

    Raises:
        DocumentError: If it can't be read, is too long, or holds no text.
    """
    from companion.rag.documents import read_limited
    from companion.rag.readers import read_sections, remedy

    if path.is_dir():
        raise DocumentError(f"{path} is a folder; to ask about all its files, start with --docs")
    data = read_limited(path, MAX_BYTES)
    kind = path.suffix.lower()
    try:
        sections = read_sections(data, kind, name=str(path), code=True)
    except DocumentError:
        if hint := remedy(kind, code=True):  # a picture, say, and not a text in another encoding
            raise DocumentError(f"{path} is {hint}") from None
        raise
    parts = (part for section in sections for part in (section.heading, section.text))
    text = "\n\n".join(filter(None, parts))
    if not text.strip():
        raise DocumentError(f"{path} holds no text")
    if len(text) > MAX_CHARACTERS:
        raise DocumentError(
            f"{path} has {len(text):,} characters of text; at most {MAX_CHARACTERS:,} are put into "
            "a message"
        )
    return text


def _existing(name: str | None) -> tuple[str, str] | None:
    return (name, "") if name and _exists(name) else None


def _existing_start(word: str) -> tuple[str, str]:
    """Split a word into the file that it names and the punctuation behind it."""
    for end in range(len(word), 0, -1):
        if _exists(word[:end]):
            return word[:end], word[end:]
        if word[end - 1] not in ".,;:!?)]}'\"":
            break
    return "", ""


def _exists(name: str) -> bool:
    try:
        return Path(name).expanduser().exists()
    except (OSError, RuntimeError, ValueError):  # too long for a disk, no such user, a null
        return False
