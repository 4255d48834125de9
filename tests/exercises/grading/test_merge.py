"""The shards of a class put together: no row is lost, none comes twice."""

import hashlib
import json
import os
import shutil

import pytest

from companion.__main__ import main
from companion.exercises.grading.bubblewrap import isolation
from companion.exercises.grading.shard import read_shard
from tests.exercises.classroom import RIGHT, SUBMISSIONS
from tests.exercises.grading.several_machines import (
    TWO,
    grade,
    merge,
    results,
    shards_of,
    write_class,
)

pytestmark = pytest.mark.skipif(os.name != "posix", reason="grading needs a Unix system")


def test_shards_put_together_are_what_one_run_writes(tmp_path, invented):
    files = shards_of(tmp_path)
    whole = write_class(tmp_path / "whole" / "class")
    (tmp_path / "merged").mkdir()

    assert grade(whole, "--assignment", "HW 1 (4711)") == 0
    assert merge(tmp_path / "merged", *files[::-1], options=["--assignment", "HW 1 (4711)"]) == 0

    one, several = results(tmp_path / "whole"), results(tmp_path / "merged")
    assert sorted(name for name in one if "feedback" not in name) == [
        "grades-canvas.csv", "grades-summary.md", "grades.csv",
    ]  # fmt: skip
    assert len(one) == 12 + 3
    assert several == one
    sizes = [len(read_shard(file).rows) for file in files]
    assert sum(sizes) == 12
    assert min(sizes) > 0
    assert all(not list(file.parent.glob("*.unfinished")) for file in files)


@pytest.mark.skipif(isolation() != "bubblewrap", reason="needs bubblewrap")
def test_shards_that_ran_in_the_sandbox_are_what_one_run_writes(tmp_path):
    names = ["right.py", "future.py", "unscaled.py", "syntax-error-in-a-cell.ipynb", "picture.png",
             "exits-hard.py", "=1+1.py"]  # fmt: skip
    folder = tmp_path / "class"
    folder.mkdir()
    for name in names:
        content = SUBMISSIONS[name][0]
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    for place in ("whole", "parts"):
        (tmp_path / place).mkdir()
    out = [str(tmp_path / "whole" / "grades.csv"), str(tmp_path / "parts" / "grades.csv")]
    base = ["grade", str(folder), "--seed", "a long secret", *TWO]

    assert main([*base, "--out", out[0]]) == 0
    for part in ("1/2", "2/2"):
        assert main([*base, "--out", out[1], "--shard", part]) == 0
    shards = sorted((tmp_path / "parts").glob("*.shard-*"))
    assert merge(tmp_path / "parts", *shards) == 0

    assert results(tmp_path / "parts") == results(tmp_path / "whole")


def test_a_missing_shard_is_named_and_nothing_written_unless_asked(tmp_path, invented, capsys):
    files = shards_of(tmp_path)
    (tmp_path / "merged").mkdir()
    (tmp_path / "merged" / "grades.csv").write_text("of last week")

    assert merge(tmp_path / "merged", files[0], files[2]) == 1

    assert "shard 2 of 3 is missing; bring it here, or" in capsys.readouterr().err
    assert [one.name for one in (tmp_path / "merged").iterdir()] == ["grades.csv"]
    assert (tmp_path / "merged" / "grades.csv").read_text() == "of last week"

    assert merge(tmp_path / "merged", files[0], files[2], options=["--partial"]) == 0
    count = sum(len(read_shard(file).rows) for file in (files[0], files[2]))
    said = f"NOT ALL: shard 2 of 3 is missing; these are {count} of 12 submissions"
    assert said in capsys.readouterr().out
    assert said in (tmp_path / "merged" / "grades-summary.md").read_text()
    assert (
        len((tmp_path / "merged" / "grades.csv").read_text("utf-8-sig").splitlines()) == 1 + count
    )


def test_a_shard_given_twice_is_named(tmp_path, invented, capsys):
    files = shards_of(tmp_path)
    again = tmp_path / "again"
    shutil.copyfile(files[1], again)

    assert merge(tmp_path, *files, again) == 1
    said = capsys.readouterr().err
    assert f"shard 2 of 3 is given twice, as {files[1]} and {again}; they say the same" in said

    changed = sorted(read_shard(files[1]).rows)[0]
    folder = tmp_path / "machine-2" / "class"
    (folder / f"{changed}.py").write_text("x = 'handed in again'\n")
    assert grade(folder, "--shard", "2/3") == 0
    assert merge(tmp_path, *files, again) == 1
    assert f"they differ on {changed}: leave one of them out" in capsys.readouterr().err
    assert not (tmp_path / "grades.csv").exists()


def rewrite(file, **changes):
    """Change what a shard says of itself, as another run would have written it."""
    first, _, body = file.read_text().partition("\n")
    about = {**json.loads(first), **changes}
    del about["digest"]
    digest = hashlib.sha256(f"{json.dumps(about)}\n{body}".encode()).hexdigest()
    file.write_text(f"{json.dumps({**about, 'digest': digest})}\n{body}")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--seed", "another secret"], "drawn from another seed"),
        (["--memory", "1024"], "graded with another --memory than"),
        (["--exercises", "causal-mask"], "of other exercises than"),
        (["--shard", "2/4"], "of another number of shards than"),
    ],
)
def test_a_shard_of_another_run_is_named(tmp_path, invented, capsys, options, problem):
    first, _, _ = shards_of(tmp_path)
    folder = write_class(tmp_path / "other" / "class")
    assert grade(folder, "--shard", "2/3", *options) == 0
    (other,) = folder.parent.glob("*.shard-*")

    assert merge(tmp_path, first, other) == 1

    said = capsys.readouterr().err
    assert f"{other} is {problem}" in said
    assert str(first) in said
    assert "grade one of the two again" in said
    assert not (tmp_path / "grades.csv").exists()


