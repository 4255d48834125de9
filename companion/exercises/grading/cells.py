"""Notebooks and scripts as cells of plain Python code. Nothing in them runs here.

Notebooks (see `notebook`), scripts with marks between cells (``# %%``, jupytext's ``# +``, those of
Databricks and Colab), in any encoding that they declare. Libraries made for it read them: nbformat,
jupytext, IPython.
"""

import codecs
import io
import json
import re
import tokenize
from dataclasses import dataclass

from companion.exercises.grading.magics import plain_python
from companion.exercises.grading.notebook import notebook_sources

MOST_CODE = 4 * 2**20  # characters of one file
_MOST_CELLS = 2_000
# Marks between the cells of a script: percent, Spyder and IPython's; jupytext's light; Databricks'.
_PERCENT = re.compile(r"^# ?%%(?:[\s%\[]|$)|^# In ?\[", re.MULTILINE)
_LIGHT = re.compile(r"^# \+(?: [{\[].*)?$", re.MULTILINE)
_DATABRICKS = re.compile(r"^# COMMAND -{3,}[ \t]*\n", re.MULTILINE)
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
    if script:
        text, notes = _decode_script(data)
        sources = _script_cells(text)
    else:
        sources, notes = notebook_sources(_decode(data))
        notes = [f"{name}, {note}" for note in notes]
    if sum(map(len, sources)) > MOST_CODE:
        raise ValueError(f"more than {MOST_CODE // 2**20} MiB of code")
    if len(sources) > _MOST_CELLS:
        raise ValueError(f"{len(sources)} cells; at most {_MOST_CELLS} are read")
    if not any(source.strip() for source in sources):
        notes.append(f"{name}: there is no code in it")
    plain = [_plain(source) for source in sources]
    return [Cell(text, name, number, script) for number, text in enumerate(plain, 1)], notes


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
    except (SyntaxError, UnicodeDecodeError, LookupError):
        text = data.decode("cp1252", "replace")
        notes = ["not text in UTF-8: read as Windows-1252"]
    return text.replace("\r\n", "\n").replace("\r", "\n"), notes


def _script_cells(text: str) -> list[str]:
    """Split a script where its marks say so; without any it is one cell.

    What is a comment stays one, ``# %matplotlib inline`` as well as ``# ls of masks``: so Python
    runs the script.
    """
    if _COLAB in text:
        return _colab_cells(text)
    if _DATABRICKS.search(text):
        return _DATABRICKS.split(text)
    counts = {"percent": len(_PERCENT.findall(text)), "light": len(_LIGHT.findall(text))}
    form = next((form for form, marks in counts.items() if marks), None)
    if form is None:
        return [text]
    if counts[form] > _MOST_CELLS:
        raise ValueError(f"{counts[form]} cells; at most {_MOST_CELLS} are read")
    import jupytext

    fmt = {"extension": ".py", "format_name": form, "comment_magics": False}
    notebook = jupytext.reads(text, fmt=fmt)
    return [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code"]


def _colab_cells(text: str) -> list[str]:
    """Undo what Colab's "Download .py" does to magics: it makes comments of them.

    A cell magic comes with its whole cell, and has to be its first line.
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
