"""Time and messages of a submission as a whole, by the grader's clock."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from companion.exercises import catalog
from companion.exercises.grading import sandbox
from companion.exercises.grading.bubblewrap import isolation
from companion.exercises.grading.cells import Cell
from companion.exercises.grading.grader import Grader
from companion.exercises.grading.sandbox import Sandbox, worker_files
from companion.exercises.grading.submission import Submission

REPOSITORY = Path(__file__).parents[3]
pytestmark = pytest.mark.skipif(os.name != "posix", reason="grading needs a Unix system")
NAMES = ("causal-mask", "llama-2-cache", "encoder-tasks")


@pytest.fixture(autouse=True)
def idle(monkeypatch):
    """An idle machine, whose grader has no patience."""
    monkeypatch.setattr(os, "getloadavg", lambda: (0.0, 0.0, 0.0))


@pytest.fixture(params=["bubblewrap", "limits only"])
def mode(request, monkeypatch):
    """With and without bubblewrap."""
    if request.param == "bubblewrap" and isolation() != "bubblewrap":
        pytest.skip("bubblewrap is not installed or does not work here")
    monkeypatch.setattr(sandbox, "isolation", lambda: request.param)
    return request.param


def submission(sources):
    cells = tuple(Cell(one, "a.py", number) for number, one in enumerate(sources, 1))
    return Submission("a", (("a.py", Path("a.py")),), cells)


def graded(*cells, names=NAMES, seconds=0.5, load_seconds=1.0):
    """Grade code; returns the row and how long it took."""
    chosen = [catalog.find(name) for name in names]
    chosen = [replace(one, seconds=seconds) if hasattr(one, "seconds") else one for one in chosen]
    grader = Grader(chosen, "a secret of the test", load_seconds=load_seconds)
    with worker_files() as tools:
        begun = time.monotonic()
        row = grader.row(submission(cells), Sandbox(tools))
    return row, time.monotonic() - begun


def shares(row):
    return [one["share"] for one in row["exercises"].values()]


RIGHT = """
def causal_mask(length):
    return [[column <= row for column in range(length)] for row in range(length)]
llama_2_cache = 2.0
encoder_tasks = "ace"
"""
DEAF = """
import signal, time
def deaf(*_):
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 60))
    time.sleep(1000)
"""


@pytest.mark.slow
def test_a_submission_that_hangs_everywhere_costs_one_budget(monkeypatch):
    monkeypatch.setattr(sandbox, "_LATE", (1.0, 1.5))
    names = [one for one in catalog.ids("gpt") if hasattr(catalog.find(one), "seconds")][:4]
    answers = "".join(f"{catalog.find(name).variable} = deaf\n" for name in names)
    slow = "time.sleep(0.3)\n" * 4

    row, used = graded(DEAF + slow + answers, names=names, seconds=0.1, load_seconds=0.5)

    # Four runs, each of 1.2 s for the cells and 1.64 s for an exercise, would take more.
    assert used < 4 * 0.5 + 1.5 + 4 * (1.4 * 0.1 + 1.5) + 1.0
    assert shares(row) == [0] * 4
    assert "did not come to an end" in str(row["lost"])
    assert "used up all the time" in str(row["notes"])


LATE = {
    "deaf": "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 60))\n    time.sleep(4)",
    "a patched clock": "wait(1)",
    "patched timers": "signal.setitimer = signal.signal = print\n    wait(1)",
    "an error that catches": "try: wait(1)\n    except BaseException: wait(2)",
}


@pytest.mark.parametrize("trick", LATE)
def test_an_answer_after_the_limit_does_not_count(mode, trick, monkeypatch):
    source = f"""
import itertools, signal, time
real, count = time.monotonic, itertools.count(0, -1000)
def wait(seconds):
    end = real() + seconds
    while real() < end: pass
time.monotonic = lambda: float(next(count))
import numpy as np
def causal_mask(length):
    {LATE[trick]}
    return np.tril(np.ones((length, length), dtype=bool))
