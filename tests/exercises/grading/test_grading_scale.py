"""A thousand submissions in two shards, one of which is killed in the middle and gone on with."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from companion.exercises.grading.bubblewrap import isolation
from tests.exercises.large_class import TROUBLE, code_exercises, write_class

COUNT = 1000
BOOK = Path(__file__).parents[3] / "book"


def test_the_page_says_what_was_measured():
    record = json.loads((BOOK / "_data" / "grading.json").read_text())
    page = (BOOK / "back" / "teaching.md").read_text(encoding="utf-8")
    measured = page[page.index("Measured on ") :].split("\n\n")[0]
    whole, outside = record["whole"], record["without_sandbox"]
    minutes = 10 * whole["cpu_seconds"] / 60

    for said in (
        f"Measured on {record['date']} on {record['machine']}",
        f"a class of {whole['submissions']:,}",
        f"with {whole['exercises']} exercises each, and {whole['with_trouble']} with trouble",
        f"{whole['cpu_seconds']} s of CPU in all",
        f"{whole['peak_mib']} MiB of memory",
        f"{outside['cpu_seconds']} s of CPU and {outside['peak_mib']} MiB",
        f"in {record['merge']['shards']} shards was put together in "
        f"{record['merge']['cpu_seconds']} s of CPU",
        f"about {5 * round(minutes / 5)} minutes of CPU",
    ):
        assert said in " ".join(measured.split())


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.skipif(isolation() != "bubblewrap", reason="bubblewrap does not work here")
def test_a_thousand_submissions_in_two_shards_with_a_kill_in_the_middle(tmp_path):
    exercises = code_exercises("gpt")
    solved = write_class(tmp_path / "class", exercises, COUNT, trouble=TROUBLE)
    out = tmp_path / "grades.csv"
    base = [sys.executable, "-m", "companion", "grade", "--out", str(out)]
    command = [*base, str(tmp_path / "class"), "--seed", "a long secret", "--exercises"]
    command += [one.id for one in exercises]

    begun = time.monotonic()
    first = subprocess.Popen([*command, "--shard", "1/2"], stderr=subprocess.DEVNULL)
    unfinished = tmp_path / "grades.csv.shard-1-of-2.unfinished"
    while not unfinished.exists() or unfinished.read_bytes().count(b"\n") < COUNT // 6:
        assert first.poll() is None
        time.sleep(0.2)
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert [path.name for path in tmp_path.glob("grades*")] == [unfinished.name]
    for part in ("1/2", "2/2"):
        subprocess.run([*command, "--shard", part], check=True, stderr=subprocess.DEVNULL)
    seconds = time.monotonic() - begun
    shards = sorted(map(str, tmp_path.glob("grades.csv.shard-*")))
    subprocess.run([*base, "--merge", *shards], check=True, stdout=subprocess.DEVNULL)

    with out.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert [row["submission"] for row in rows] == sorted(solved)
    for row in rows:
        wanted = solved[row["submission"]]
        if wanted is not None:  # without trouble
            full = {one.id for one in exercises if float(row[one.id]) == one.points}
            assert full == wanted
    assert len(list((tmp_path / "grades-feedback").iterdir())) == COUNT
    assert not unfinished.exists()
    sys.stdout.write(f"{seconds:.0f} s, {seconds / COUNT:.2f} s each, {os.cpu_count()} cores\n")
    assert seconds < COUNT
