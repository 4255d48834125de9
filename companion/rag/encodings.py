"""Encodings: from the bytes of a file to its text, or an error in words.

A byte order mark decides, then what the caller or the file says, then UTF-8. What is none of these
is guessed, and only if the guess is safe: text in the wrong encoding raises no error later, it is
just never found. Unicode has several ways to write *é* or a Hangul syllable; the text that comes
out has the composed one (form NFC).
"""

import codecs
import re
import unicodedata
from html.parser import HTMLParser

from companion._extras import require
from companion._interface import advice
from companion.errors import DocumentError

MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
SURE_BYTES = 6
"""Bytes beyond ASCII that a guess needs. In fewer, encodings look alike."""
SURE_CONFIDENCE = 0.06
"""Confidence that chardet must have. It gives 0.08 to 0.4 to a paragraph of a few lines."""
GUESSED_FROM = 100_000
"""Bytes that are looked at for a guess."""
MOST_BROKEN = 0.05
"""Share of a page's characters beyond ASCII that may be broken in the encoding that it names."""


def decode(data: bytes, name: str, encoding: str | None = None) -> tuple[str, str]:
    """Decode text strictly, without its byte order mark, with one kind of line break.

    Args:
        data: The file's bytes.
        name: Name of the file, for messages.
        encoding: A text encoding of Python. If None: the one of the byte order mark, else UTF-8,
            else a guess.

    Returns:
        The text in form NFC, and the name of the encoding if it was guessed, else an empty text.

    Raises:
        DocumentError: If the bytes are no text in this encoding. It names the first wrong byte
            and its position, counted from 0.

    Example:
        >>> decode("Käse".encode("latin-1"), "a.txt")
        Traceback (most recent call last):
        companion.errors.DocumentError: a.txt is not utf-8: byte 0xe4 at position 1. ...
    """
    mark = next((mark for mark in MARKS if data.startswith(mark)), b"")
    if mark and (encoding is None or MARKS[mark][:6] == _plain(encoding)[:6]):
        return _tidy(_strict(data[len(mark) :], name, MARKS[mark]), name), ""
    if encoding is not None:
        return _tidy(_strict(data, name, encoding), name), ""
    if escaped := _escaped(data):
        return _tidy(data.decode(escaped), name), escaped
    try:
        return _tidy(_strict(data, name, "utf-8"), name), ""
    except DocumentError:
        guessed, sure = _guess(data)
        if not sure:
            raise
    return _tidy(_strict(data, name, guessed), name), guessed


def declared_encoding(data: bytes, name: str) -> str | None:
    """Return the encoding that a web page declares, as browsers understand it.

    A byte order mark comes before any declaration. Names are those of the WHATWG's table, which
    means more than they say: ``iso-8859-1`` is windows-1252, ``shift_jis`` windows-31j with its
    circled digits, ``gb2312`` gb18030 (https://encoding.spec.whatwg.org/#names-and-labels).

    Args:
        data: The page's bytes.
        name: Name of the file, for messages.

    Returns:
        A codec of Python, None if the page declares nothing that is in the table.

    Raises:
        DocumentError: If the page names an encoding that browsers refuse to read.
    """
    if any(data.startswith(mark) for mark in MARKS):
        return None
    head = _Head()
    head.feed(data[:65_536].decode("latin-1"))
    encoding = require("webencodings", extra="rag").lookup(head.label) if head.label else None
    if encoding is None:
        return None
    if encoding.name == "replacement":
        raise DocumentError(
            f"{name} says that it is {head.label!r:.40}, an encoding that browsers refuse, since "
            "it can hide scripts. Save the page as UTF-8."
        )
    if encoding.name.startswith("utf-16"):  # its letters could not be read if it were true
        return "utf-8"
    if encoding.name == "euc-jp" and not _fits(data, "euc_jp"):
        return "euc_jis_2004"  # has the circled digits
    if encoding.name == "iso-2022-jp":
        return "iso2022_jp_ext"  # has the half-width katakana
    return {"gbk": "gb18030", "x-user-defined": "cp1252"}.get(
        encoding.name, encoding.codec_info.name
    )


def decode_page(data: bytes, name: str, encoding: str | None = None) -> tuple[str, str]:
    r"""Decode a web page: in the encoding that it declares, with a U+FFFD for a broken character.

    A page that is wrong about itself as a whole is read as any other text.

    Args:
        data: The page's bytes.
        name: Name of the file, for messages.
        encoding: Used if the page declares nothing, or something that is wrong.

    Returns:
        As `decode`.

    Raises:
        DocumentError: If it is not text in any of these, or browsers refuse its encoding.

    Example:
        >>> decode_page(b'<meta charset="iso-8859-1">Caf\xe9 \x81', "a.html")[0][-6:]
        'Café \x81'
    """
    declared = declared_encoding(data, name)
    try:
        return decode(data, name, declared)
    except DocumentError:
        if encoding is not None or declared is None or _is_beyond_ascii(data, "utf-8"):
            return decode(data, name, encoding)
    if declared == "iso2022_jp_ext" and _fits(in_2004 := _JIS.sub(b"\x1b$(Q", data), _JIS_2004):
        return decode(in_2004, name, _JIS_2004)
    text = data.decode(declared, "companion.as_browsers")
    broken, beyond = text.count("\ufffd"), sum(character > "\x7f" for character in text)
    if broken <= MOST_BROKEN * beyond:
        return _tidy(text, name), ""
    try:
        return decode(data, name)  # the page is wrong about itself
    except DocumentError as error:
        raise DocumentError(
            f"{name} says that it is {declared}, but {broken:,} of its {beyond:,} characters "
            "beyond ASCII are broken. Pass the right encoding, or save it as UTF-8."
        ) from error


