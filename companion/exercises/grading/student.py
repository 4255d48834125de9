"""Names that a learning platform gives to downloaded files: who handed in, under which id.

========== ==================================================================================
Canvas     ``doejane_12345_67890_hw.ipynb``, ``doejane_LATE_12345_67890_hw.ipynb``; a text or
           address that was typed: ``doejane_12345_text.html``, ``doejane_12345_link.html``; with
           anonymous grading: ``anon_Xy12a_67890_hw.ipynb``
Moodle     ``Jane Doe_12345_assignsubmission_file`` (a folder, or followed by ``_hw.ipynb``), or
           ``..._assignsubmission_onlinetext``; older versions end folders with ``_``
Blackboard ``Homework 1_jdoe_attempt_2026-01-31-10-20-30_hw.ipynb``
========== ==================================================================================

Gradescope and GitHub Classroom say it in a file of their own: see `roster`.

Files of one student are one submission. The names of Canvas have no mark of their own, so they
count only if the last number, which Canvas gives to one file, differs in all of them. In those of
Blackboard both the assignment and the user name may hold ``_``: what all files of the class have in
common in front is the assignment. Where that tells nothing, all of it stands for the name, so that
no two students become one. The names of Canvas and Moodle are those that ``lib/content_zipper.rb``
and ``mod/assign/classes/downloader.php`` of their sources make.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import PurePath

_CANVAS = re.compile(
    r"(?P<name>[^\W\d_][^_]*)_(?:LATE_)?(?P<id>\d+)_"
    r"(?:(?P<number>\d+)_(?P<file>.+)|(?P<typed>text\.html|link\.html))"
)
_CANVAS_ANONYMOUS = re.compile(
    r"(?:LATE_)?(?P<name>anon_[^\W_]{5})_"
    r"(?:(?P<number>\d+)_(?P<file>.+)|(?P<typed>text\.html|link\.html))"
)
_MOODLE = re.compile(r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_[a-z]+(?:_(?P<file>.*))?")
_BLACKBOARD = re.compile(  # the first date is Blackboard's; the student's file may hold another
    r"(?P<head>.+?)_attempt_(?P<when>\d{4}(?:-\d\d){5})(?:_(?P<file>.+)|\.txt)"
)


@dataclass(frozen=True)
class Student:
    """Who handed in.

    Args:
        name: As the platform writes it; empty if it does not.
        id: What the platform calls the student in its list of grades; empty if unknown.
        platform: ``"Canvas"``, ``"Moodle"``, ``"Blackboard"``, ``"Gradescope"``,
            ``"GitHub Classroom"`` or empty.
        account: E-mail address or user name there; empty if unknown.
        group: The students, if several have handed in together and the platform names them.
    """

    name: str = ""
    id: str = ""
    platform: str = ""
    account: str = ""
    group: tuple["Student", ...] = ()


NOBODY = Student()


@dataclass(frozen=True)
class Named:
    """What the name of one entry says.

    Args:
        student: Who handed it in.
        file: Name of the file before the platform took it; empty for a folder.
        when: Time of the attempt, where the name holds one.
        task: The assignment, where the name holds it.
        number: What the platform has numbered the file by; later ones are higher.
    """

    student: Student
    file: str
    when: str = ""
    task: str = ""
    number: int = 0


def read_names(names: Sequence[str]) -> list[Named]:
    """Read the names of a folder's entries.

    Example:
        >>> read_names(["Jane Doe_17_assignsubmission_file_"])[0].student
        Student(name='Jane Doe', id='17', platform='Moodle', account='', group=())
    """
    canvas = [_CANVAS_ANONYMOUS.fullmatch(name) or _CANVAS.fullmatch(name) for name in names]
    numbers = [match["number"] for match in canvas if match and match["number"]]
    likely = sum(match is not None for match in canvas)
    trusted = len(numbers) == len(set(numbers)) and 2 * likely > len(names)
    board = [_BLACKBOARD.fullmatch(name) for name in names]
    heads = _split_heads({match["head"] for match in board if match})
    students = []
    for name, of_canvas, of_board in zip(names, canvas, board, strict=True):
        if match := _MOODLE.fullmatch(name):
            student = Student(match["name"], match["id"], "Moodle")
            students.append(Named(student, match["file"] or ""))
        elif of_board:
            task, student = heads[of_board["head"]]
            file = of_board["file"] or "comment.txt"
            students.append(Named(student, file, of_board["when"], task))
        elif of_canvas and trusted:
            student = Student(of_canvas["name"], of_canvas.groupdict().get("id", ""), "Canvas")
            file, number = of_canvas["file"] or of_canvas["typed"], int(of_canvas["number"] or 0)
            students.append(Named(student, file, number=number))
        else:
            students.append(Named(Student(), name))
    return students


def _split_heads(heads: set[str]) -> dict[str, tuple[str, Student]]:
    """Split ``Homework 1_j_doe`` into assignment and student, for all files of a class."""
    columns = zip(*(head.split("_")[:-1] for head in heads), strict=False)
    alike = takewhile(lambda column: len(set(column)) == 1, columns if len(heads) > 1 else ())
    shared = "_".join(column[0] for column in alike)
    groups = {}
    for head in heads:
        task, user = shared, head[len(shared) + 1 :]
        if not shared and head.count("_") == 1:
            task, _, user = head.partition("_")
        groups[head] = (
            (task, Student("", user, "Blackboard"))
            if task and user
            else ("", Student(head, "", "Blackboard"))
        )
    return groups


def grouped(
    names: Sequence[str], known: Mapping[str, Student] | None = None
) -> list[tuple[Student, list[tuple[int, str]]]]:
    """Put the entries of one student together; of several attempts the last one counts.

    Args:
        names: Names of the entries.
        known: Entries of which a file of the platform says whose they are. Each is a submission.

    Returns:
        For each submission the student, and the number and own name of each of its entries, those
        that were handed in first in front. No two of its names are alike.
    """
    groups: dict[tuple, list[int]] = defaultdict(list)
    read = [
        Named(known[name], name, task=name) if known and name in known else named
        for name, named in zip(names, read_names(names), strict=True)
    ]
    for number, named in enumerate(read):
        student = named.student
        key = (student, named.task) if student.platform else (number,)
        groups[key].append(number)
    grouped_entries = []
    for numbers in groups.values():
        last = max(read[number].when for number in numbers)
        kept = [number for number in numbers if read[number].when == last]
        kept.sort(key=lambda number: read[number].number)
        files = _apart([read[number].file for number in kept])
        grouped_entries.append((read[kept[0]].student, list(zip(kept, files, strict=True))))
    return grouped_entries


def _apart(files: Sequence[str]) -> list[str]:
    """Return names that differ and are sorted as before: a second ``hw.py`` is ``hw_2.py``.

    Empty ones, of folders, stay.
    """
    found: list[str] = []
    for file in files:
        path, count, name = PurePath(file), 1, file
        while name and name in found:
            count += 1
            name = f"{path.stem}_{count}{path.suffix}"
        found.append(name)
    return found
