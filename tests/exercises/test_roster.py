"""Who handed in, as Gradescope and GitHub Classroom say it."""

import csv
import os

import pytest

from companion.exercises import catalog
from companion.exercises.grading.archive import class_folder
from companion.exercises.grading.gradebook import write_gradebooks
from companion.exercises.grading.roster import read_roster
from companion.exercises.grading.student import Student
from companion.exercises.grading.submission import list_submissions

pytestmark = pytest.mark.skipif(os.name != "posix", reason="grading needs a Unix system")

# The form of Gradescope's export, as public programs read it.
METADATA = """\
submission_409194023:
  :submitters:
  - :name: Solo Student
    :sid: 0100
    :email: solo@example.edu
  :created_at: 2026-09-21 18:04:11.123456000 Z
  :score: 7.5
  :status: processed
  :results:
    tests:
    - name: 1.1) mask
      score: 1.0
      max_score: 1.0
  :history: []
submission_409194024:
  :submitters:
  - :name: Pair One
    :sid: '200'
    :email: one@example.edu
  - :name: Pair Two
    :sid: 201
    :email: two@example.edu
  :score: 3.0
submission_409194025:
  :submitters:
  - :name: ~
  - [no, mapping]
submission_409194026:
  :submitters:
  - :name: Gone Away
    :sid: '300'
"""
ROSTER = """\
"identifier","github_username","github_id","name"
"doe@example.edu","Doe","1","Ann Doe"
"jane@example.edu","jane-doe","2",""
"02-cesar acebal","","",""
"""
REPOSITORIES = ["hw-1-doe", "hw-1-jane-doe", "hw-1-somebody", "hw-1-team-red"]


@pytest.fixture
def export(tmp_path):
    (tmp_path / "submission_metadata.yml").write_text(METADATA)
    for number in (3, 4, 5):
        folder = tmp_path / f"submission_40919402{number}"
        folder.mkdir()
        (folder / "hw.py").write_text("x = 1\n")
    return tmp_path


@pytest.fixture
def classroom(tmp_path):
    for name in REPOSITORIES:
        (tmp_path / name / ".git").mkdir(parents=True)
        (tmp_path / name / "hw.py").write_text("x = 1\n")
    (tmp_path / "classroom_roster.csv").write_text(ROSTER)
    return tmp_path


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


def test_repositories_get_the_names_of_the_roster(classroom, tmp_path):
    listed, remarks = list_submissions(classroom)

    people = {one.name: one.student for one in listed}
    assert sorted(people) == REPOSITORIES
    assert people["hw-1-doe"] == Student("Ann Doe", "doe@example.edu", "GitHub Classroom", "Doe")
    assert people["hw-1-jane-doe"].id == "jane@example.edu"
    assert people["hw-1-somebody"] == people["hw-1-team-red"] == Student()
    assert remarks == ("1 in classroom_roster.csv without a repository here: 02-cesar acebal",)
    rows = {name: {"status": "unreadable", "exercises": {}} for name in people}
    (file,) = write_gradebooks(tmp_path / "g.csv", listed, rows, [catalog.find("causal-mask")])
    assert file.name == "g-github-classroom.csv"
    assert file.read_text().splitlines()[1] == "doe@example.edu,Doe,Ann Doe,,1"


def test_a_roster_may_lie_elsewhere(classroom, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "roster.csv"
    (classroom / "classroom_roster.csv").rename(elsewhere)

    found = read_roster(classroom, REPOSITORIES, elsewhere)

    assert sorted(found.students) == ["hw-1-doe", "hw-1-jane-doe"]


@pytest.mark.parametrize("place", ["..", "."])
def test_the_folder_around_the_repositories_does_too(classroom, tmp_path_factory, place):
    around = tmp_path_factory.mktemp("around")
    classroom.rename(around / "hw-1-submissions")
    roster = around / "hw-1-submissions" / "classroom_roster.csv"
    roster.rename(roster.parent / place / roster.name)

    with class_folder(around) as folder:
        listed, remarks = list_submissions(folder)

    people = {one.name: one.student.account for one in listed if one.student.account}
    assert people == {"hw-1-doe": "Doe", "hw-1-jane-doe": "jane-doe"}
    assert remarks == ("1 in classroom_roster.csv without a repository here: 02-cesar acebal",)


def test_without_a_roster_each_repository_in_it_is_a_submission(classroom, tmp_path_factory):
    around = tmp_path_factory.mktemp("around")
    (classroom / "classroom_roster.csv").unlink()
    classroom.rename(around / "hw-1-submissions")

    with class_folder(around) as folder:
        listed, _ = list_submissions(folder)

    assert sorted(one.name for one in listed) == REPOSITORIES


def test_a_roster_in_which_nobody_is_found_is_refused(classroom):
    for name in REPOSITORIES:
        (classroom / name).rename(classroom / name.replace("-", "_"))

    with pytest.raises(ValueError, match=r"nobody in classroom_roster\.csv has a repository among"):
        list_submissions(classroom)


def test_metadata_that_name_other_folders_are_refused(export):
    for folder in sorted(export.glob("submission_*3*")):
        folder.rename(export / "ann")
    for number in (4, 5):
        (export / f"submission_40919402{number}").rename(export / f"other-{number}")

    with pytest.raises(ValueError, match="names none of ann, other-4, other-5, but"):
        list_submissions(export)


def test_the_assignment_is_what_most_repositories_begin_with(classroom):
    found = read_roster(classroom, ["a-jane-doe", "a-jane-x", "b-jane-doe"], None)
    assert found.students == {}  # the roster is not among the names

    names = ["q-jane-doe", "q-doe", "lab-doe", "classroom_roster.csv"]
    found = read_roster(classroom, names, None)

    assert {name: one.account for name, one in found.students.items()} == {
        "q-jane-doe": "jane-doe", "q-doe": "Doe",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("name,mail\nA,b\n", "no columns identifier and github_username"),
        ('identifier,github_username\nA,x\nB, "X"\n', "gives the user name X to two students"),
        ("", "no columns identifier"),
    ],
)
def test_a_roster_that_is_none_is_named(classroom, content, problem):
    (classroom / "classroom_roster.csv").write_text(content)

    with pytest.raises(ValueError, match=problem):
        list_submissions(classroom)
