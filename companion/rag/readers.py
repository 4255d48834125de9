"""Readers: from the bytes of one file to its sections, each with its heading or page.

Markup is removed as far as it is not prose: a search should match words, not ``{cite:p}`` or
``<div class>``. The files come from anywhere, so a reader raises `DocumentError` and nothing else.
"""

import codecs
import io
import logging
import re
import warnings
from collections.abc import Callable
from typing import NamedTuple

from companion._extras import require
from companion.errors import DocumentError
from companion.rag.markdown import markdown_sections


class Section(NamedTuple):
    """A part of a file."""

    text: str
    title: str = ""
    heading: str = ""
    page: int = 0
    """Page number from 1, 0 if the file has no pages."""


def read_sections(
    data: bytes, kind: str, *, name: str, encoding: str = "utf-8", code: bool = False
) -> list[Section]:
    """Read the content of a file.

    Args:
        data: The file's bytes.
        kind: Suffix in lower case with its dot, a key of `READERS`.
        name: Name of the file, for messages.
        encoding: Encoding of text.
        code: Keep blocks of program code.

    Returns:
        The sections that hold text, in order; none if there is no text at all.

    Raises:
        DocumentError: If the content is not what the kind promises.
    """
    sections = READERS[kind](data, name, encoding, code)
    return [section for section in sections if section.text.strip()]


def decode(data: bytes, name: str, encoding: str = "utf-8") -> str:
    """Decode text strictly, without its byte order mark, with one kind of line break.

    Args:
        data: The file's bytes.
        name: Name of the file, for messages.
        encoding: A text encoding of Python.

    Returns:
        The text.

    Raises:
        DocumentError: If the bytes are no text in this encoding. It names the first wrong byte
            and its position, counted from 0.

    Example:
        >>> decode("Käse".encode("latin-1"), "a.txt")
        Traceback (most recent call last):
        companion.errors.DocumentError: a.txt is not utf-8: byte 0xe4 at position 1. ...
    """
    if encoding.lower().replace("_", "-") in ("utf-8", "utf8"):
        encoding = "utf-8-sig"
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode(encoding)
    except LookupError as error:
        raise DocumentError(f"{name}: {encoding!r} is no text encoding of Python") from error
    except UnicodeError as error:
        if b"\0" in data and not wide:
            raise _binary(name) from error
        at = getattr(error, "start", 0)
        hint = "utf-16" if wide else "cp1252"
        raise DocumentError(
            f"{name} is not {encoding.removesuffix('-sig')}: byte 0x{data[at]:02x} at position "
            f"{at}. Convert the file, or pass the right encoding, such as encoding={hint!r}."
        ) from error
    if "\0" in text:
        raise _binary(name)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _binary(name: str) -> DocumentError:
    return DocumentError(f"{name} is binary: it holds zero bytes, which no text does")


def _read_text(data: bytes, name: str, encoding: str, code: bool) -> list[Section]:
    return [Section(decode(data, name, encoding).strip())]


def _read_markdown(data: bytes, name: str, encoding: str, code: bool) -> list[Section]:
    title, parts = markdown_sections(decode(data, name, encoding), code=code)
    return [Section(text, title, heading) for heading, text in parts]


def _read_pdf(data: bytes, name: str, encoding: str, code: bool) -> list[Section]:
    """Read a PDF page by page."""
    pypdf = require("pypdf", extra="rag")
    logger = logging.getLogger("pypdf")  # it logs what it repairs
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        reader = pypdf.PdfReader(io.BytesIO(data))
        if reader.is_encrypted:
            raise DocumentError(f"{name} is encrypted. Save it without a password.")
        title = str((reader.metadata or {}).get("/Title") or "").strip()
        pages = [page.extract_text() for page in reader.pages]
    except DocumentError:
        raise
    except Exception as error:  # a damaged file makes pypdf raise almost anything
        raise DocumentError(
            f"{name} is damaged or no PDF: {type(error).__name__}: {error!s:.200}"
        ) from error
    finally:
        logger.setLevel(level)
    if not any(page.strip() for page in pages):
        raise DocumentError(
            f"{name} has {len(pages)} pages and no text on them. A scan needs text recognition."
        )
    # what a broken font maps to half a character can't be written to a file or tokenized
    clean = [page.encode("utf-8", "ignore").decode().replace("\0", "") for page in pages]
    return [Section(text.strip(), title, page=number) for number, text in enumerate(clean, 1)]


HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
DROPPED = ("script", "style", "template", "noscript", "nav", "svg", "iframe", "object")
# fmt: off
BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "body", "dd", "div", "dl", "dt", "figcaption",
    "figure", "footer", "form", "header", "hr", "li", "main", "ol", "p", "pre", "section",
    "table", "td", "th", "tr", "ul",
})
# fmt: on
END_OF_BLOCK = "\n\n"
HTML_ENCODINGS = re.compile(
    r"utf-8|utf-16|ascii|iso8859-|cp|shift_jis|euc|gb|big5|koi8|mac-", re.IGNORECASE
)


def _read_html(data: bytes, name: str, encoding: str, code: bool) -> list[Section]:
    """Read the main part of a web page, heading by heading."""
    bs4 = require("bs4", extra="rag")
    text = decode(data, name, _declared_encoding(bs4, data) or encoding)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it guesses whether a short text is a file name
            soup = bs4.BeautifulSoup(text, "html.parser")
        for tag in soup.find_all(DROPPED if code else (*DROPPED, "pre")):
            tag.decompose()
        title = _squeeze(soup.title.get_text()) if soup.title else ""
        body = soup.find("main") or soup.find("article") or soup.body or soup
        return _html_sections(bs4, body, title)
    except (bs4.ParserRejectedMarkup, RecursionError) as error:
        raise DocumentError(f"{name} is not readable HTML: {error!s:.200}") from error


def _html_sections(bs4: object, body: object, title: str) -> list[Section]:
    """Walk the tree with a stack of our own, since pages may be nested deeper than Python calls."""
    parts: list[tuple[str, list[str]]] = [("", [])]
    stack = [(node, False) for node in reversed(body.contents)]
    while stack:
        node, preformatted = stack.pop()
        if isinstance(node, bs4.Tag):
            if node.name in HEADINGS:
                parts.append((_squeeze(node.get_text()), []))
                continue
            if node.name == "title":
                continue
            if node.name == "br" or node.name in BLOCKS:
                parts[-1][1].append("\n" if node.name == "br" else "\n\n")
                stack.append((END_OF_BLOCK if node.name != "br" else "", True))
            inner = preformatted or node.name == "pre"
            stack += [(child, inner) for child in reversed(node.contents)]
        elif type(node) in (str, bs4.NavigableString):  # comments and the like are subclasses
            parts[-1][1].append(str(node) if preformatted else re.sub(r"\s+", " ", node))
    if not title:
        title = next((heading for heading, _ in parts if heading), "")
    return [Section(_tidy("".join(text)), title, heading) for heading, text in parts]


def _declared_encoding(bs4: object, data: bytes) -> str | None:
    """Return the encoding that a page declares, if it is one that web pages use."""
    found = bs4.dammit.EncodingDetector.find_declared_encoding(data[:2048], is_html=True)
    try:
        known = codecs.lookup(found).name if found else ""
    except LookupError:
        return None
    return known if HTML_ENCODINGS.match(known) else None


def _squeeze(text: str) -> str:
    return " ".join(text.split())


def _tidy(text: str) -> str:
    """Remove blanks around line breaks, and empty lines beyond the first."""
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t\xa0]*\n[ \t\xa0]*", "\n", text)).strip()


READERS: dict[str, Callable[[bytes, str, str, bool], list[Section]]] = {
    ".txt": _read_text,
    ".md": _read_markdown,
    ".html": _read_html,
    ".htm": _read_html,
    ".pdf": _read_pdf,
}
"""What can be read: suffix to reader."""
