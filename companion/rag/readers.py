"""Readers: from the bytes of one file to its sections, each with its heading, page or row.

Markup is removed as far as it is not prose: a search should match words, not ``{cite:p}`` or
``<div class>``. The files come from anywhere, so a reader raises `DocumentError` and nothing else.
"""

from collections.abc import Callable

from companion import _interface
from companion.rag.encodings import decode, decode_page
from companion.rag.formats import docx_sections, notebook_sections, table_sections
from companion.rag.markdown import markdown_sections
from companion.rag.pdf import pdf_sections
from companion.rag.rst import rst_sections
from companion.rag.sections import Section
from companion.rag.web_page import html_sections


def read_sections(
    data: bytes, kind: str, *, name: str, encoding: str | None = None, code: bool = False
) -> list[Section]:
    """Read the content of a file.

    Args:
        data: The file's bytes.
        kind: Suffix in lower case with its dot, a key of `READERS` or, with ``code``, one of
            `PROGRAMS`.
        name: Name of the file, for messages.
        encoding: Encoding of text; found out if None. A web page may declare another one.
        code: Keep blocks of program code.

    Returns:
        The sections that hold text or a heading, in order; none if there is nothing at all.

    Raises:
        DocumentError: If the content is not what the kind promises.
    """
    reader = READERS.get(kind, _read_text)
    sections = reader(data, name, encoding, code)
    return [section for section in sections if section.text.strip() or section.heading]


def remedy(kind: str, *, code: bool) -> str | None:
    """Return what to do with a kind of file that is not read; None if it is read."""
    if kind in READERS or (code and kind in PROGRAMS):
        return None
    if kind in PROGRAMS:
        return "a program" + _interface.advice(". It is read as text with {code}.", code=True)
    named = next((text for kinds, text in ADVICE.items() if kind in kinds.split()), None)
    return named or f"not read. Convert it to one of {', '.join(READERS)}."


def _of_text(read: Callable[..., list[Section]]) -> Callable[..., list[Section]]:
    """Make a reader of bytes out of a reader of text."""

    def reader(data: bytes, name: str, encoding: str | None, code: bool) -> list[Section]:
        text, guessed = decode(data, name, encoding)
        return [section._replace(encoding=guessed) for section in read(text, name, code=code)]

    return reader


def _plain(text: str, name: str, *, code: bool) -> list[Section]:
    return [Section(text.strip())]


def _table(text: str, name: str, *, code: bool) -> list[Section]:
    return table_sections(text, name)


def _read_html(data: bytes, name: str, encoding: str | None, code: bool) -> list[Section]:
    text, guessed = decode_page(data, name, encoding)
    sections = html_sections(text, name, code=code)
    return [section._replace(encoding=guessed) for section in sections]


def _read_pdf(data: bytes, name: str, encoding: str | None, code: bool) -> list[Section]:
    return pdf_sections(data, name)


def _read_docx(data: bytes, name: str, encoding: str | None, code: bool) -> list[Section]:
    return docx_sections(data, name, code=code)


_read_text = _of_text(_plain)
_read_markdown = _of_text(markdown_sections)
_read_table = _of_text(_table)

READERS: dict[str, Callable[[bytes, str, str | None, bool], list[Section]]] = {
    ".txt": _read_text,
    ".md": _read_markdown,
    ".markdown": _read_markdown,
    ".rst": _of_text(rst_sections),
    ".html": _read_html,
    ".htm": _read_html,
    ".xhtml": _read_html,
    ".pdf": _read_pdf,
    ".docx": _read_docx,
    ".ipynb": _of_text(notebook_sections),
    ".csv": _read_table,
    ".tsv": _read_table,
}
"""What can be read: suffix to reader."""

# fmt: off
PROGRAMS = frozenset({
    ".bash", ".bat", ".c", ".cc", ".cpp", ".cs", ".css", ".go", ".h", ".hpp", ".java", ".jl", ".js",
    ".jsx", ".kt", ".lua", ".php", ".pl", ".ps1", ".py", ".pyi", ".r", ".rb", ".rs", ".scala",
    ".scss", ".sh", ".sql", ".swift", ".ts", ".tsx",
})
# fmt: on
"""Suffixes of programs, which are read on request."""

ADVICE = {
    ".doc .odt .rtf .pages .wpd": "not read. Save it as .docx or .pdf.",
    ".xls .xlsx .xlsm .ods .numbers": "not read. Save each sheet as .csv.",
    ".ppt .pptx .odp .key": "not read. Save it as .pdf.",
    ".epub .mobi .azw3": "not read. Convert it to .html.",
    ".json .jsonl .xml .yaml .yml .toml .ini .parquet .sqlite .db": "data, not text. Save the "
    "texts in it as .txt or .md.",
    ".png .jpg .jpeg .gif .webp .tif .tiff .bmp .heic .svg": "a picture. Words on it need text "
    "recognition.",
    ".mp3 .wav .m4a .ogg .mp4 .mov .avi .mkv .webm": "a recording. Its words need speech "
    "recognition.",
    ".zip .tar .gz .7z .rar .bz2 .xz": "an archive. Unpack it.",
    ".eml .msg .mbox": "mail. Save the messages as .html or .txt.",
    ".tex": "not read. Convert it to .html or .pdf.",
}
"""What to do with other files: suffixes to words that follow the name of the file."""
