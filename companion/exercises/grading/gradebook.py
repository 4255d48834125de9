"""Grades with the columns of the platform that the submissions come from.

Canvas imports the columns Student, ID, Section and one for the assignment, and a line with the
points possible. Moodle's offline grading worksheet has Identifier, Grade and Last modified
(grade). For Gradescope and GitHub Classroom, which import no such file, there is one for the
gradebook of your school: a line for each student, those of a group too, with what the platform
knows of them. Who was not judged gets an empty cell, not a zero.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from companion.exercises.exercise import Exercise
from companion.exercises.grading.results import Row, total, write_table
from companion.exercises.grading.submission import Submission


def write_gradebooks(
    out: Path,
    submissions: Sequence[Submission],
    rows: Mapping[str, Row],
    exercises: Sequence[Exercise],
    assignment: str = "",
) -> list[Path]:
    """Write a file for each platform that has named some of the submissions.

    Args:
        out: The CSV with all grades; the files are written beside it.
        submissions: All submissions.
        rows: Rows by name of submission.
        exercises: What was graded.
        assignment: Column of the assignment in Canvas, such as ``"Homework 1 (4711)"``; the name
            of ``out`` if empty. With an unknown name Canvas makes a new assignment.

    Returns:
        The files.
    """
    written = []
    for platform, table in _TABLES.items():
        mine = [
            submission
            for submission in submissions
            if submission.student.platform == platform
            and (submission.student.id or submission.student.account)
        ]
        if mine:
            path = out.with_name(f"{out.stem}-{platform.lower().replace(' ', '-')}.csv")
            grades = [(submission, _grade(rows[submission.name], exercises)) for submission in mine]
            most = sum(exercise.points for exercise in exercises)
            write_table(path, table(grades, most, assignment or out.stem))
            written.append(path)
    return written


def _grade(row: Row, exercises: Sequence[Exercise]) -> str:
    known = row["status"] in ("graded", "stopped")
    return f"{total(row, exercises):.2f}" if known else ""


def _canvas(grades: list[tuple[Submission, str]], most: int, assignment: str) -> list[list[str]]:
    head = [["Student", "ID", "Section", assignment], ["Points Possible", "", "", str(most)]]
    return head + [
        [submission.student.name, submission.student.id, "", grade] for submission, grade in grades
    ]


def _moodle(grades: list[tuple[Submission, str]], most: int, _: str) -> list[list[str]]:
    head = ["Identifier", "Full name", "Grade", "Maximum grade", "Last modified (grade)"]
    return [head] + [
        [f"Participant {submission.student.id}", submission.student.name, grade, str(most), "-"]
        for submission, grade in grades
    ]


def _gradescope(grades: list[tuple[Submission, str]], most: int, _: str) -> list[list[str]]:
    head = ["Name", "SID", "Email", "Total Score", "Max Points"]
    return [head] + [
        [one.name, one.id, one.account, grade, str(most)]
        for submission, grade in grades
        for one in submission.student.group or (submission.student,)
    ]


def _classroom(grades: list[tuple[Submission, str]], most: int, _: str) -> list[list[str]]:
    head = ["identifier", "github_username", "name", "points_awarded", "points_available"]
    return [head] + [
        [one.id, one.account, one.name, grade, str(most)]
        for one, grade in ((submission.student, grade) for submission, grade in grades)
    ]


_TABLES = {
    "Canvas": _canvas,
    "Moodle": _moodle,
    "Gradescope": _gradescope,
    "GitHub Classroom": _classroom,
}
