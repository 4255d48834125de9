"""The archive of a class: what is unpacked, and what is refused before anything is written."""

import os
import stat
import zipfile
from collections import namedtuple

import pytest

from companion.exercises.grading import archive
from companion.exercises.grading.archive import class_folder
from companion.exercises.grading.submission import find_submissions, list_submissions
from tests.exercises.grading.gradescope_export import METADATA

pytestmark = pytest.mark.skipif(os.name != "posix", reason="grading needs a Unix system")
CANVAS = [
    "doejane_12345_67890_hw.ipynb",
    "doejane_12345_67891_data.csv",
    "leejo_LATE_22_67892_a_1.py",
    "kimpat_23_text.html",
]
MOODLE = [
    "Ann Lee_17_assignsubmission_file/hw.py",
    "Ann Lee_17_assignsubmission_file/data/x.csv",
    "Ann Lee_17_assignsubmission_onlinetext/onlinetext.html",
    "José Núñez_18_assignsubmission_file_/hw.py",
    "Participant_19_assignsubmission_file/hw.py",
]


def pack(path, names, content="x = 1\n"):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in names:
            packed.writestr(name, content)
    return path


def seen(path):
    """Who has handed in, and which files."""
    with class_folder(path) as folder:
        listed, _ = list_submissions(folder)
        return {
            one.name: (one.student.platform, one.student.id, sorted(name for name, _ in one.parts))
            for one in listed
        }


def test_what_canvas_gives_is_read_as_it_is(tmp_path):
    assert seen(pack(tmp_path / "submissions.zip", CANVAS)) == {
        "doejane_12345": ("Canvas", "12345", ["data.csv", "hw.ipynb"]),
        "leejo_LATE_22_67892_a_1": ("Canvas", "22", ["a_1.py"]),
        "kimpat_23_text.html": ("Canvas", "23", ["text.html"]),
    }


