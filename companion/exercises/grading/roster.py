"""Who handed in, where a platform says so in a file of its own.

``submission_metadata.yml``
    of Gradescope's *Export submissions*, beside the folders ``submission_409194023``: see
    `gradescope`.
``classroom_roster.csv``
    of GitHub Classroom, with the columns ``identifier,github_username,github_id,name``. The
    repositories beside it, as ``gh classroom clone student-repos`` clones them, are called
    ``homework-1-octocat``: the assignment, ``-``, the user name.

Neither is a submission. Who stands in it and has handed in nothing is counted, so that a download
that broke off is seen.
"""

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from companion._words import some
from companion.exercises.grading.gradescope import METADATA, read_metadata
from companion.exercises.grading.student import Student

CLASSROOM = "classroom_roster.csv"
CLONED = "-submissions"
"""How a folder's name ends that ``gh classroom clone`` has made."""

_MOST_NAMED = 5


@dataclass(frozen=True)
class Roster:
    """What such a file says.

    Args:
        students: Whose an entry of the folder is, by its name.
        files: Names of entries that are no submissions.
        remarks: What is to be said about the class.
    """

    students: Mapping[str, Student] = field(default_factory=dict)
    files: frozenset[str] = frozenset()
    remarks: tuple[str, ...] = ()


def read_roster(folder: Path, names: Sequence[str], roster: Path | None = None) -> Roster:
    """Read the file that says whose the entries of a folder are.

    Args:
        folder: The folder of the submissions.
        names: Names of its entries.
        roster: GitHub Classroom's roster; None for the one in the folder, or beside a folder that
            ``gh classroom clone`` has made, if it is there.

    Raises:
        ValueError: If the file can't be read, or says something impossible.
    """
    files = frozenset({METADATA, CLASSROOM} & set(names))
    entries = [name for name in names if name not in files]
    if roster is None and METADATA in files:
        return _gradescope(folder / METADATA, entries, files)
    if roster is None and CLASSROOM in files:
        roster = folder / CLASSROOM
    if roster is None and folder.name.endswith(CLONED) and (folder.parent / CLASSROOM).is_file():
        roster = folder.parent / CLASSROOM
    if roster is not None:
        return _classroom(roster, entries, files)
    return Roster()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ValueError(f"{path}: can't read it: {reason}") from None


def _gradescope(path: Path, entries: Sequence[str], files: frozenset[str]) -> Roster:
    people = read_metadata(path)
    students = {name: _together(people[name]) for name in entries if people.get(name)}
    if people and entries and not students:
        raise ValueError(
            f"{path} names none of {some(entries, _MOST_NAMED)}, but {some(list(people), 2)}. Give "
            f"the folder as Gradescope packed it, or take {METADATA} away, and students are called "
            "as their files are"
        )
    here = set(entries)
    absent = [name for name in people if name not in here]
    return Roster(students, files, _missing(absent, f"in {METADATA} and not in the folder"))


def _together(people: Sequence[Student]) -> Student:
    if len(people) == 1:
        return people[0]
    name, number, account = (
        ", ".join(filter(None, (getattr(one, part) for one in people)))
        for part in ("name", "id", "account")
    )
    return Student(name, number, "Gradescope", account, tuple(people))


def _classroom(path: Path, entries: Sequence[str], files: frozenset[str]) -> Roster:
    lines = csv.DictReader(io.StringIO(_text(path), newline=""), skipinitialspace=True)
    try:
        rows = [{key: value for key, value in line.items() if key} for line in lines]
    except csv.Error as error:
        raise ValueError(f"{path} is not a CSV file: {error}") from None
    if not {"identifier", "github_username"} <= set(lines.fieldnames or ()):
        raise ValueError(
            f"{path} is not a roster of GitHub Classroom: it has no columns identifier and "
            "github_username; download it with the button Download on the page of the classroom"
        )
    people: dict[str, Student] = {}
    for row in rows:
        identifier, user, name = (
            (row.get(key) or "").strip() for key in ("identifier", "github_username", "name")
        )
        if user.lower() in people:
            raise ValueError(f"{path} gives the user name {user} to two students; mend it there")
        if user:
            people[user.lower()] = Student(name or identifier, identifier, "GitHub Classroom", user)
    students = _repositories(entries, people)
    if people and entries and not students:
        raise ValueError(
            f"nobody in {path.name} has a repository among {some(entries, _MOST_NAMED)}. Give the "
            "folder that holds the repositories, such as homework-1-octocat; or take the roster "
            "away, and students are called as their files are"
        )
    there = {student.account for student in students.values()}
    absent = [
        (row["identifier"] or "").strip()
        for row in rows
        if (row["github_username"] or "").strip() not in there
    ]
    return Roster(students, files, _missing(absent, f"in {path.name} without a repository here"))


def _repositories(entries: Sequence[str], people: Mapping[str, Student]) -> dict[str, Student]:
    """Find whose a repository is; both assignments and user names may hold ``-``.

    The assignment is what most repositories have in front of a user name.
    """
    found = {}
    for name in entries:
        parts = name.split("-")
        found[name] = [
            ("-".join(parts[:cut]), user)
            for cut in range(1, len(parts))
            if (user := "-".join(parts[cut:]).lower()) in people
        ]
    counts = Counter(task for pairs in found.values() for task, _ in pairs)
    if not counts:
        return {}
    assignment = max(counts, key=lambda task: (counts[task], len(task)))
    return {
        name: people[user]
        for name, pairs in found.items()
        for task, user in pairs
        if task == assignment
    }


def _missing(names: Sequence[str], what: str) -> tuple[str, ...]:
    if not names:
        return ()
    return (f"{len(names)} {what}: {some(names, _MOST_NAMED)}",)
