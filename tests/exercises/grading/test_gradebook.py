"""Files for the gradebooks of platforms: their columns, their ids."""

import csv
import os

import pytest

from companion.exercises import catalog
from companion.exercises.grading.gradebook import write_gradebooks
from companion.exercises.grading.student import Student
from companion.exercises.grading.submission import list_submissions
from tests.exercises.grading.rows import MASK, row, submission

pytestmark = pytest.mark.skipif(os.name != "posix", reason="grading needs a Unix system")


def test_each_student_of_a_group_has_a_line_in_the_file_for_the_gradebook(export, tmp_path):
    listed, _ = list_submissions(export)
    one = {"share": 1.0}
    rows = {each.name: {"status": "graded", "exercises": {"causal-mask": one}} for each in listed}

    (file,) = write_gradebooks(tmp_path / "g.csv", listed, rows, [catalog.find("causal-mask")])

    assert file.name == "g-gradescope.csv"
    assert list(csv.reader(file.read_text().splitlines())) == [
        ["Name", "SID", "Email", "Total Score", "Max Points"],
        ["Pair One", "200", "one@example.edu", "1.00", "1"],
        ["Pair Two", "201", "two@example.edu", "1.00", "1"],
        ["Solo Student", "0100", "solo@example.edu", "1.00", "1"],
    ]


def test_what_canvas_and_moodle_import_has_their_columns_and_ids(tmp_path):
    students = [Student("doejane", "12345", "Canvas"), Student("=leejo", "22", "Canvas"),
                Student("Ann Lee", "17", "Moodle"), Student()]  # fmt: skip
    submissions = [submission(f"s{n}", student) for n, student in enumerate(students)]
    rows = {"s0": row(), "s1": row(status="unreadable", exercises={}), "s2": row(0.5), "s3": row()}

    files = write_gradebooks(tmp_path / "g.csv", submissions, rows, MASK, "Homework 1 (4711)")

    assert [file.name for file in files] == ["g-canvas.csv", "g-moodle.csv"]
    texts = [file.read_text("utf-8").splitlines() for file in files]
    canvas, moodle = (list(csv.reader(lines)) for lines in texts)
    assert canvas == [
        ["Student", "ID", "Section", "Homework 1 (4711)"],
        ["Points Possible", "", "", "1"],
        ["doejane", "12345", "", "1.00"],
        ["'=leejo", "22", "", ""],
    ]
    assert moodle[0] == [
        "Identifier", "Full name", "Grade", "Maximum grade", "Last modified (grade)",
    ]  # fmt: skip
    assert moodle[1] == ["Participant 17", "Ann Lee", "0.50", "1", "-"]
