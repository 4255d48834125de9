"""Submissions: notebooks and scripts, read as data. Nothing in them runs here.

Each entry of the folder is one submission: a notebook, a script, or a folder with such files, whose
code then counts together. Links are not followed.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LARGEST_FILE = 20 * 2**20  # bytes
_MOST_FILES = 20
_MAGIC = re.compile(r"^\s*[%!?]|^\s*[\w.]+\?{1,2}\s*$")
_CHECK = re.compile(r"""\bcheck\(\s*["']([a-z0-9-]+)["']""")


@dataclass(frozen=True)
class Submission:
    """What one student handed in.

    Args:
        name: Name of the file or folder, without suffix.
        path: The file or folder.
        cells: The code, cell by cell; a script is one cell.
        problem: Why it can't be graded; empty if it can.
    """

    name: str
    path: Path
    cells: tuple[str, ...] = ()
    problem: str = ""

    def named_exercises(self) -> set[str]:
        """Return the ids that stand in a call of ``check``."""
        return {name for cell in self.cells for name in _CHECK.findall(cell)}


def find_submissions(folder: Path) -> list[Submission]:
    """Return the submissions in a folder, by name.

    Args:
        folder: The folder. Hidden entries and ``__MACOSX`` are left out.

    Raises:
        ValueError: If there is no such folder, or nothing in it.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder; give the one that holds the submissions")
    entries = sorted(
        entry
        for entry in folder.iterdir()
        if not entry.name.startswith(".") and entry.name != "__MACOSX"
    )
    if not entries:
        raise ValueError(f"{folder} is empty; put one notebook, script or folder per student there")
    stems = [entry.stem if entry.suffix in (".ipynb", ".py") else entry.name for entry in entries]
    names = [
        stem if stems.count(stem) == 1 else entry.name
        for stem, entry in zip(stems, entries, strict=True)
    ]
    return [_read(name, entry) for name, entry in zip(names, entries, strict=True)]


def _read(name: str, entry: Path) -> Submission:
    try:
        cells = [cell for file in _files(entry) for cell in read_cells(file)]
    except (ValueError, OSError, RecursionError) as error:
        problem = " ".join(str(getattr(error, "strerror", None) or error).split())
        return Submission(name, entry, problem=problem[:300])
    return Submission(name, entry, tuple(cells))


def _files(entry: Path) -> list[Path]:
    if entry.is_symlink():
        raise ValueError("this is a link; hand in the file itself")
    if entry.is_file():
        return [entry]
    files = sorted(
        path
        for pattern in ("*.ipynb", "*.py")
        for path in entry.rglob(pattern)
        if path.is_file()
        and not path.is_symlink()
        and not any(part.startswith(".") for part in path.relative_to(entry).parts)
    )
    if not files:
        raise ValueError("no notebook (.ipynb) or script (.py) in this folder")
    if len(files) > _MOST_FILES:
        raise ValueError(f"{len(files)} notebooks and scripts; at most {_MOST_FILES} are read")
    return files


def read_cells(file: Path) -> list[str]:
    """Return the code cells of a notebook, or a script as one cell.

    Lines for IPython (``%matplotlib``, ``!pip``) become comments.

    Raises:
        ValueError: If it is neither, or too large.
    """
    if file.suffix not in (".ipynb", ".py"):
        raise ValueError(f"{file.suffix or 'no suffix'}: not a notebook (.ipynb) or script (.py)")
    if file.stat().st_size > LARGEST_FILE:
        raise ValueError(f"larger than {LARGEST_FILE // 2**20} MiB")
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("not text in UTF-8") from None
    if file.suffix == ".py":
        return [text]
    return [_without_magics(cell) for cell in _notebook_cells(text)]


def _notebook_cells(text: str) -> list[str]:
    try:
        cells = json.loads(text)["cells"]
        code = [cell["source"] for cell in cells if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ValueError("not a Jupyter notebook of format 4") from None
    return ["".join(map(str, one)) if isinstance(one, list) else str(one) for one in code]


def _without_magics(cell: str) -> str:
    if cell.lstrip().startswith("%%"):
        return "".join(f"# {line}" for line in cell.splitlines(keepends=True))
    lines = cell.splitlines(keepends=True)
    return "".join(f"# {line}" if _MAGIC.match(line) else line for line in lines)


def usual_exercises(submissions: list[Submission], known: Any) -> list[str]:
    """Return the ids, out of ``known``, that at least half of the readable submissions check."""
    readable = [one.named_exercises() for one in submissions if not one.problem]
    return [
        name for name in known if 2 * sum(name in named for named in readable) >= len(readable) > 0
    ]
