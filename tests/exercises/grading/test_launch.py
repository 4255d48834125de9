"""`companion grade`, from the command line."""

import errno
import os
import signal
import subprocess
import sys
import sysconfig
import time
import venv
from pathlib import Path

import pytest

from companion.exercises.grading import bubblewrap, grader, launch, sandbox
from companion.exercises.grading.bubblewrap import isolation
from companion.exercises.grading.grader import Grader
from companion.exercises.grading.ledger import Ledger
from companion.exercises.judging import AnswerKey
from tests.exercises.classroom import ATTENTION, HEAD, RIGHT
from tests.exercises.grading.command import grade, interrupted, table

pytestmark = pytest.mark.skipif(os.name != "posix", reason="grading needs a Unix system")
ONE = ["--exercises", "causal-mask"]


def test_a_class_gets_grades_feedback_and_a_summary(folder, capsys):
    assert grade(folder) == 0

    rows = table(folder)
    assert (rows["right"]["points"], rows["right"]["of"]) == ("3", "3")
    assert float(rows["wrong"]["causal-mask"]) == pytest.approx(1 / 3, abs=1e-3)
    feedback = (folder.parent / "grades-feedback" / "wrong.txt").read_text()
    assert "That is the upper triangle" in feedback
    assert "1 x: That is the upper triangle" in (folder.parent / "grades-summary.md").read_text()
    assert "2 submissions: 2 graded" in capsys.readouterr().out
    assert sorted(path.name for path in folder.parent.iterdir()) == [
        "class", "grades-feedback", "grades-summary.md", "grades.csv",
    ]  # fmt: skip


@pytest.mark.parametrize("written", ["g.csv", "g-summary.md", "g.csv.unfinished"])
@pytest.mark.parametrize("kind", ["device", "pipe", "circle"])
def test_what_is_no_file_is_not_replaced(folder, tmp_path, capsys, written, kind, make_device):
    place = tmp_path / written
    if kind == "pipe":
        os.mkfifo(place)
    else:
        place.symlink_to(make_device() if kind == "device" else place)
    before = place.lstat()

    assert grade(folder, *ONE, out=tmp_path / "g.csv") == 1
    assert "a device, a pipe or a circle of links" in capsys.readouterr().err
    assert (place.lstat().st_ino, place.lstat().st_mode) == (before.st_ino, before.st_mode)


def test_a_link_stays_one_and_its_target_is_replaced(folder, tmp_path, capsys):
    (tmp_path / "elsewhere").mkdir()
    target = tmp_path / "elsewhere" / "mine.csv"
    target.write_text("old")
    target.chmod(0o600)
    (tmp_path / "g.csv").symlink_to(target)
    (tmp_path / "g-summary.md").symlink_to("elsewhere/new.md")  # not there yet

    assert grade(folder, *ONE, out=tmp_path / "g.csv") == 0

    assert (tmp_path / "g.csv").readlink() == target
    assert "causal-mask" in target.read_text("utf-8-sig")
    assert target.stat().st_mode & 0o777 == 0o600
    assert "2 submissions" in (tmp_path / "elsewhere" / "new.md").read_text()
    assert len(list((tmp_path / "elsewhere").iterdir())) == 2


def test_a_link_that_leads_nowhere_is_named(folder, tmp_path, capsys):
    (tmp_path / "g.csv").symlink_to(tmp_path / "gone" / "g.csv")

    assert grade(folder, *ONE, out=tmp_path / "g.csv") == 1
    assert "where there is no folder" in capsys.readouterr().err


def test_without_a_choice_what_half_of_the_class_checks_is_graded(folder, capsys):
    (folder / "more.py").write_text(RIGHT + 'ex.check("layer-norm", 1)\nex.check("no-such", 1)\n')

    assert grade(folder) == 0

    header = (folder.parent / "grades.csv").read_text("utf-8-sig").splitlines()[0]
    named = (
        "student,id,submission,status,points,of,causal-mask,attention-head,isolation,notes,feedback"
    )
    assert header == named


def test_without_any_check_somebody_has_to_choose(tmp_path, capsys):
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "a.py").write_text("x = 1\n")

    assert grade(tmp_path / "class") == 1
    assert "name them with --section or --exercises" in capsys.readouterr().err


def test_without_bubblewrap_there_is_a_warning(folder, monkeypatch, capsys):
    monkeypatch.setattr(launch, "isolation", lambda: "limits only")

    assert grade(folder, *ONE) == 0
    assert "WARNING: bubblewrap is not installed" in capsys.readouterr().err


def test_a_judge_that_fails_costs_one_answer_and_is_named(folder, monkeypatch, capsys):
    real = AnswerKey.judge

    def judge(key, outcomes):
        if all(outcome.state == "error" for outcome in outcomes):
            raise RecursionError("too deep \ud800")
        return real(key, outcomes)

    monkeypatch.setattr(AnswerKey, "judge", judge)
    (folder / "bad.py").write_text("def causal_mask(n):\n    return 1 / 0\n" + HEAD + ATTENTION)

    assert grade(folder) == 0

    rows = table(folder)
    assert [rows[name]["points"] for name in ("bad", "right", "wrong")] == ["2", "3", "2.333"]
    assert (
        "causal-mask could not be judged: RecursionError: too deep \ufffd" in rows["bad"]["notes"]
    )
    assert "| bad | 2 | causal-mask could not be judged" in capsys.readouterr().out


