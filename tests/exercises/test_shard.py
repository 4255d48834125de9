"""A class graded in parts, on several machines, and put together."""

import errno
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from companion.__main__ import main
from companion.exercises.grading.bubblewrap import isolation
from companion.exercises.grading.grader import Grader
from companion.exercises.grading.shard import Shard, class_digest, identity, read_shard
from companion.exercises.grading.student import Student
from companion.exercises.grading.submission import Submission, list_submissions
from tests.exercises.classroom import RIGHT, SUBMISSIONS

pytestmark = pytest.mark.skipif(os.name != "posix", reason="grading needs a Unix system")
KNOWN = [1, 4, 2, 1, 2, 1]  # shard of each, as an earlier program has chosen it
TWO = ["--exercises", "causal-mask", "attention-head"]


@pytest.fixture
def invented(monkeypatch):
    """Rows are made of names, without a sandbox."""

    def row(grader, submission, sandbox):
        rng = random.Random(f"{submission.name} {submission.digest}")
        marks = {
            one.id: {
                "state": "wrong",
                "share": rng.choice([0.0, 1 / 3, 1.0]),
                "text": f"said {one.id} of {submission.digest}",
                "wrong": rng.choice([None, 0, 1]),
            }
            for one in grader.exercises
        }
        status = rng.choice(["graded", "graded", "stopped"])
        return {
            "status": status, "isolation": "bubblewrap", "code": True,
            "notes": rng.choice([[], ["a note \ud800"]]), "lost": [],
            "ending": "it was ended" if status == "stopped" else "", "exercises": marks,
        }  # fmt: skip

    monkeypatch.setattr(Grader, "row", row)
    monkeypatch.setattr(
        "companion.exercises.grading.sandbox.Sandbox.run", lambda *_: (None, "done")
    )


def write_class(folder, count=12):
    folder.mkdir(parents=True)
    for number in range(count):
        letters = chr(97 + number) * 3
        file = f"doe{letters}_{100 + number}_{9000 + number}_hw.py"
        (folder / file).write_text(f"x = {number}\n")
    return folder


def grade(folder, *options, seed="a long secret", out="grades.csv"):
    """Grade on the machine that ``folder`` lies on."""
    place = str(folder.parent / out)
    return main(["grade", str(folder), "--out", place, "--seed", seed, *TWO, *options])


def merge(place, *shards, out="grades.csv", options=()):
    return main(["grade", "--merge", *map(str, shards), "--out", str(place / out), *options])


def shards_of(tmp_path, of=3, count=12):
    """Grade a class on as many machines as there are shards; returns their files."""
    files = []
    for number in range(1, of + 1):
        folder = write_class(tmp_path / f"machine-{number}" / "class", count)
        assert grade(folder, "--shard", f"{number}/{of}") == 0
        files.append(folder.parent / f"grades.csv.shard-{number}-of-{of}")
    return files


def results(place):
    """Everything that a run has written beside the CSV, byte for byte."""
    return {
        str(path.relative_to(place)): path.read_bytes()
        for path in sorted(place.rglob("*"))
        if path.is_file()
        and "grades" in str(path.relative_to(place))
        and ".shard-" not in path.name
    }


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


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["class", "--merge", "x"], "--merge grades nothing: leave out class"),
        (["--merge", "x", "--section", "gpt"], "leave out --section"),
        (["--merge", "x", "--shard", "1/2"], "leave out --shard"),
        (["--merge", "g.csv"], "g.csv is one of the shards"),
        (["--merge", "x", "--seed", "short"], "--seed must have at least 8"),
        (["class", "--partial", "--seed", "a long secret"], "--partial is for --merge"),
        (["class"], "give --seed, the secret"),
        (["--seed", "a long secret"], "give FOLDER, which holds the submissions, or --merge"),
        (["class", "--seed", "a long secret", "--shard", "1/2", "--results-json", "x"],
         "are about one submission, without --shard"),
    ],
)  # fmt: skip
def test_options_that_make_no_sense_together_are_named(
    tmp_path, monkeypatch, capsys, options, problem
):
    monkeypatch.chdir(tmp_path)

    assert main(["grade", *options, "--out", "g.csv"]) == 1
    assert problem in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_seed_may_be_given_again_and_must_be_the_same(tmp_path, invented, capsys):
    files = shards_of(tmp_path, 2)
    assert "a long secret" not in files[0].read_text()

    assert merge(tmp_path, *files, options=["--seed", "another secret"]) == 1
    assert "--seed is not that of" in capsys.readouterr().err
    assert merge(tmp_path, *files, options=["--seed", "a long secret"]) == 0


def test_a_shard_may_be_empty(tmp_path, invented):
    files = shards_of(tmp_path, of=3, count=1)

    assert sorted(len(read_shard(file).rows) for file in files) == [0, 0, 1]
    assert merge(tmp_path, *files) == 0
    assert len((tmp_path / "grades.csv").read_text("utf-8-sig").splitlines()) == 2


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
    command = [sys.executable, "-m", "companion", "grade", str(folder), "--seed", "a long secret"]
    command += ["--out", str(tmp_path / "grades.csv"), "--exercises", "causal-mask"]
    command += ["--shard", "1/2", "--jobs", "2"]
    program = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    unfinished = tmp_path / "grades.csv.shard-1-of-2.unfinished"
    while not unfinished.exists() or unfinished.read_bytes().count(b"\n") < 2:
        assert program.poll() is None
        time.sleep(0.05)
    program.send_signal(signal.SIGINT)
    said = program.communicate(timeout=60)[1]

    assert program.returncode == 130
    assert f"of {mine} submissions; the same command goes on from here" in said
    assert [path.name for path in tmp_path.glob("grades*")] == [unfinished.name]

    subprocess.run(command, check=True, capture_output=True)
    assert len(read_shard(tmp_path / "grades.csv.shard-1-of-2").rows) == mine
    assert not unfinished.exists()
