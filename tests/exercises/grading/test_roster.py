"""Who handed in, as Gradescope and GitHub Classroom say it."""

import os

import pytest

from companion.exercises import catalog
from companion.exercises.grading.archive import class_folder
from companion.exercises.grading.gradebook import write_gradebooks
from companion.exercises.grading.roster import read_roster
from companion.exercises.grading.student import Student
from companion.exercises.grading.submission import list_submissions

pytestmark = pytest.mark.skipif(os.name != "posix", reason="grading needs a Unix system")

ROSTER = """\
"identifier","github_username","github_id","name"
"doe@example.edu","Doe","1","Ann Doe"
"jane@example.edu","jane-doe","2",""
"02-cesar acebal","","",""
"""
REPOSITORIES = ["hw-1-doe", "hw-1-jane-doe", "hw-1-somebody", "hw-1-team-red"]


@pytest.fixture
def classroom(tmp_path):
    for name in REPOSITORIES:
        (tmp_path / name / ".git").mkdir(parents=True)
        (tmp_path / name / "hw.py").write_text("x = 1\n")
    (tmp_path / "classroom_roster.csv").write_text(ROSTER)
    return tmp_path


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