@pytest.mark.parametrize("error", [KeyError("x"), PermissionError(13, "no"), MemoryError()])
def test_whatever_fails_on_one_submission_the_others_are_graded(folder, monkeypatch, error):
    real = Grader.row

    def row(grader, submission, box):
        if submission.name == "wrong":
            raise error
        return real(grader, submission, box)

    monkeypatch.setattr(Grader, "row", row)

    assert grade(folder, *ONE) == 0

    rows = table(folder)
    assert (rows["wrong"]["status"], rows["wrong"]["causal-mask"]) == ("not judged", "")
    assert f"could not be judged: {type(error).__name__}" in rows["wrong"]["notes"]
    assert rows["right"]["points"] == "1"
    assert (folder.parent / "grades-feedback" / "wrong.txt").is_file()


def test_a_full_disk_ends_the_run_in_words_and_it_goes_on_later(folder, monkeypatch, capsys):
    real, full = Ledger.put, []

    def put(ledger, submission, row):
        real(ledger, submission, row)
        if not full:
            full.append(1)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "grades.csv.unfinished")

    monkeypatch.setattr(Ledger, "put", put)

    assert grade(folder, *ONE) == 1
    said = capsys.readouterr().err
    assert "make room, and the same command goes on from here" in said
    assert "No space left on device: 'grades.csv.unfinished'" in said
    assert not (folder.parent / "grades.csv").exists()
    assert grade(folder, *ONE) == 0


def test_rows_of_the_weak_mode_are_graded_again_and_marked(folder, monkeypatch):
    modes = []
    for mode in ("limits only", bubblewrap.isolation()):
        for module in (launch, sandbox, grader):
            monkeypatch.setattr(module, "isolation", lambda mode=mode: mode)
        monkeypatch.setattr(Ledger, "delete", lambda ledger: None)
        assert grade(folder, *ONE) == 0
        modes.append({row["isolation"].partition(" (")[0] for row in table(folder).values()})

    assert modes == [{"limits only"}, {bubblewrap.isolation()}]


def test_sigterm_leaves_no_folder_and_no_process(folder, tmp_path):
    (tmp_path / "tmp").mkdir()
    (folder / "slow.py").write_text("import time\ntime.sleep(100)\n")
    command = [sys.executable, "-m", "companion", "grade", str(folder), "--seed", "a long secret"]
    command += ["--out", str(folder.parent / "grades.csv"), *ONE]
    variables = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
    program = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=variables)
    while not list((tmp_path / "tmp").glob("companion-grade-*/work")):
        assert program.poll() is None
        time.sleep(0.05)
    modes = {path.stat().st_mode & 0o077 for path in (tmp_path / "tmp").glob("companion-grade-*")}
    program.send_signal(signal.SIGTERM)
    said = program.communicate(timeout=60)[1]

    assert program.returncode == 143
    assert "the same command goes on from here" in said
    assert modes == {0}
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.skipif(isolation() != "bubblewrap", reason="needs bubblewrap")
def test_ctrl_c_loses_nothing_and_says_how_to_go_on(folder):
    for number in range(30):
        (folder / f"slow-{number}.py").write_text("import time\ntime.sleep(0.4)\n" + RIGHT)
    out, unfinished = folder.parent / "grades.csv", folder.parent / "grades.csv.unfinished"

    status, said = interrupted(folder, *ONE, out=out, unfinished=unfinished, rows=3)

    assert status == 130
    assert "of 32 submissions; the same command goes on from here" in said
    assert unfinished.read_bytes().count(b"\n") >= 3
    assert not (folder.parent / "grades.csv").exists()


@pytest.mark.parametrize("is_link", [False, True])
def test_grading_works_wherever_python_lies_below_tmp_and_behind_a_link(tmp_path, is_link):
    place = tmp_path / "env"
    venv.create(place, symlinks=True)
    installed = next(place.glob("lib/python*/site-packages"))
    root = Path(__file__).parents[3]
    paths = f"{sysconfig.get_path('purelib')}\n{root}\n"
    (installed / "these.pth").write_text(paths, encoding="utf-8")
    if is_link:
        (tmp_path / "link").symlink_to(place)
        place = tmp_path / "link"
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "ada.py").write_text("llama_2_cache = 2.0\n", encoding="utf-8")
    (tmp_path / "class" / "bob.py").write_text(FLOOD, encoding="utf-8")

    command = [place / "bin/python", "-m", "companion", "grade", tmp_path / "class"]
    command += ["--out", tmp_path / "g.csv", "--seed", "secret-of-eight"]
    done = subprocess.run(
        [*command, "--exercises", "llama-2-cache"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "2 submissions: 2 graded\nPoints of 1: mean 1, median 1, lowest 1" in done.stdout


FLOOD = """
made = 0
try:
    for made in range(6000):
        open(f"file{made}", "w").close()
except OSError:
    pass
llama_2_cache = 2.0 if made < 4200 else 0.0
"""
