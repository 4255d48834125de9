"""Submissions: who handed in what. Nothing in them runs here.

Each entry of the folder is one submission: a notebook, a script, a ``.zip`` archive, or a folder.
Files that a learning platform has named after the same student are one, too: see `student`. Who
handed in can also stand in a file beside them: see `roster`.
"""

import hashlib
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from companion.exercises.grading.cells import Cell, kind
from companion.exercises.grading.members import is_archive
from companion.exercises.grading.reader import read_all
from companion.exercises.grading.roster import read_roster
from companion.exercises.grading.student import NOBODY, Student, grouped

_CHECK = re.compile(r"""\bcheck\s*\(\s*(?:exercise_id\s*=\s*)?["']([a-z0-9-]+)["']""")
_NOT_IN_NAMES = re.compile(
    r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\u202a-\u202e\u2066-\u2069]"
)
_SUFFIX = re.compile(r"\.(ipynb|py|zip)$", re.IGNORECASE)


@dataclass(frozen=True)
class Submission:
    """What one student handed in.

    Args:
        name: Name of the file or folder, mostly without suffix; no two are alike.
        parts: Name inside the submission, and place, of each file or folder.
        cells: The code, cell by cell.
        problem: Why it can't be graded; empty if it can.
        notes: What is to be said about its files.
        digest: Digest of everything in it.
        student: Who it is from, as far as a learning platform has said so.
    """

    name: str
    parts: tuple[tuple[str, Path], ...]
    cells: tuple[Cell, ...] = ()
    problem: str = ""
    notes: tuple[str, ...] = ()
    digest: str = ""
    student: Student = NOBODY

    @property
    def path(self) -> Path:
        """The first file or folder."""
        return self.parts[0][1]

    def place(self, cell: int) -> str:
        """Return the place of a cell: ``"hw.ipynb, cell 3"``.

        Args:
            cell: Its number among all cells, from 1.
        """
        if not 1 <= cell <= len(self.cells):
            return "before the first cell"
        chosen = self.cells[cell - 1]
        if chosen.script and sum(other.file == chosen.file for other in self.cells) == 1:
            return chosen.file
        return f"{chosen.file}, cell {chosen.number}"

    def named_exercises(self) -> set[str]:
        """Return the ids that calls of ``check`` name."""
        return {name for cell in self.cells for name in _CHECK.findall(cell.source)}


def find_submissions(folder: Path) -> list[Submission]:
    """Return the submissions in a folder, by name, and read them.

    Args:
        folder: The folder. Hidden folders and what systems put there are left out.

    Raises:
        ValueError: If there is no such folder, or nothing in it.
    """
    return list(read_submissions(list_submissions(folder)[0]))


def list_submissions(
    folder: Path, roster: Path | None = None
) -> tuple[list[Submission], tuple[str, ...]]:
    """Return the submissions in a folder, by name, and read only what they are called.

    Args:
        folder: The folder, as in `find_submissions`.
        roster: GitHub Classroom's roster, if it lies elsewhere.

    Returns:
        The submissions, without code and digest, and what is to be said about the class.

    Raises:
        ValueError: If there is no such folder, nothing in it, or the roster is none.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder; give the one that holds the submissions")
    entries = sorted(entry for entry in folder.iterdir() if not _put_there_by_a_system(entry.name))
    known = read_roster(folder, [entry.name for entry in entries], roster)
    entries = [entry for entry in entries if entry.name not in known.files]
    if not entries:
        raise ValueError(f"{folder} is empty; put one notebook, script or folder per student there")
    students = {readable_name(name): student for name, student in known.students.items()}
    groups = grouped([readable_name(entry.name) for entry in entries], students)
    parts = [
        tuple((file or entries[number].name, entries[number]) for number, file in members)
        for _, members in groups
    ]
    whole = [_whole_name(files, student) for files, (student, _) in zip(parts, groups, strict=True)]
    made = [
        Submission(name, files, student=student)
        for name, files, (student, _) in zip(_names(whole, parts), parts, groups, strict=True)
    ]
    return sorted(made, key=lambda submission: submission.name), known.remarks


def read_submissions(listed: Sequence[Submission]) -> Iterator[Submission]:
    """Yield submissions with their code and digest, in the same order."""
    read = read_all([submission.parts for submission in listed])
    for submission, found in zip(listed, read, strict=True):
        yield replace(submission, **{**found, "notes": tuple(found["notes"])})


def _whole_name(parts: Sequence[tuple[str, Path]], student: Student) -> str:
    if len(parts) == 1 and student.platform != "Gradescope":  # which calls its folders by numbers
        return readable_name(parts[0][1].name)
    return f"{student.name}_{student.id}".strip("_")


def _put_there_by_a_system(name: str) -> bool:
    """Tell whether nobody has handed this in: ``.DS_Store``, ``._hw.ipynb``, ``__MACOSX``."""
    if name == "__MACOSX" or name.startswith("._"):
        return True
    return name.startswith(".") and not (kind(name) or is_archive(name))


def readable_name(name: str) -> str:
    """Return a file name as text that can be written and shown.

    Bytes that are not UTF-8, as archives made on Windows leave them, are read as Windows-1252.
    """
    raw = os.fsencode(name)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", "replace")
    return _NOT_IN_NAMES.sub("\ufffd", text)


def without_suffix(name: str) -> str:
    """Return a name without ``.ipynb``, ``.py`` or ``.zip``."""
    return _SUFFIX.sub("", name) or name


def _names(whole: Sequence[str], parts: Sequence[Sequence[tuple[str, Path]]]) -> list[str]:
    """Return names without suffix where that is clear, and never two that look the same."""
    names = [without_suffix(name) for name in whole]
    for _ in range(2):  # a whole name may be the short one of another
        counts = Counter(map(alike, names))
        names = [
            name if counts[alike(name)] == 1 else full
            for name, full in zip(names, whole, strict=True)
        ]
    counts = Counter(map(alike, names))
    return [
        name if counts[alike(name)] == 1 else f"{name} [{_short_digest(files)}]"
        for name, files in zip(names, parts, strict=True)
    ]


def alike(name: str) -> str:
    """Return what two names share that look the same, on screen and in a table.

    Blanks count once, marks without width not at all, nor does the ``'`` that a cell begins with
    which a spreadsheet would run.

    Example:
        >>> alike("a  b") == alike("a\u00a0b") == alike("a\u200b b")
        True
    """
    shown = [
        character
        for character in unicodedata.normalize("NFKC", name)
        if unicodedata.category(character) != "Cf"
    ]
    return " ".join("".join(shown).split()).lstrip("'")


def _short_digest(parts: Sequence[tuple[str, Path]]) -> str:
    return hashlib.sha256(os.fsencode(parts[0][1].name)).hexdigest()[:8]


def usual_exercises(submissions: list[Submission], known: Any) -> list[str]:
    """Return the ids, out of ``known``, that at least half of the readable submissions check."""
    readable = [
        submission.named_exercises() for submission in submissions if not submission.problem
    ]
    return [
        name for name in known if 2 * sum(name in named for named in readable) >= len(readable) > 0
    ]
