"""PDF: the text of each page, with what typesetting did to its words undone.

A PDF holds letters and places. pypdf puts them together to lines; what a paragraph, a column or a
table is, nobody knows. Two things can be mended, since they hide words from a search: ligatures
such as *ffi*, which are one character, and words that are broken at the end of a line.

Left out: text recognition, tables.
"""

import io
import logging
import re
import unicodedata

from companion._extras import require
from companion.errors import DocumentError
from companion.rag.sections import Section

LIGATURES = {code: unicodedata.normalize("NFKC", chr(code)) for code in range(0xFB00, 0xFB07)}
BROKEN = re.compile(r"(?<![\w-])([^\W\d_]{2,})([-\u2010\u00ad])[ \t]*\n[ \t]*([^\W\d_]{2,})")
WORD = re.compile(r"[^\W\d_]+(?:[-\u2010][^\W\d_]+)*")


def pdf_sections(data: bytes, name: str) -> list[Section]:
    """Read a PDF page by page.

    Args:
        data: The file's bytes.
        name: Name of the file, for messages.

    Returns:
        A section per page; its text may be blank.

    Raises:
        DocumentError: If the file is damaged or encrypted, or has no text at all, as a scan.
    """
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
    clean = [unicodedata.normalize("NFC", page.translate(LIGATURES)).strip() for page in clean]
    words = {word.casefold() for page in clean for word in WORD.findall(BROKEN.sub(" ", page))}
    return [
        Section(join_broken_words(text, words), _words(title), page=number)
        for number, text in enumerate(clean, 1)
    ]


def join_broken_words(text: str, words: set[str]) -> str:
    r"""Join words that are broken at the end of a line, ``infor-`` and ``mation``.

    A hyphen at the end of a line is either the typesetter's or the word's own. The rest of the
    file decides: a word that has its hyphen elsewhere keeps it, and so do two that stand
    elsewhere as words, unless the joined one does. Else they are joined. What goes on with a
    capital or a digit is left alone.

    Args:
        text: The text of a page.
        words: The words of the whole file, in lower case, broken ones left out.

    Returns:
        The text without these breaks.

    Example:
        >>> join_broken_words("The infor-\nmation is well-\nknown.", {"well", "known"})
        'The information is well-known.'
    """

    def joined(match: re.Match[str]) -> str:
        first, hyphen, second = match.groups()
        if not second[0].islower():
            return match[0]
        whole, apart = f"{first}{second}", f"{first}-{second}"
        compound = apart.casefold() in words or {first.casefold(), second.casefold()} <= words
        keep = hyphen != "\u00ad" and compound and whole.casefold() not in words
        return apart if keep else whole

    return BROKEN.sub(joined, text)


def _words(text: str) -> str:
    return " ".join(text.replace("\0", "").encode("utf-8", "ignore").decode().split())
