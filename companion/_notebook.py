"""The cells in a notebook's file, of any format since 1; nbformat brings old ones to format 4.

Read cell by cell, so that one that is damaged costs no other. What a format asks for and reading
does not need, such as ``metadata``, may be missing, and the format may be newer than nbformat.
"""

import json
import logging
from collections.abc import Collection
from typing import Any, NamedTuple

from companion._extras import require

_OLD_TEXT = ("heading", "html", "text")  # kinds of cells that format 4 writes as Markdown


class NotebookCell(NamedTuple):
    """A cell as format 4 has it."""

    kind: str
    """``code``, ``markdown``, ``raw``, or what else the file calls it."""
    source: str
    r"""What stands in it, with ``\n`` as line break."""


def parse_notebook(text: str) -> dict[str, Any]:
    """Return what a notebook's file holds.

    Raises:
        ValueError: If it is not JSON, or something else than an object.
    """
    try:
        notebook = json.loads(text)
    except ValueError:  # a number of too many digits is one, too
        raise ValueError("not a Jupyter notebook: not JSON, or cut off") from None
    except RecursionError:
        reason = "its JSON is nested too deeply to be read, for Jupyter as well"
        raise ValueError(f"not a Jupyter notebook: {reason}") from None
    if not isinstance(notebook, dict):
        raise ValueError(f"not a Jupyter notebook: the file holds {_json_kind(notebook)}")
    return notebook


def stored_cells(notebook: dict[str, Any]) -> list[Any]:
    """Return the cells as they are stored; formats 2 and 3 have them in sheets.

    Raises:
        ValueError: If there is no list of cells.
    """
    cells = notebook.get("cells")
    if cells is None and isinstance(notebook.get("worksheets"), list):
        sheets = [sheet for sheet in notebook["worksheets"] if isinstance(sheet, dict)]
        parts = [sheet.get("cells") for sheet in sheets]
        cells = [cell for some in parts if isinstance(some, list) for cell in some]
        if len(sheets) < len(notebook["worksheets"]) or not all(isinstance(s, list) for s in parts):
            cells.append(None)  # a damaged sheet counts as one damaged cell
    if not isinstance(cells, list):
        raise ValueError("not a Jupyter notebook: there is no list of cells in it")
    return cells


def read_cell(cell: Any, version: Any, kinds: Collection[str]) -> NotebookCell | None:
    """Read a stored cell.

    Args:
        cell: One of `stored_cells`.
        version: The notebook's ``nbformat``.
        kinds: Which cells are wanted, as format 4 calls them.

    Returns:
        The cell; None if it is of another kind.

    Raises:
        ValueError: If the cell is damaged.

    Example:
        >>> read_cell({"cell_type": "heading", "level": 2, "source": "Owls"}, 3, ["markdown"])
        NotebookCell(kind='markdown', source='## Owls')
    """
    if not isinstance(cell, dict):
        raise ValueError(f"no cell but {_json_kind(cell)}")
    if not isinstance(cell.get("cell_type"), str):
        raise ValueError("it does not say whether it is code")
    old = version in (1, 2, 3)
    kind = "markdown" if old and cell["cell_type"] in _OLD_TEXT else cell["cell_type"]
    if kind not in kinds:
        return None
    if old and ("source" not in cell or kind != cell["cell_type"]):
        cell = _upgraded(cell, version)
    source = cell.get("source")
    lines = source if isinstance(source, list) else [source or ""]
    if not all(isinstance(line, str) for line in lines):
        raise ValueError(f"its {'code' if kind == 'code' else 'source'} is no text")
    return NotebookCell(kind, "".join(lines).replace("\r\n", "\n").replace("\r", "\n"))


def _upgraded(cell: dict[str, Any], version: int) -> dict[str, Any]:
    """Bring a cell of an older format to format 4, without its output."""
    nbformat = require("nbformat", extra="rag")
    reader = require("nbformat.reader", extra="rag")
    keys = ("cell_type", "code", "input", "language", "level", "metadata", "source", "text")
    kept = {key: cell[key] for key in keys if key in cell} | {"outputs": []}
    inside = {"cells": [kept]}
    whole = {"nbformat": version, "nbformat_minor": 0, "metadata": {}}
    whole |= inside if version == 1 else {"worksheets": [inside]}
    logger = logging.getLogger("traitlets")  # where nbformat tells what it repairs
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        return nbformat.convert(reader.reads(json.dumps(whole)), 4)["cells"][0]
    except Exception as error:  # nbformat passes on whatever a strange cell makes it raise
        raise ValueError(f"{type(error).__name__} when read as format {version}") from None
    finally:
        logger.setLevel(level)


def _json_kind(value: Any) -> str:
    """Name the type of a value in the words of JSON."""
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false"}
    return "null" if value is None else names.get(type(value), "a number")