_JIS = re.compile(rb"\x1b\$(?:[@B]|\(O)")
_JIS_2004 = "iso2022_jp_2004"  # JIS X 0208 with circled digits and the like


def _as_browsers(error: UnicodeError) -> tuple[str, int]:
    """Read a byte that Python's codec has no character for as the WHATWG's tables do."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    byte, codec = error.object[error.start], error.encoding.lower()
    if byte == 0x80 and codec == "gb18030":
        return "€", error.start + 1
    if 0x80 <= byte <= 0x9F and codec == "charmap":  # as Python calls all codecs of one byte
        return chr(byte), error.start + 1
    return "\ufffd", max(error.start + 1, error.end)


codecs.register_error("companion.as_browsers", _as_browsers)


class _Head(HTMLParser):
    """Looks for the first declaration of an encoding before the body."""

    def __init__(self) -> None:
        super().__init__()
        self.label = ""
        self._ended = False

    def handle_pi(self, data: str) -> None:
        """Read ``<?xml version="1.0" encoding="...">``."""
        if data.startswith("xml "):
            self._declare(_value(data, "encoding"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Read ``<meta charset>`` or its long form."""
        values = dict(attrs)
        self._ended |= tag == "body"
        if tag == "meta" and values.get("charset"):
            self._declare(values["charset"])
        elif tag == "meta" and (values.get("http-equiv") or "").lower() == "content-type":
            self._declare(_value(values.get("content") or "", "charset"))

    def _declare(self, label: str) -> None:
        if not self._ended and not self.label:
            self.label = label.strip()


def _value(text: str, name: str) -> str:
    """Return what follows ``name=``."""
    match = re.search(rf"{name}\s*=\s*[\"']?([^\s;\"'?]+)", text, re.IGNORECASE)
    return match[1] if match else ""


def _strict(data: bytes, name: str, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except LookupError as error:
        raise DocumentError(f"{name}: {encoding!r} is not a text encoding of Python") from error
    except UnicodeError as error:
        if b"\0" in data and not encoding.startswith("utf-16"):
            raise _binary(name) from error
        at = getattr(error, "start", 0)
        raise DocumentError(
            f"{name} is not {encoding}: byte 0x{data[at]:02x} at position {at}. Save it as UTF-8"
            f"{advice(', or pass the right one, such as {encoding}', encoding=_guess(data)[0])}."
        ) from error


def _guess(data: bytes) -> tuple[str, bool]:
    """Return the likeliest codec, and whether it is safe to use it without asking."""
    guess = require("chardet", extra="rag").detect(data[:GUESSED_FROM])
    try:
        codec = codecs.lookup(guess["encoding"] or "").name
    except LookupError:
        return "cp1252", False
    codec = {"iso8859-1": "cp1252", "gb2312": "gb18030"}.get(codec, codec)
    beyond = sum(byte > 127 for byte in data[:GUESSED_FROM])
    sure = beyond >= SURE_BYTES and guess["confidence"] >= SURE_CONFIDENCE
    return codec, sure and _fits(data, codec)


def _escaped(data: bytes) -> str:
    """Return the codec of a text that switches its alphabet by escape sequences, as old mail does.

    All its bytes are ASCII, so it would pass as UTF-8.
    """
    if not data.isascii() or b"\x1b$" not in data:
        return ""
    return next((codec for codec in ("iso2022_jp_ext", "iso2022_kr") if _fits(data, codec)), "")


def _is_beyond_ascii(data: bytes, encoding: str) -> bool:
    """Tell whether bytes are text in an encoding, and not only in ASCII."""
    return not data.isascii() and _fits(data, encoding)


def _fits(data: bytes, encoding: str) -> bool:
    try:
        return "\0" not in data.decode(encoding)
    except UnicodeError:
        return False


def _tidy(text: str, name: str) -> str:
    if "\0" in text:
        raise _binary(name)
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return unicodedata.normalize("NFC", text)


def _binary(name: str) -> DocumentError:
    return DocumentError(f"{name} is binary: it holds zero bytes, which no text does")


def _plain(encoding: str) -> str:
    return encoding.lower().replace("_", "-").replace("utf8", "utf-8").replace("utf16", "utf-16")
