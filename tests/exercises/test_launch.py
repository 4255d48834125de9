"""`companion grade`, from the command line."""

import csv
import os
import signal
import subprocess
import sys
import time

import pytest

from companion.__main__ import main
from companion.exercises.grading import launch, sandbox
from companion.exercises.grading.sandbox import isolation
from tests.exercises.classroom import RIGHT, SUBMISSIONS

pytestmark = pytest.mark.skipif(os.name != "posix", reason="grading needs a Unix system")
ONE = ["--exercises", "causal-mask"]


@pytest.fixture
def folder(tmp_path):
    """A class of two."""
    folder = tmp_path / "class"
    folder.mkdir()
    (folder / "right.py").write_text(RIGHT)
    (folder / "wrong.py").write_text(SUBMISSIONS["future.py"][0])
    return folder


def grade(folder, *options, out=None, seed="a long secret"):
    out = out or folder.parent / "grades.csv"
    return main(["grade", str(folder), "--out", str(out), "--seed", seed, *options])


def test_a_class_gets_grades_feedback_and_a_summary(folder, capsys):
    assert grade(folder) == 0

    with (folder.parent / "grades.csv").open(newline="", encoding="utf-8-sig") as file:
        rows = {row["submission"]: row for row in csv.DictReader(file)}
    assert (rows["right"]["points"], rows["right"]["of"]) == ("3", "3")
    assert float(rows["wrong"]["causal-mask"]) == pytest.approx(1 / 3, abs=1e-3)
    feedback = (folder.parent / "grades-feedback" / "wrong.txt").read_text()
    assert "That is the upper triangle" in feedback
    assert "1 x: That is the upper triangle" in (folder.parent / "grades-summary.md").read_text()
    assert "2 submissions: 2 graded" in capsys.readouterr().out
    assert sorted(path.name for path in folder.parent.iterdir()) == [
        "class", "grades-feedback", "grades-summary.md", "grades.csv",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--exercises", "causal-msk"], "did you mean causal-mask"),
        (["--section", "gtp"], "sections are gpt, training"),
        (["--exercises", "gpt-and-bert"], "only exercises in words"),
        (["--jobs", "0"], "--jobs must be at least 1, not 0"),
        (["--memory", "10"], "--memory must be at least 256 MiB, not 10"),
    ],
)
def test_an_option_that_makes_no_sense_is_named(folder, capsys, options, problem):
    assert grade(folder, *options) == 1

    assert problem in capsys.readouterr().err
    assert not (folder.parent / "grades.csv").exists()


def test_folders_files_and_seeds_that_are_missing_are_named(folder, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    (tmp_path / "secret").write_text("short\n")
    for arguments, problem in (
        ({"folder": tmp_path / "nowhere"}, "is not a folder"),
        ({"folder": folder / "right.py"}, "is not a folder"),
        ({"folder": tmp_path / "empty"}, "is empty"),
        ({"folder": folder, "out": tmp_path / "no" / "g.csv"}, "there is no folder"),
        ({"folder": folder, "seed": "1234"}, "at least 8 characters"),
        ({"folder": folder, "seed": f"@{tmp_path / 'secret'}"}, "at least 8 characters"),
        ({"folder": folder, "seed": "@nowhere.txt"}, "can't read this file"),
    ):
        assert grade(**arguments) == 1
        assert problem in capsys.readouterr().err


def test_without_a_choice_what_half_of_the_class_checks_is_graded(folder, capsys):
    (folder / "more.py").write_text(RIGHT + 'ex.check("layer-norm", 1)\nex.check("no-such", 1)\n')

    assert grade(folder) == 0

    header = (folder.parent / "grades.csv").read_text("utf-8-sig").splitlines()[0]
    named = "student,id,submission,status,points,of,causal-mask,attention-head,isolation,notes"
    assert header == named


def test_without_any_check_somebody_has_to_choose(tmp_path, capsys):
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "a.py").write_text("x = 1\n")

    assert grade(tmp_path / "class") == 1
    assert "name them with --section or --exercises" in capsys.readouterr().err


def test_a_sandbox_that_does_not_start_is_not_blamed_on_the_students(folder, monkeypatch, capsys):
    monkeypatch.setattr(sandbox, "_PYTHON", ["/bin/false"])
    (folder / "long.py").write_text("x = 1\n" * 10**6)  # more than a pipe takes at once

    assert grade(folder, *ONE) == 1
    assert "no program can be started in the sandbox" in capsys.readouterr().err
    assert not (folder.parent / "grades.csv").exists()


def test_without_bubblewrap_there_is_a_warning(folder, monkeypatch, capsys):
    monkeypatch.setattr(launch, "isolation", lambda: "limits only")

    assert grade(folder, *ONE) == 0
    assert "WARNING: bubblewrap is not installed" in capsys.readouterr().err


@pytest.mark.skipif(isolation() != "bubblewrap", reason="needs bubblewrap")
def test_ctrl_c_loses_nothing_and_says_how_to_go_on(folder):
    for number in range(30):
        (folder / f"slow-{number}.py").write_text("import time\ntime.sleep(0.4)\n" + RIGHT)
    command = [sys.executable, "-m", "companion", "grade", str(folder), "--seed", "a long secret"]
    command += ["--out", str(folder.parent / "grades.csv"), *ONE]
    program = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    unfinished = folder.parent / "grades.csv.unfinished"
    while not unfinished.exists() or unfinished.read_bytes().count(b"\n") < 3:
        assert program.poll() is None
        time.sleep(0.05)
    program.send_signal(signal.SIGINT)
    said = program.communicate(timeout=60)[1]

    assert program.returncode == 130
    assert "of 32 submissions; the same command goes on from here" in said
    assert unfinished.read_bytes().count(b"\n") >= 3
    assert not (folder.parent / "grades.csv").exists()
