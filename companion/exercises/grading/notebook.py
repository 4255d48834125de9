"""The code in a notebook's file.

A cell that is damaged is left out and named; the others count. Jupyter itself opens no such file,
but what merges, scripts and half-finished uploads leave behind has mostly one bad cell.
"""

from typing import Any

from companion._notebook import parse_notebook, read_cell, stored_cells

_MOST_NOTES = 5


def notebook_sources(text: str) -> tuple[list[str], list[str]]:
    """Return the code of a notebook, cell by cell, and what is to be said about damaged cells.

    Raises:
        ValueError: If it is no notebook, or not in Python.

    Example:
        >>> notebook_sources('{"cells": [{"cell_type": "code", "source": ["x = 1"]}, null]}')
        (['x = 1'], ['cell 2 of 2, text cells counted, is damaged and left out: no cell but null'])
    """
    notebook = parse_notebook(text)
    cells = stored_cells(notebook)
    language = _language(notebook)
    if language:
        raise ValueError(f"a notebook in {language[:40]}; the exercises are in Python")
    version = notebook.get("nbformat")
    sources, notes = [], []
    for number, cell in enumerate(cells, 1):
        try:
            code = read_cell(cell, version, ["code"])
        except ValueError as error:
            place = f"cell {number} of {len(cells)}, text cells counted,"
            notes.append(f"{place} is damaged and left out: {error}")
        else:
            if code is not None:
                sources.append(code.source)
    more = [f"{len(notes) - _MOST_NOTES} more cells are damaged"][: len(notes) > _MOST_NOTES]
    return sources, notes[:_MOST_NOTES] + more


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