llama_2_cache = 2.0
encoder_tasks = "ace"
"""
    monkeypatch.setattr(sandbox, "_LATE", (1.25, 1.0))

    row, _ = graded(source)

    assert shares(row) == [0, 1, 1]


ERRORS = {
    "__str__": "class E(Exception):\n    def __str__(self):\n        while True: pass",
    "__repr__ of an argument": (
        "class A:\n    def __repr__(self):\n        while True: pass\n"
        "class E(Exception):\n    def __init__(self): super().__init__(A())"
    ),
    "the name of its type": (
        "class M(type):\n    @property\n    def __name__(self):\n        while True: pass\n"
        "class E(Exception, metaclass=M): pass"
    ),
    "__class__": (
        "class E(Exception):\n    @property\n    def __class__(self):\n        while True: pass"
    ),
}


@pytest.mark.parametrize("kind", ERRORS)
def test_an_error_that_never_says_what_it_is_loses_nothing_else(mode, kind):
    source = f"{ERRORS[kind]}\nraise E\n"
    function = "def causal_mask(length):\n    raise E\nllama_2_cache = 2.0\nencoder_tasks = 'ace'"

    row, used = graded(source + function)

    assert shares(row) == [0, 1, 1]
    assert row["status"] == "graded"
    assert used < 12


def test_slow_cells_do_not_take_the_answers_along(mode):
    slow = "import time\n" + "time.sleep(0.9)\n" * 8

    row, _ = graded("llama_2_cache = 2.0", slow, "encoder_tasks = 'ace'", "llama_2_cache = 3")

    assert shares(row) == [0, 1, 0]
    assert row["status"] == "graded"
    assert any("the time for all cells was over" in note for note in row["lost"])


ORPHAN = """
import sys
from pathlib import Path
from companion.exercises.grading import sandbox
from companion.exercises.grading.cells import Cell
if {mode!r} != "bubblewrap":
    sandbox.isolation = lambda: "limits only"
with sandbox.worker_files() as tools:
    print(tools, flush=True)
    cell = "import signal, time\\nsignal.pthread_sigmask(0, range(1, 60))\\ntime.sleep(1000)"
    task = sandbox.WorkerTask((Cell(cell, "a.py", 1),), (), load_seconds=1000.0)
    sandbox.Sandbox(tools).run(task)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere, its processor time ends it")
def test_no_worker_outlives_a_grader_that_was_killed(mode, tmp_path):
    script = ORPHAN.format(mode=mode)
    variables = {**os.environ, "TMPDIR": str(tmp_path)}
    grader = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=REPOSITORY, env=variables
    )
    grader.stdout.readline()
    workers = []
    while not any("worker.py" in part for one in workers for part in cmdline(one)):
        time.sleep(0.1)
        workers = psutil.Process(grader.pid).children(recursive=True)
    time.sleep(1.0)  # it now runs the cell, below bubblewrap's own process
    workers = psutil.Process(grader.pid).children(recursive=True)

    grader.send_signal(signal.SIGKILL)
    grader.wait()
    grader.stdout.close()

    assert psutil.wait_procs(workers, timeout=10)[1] == []


def cmdline(process):
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@pytest.mark.parametrize(
    "claims",
    [
        [{"done": True}],
        [{"exercise": name} for name in NAMES] + [{"done": True}],
        [{"exercise": NAMES[-1]}, {"exercise": NAMES[-1], "value": "null"}, {"done": True}],
        [line for name in NAMES for line in ({"exercise": name}, {"exercise": name, "x": 1})]
        + [{"done": True}],
    ],
)
def test_who_only_claims_to_be_done_has_ended_the_process(mode, claims):
    text = "".join(json.dumps(claim) + "\n" for claim in claims)
    row, _ = graded(
        f"import os\nfor fd in range(3, 60):\n  try: os.write(fd, {text.encode()!r})\n"
        "  except OSError: pass\nos._exit(0)"
    )

    assert sum(shares(row)) == 0
    assert "your code ended the process" in " ".join([*row["notes"], *row["lost"]])


BUSY = """
import numpy as np, time
def burn(seconds):
    begun = time.process_time()
    while time.process_time() < begun + seconds: pass
burn(0.3)
def causal_mask(length):
    burn(0.1)
    return np.tril(np.ones((length, length), dtype=bool))
"""


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="needs Linux")
def test_waiting_for_a_processor_takes_no_time_from_a_submission(monkeypatch):
    monkeypatch.setattr(os, "getloadavg", lambda: (8.0 * os.cpu_count(), 0.0, 0.0))
    others = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"])
        for _ in range(6 * os.cpu_count())
    ]
    try:
        row, _ = graded(BUSY, names=["causal-mask"], seconds=0.5, load_seconds=0.5)
    finally:
        for process in others:
            process.kill()
            process.wait()

    assert row["lost"] == []
    assert shares(row) == [1.0]
