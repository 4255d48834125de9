"""Word documents, notebooks and tables: each read by a library that knows its format.

A Word document becomes HTML, the texts of a notebook are Markdown, and both are read on as such.
A table becomes one section per row, in which each value follows the name of its column: cut
out of its table, a row of bare values says nothing.
"""

import csv
import io
import re
import threading
import zipfile
from html import escape
from typing import Any

from companion._extras import require
from companion._notebook import NotebookCell, parse_notebook, read_cell, stored_cells
from companion.errors import DocumentError
from companion.rag.markdown import markdown_html
from companion.rag.sections import Section
from companion.rag.web_page import html_sections

SEPARATING = re.compile(r",(?![\s\d\-\u2013\u2014]|$)|(?<!\d),(?!\s|$)")
"""A comma that is neither one of ``2,50`` or ``2,-`` nor one between words."""
AMOUNT = re.compile(r"[-+]?[€$£¥]?\s?\d[\d.,' ]*[-\u2013]?\s?[€$£¥%]?")
"""Numbers as they stand in tables, which `float` does not read: ``1.234,50 €``, ``12 %``."""
ONE_COLUMN = "\x1f"
"""Unicode's separator of units, which stands in no text: nothing separates."""
_LIMIT = threading.Lock()

MAX_UNPACKED = 200_000_000
"""Bytes that a packed file may unpack to."""


def docx_sections(data: bytes, name: str, *, code: bool = False) -> list[Section]:
    """Read a Word document: headings by their styles, lists, tables, footnotes.

    Left out: pictures, comments, headers and footers.

    Raises:
        DocumentError: If it is damaged, or unpacks to more than `MAX_UNPACKED` bytes.
    """
    mammoth = require("mammoth", extra="rag")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            size = sum(member.file_size for member in packed.infolist())
        if size > MAX_UNPACKED:
            raise DocumentError(
                f"{name} unpacks to {size:,} bytes, more than {MAX_UNPACKED:,}. Split it."
            )
        html = mammoth.convert_to_html(
            io.BytesIO(data),
            style_map="p[style-name='Title'] => title:fresh",
            convert_image=mammoth.images.img_element(lambda image: {"src": ""}),
        ).value
    except DocumentError:
        raise
    except Exception as error:  # a damaged file makes the parsers under it raise almost anything
        raise DocumentError(
            f"{name} is damaged or no Word document (.docx): {type(error).__name__}: {error!s:.200}"
        ) from error
    return html_sections(html, name, code=code)


def notebook_sections(text: str, name: str, *, code: bool = False) -> list[Section]:
    """Read the text cells of a Jupyter notebook, and its program with ``code``; no outputs.

    A cell that is damaged is left out, as long as another one can be read.

    Raises:
        DocumentError: If it is no notebook, or all that it holds is damaged.
    """
    try:
        cells = _cells(text)
    except ValueError as error:
        raise DocumentError(f"{name} is {error}") from error
    title, pages = "", []
    for cell in cells:
        if cell.kind == "markdown":
            named, page = markdown_html(cell.source, name)
            title = title or named
            pages.append(f"<div>{page}</div>")
        elif code:
            pages.append(f"<pre>{escape(cell.source)}</pre>")
    return html_sections("\n".join(pages), name, default_title=title, code=code)


def _cells(text: str) -> list[NotebookCell]:
    """Return the cells of text and of code.

    Raises:
        ValueError: If it is no notebook, or all that it holds is damaged; "not a ..." in words.
    """
    notebook = parse_notebook(text)
    stored = stored_cells(notebook)
    cells, reasons = [], []
    for number, cell in enumerate(stored, 1):
        try:
            cells.append(read_cell(cell, notebook.get("nbformat"), ["markdown", "code"]))
        except ValueError as error:
            reasons.append(f"cell {number} of {len(stored)}: {error}")
    if reasons and not cells:
        raise ValueError(f"not a Jupyter notebook that can be read; {reasons[0]}")
    return [cell for cell in cells if cell is not None]


def table_sections(text: str, name: str) -> list[Section]:
    r"""Read a table of comma-separated values; semicolons, tabs and bars separate, too.

    The first row names the columns, unless one of its cells is empty or a number. A line ``sep=;``
    before it, which spreadsheets write, says what separates. Otherwise it is found out, and the
    comma in ``2,50`` or before a blank separates nothing where something else does.

    Returns:
        A section per row.

    Raises:
        DocumentError: If quotes do not match.

    Example:
        >>> [one.text for one in table_sections("name;fee\nAnn;5\nBo;7\n", "a.csv")]
        ['name: Ann; fee: 5', 'name: Bo; fee: 7']
        >>> [one.text for one in table_sections("cup;2,50\njug;12,00\n", "b.csv")]
        ['cup; 2,50', 'jug; 12,00']
    """
    match = re.match(r"\"?sep=(.)\"?\n", text, re.IGNORECASE)
    try:
        if match:
            rows = _rows(text[match.end() :], delimiter=match[1])
        else:
            rows = _rows(text, **_form(text))
    except csv.Error as error:
        raise DocumentError(f"{name} is not a readable table: {error!s:.200}") from error
    named = len(rows) > 1 and all(cell and not _is_number(cell) for cell in rows[0])
    names = rows.pop(0) if named else []
    return [Section(_row(row, names), row=number) for number, row in enumerate(rows, 1)]


def _rows(text: str, **form: Any) -> list[list[str]]:
    """Return the rows that are not blank, each cell on one line and of any length."""
    with _LIMIT:  # csv has one limit for all that read
        limit = csv.field_size_limit(len(text) + 1)
        try:
            rows = list(csv.reader(io.StringIO(text), strict=True, **form))
        finally:
            csv.field_size_limit(limit)
    rows = [[" ".join(cell.split()) for cell in row] for row in rows]
    return [row for row in rows if any(row)]


def _form(text: str) -> dict[str, Any]:
    """Find out how a table is written.

    What the sniffer says about doubled quotes does not count: it denies them if there are none in
    its sample.
    """
    separator = _separator(text)
    try:
        found = csv.Sniffer().sniff(text[:20_000], separator or ",;	|")
    except csv.Error:  # a single column
        return {"delimiter": separator or ","}
    return {key: getattr(found, key) for key in ("delimiter", "quotechar", "skipinitialspace")}


def _separator(text: str) -> str | None:
    """Return what separates cells with commas inside; None if there are no such cells."""
    for separator in filter(text.__contains__, "	|;"):
        try:
            rows = _rows(text, delimiter=separator)
        except csv.Error:
            continue
        split = [row for row in rows if len(row) > 1]
        left = [row[0] for row in rows if len(row) == 1]
        if split and not any("," in cell for cell in left):
            if any("," not in "".join(row) for row in split):
                return separator
            if not any(SEPARATING.search(cell) for row in split for cell in row):
                return separator
    names, *cells = text.split("\n")
    if "," not in names and all(_is_number(cell) for cell in cells if cell.strip()):
        return ONE_COLUMN
    return None


def _row(row: list[str], names: list[str]) -> str:
    labels = [f"{name}: " for name in names] + [""] * len(row)
    return "; ".join(label + cell for label, cell in zip(labels, row, strict=False) if cell)


def _is_number(cell: str) -> bool:
    try:
        float(cell.replace(",", "."))
    except ValueError:
        return bool(AMOUNT.fullmatch(cell.strip()))
    return True
