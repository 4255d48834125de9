"""A thousand submissions, killed in the middle and gone on with."""

import csv
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from companion.exercises import catalog
from companion.exercises.exercise import CodeExercise
from companion.exercises.grading.bubblewrap import isolation
from companion.exercises.source import code

COUNT = 1000


def write_class(folder, exercises):
    """Write submissions that solve each exercise, or make one of its known mistakes, or skip it.

    Returns:
        For each name the exercises that are solved.
    """
    rng = random.Random(0)
    folder.mkdir()
    solved = {}
    for number in range(COUNT):
        name, parts = f"student-{number:04d}", []
        solved[name] = set()
        for one in exercises:
            kind = rng.choice(["right", "right", "wrong", "skipped"])
            if kind == "right":
                solved[name].add(one.id)
                parts.append(code(one.solution))
            elif kind == "wrong":
                wrong = rng.choice(one.wrong).answer
                if code(wrong).count(one.variable) == 0:  # it stands alone
                    parts.append(code(wrong).replace(wrong.__name__, one.variable, 1))
        text = "import collections\nimport math\nimport numpy as np\n\n" + "\n\n\n".join(parts)
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    return solved


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.skipif(isolation() != "bubblewrap", reason="bubblewrap does not work here")
def test_a_thousand_submissions_with_a_kill_in_the_middle(tmp_path):
    exercises = [one for one in catalog.of_section("gpt") if isinstance(one, CodeExercise)]
    solved = write_class(tmp_path / "class", exercises)
    out = tmp_path / "grades.csv"
    command = [sys.executable, "-m", "companion", "grade", str(tmp_path / "class")]
    command += ["--out", str(out), "--seed", "a long secret", "--exercises"]
    command += [one.id for one in exercises]

    begun = time.monotonic()
    first = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    unfinished = tmp_path / "grades.csv.unfinished"
    while not unfinished.exists() or unfinished.read_bytes().count(b"\n") < COUNT // 3:
        assert first.poll() is None
        time.sleep(0.2)
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert not out.exists()
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    seconds = time.monotonic() - begun

    with out.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["submission"] for row in rows] == sorted(solved)
    for row in rows:
        full = {one.id for one in exercises if float(row[one.id]) == one.points}
        assert full == solved[row["submission"]]
    assert not unfinished.exists()
    sys.stdout.write(f"{seconds:.0f} s, {seconds / COUNT:.2f} s each, {os.cpu_count()} cores\n")
    assert seconds < COUNT