def test_of_two_files_of_one_student_on_canvas_both_run_the_late_one_last(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("doejane_LATE_12345_100000_hw.py", "x = 'late'\n")
        packed.writestr("doejane_12345_99999_hw.py", "x = 'in time'\n")

    with class_folder(path) as folder:
        (one,) = find_submissions(folder)

    assert one.name == "doejane_12345"
    assert [cell.source.strip() for cell in one.cells] == ["x = 'in time'", "x = 'late'"]
    assert [one.place(number) for number in (1, 2)] == ["hw.py", "hw_2.py"]


def test_anonymous_grading_of_canvas_keeps_the_files_of_one_together(tmp_path):
    names = ["anon_Xy12a_67890_hw.ipynb", "anon_Xy12a_67891_x.csv", "LATE_anon_12345_67892_hw.py"]

    found = seen(pack(tmp_path / "submissions.zip", names))

    assert found == {
        "anon_Xy12a": ("Canvas", "", ["hw.ipynb", "x.csv"]),
        "LATE_anon_12345_67892_hw": ("Canvas", "", ["hw.py"]),
    }


def test_what_moodle_gives_is_read_as_it_is(tmp_path):
    found = seen(pack(tmp_path / "course-HW 1-4711.zip", MOODLE))

    assert {name: one[:2] for name, one in found.items()} == {
        "Ann Lee_17": ("Moodle", "17"),
        "José Núñez_18_assignsubmission_file_": ("Moodle", "18"),
        "Participant_19_assignsubmission_file": ("Moodle", "19"),
    }


def test_text_typed_into_the_platform_is_no_file_and_says_so(tmp_path):
    names = ["Ann Lee_17_assignsubmission_onlinetext/onlinetext.html", *MOODLE[3:]]
    with class_folder(pack(tmp_path / "a.zip", names)) as folder:
        problems = {one.name: one.problem for one in find_submissions(folder)}

    assert problems.pop("Ann Lee_17_assignsubmission_onlinetext") == (
        "onlinetext.html: typed into the platform; hand in the notebook (.ipynb) as a file"
    )
    assert set(problems.values()) == {""}


def test_one_student_of_moodle_is_no_folder_around_the_class(tmp_path):
    assert list(seen(pack(tmp_path / "a.zip", MOODLE[:1]))) == ["Ann Lee_17_assignsubmission_file"]


@pytest.mark.parametrize("top", ["assignment_5_export/", ""])
def test_what_gradescope_exports_is_read_with_its_folder_and_without(tmp_path, top):
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr(f"{top}submission_metadata.yml", METADATA)
        packed.writestr(f"__MACOSX/{top}._submission_metadata.yml", "\0")
        for number in (3, 4):
            packed.writestr(f"{top}submission_40919402{number}/hw.py", "x = 1\n")

    assert list(seen(path)) == ["Pair One, Pair Two_200, 201", "Solo Student_0100"]


def test_a_folder_of_the_archives_own_name_is_the_class(tmp_path):
    names = ["class/ann/hw.py", "class/lee.py", "class/.git/config"]

    assert sorted(seen(pack(tmp_path / "class.zip", names))) == ["ann", "lee"]
    assert list(seen(pack(tmp_path / "other.zip", names))) == ["class"]


def test_a_folder_of_names_that_a_platform_gives_is_the_class(tmp_path):
    found = seen(pack(tmp_path / "other.zip", [f"HW 1/{name}" for name in CANVAS]))

    assert found["doejane_12345"][:2] == ("Canvas", "12345")
    assert len(found) == 3


def test_the_unpacked_class_is_gone_afterwards(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()

    with class_folder(pack(tmp_path / "a.zip", CANVAS)) as folder:
        assert folder.parent == tmp_path / "tmp"
        assert folder.stat().st_mode & 0o077 == 0
        assert len(find_submissions(folder)) == 3
    assert list((tmp_path / "tmp").iterdir()) == []


def link(name):
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (["ok.py", "../evil.py"], "the name '../evil.py' in it leads outside"),
        (["ok.py", "/etc/evil.py"], "leads outside"),
        (["a/../../evil.py"], "leads outside"),
        (["..\\evil.py"], "leads outside"),
        (["ok.py", link("ann.py")], "'ann.py' in it is a link"),
        (["a.py", "b.py", "a.py"], "holds 'a.py' twice"),
        (["a", "a/b.py"], "holds two of the name a"),
        (["__MACOSX/._x"], "holds no file"),
        ([], "holds no file"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_archive_that_no_platform_makes_is_refused(tmp_path, monkeypatch, names, problem):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    path = pack(tmp_path / "a.zip", names, "/etc/passwd")

    with pytest.raises(ValueError, match=problem) as raised, class_folder(path):
        pass
    assert str(path) in str(raised.value)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.zip", "tmp"]
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_bomb_is_refused_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    path = pack(tmp_path / "bomb.zip", [f"{n}.csv" for n in range(9)], bytes(2**20))
    room = namedtuple("usage", "total used free")(0, 0, 8 * 2**20)
    monkeypatch.setattr(archive.shutil, "disk_usage", lambda _: room)

    with pytest.raises(ValueError, match="set TMPDIR to a folder with more room"):
        class_folder(path).__enter__()
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_file_that_is_too_large_is_its_students_trouble_only(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "LARGEST_NOTEBOOK", 1000)
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("big.py", bytes(10**6))
        packed.writestr("small.py", "x = 1\n")

    with class_folder(path) as folder:
        sizes = {file.name: file.stat().st_size for file in folder.iterdir()}
    assert sizes == {"big.py": 1001, "small.py": 6}


def test_names_too_long_for_a_disk_are_cut_and_stay_apart(tmp_path):
    long = "leejo_22_{}_" + "學" * 90 + "{}.py"
    names = [*CANVAS, long.format(70001, "a"), long.format(70002, "b")]

    found = seen(pack(tmp_path / "a.zip", names))

    assert "leejo_22" in found
    assert len(found["leejo_22"][2]) == 3


def test_what_is_neither_a_folder_nor_an_archive_is_named(tmp_path):
    (tmp_path / "a.rar").write_bytes(b"Rar!")
    (tmp_path / "b.zip").write_bytes(b"PK\3\4 cut off")

    with pytest.raises(ValueError, match=r"a\.rar is not a folder and no \.zip"):
        class_folder(tmp_path / "a.rar").__enter__()
    with pytest.raises(ValueError, match=r"b\.zip is a damaged \.zip archive"):
        class_folder(tmp_path / "b.zip").__enter__()
    with pytest.raises(ValueError, match="is not a folder; give the one"):
        class_folder(tmp_path / "gone").__enter__()


def test_a_password_and_a_damaged_file_are_named(tmp_path):
    path = pack(tmp_path / "a.zip", ["a.py"])
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\1\2") + 8] |= 1  # the flag of a password, in the directory
    path.write_bytes(data)
    with pytest.raises(ValueError, match="has a password"):
        class_folder(path).__enter__()

    path = pack(tmp_path / "b.zip", ["a.py"])
    data = bytearray(path.read_bytes())
    data[data.index(b"a.py") + 5] ^= 0xFF  # within the content
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"b\.zip is a damaged"):
        class_folder(path).__enter__()
