"""Documents: a text and where it comes from. Load them from a file or a whole folder.

A file with headings becomes one document per section, a PDF one per page, a table one per row, a
text file one document. So what is found later can say where it stands. `companion.rag.readers`
reads a single file; here is what holds for all: which files, how large, what becomes of a bad one.

The text of a section begins with its heading, as on the page. A part of it does not, so what is
embedded, indexed and given to a model is the `passage`: the text with title and headings in front.

Left out: scanned pages (they need text recognition), anything on the network.
"""

import math
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from companion import _interface
from companion.errors import DocumentError
from companion.rag.readers import read_sections, remedy
from companion.rag.sections import Section

Metadata = dict[str, str | int | float | bool]

MAX_BYTES = 20_000_000
CONTEXT = ("title", "parents", "heading")
"""Metadata that say what a text is about, the widest first."""


@dataclass(frozen=True)
class Document:
    """A text with its metadata. Taught in :doc:`/book/applications/documents`.

    Args:
        text: The text, not blank.
        metadata: Where it comes from, such as ``{"source": "guide.md", "heading": "Install"}``.
            Values are text, numbers or truth values: what every vector store can keep.

    Raises:
        ValueError: If the text is blank or a value is of another type.

    Example:
        >>> Document("Bern is the capital.", {"source": "swiss.txt"}).metadata["source"]
        'swiss.txt'
    """

    text: str
    metadata: Metadata = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check text and metadata, and keep a copy of the metadata."""
        if not isinstance(self.text, str) or not self.text.strip():
            raise ValueError(f"the text of a document must not be blank, got {self.text!r:.80}")
        if not isinstance(self.metadata, Mapping):
            raise ValueError(f"metadata must be a dict, got {type(self.metadata).__name__}")
        for key, value in self.metadata.items():
            if not isinstance(key, str) or not isinstance(value, str | int | float | bool):
                raise ValueError(
                    f"metadata holds {key!r}: {value!r:.80}; keys are text, values are text, "
                    "numbers or truth values"
                )
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError(f"metadata holds {key!r}: {value}; JSON has no such number")
        object.__setattr__(self, "metadata", dict(self.metadata))

    def __hash__(self) -> int:
        return hash(self.text)


def passage(document: Any) -> str:
    r"""Return a document's text as it is searched and read: title and headings in front.

    A sentence such as "30 days." says what it is about in the headings above it, and a chunk from
    the middle of a section has lost even its own. Taught in
    :doc:`/book/applications/documents`.

    Args:
        document: A `Document`, or another object with ``text`` and ``metadata``, of which
            ``title``, ``parents`` and ``heading`` are used. A title that only repeats the name of
            the file is left out.

    Returns:
        One text. If it begins with title and headings already, it is returned as it is.

    Example:
        >>> passage(Document("Returns\n\n30 days.", {"title": "Shop", "heading": "Returns"}))
        'Shop. Returns. 30 days.'
    """
    text, above = document.text, headings(document)
    heading = str(document.metadata.get("heading", ""))
    if not above or text.startswith(above):
        return text
    if heading and text.partition("\n")[0] == heading:
        text = text[len(heading) :].lstrip()
    return f"{above} {text}".rstrip()


def body(document: Any) -> str:
    r"""Return what `passage` puts behind title and headings; all of it if there is nothing else.

    Example:
        >>> body(Document("Returns\n\n30 days.", {"title": "Shop", "heading": "Returns"}))
        '30 days.'
    """
    text = passage(document)
    return text.removeprefix(headings(document)).strip() or text


def headings(document: Any) -> str:
    """Return what `passage` puts before a text: title and headings, each as a sentence."""
    metadata = document.metadata
    title, parents, heading = (str(metadata.get(key, "")) for key in CONTEXT)
    if title in (heading, Path(str(metadata.get("source", ""))).stem):
        title = ""
    return " ".join(_ended(part) for part in (title, parents, heading) if part)


def _ended(heading: str) -> str:
    """Make a sentence of a heading, so that it does not run into what follows."""
    closed = unicodedata.category(heading[-1]) == "Po" and heading[-1] not in "\"'#%&*@/\\"
    return heading if closed else f"{heading}."


class Hit(NamedTuple):
    """A passage that a search found."""

    document: Document
    score: float | None
    """Higher is closer. What it means depends on the retriever; a cosine for dense search. None is
    unknown."""

    @property
    def text(self) -> str:
        """What is put before a model: the `passage`."""
        return passage(self.document)

    @property
    def origin(self) -> str:
        """Where it comes from, in few words; empty if unknown."""
        metadata = self.document.metadata
        return str(metadata.get("source") or metadata.get("title") or "")


def load_documents(
    path: str | Path,
    *,
    pattern: str = "**/*",
    code: bool = False,
    encoding: str | None = None,
    max_bytes: int = MAX_BYTES,
    on_error: Callable[[DocumentError], None] | None = None,
) -> list[Document]:
    r"""Load a file, or every file of a folder. Taught in :doc:`/book/applications/documents`.

    Args:
        path: A file, or a folder that is searched with ``pattern``. Files and folders whose
            names begin with a dot are skipped.
        pattern: Which files of the folder, such as ``"**/*.md"``.
        code: Keep blocks of program code, and read programs as text.
        encoding: How text files are encoded, for those that say nothing else. If None: UTF-8, and
            where it isn't, a guess if it is safe.
        max_bytes: Largest file that is read, in bytes.
        on_error: Called with the error of each file that can't be read, and the others are
            loaded: ``errors = []; load_documents("docs", on_error=errors.append)``. If None, the
            first bad file raises.

    Returns:
        Documents in the order of their paths, each text in Unicode's form NFC and with its heading
        as first line. The metadata hold ``source`` (path below the folder, with forward slashes),
        ``title``, and where there is one: ``heading``, ``parents`` (the headings above it),
        ``page``, ``row``, and ``encoding`` if it was guessed.

    Raises:
        DocumentError: If the path does not exist, a file can't be read (the message names the
            file), or nothing is left to load.
        ValueError: If ``max_bytes`` is below 1.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     _ = Path(folder, "a.md").write_text("# Cheese\n\n## Gouda\n\nIt is Dutch.")
        ...     load_documents(folder)[0].metadata
        {'source': 'a.md', 'title': 'Cheese', 'heading': 'Gouda'}
    """
    if max_bytes < 1:
        raise ValueError(f"max_bytes must be at least 1, got {max_bytes}")
    root = Path(path).expanduser()
    files = folder_files(root, pattern)
    base = root if root.is_dir() else root.parent
    documents, failures = [], 0
    for file in tqdm(files, disable=None, unit="file", leave=False):
        try:
            data = file_bytes(file, base, max_bytes, code=code)
            source = file.relative_to(base).as_posix()
            documents += read_documents(data, source, str(file), encoding=encoding, code=code)
        except DocumentError as error:
            if on_error is None:
                raise
            on_error(error)
            failures += 1
    if not documents:
        raise DocumentError(f"{root}: none of its {failures} files could be read")
    return documents


def folder_files(root: Path, pattern: str = "**/*") -> list[Path]:
    """Return the files that are read of a path, in order. See `load_documents`.

    Raises:
        DocumentError: If there are none.
    """
    if not root.is_dir():
        if not root.exists():
            raise DocumentError(f"{root} does not exist")
        return [root]
    files = [
        file
        for file in sorted(root.glob(pattern))
        if not file.is_dir()
        and not any(part.startswith(".") for part in file.relative_to(root).parts)
    ]
    if not files:
        which = _interface.advice(" that match {pattern}", pattern=pattern)
        raise DocumentError(f"{root} holds no files{which}, so there is no corpus")
    return files


def file_bytes(file: Path, base: Path, max_bytes: int = MAX_BYTES, *, code: bool = False) -> bytes:
    """Return what a file holds after checking that it is one that we can read.

    Raises:
        DocumentError: If its kind is not read, if it is no file, a link that leaves ``base``, or
            larger than ``max_bytes``.
    """
    _check_kind(file.suffix, str(file), code)
    if file.is_file() and not file.resolve().is_relative_to(base.resolve()):
        raise DocumentError(f"{file} is a link that leaves {base}, so it is not followed")
    return read_limited(file, max_bytes)


def read_limited(file: Path, max_bytes: int) -> bytes:
    """Return what a file holds.

    Raises:
        DocumentError: If it is no file, can't be read, or is larger than ``max_bytes``.
    """
    if not file.is_file():
        raise DocumentError(f"{file} is not a regular file")
    try:
        with file.open("rb") as stream:
            data = stream.read(max_bytes + 1)
    except OSError as error:
        raise DocumentError(f"{file} can't be read: {error.strerror or error}") from error
    if len(data) > max_bytes:
        raise DocumentError(
            f"{file} has {file.stat().st_size:,} bytes, and at most {max_bytes:,} are read. Split "
            f"it{_interface.advice(', or raise {max_bytes}', max_bytes=None)}."
        )
    return data


def read_documents(
    data: bytes, source: str, name: str, *, encoding: str | None = None, code: bool = False
) -> list[Document]:
    """Return the documents in the bytes of a file. See `load_documents`.

    Args:
        data: What the file holds.
        source: What the metadata call it. Its suffix says how it is read.
        name: What messages call it.
        encoding: As in `load_documents`.
        code: As in `load_documents`.

    Raises:
        DocumentError: If it can't be read, or holds no text.
    """
    kind = Path(source).suffix.lower()
    _check_kind(kind, name, code)
    sections = read_sections(data, kind, name=name, encoding=encoding, code=code)
    if not sections:
        raise DocumentError(f"{name} holds no text")
    return [section_document(section, source) for section in sections]


def _check_kind(suffix: str, name: str, code: bool) -> None:
    if unread := remedy(suffix.lower(), code=code):
        raise DocumentError(f"{name} is {unread}")


def section_document(section: Section, source: str) -> Document:
    """Make a document of a section of the file ``source``; its heading becomes the first line."""
    metadata: Metadata = {"source": source, "title": section.title or Path(source).stem}
    for key in ("heading", "parents", "page", "row", "encoding"):
        if getattr(section, key):
            metadata[key] = getattr(section, key)
    return Document("\n\n".join(filter(None, (section.heading, section.text))), metadata)
