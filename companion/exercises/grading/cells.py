"""Notebooks and scripts as cells of plain Python code. Nothing in them runs here.

Notebooks of any format since 1, scripts with ``# %%`` marks, scripts from Colab, in any encoding
that they declare. Libraries made for it read them: nbformat, jupytext, IPython.
"""

import codecs
import io
import json
import re
import tokenize
from dataclasses import dataclass
from typing import Any

from companion.exercises.grading.magics import plain_python

MOST_CODE = 4 * 2**20  # characters of one file
_MOST_CELLS = 2_000
_MARKED = re.compile(r"^# ?%%(?:[\s%\[]|$)|^# In ?\[", re.MULTILINE)
_COLAB = "# Commented out IPython magic to ensure Python compatibility."
_TEXT_BEHIND = (".txt", ".json", ".download")  # what browsers and mail programs append


@dataclass(frozen=True)
class Cell:
    """Code that runs as one.

    Args:
        source: Python code.
        file: Name of the notebook or script, inside the submission.
        number: Number in the file, from 1.
        script: Whether the file is a script.
    """

    source: str
    file: str
    number: int
    script: bool = False


def kind(name: str) -> str:
    """Return ``".ipynb"`` or ``".py"`` if a name is that of a notebook or script, else nothing.

    Example:
        >>> kind("HW.IPYNB"), kind("hw.ipynb.txt"), kind("hw.pdf")
        ('.ipynb', '.ipynb', '')
    """
    name = name.lower()
    for ending in _TEXT_BEHIND:
        name = name.removesuffix(ending)
    return next((ending for ending in (".ipynb", ".py") if name.endswith(ending)), "")


def read_cells(name: str, data: bytes) -> tuple[list[Cell], list[str]]:
    """Return the code cells of a notebook or script, and what is to be said about it.

    Raises:
        ValueError: If it is neither, or not in Python, or too long.
    """
    script = kind(name) == ".py"
    text, notes = _decode_script(data) if script else (_decode(data), [])
    sources = _script_cells(text) if script else _notebook_cells(text)
    if sum(map(len, sources)) > MOST_CODE:
        raise ValueError(f"more than {MOST_CODE // 2**20} MiB of code")
    if len(sources) > _MOST_CELLS:
        raise ValueError(f"{len(sources)} cells; at most {_MOST_CELLS} are read")
    if not any(source.strip() for source in sources):
        notes.append(f"{name}: there is no code in it")
    plain = [_plain(source) for source in sources]
    return [Cell(one, name, number, script) for number, one in enumerate(plain, 1)], notes


def _plain(source: str) -> str:
    try:
        return plain_python(source)
    except Exception:  # whatever is wrong with this cell, Python will say so when it runs
        return source


def _decode(data: bytes) -> str:
    try:
        text = data.decode(json.detect_encoding(data))
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    return text.removeprefix("\ufeff")


def _decode_script(data: bytes) -> tuple[str, list[str]]:
    """Decode as Python would, but take what Python refuses for Windows-1252."""
    marks = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    notes: list[str] = []
    try:
        if data.startswith(marks):
            text = data.decode("utf-16")
        else:
            text = data.decode(tokenize.detect_encoding(io.BytesIO(data).readline)[0])
    except (SyntaxError, UnicodeDecodeError):
        text = data.decode("cp1252", "replace")
        notes = ["not text in UTF-8: read as Windows-1252"]
    return text.replace("\r\n", "\n").replace("\r", "\n"), notes


def _notebook_cells(text: str) -> list[str]:
    """Return the code of a notebook; formats 1 to 3 are brought to format 4 first."""
    try:
        notebook = json.loads(text)
        if "cells" not in notebook:
            notebook = _upgraded(notebook)
        cells = [cell for cell in notebook["cells"] if cell.get("cell_type") == "code"]
    except json.JSONDecodeError:
        raise ValueError("not a Jupyter notebook: no JSON, or cut off") from None
    except (TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(f"not a Jupyter notebook ({type(error).__name__})") from None
    language = _language(notebook)
    if language not in ("", "python", "ipython"):
        raise ValueError(f"a notebook in {language[:40]}; the exercises are in Python")
    return [_joined(cell.get("source")) for cell in cells]


def _upgraded(notebook: dict[str, Any]) -> dict[str, Any]:
    """Bring a notebook of an older format to format 4."""
    import nbformat
    from nbformat.reader import reads

    for key, value in (("metadata", {}), ("nbformat_minor", 0)):
        notebook.setdefault(key, value)
    try:
        return nbformat.convert(reads(json.dumps(notebook)), 4)
    except Exception as error:  # nbformat passes on whatever a strange file makes it raise
        raise ValueError(f"not a Jupyter notebook ({type(error).__name__})") from None


def _joined(source: Any) -> str:
    text = "".join(map(str, source)) if isinstance(source, list) else str(source or "")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _language(notebook: dict[str, Any]) -> str:
    """Return the language that a notebook says it is in; empty if it says nothing."""
    metadata = notebook.get("metadata")
    for part, key in (("kernelspec", "language"), ("language_info", "name")):
        told = metadata.get(part) if isinstance(metadata, dict) else None
        if isinstance(told, dict) and told.get(key):
            return str(told[key]).lower()
    return ""


def _script_cells(text: str) -> list[str]:
    """Split a script where its marks say so; without any it is one cell."""
    if _COLAB in text:
        return _colab_cells(text)
    marks = len(_MARKED.findall(text))
    if marks > _MOST_CELLS:
        raise ValueError(f"{marks} cells; at most {_MOST_CELLS} are read")
    if not marks:
        return [text]
    import jupytext

    notebook = jupytext.reads(text, fmt={"extension": ".py", "format_name": "percent"})
    return [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code"]


def _colab_cells(text: str) -> list[str]:
    """Undo what Colab's "Download .py" does to magics: it makes comments of them.

    A cell magic comes with its whole cell, and has to stand at the top of one.
    """
    cells: list[list[str]] = [[]]
    lines = iter(text.split("\n"))
    for line in lines:
        if line != _COLAB:
            cells[-1].append(line)
            continue
        first = next(lines, "").removeprefix("# ")
        if not first.startswith("%%"):
            cells[-1].append(first)
            continue
        cells.append([first])
        for line in lines:
            if not line.startswith("#"):
                cells.append([line])
                break
            cells[-1].append(line.removeprefix("#").removeprefix(" "))
    return ["\n".join(cell) for cell in cells]
