"""A class graded in parts, on several machines, and put together."""

import errno
import os
import random
from dataclasses import replace
from pathlib import Path

import pytest

from companion.__main__ import main
from companion.exercises.grading.bubblewrap import isolation
from companion.exercises.grading.grader import Grader
from companion.exercises.grading.shard import Shard, class_digest, identity, read_shard
from companion.exercises.grading.student import Student
from companion.exercises.grading.submission import Submission, list_submissions
from tests.exercises.classroom import RIGHT
from tests.exercises.grading.command import interrupted
from tests.exercises.grading.several_machines import (
    grade,
    merge,
    shards_of,
    write_class,
)

pytestmark = pytest.mark.skipif(os.name != "posix", reason="grading needs a Unix system")
KNOWN = [1, 4, 2, 1, 2, 1]  # shard of each, as an earlier program has chosen it


def test_the_order_of_files_and_the_machine_do_not_matter():
    listed = [
        Submission(f"n{number}", ((f"n{number}.py", Path(f"/a/n{number}.py")),))
        for number in range(300)
    ]
    elsewhere = [replace(one, parts=((one.name, Path("/b") / one.path.name),)) for one in listed]
    random.Random(0).shuffle(elsewhere)
    shards = [Shard(number, 7) for number in range(1, 8)]

    here = {one.name: [shard.holds(one) for shard in shards].index(True) for one in listed}
    there = {one.name: [shard.holds(one) for shard in shards].index(True) for one in elsewhere}

    assert here == there
    assert all(sum(shard.holds(one) for shard in shards) == 1 for one in listed)
    assert class_digest(listed) == class_digest(elsewhere) != class_digest(listed[1:])
    sizes = [list(here.values()).count(number) for number in range(7)]
    assert min(sizes) > 20


def test_a_student_stays_in_the_shard_of_every_other_machine():
    names = ["Ann.py", "lee.ipynb", "Kim", "José.zip"]
    people = [Student("Ann Lee", "17", "Moodle"), Student("doejane", "12345", "Canvas")]
    listed = [Submission(name, ((name, Path(name)),)) for name in names]
    listed += [Submission("x", (("x", Path("x")),), student=person) for person in people]

    found = [[Shard(n, 5).holds(one) for n in range(1, 6)].index(True) + 1 for one in listed]

    assert found == KNOWN


def test_all_that_a_student_hands_in_is_in_one_shard(tmp_path):
    def one(path, student=Student()):  # noqa: B008, it can't be changed
        return Submission(path, ((path, Path(path)),), student=student)

    board = Student("", "jdoe", "Blackboard")
    same = [
        [one("smith.py"), one("smith.ipynb"), one("Smith.zip")],
        [one("Jose\u0301.py"), one("José.ipynb")],
        [one("a.py", board), one("b.ipynb", board)],
    ]  # fmt: skip

    assert [len(set(map(identity, group))) for group in same] == [1, 1, 1]
    assert len({identity(group[0]) for group in same}) == 3


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "1/0", "-1/3", "1/3/5", "one/3", "1.5/3"])
def test_a_shard_that_makes_no_sense_is_named(tmp_path, capsys, text):
    folder = write_class(tmp_path / "class", 2)

    assert grade(folder, f"--shard={text}") == 1
    assert f"--shard {text}: give the number of this shard and of all" in capsys.readouterr().err


def test_a_shard_may_be_empty(tmp_path, invented):
    files = shards_of(tmp_path, of=3, count=1)

    assert sorted(len(read_shard(file).rows) for file in files) == [0, 0, 1]
    assert merge(tmp_path, *files) == 0
    assert len((tmp_path / "grades.csv").read_text("utf-8-sig").splitlines()) == 2


def test_the_exercises_that_a_class_checks_are_those_of_all_of_it(tmp_path, invented):
    folder = tmp_path / "class"
    folder.mkdir()
    for number in range(8):
        (folder / f"s{number}.py").write_text(f'ex.check("causal-mask", f)  # {number}\n')
    (folder / "s9.py").write_text('ex.check("layer-norm", f)\n')
    command = ["grade", str(folder), "--seed", "a long secret", "--out", str(tmp_path / "g.csv")]

    for part in ("1/3", "2/3", "3/3"):
        assert main([*command, "--shard", part]) == 0

    found = [read_shard(file) for file in tmp_path.glob("*.shard-*")]
    assert {shard.head.exercises for shard in found} == {("causal-mask",)}
    assert sum(len(shard.rows) for shard in found) == 9


def test_a_full_disk_leaves_what_was_graded_and_the_shard_goes_on(
    tmp_path, invented, monkeypatch, capsys
):
    folder = write_class(tmp_path / "class")
    graded, real = [], Grader.row
    monkeypatch.setattr(Grader, "row", lambda *given: graded.append(given[1].name) or real(*given))

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "grades.csv.shard-1-of-1")

    with monkeypatch.context() as patch:
        patch.setattr("companion.exercises.grading.launch.write_shard", full)
        assert grade(folder, "--shard", "1/1") == 1
    said = capsys.readouterr().err
    assert "No space left on device: 'grades.csv.shard-1-of-1'" in said
    assert len((tmp_path / "grades.csv.shard-1-of-1.unfinished").read_text().splitlines()) == 12

    assert grade(folder, "--shard", "1/1") == 0
    assert len(graded) == 12
    assert not list(tmp_path.glob("*.unfinished"))


@pytest.mark.slow
@pytest.mark.skipif(isolation() != "bubblewrap", reason="needs bubblewrap")
def test_ctrl_c_in_a_shard_loses_nothing_and_the_same_command_goes_on(tmp_path):
    folder = tmp_path / "class"
    folder.mkdir()
    for number in range(16):
        (folder / f"slow-{number}.py").write_text("import time\ntime.sleep(0.4)\n" + RIGHT)
    mine = sum(Shard(1, 2).holds(one) for one in list_submissions(folder)[0])
    options = ["--exercises", "causal-mask", "--shard", "1/2", "--jobs", "2"]
    out, unfinished = tmp_path / "grades.csv", tmp_path / "grades.csv.shard-1-of-2.unfinished"

    status, said = interrupted(folder, *options, out=out, unfinished=unfinished, rows=2)

    assert status == 130
    assert f"of {mine} submissions; the same command goes on from here" in said
    assert [path.name for path in tmp_path.glob("grades*")] == [unfinished.name]

    again = ["grade", str(folder), "--seed", "a long secret", "--out", str(out), *options]
    assert main(again) == 0
    assert len(read_shard(tmp_path / "grades.csv.shard-1-of-2").rows) == mine
    assert not unfinished.exists()
