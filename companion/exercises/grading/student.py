"""Names that a learning platform gives to downloaded files: who handed in, under which id.

========== ==================================================================================
Canvas     ``doejane_12345_67890_hw.ipynb``, ``doejane_LATE_12345_67890_hw.ipynb``
Moodle     ``Jane Doe_12345_assignsubmission_file_`` (a folder, or followed by ``hw.ipynb``)
Blackboard ``Homework 1_jdoe_attempt_2026-01-31-10-20-30_hw.ipynb``
========== ==================================================================================

Files of one student are one submission. The names of Canvas have no mark of their own, so they
count only if the last number, which Canvas gives to one file, differs in all of them.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

_CANVAS = re.compile(r"(?P<name>[^\W\d_][^_]*)_(?:LATE_)?(?P<id>\d+)_(?P<number>\d+)_(?P<file>.+)")
_MOODLE = re.compile(r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_[a-z]+(?:_(?P<file>.*))?")
_BLACKBOARD = re.compile(
    r"(?P<task>.+)_(?P<id>[^_]+)_attempt_(?P<when>\d{4}(?:-\d\d){5})(?:_(?P<file>.+)|\.txt)"
)


@dataclass(frozen=True)
class Student:
    """Who handed in.

    Args:
        name: As the platform writes it; empty if it does not.
        id: What the platform calls the student in its list of grades; empty if unknown.
        platform: ``"Canvas"``, ``"Moodle"``, ``"Blackboard"`` or empty.
    """

    name: str = ""
    id: str = ""
    platform: str = ""


NOBODY = Student()


@dataclass(frozen=True)
class Named:
    """What the name of one entry says.

    Args:
        student: Who handed it in.
        file: Name of the file before the platform took it; empty for a folder.
        when: Time of the attempt, where the name holds one.
    """

    student: Student
    file: str
    when: str = ""


def read_names(names: Sequence[str]) -> list[Named]:
    """Read the names of a folder's entries.

    Example:
        >>> read_names(["Jane Doe_17_assignsubmission_file_"])[0].student
        Student(name='Jane Doe', id='17', platform='Moodle')
    """
    canvas = [_CANVAS.fullmatch(name) for name in names]
    numbers = [match["number"] for match in canvas if match]
    trusted = len(numbers) == len(set(numbers)) and 2 * len(numbers) > len(names)
    return [
        _read(name, match if trusted else None) for name, match in zip(names, canvas, strict=True)
    ]


def _read(name: str, canvas: re.Match[str] | None) -> Named:
    if match := _MOODLE.fullmatch(name):
        return Named(Student(match["name"], match["id"], "Moodle"), match["file"] or "")
    if match := _BLACKBOARD.fullmatch(name):
        file = match["file"] or "comment.txt"
        return Named(Student("", match["id"], "Blackboard"), file, match["when"])
    if canvas:
        return Named(Student(canvas["name"], canvas["id"], "Canvas"), canvas["file"])
    return Named(Student(), name)


def grouped(names: Sequence[str]) -> list[tuple[Student, list[tuple[int, str]]]]:
    """Put the entries of one student together; of several attempts the last one counts.

    Returns:
        For each submission the student, and the number and own name of each of its entries.
    """
    groups: dict[tuple, list[int]] = defaultdict(list)
    read = read_names(names)
    for number, named in enumerate(read):
        student = named.student
        key = (student.platform, student.id) if student.platform else (number,)
        groups[key].append(number)
    found = []
    for numbers in groups.values():
        last = max(read[number].when for number in numbers)
        kept = [number for number in numbers if read[number].when == last]
        found.append((read[kept[0]].student, [(number, read[number].file) for number in kept]))
    return found
