"""The code in a notebook's file, of any format since 1; nbformat brings old ones to format 4.

A cell that is damaged is left out and named; the others count. Jupyter itself opens no such file,
but what merges, scripts and half-finished uploads leave behind has mostly one bad cell.
"""

import json
from typing import Any

_MOST_NOTES = 5


def notebook_sources(text: str) -> tuple[list[str], list[str]]:
    """Return the code of a notebook, cell by cell, and what is to be said about damaged cells.

    Raises:
        ValueError: If it is no notebook, or not in Python.

    Example:
        >>> notebook_sources('{"cells": [{"cell_type": "code", "source": ["x = 1"]}, null]}')
        (['x = 1'], ['cell 2 of 2, text cells counted, is damaged and left out: no cell but null'])
    """
    notebook = _parsed(text)
    cells = _cells(notebook)
    language = _language(notebook)
    if language:
        raise ValueError(f"a notebook in {language[:40]}; the exercises are in Python")
    version = notebook.get("nbformat")
    sources, notes = [], []
    for number, cell in enumerate(cells, 1):
        try:
            source = _source(cell, version)
        except ValueError as error:
            place = f"cell {number} of {len(cells)}, text cells counted,"
            notes.append(f"{place} is damaged and left out: {error}")
        else:
            if source is not None:
                sources.append(source)
    more = [f"{len(notes) - _MOST_NOTES} more cells are damaged"][: len(notes) > _MOST_NOTES]
    return sources, notes[:_MOST_NOTES] + more


def _parsed(text: str) -> dict[str, Any]:
    try:
        notebook = json.loads(text)
    except json.JSONDecodeError:
        raise ValueError("not a Jupyter notebook: no JSON, or cut off") from None
    except RecursionError:
        reason = "its JSON is nested too deeply to be read, for Jupyter as well"
        raise ValueError(f"not a Jupyter notebook: {reason}") from None
    if not isinstance(notebook, dict):
        raise ValueError(f"not a Jupyter notebook: the file holds {_kind(notebook)}")
    return notebook


def _cells(notebook: dict[str, Any]) -> list[Any]:
    """Return the cells as they are stored; formats 2 and 3 have them in sheets."""
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


def _source(cell: Any, version: Any) -> str | None:
    """Return the code of a cell; None if it is one without code.

    Raises:
        ValueError: If the cell is damaged.
    """
    if not isinstance(cell, dict):
        raise ValueError(f"no cell but {_kind(cell)}")
    if not isinstance(cell.get("cell_type"), str):
        raise ValueError("it does not say whether it is code")
    if cell["cell_type"] != "code":
        return None
    if version in (1, 2, 3) and "source" not in cell:
        cell = _upgraded(cell, version)
    source = cell.get("source")
    lines = source if isinstance(source, list) else [source or ""]
    if not all(isinstance(line, str) for line in lines):
        raise ValueError("its code is no text")
    return "".join(lines).replace("\r\n", "\n").replace("\r", "\n")


def _upgraded(cell: dict[str, Any], version: int) -> dict[str, Any]:
    """Bring a code cell of an older format to format 4, without its output."""
    import nbformat
    from nbformat.reader import reads

    kept = {key: cell[key] for key in ("code", "input", "language", "metadata") if key in cell}
    kept |= {"cell_type": "code", "outputs": []}
    inside = {"cells": [kept]}
    whole = {"nbformat": version, "nbformat_minor": 0, "metadata": {}}
    whole |= inside if version == 1 else {"worksheets": [inside]}
    try:
        return nbformat.convert(reads(json.dumps(whole)), 4)["cells"][0]
    except Exception as error:  # nbformat passes on whatever a strange cell makes it raise
        raise ValueError(f"{type(error).__name__} when read as format {version}") from None


def _language(notebook: dict[str, Any]) -> str:
    """Return the language of a notebook that says it is in another one than Python, else nothing.

    Kernels write it in their own ways: ``python3``, ``Python 3``, ``ipython``.
    """
    metadata = notebook.get("metadata")
    languages = []
    for part, key in (("language_info", "name"), ("kernelspec", "language")):
        entry = metadata.get(part) if isinstance(metadata, dict) else None
        if isinstance(entry, dict) and entry.get(key):
            languages.append(str(entry[key]).strip().lower())
    if any(name.startswith(("python", "ipython")) for name in languages):
        return ""
    return languages[0] if languages else ""


def _kind(value: Any) -> str:
    """Name the type of a value in the words of JSON."""
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false"}
    return "null" if value is None else names.get(type(value), "a number")
