"""Grades as Canvas and Moodle import them, for students whose file names hold their ids.

Canvas wants the columns Student, ID, Section and one for the assignment, and a line with the
points possible. Moodle's offline grading worksheet wants Identifier, Grade and Last modified
(grade). Who was not judged gets an empty cell there, not a zero.
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
    for platform, table in (("Canvas", _canvas), ("Moodle", _moodle)):
        mine = [submission for submission in submissions if submission.student.platform == platform]
        if mine:
            path = out.with_name(f"{out.stem}-{platform.lower()}.csv")
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