def test_machines_that_saw_other_files_are_told(tmp_path, invented, capsys):
    first, second, _ = shards_of(tmp_path)
    folder = tmp_path / "machine-2" / "class"
    (folder / "doezzz_999_99999_hw.py").write_text("x = 0\n")
    assert grade(folder, "--shard", "2/3") == 0

    assert merge(tmp_path, first, second) == 1
    assert "another number of submissions" in capsys.readouterr().err

    (folder / "doezzz_999_99999_hw.py").unlink()
    (folder / "doeaaa_100_9000_hw.py").rename(folder / "doeaab_777_9000_hw.py")
    assert grade(folder, "--shard", "2/3") == 0
    assert merge(tmp_path, first, second) == 1
    assert "of a class with other students or files" in capsys.readouterr().err


def test_another_version_of_the_book_is_told(tmp_path, invented, capsys):
    files = shards_of(tmp_path, 2)
    rewrite(files[1], version="older")

    assert merge(tmp_path, *files) == 1
    assert "graded by another version of the book than" in capsys.readouterr().err

    rewrite(files[0], version="older")
    assert merge(tmp_path, *files) == 1
    assert "merge with the version that graded" in capsys.readouterr().err


def test_a_student_in_two_shards_and_a_student_in_none_are_told(tmp_path, invented, capsys):
    files = shards_of(tmp_path, 2)
    texts = [file.read_text() for file in files]
    moved = texts[0].splitlines()[1]

    files[1].write_text(f"{texts[1]}{moved}\n")
    rewrite(files[1])
    assert merge(tmp_path, *files) == 1
    name = json.loads(moved)["name"]
    assert f"{name} is in {files[0]} and in {files[1]}" in capsys.readouterr().err

    files[1].write_text("".join(texts[1].splitlines(keepends=True)[:-1]))
    rewrite(files[1])
    assert merge(tmp_path, *files) == 1
    assert "the shards hold 11 submissions, and the class has 12" in capsys.readouterr().err


@pytest.mark.parametrize("damage", ["cut", "head", "row", "empty", "csv"])
def test_a_damaged_file_is_named(tmp_path, invented, capsys, damage):
    first, second = shards_of(tmp_path, 2)
    text = second.read_text()
    second.write_text({
        "cut": text[:-20],
        "head": text.replace('"memory": 4096', '"memory": 4097'),
        "row": text.replace("said causal", "said casual"),
        "empty": "",
        "csv": "student,id\nann,1\n",
    }[damage])  # fmt: skip

    assert merge(tmp_path, first, second) == 1

    said = capsys.readouterr().err
    assert str(second) in said
    asked = "copy it again" if damage in ("cut", "head", "row") else "is not the file of a shard"
    assert asked in said


def test_a_shard_that_is_not_finished_says_how_to_go_on(tmp_path, invented, capsys):
    first, second = shards_of(tmp_path, 2)
    unfinished = second.rename(second.with_name(f"{second.name}.unfinished"))

    for given in (second, unfinished):
        assert merge(tmp_path, first, given) == 1
        said = capsys.readouterr().err
        assert f"{second} is not finished: give the command of that shard again" in said
    assert merge(tmp_path, first, tmp_path / "gone") == 1
    assert "gone is no file" in capsys.readouterr().err


def test_the_seed_may_be_given_again_and_must_be_the_same(tmp_path, invented, capsys):
    files = shards_of(tmp_path, 2)
    assert "a long secret" not in files[0].read_text()

    assert merge(tmp_path, *files, options=["--seed", "another secret"]) == 1
    assert "--seed is not that of" in capsys.readouterr().err
    assert merge(tmp_path, *files, options=["--seed", "a long secret"]) == 0


def test_groups_of_gradescope_come_through(tmp_path, invented):
    people = [f"  - :name: {name}\n    :sid: '{n}'\n" for n, name in enumerate("ABC", 1)]
    metadata = (
        f"submission_1:\n  :submitters:\n{people[0]}{people[1]}"
        f"submission_2:\n  :submitters:\n{people[2]}submission_3: {{}}\n"
    )
    files = []
    for number in (1, 2):
        folder = tmp_path / f"m{number}" / "class"
        for name in ("submission_1", "submission_2"):
            (folder / name).mkdir(parents=True)
            (folder / name / "hw.py").write_text(RIGHT)
        (folder / "submission_metadata.yml").write_text(metadata)
        assert grade(folder, "--shard", f"{number}/2") == 0
        files += folder.parent.glob("*.shard-*")
    assert grade(folder) == 0
    (tmp_path / "merged").mkdir()
    assert merge(tmp_path / "merged", *files) == 0

    one, several = results(folder.parent), results(tmp_path / "merged")
    assert several == one
    lines = several["grades-gradescope.csv"].decode().splitlines()
    assert [line.split(",")[:2] for line in lines[1:]] == [["A", "1"], ["B", "2"], ["C", "3"]]
    assert b"1 in submission_metadata.yml and not in the folder" in several["grades-summary.md"]
