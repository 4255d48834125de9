"""Gradescope's file about the submissions: who has handed in which folder."""

import os

import pytest

from companion.exercises.grading.student import Student
from companion.exercises.grading.submission import list_submissions
from tests.exercises.grading.gradescope_export import METADATA

pytestmark = pytest.mark.skipif(os.name != "posix", reason="grading needs a Unix system")


def test_gradescope_names_the_students_and_the_groups(export):
    listed, remarks = list_submissions(export)

    people = {one.name: one.student for one in listed}
    solo = Student("Solo Student", "0100", "Gradescope", "solo@example.edu")
    assert list(people) == [
        "Pair One, Pair Two_200, 201", "Solo Student_0100", "submission_409194025",
    ]  # fmt: skip
    assert people["Solo Student_0100"] == solo
    assert [one.account for one in people["Pair One, Pair Two_200, 201"].group] == [
        "one@example.edu", "two@example.edu",
    ]  # fmt: skip
    assert people["submission_409194025"] == Student()
    assert remarks == ("1 in submission_metadata.yml and not in the folder: submission_409194026",)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("- a\n- b\n", "it names no submissions"),
        ("a: [", "is not what Gradescope exports: while parsing"),
        ("", "it names no submissions"),
        (b"\xff\xfe\x00\xd8", "is not what Gradescope exports"),
    ],
)
def test_a_damaged_export_is_named_and_is_not_believed(export, content, problem):
    data = content if isinstance(content, bytes) else content.encode()
    (export / "submission_metadata.yml").write_bytes(data)

    with pytest.raises(ValueError, match=r"submission_metadata\.yml") as raised:
        list_submissions(export)
    assert problem in str(raised.value)


def test_tags_and_depth_in_an_export_build_nothing(export, tmp_path):
    strange = (
        f"submission_1:\n  :x: !!python/object/apply:os.mkdir [{tmp_path}/made]\n"
        f"  :y: {'[' * 500}{']' * 500}\n  :z: &a [1, 2]\n  :w: *a\n"
        "  :h: !ruby/hash:Some::Class\n    a: 1\n  ? [a, b]\n  : 1\n"
        "submission_2:\n  :submitters: nobody\n  :score: 1\n"
    )
    (export / "submission_metadata.yml").write_text(strange + METADATA)

    listed, remarks = list_submissions(export)

    assert "Solo Student_0100" in {one.name for one in listed}
    assert remarks[0].startswith("3 in submission_metadata.yml and not in the folder")
    assert not (tmp_path / "made").exists()


def test_metadata_that_name_other_folders_are_refused(export):
    for folder in sorted(export.glob("submission_*3*")):
        folder.rename(export / "ann")
    for number in (4, 5):
        (export / f"submission_40919402{number}").rename(export / f"other-{number}")

    with pytest.raises(ValueError, match="names none of ann, other-4, other-5, but"):
        list_submissions(export)
