"""`make gpu`: what is run in which order, within its time, and what the record claims."""

import json
import re
import time
from pathlib import Path

import bookext
import gpu_jobs
import gpu_record
import gpu_run
import nbformat
import psutil
import pytest
from gpu_jobs import Job
from gpu_run import Facts
from project import BookError

RIGHT = Facts("2.13.0", "12.8", True, "", True)
PAGE = {"cells": 3, "ran": 3, "held": 2, "failed": [], "errors": [], "seconds": 4.2}
RECORD = {
    "date": "2026-11-30",
    "hardware": {"device": "cuda", "name": "Card", "cpu": "8 cores"},
    "versions": {"torch": "2.13.0", "cuda": "12.8"},
    "results": {"part/page pocket float32": PAGE},
    "not_run": [],
}
# A job that says that it began, then does as its page's name says.
STAND_IN = """
import json, subprocess, sys, time
job = json.loads(sys.argv[1])
with open({began!r}, "a") as file:
    file.write(job["page"] + "\\n")
if "hangs" in job["page"] and not {patient}:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    open({child!r}, "w").write(str(child.pid))
    time.sleep(600)
if "dies" in job["page"]:
    sys.exit("its last words")
result = {{"cells": 1, "ran": 1, "held": 0, "failed": [], "errors": [], "seconds": 0.1}}
with open(sys.argv[3], "w") as file:
    json.dump({{"name": "x", "result": result}}, file)
"""


class Stand:
    """A book whose jobs are stood in for."""

    def __init__(self, book, monkeypatch: pytest.MonkeyPatch) -> None:
        self.book, self.began, self.child = book, book.root / "began", book.root / "child"
        self.jobs: list[Job] = []
        self.patient = False
        monkeypatch.setattr(gpu_run, "all_jobs", lambda *_, **__: self.jobs)
        monkeypatch.setattr(gpu_run, "package_digest", lambda root: "same")
        monkeypatch.setattr(gpu_run, "JOBS", book.root / "stand_in.py")
        monkeypatch.setattr(gpu_run, "_SHORTEST", 0)

    def add(self, name: str) -> None:
        notebook = self.book.write(f"book/notebooks/part/{name}.ipynb", "")
        assert notebook.is_file()
        self.jobs.append(Job("page", "cpu", f"part/{name}", "pocket", "float32"))

    def run(self, seconds: float, *words: str) -> int:
        script = STAND_IN.format(began=str(self.began), child=str(self.child), patient=self.patient)
        self.book.write("stand_in.py", script)
        words = ("--device", "cpu", "--jobs", "1", "--minutes", str(seconds / 60), *words)
        return gpu_run.main(list(words), self.book.project)

    def record(self, name: str = "cpu") -> dict:
        return json.loads((self.book.root / "_build" / "gpu" / f"{name}.json").read_text())


@pytest.fixture
def stand(book, monkeypatch: pytest.MonkeyPatch) -> Stand:
    return Stand(book, monkeypatch)


def test_what_was_not_reached_is_listed_and_the_next_run_goes_on_there(stand, capsys) -> None:
    for name in ("one", "hangs", "last"):
        stand.add(name)

    assert stand.run(3) == 1
    first = stand.record()
    stand.patient = True
    assert stand.run(60) == 0

    assert first["not_run"] == ["part/hangs pocket float32", "part/last pocket float32"]
    assert "not run, and not claimed: part/hangs pocket float32" in capsys.readouterr().out
    assert stand.began.read_text().split() == ["part/one", "part/hangs", "part/hangs", "part/last"]
    assert (stand.record()["not_run"], len(stand.record()["results"])) == ([], 3)


def test_when_the_time_is_over_nothing_runs_on(stand) -> None:
    stand.add("hangs")
    begun = time.monotonic()

    stand.run(3)

    assert time.monotonic() - begun < 30
    child = int(stand.child.read_text())
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == "zombie"


def test_a_job_that_dies_takes_no_other_along_and_is_not_claimed(stand, capsys) -> None:
    for name in ("dies", "one"):
        stand.add(name)

    assert stand.run(60) == 1
    said = capsys.readouterr().out

    assert list(stand.record()["results"]) == ["part/one pocket float32"]
    log = Path(said.split("its words are in ")[1].split(" (")[0])
    assert "its last words" in log.read_text()


def test_a_changed_notebook_is_run_again(stand) -> None:
    stand.add("one")
    stand.run(60)
    stand.book.write("book/notebooks/part/one.ipynb", "changed")

    stand.run(60)

    assert stand.began.read_text().split() == ["part/one", "part/one"]


@pytest.mark.parametrize("words", [(), ("--dry-run",)])
def test_only_a_whole_run_on_a_gpu_writes_the_record_of_the_book(stand, words) -> None:
    stand.add("one")

    stand.run(60, *words)

    assert not stand.book.project.gpu.exists()
    assert stand.record("dry_run" if words else "cpu")["results"]


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (
            RIGHT._replace(works=False, torch=None, words="no torch"),
            "can't be imported.*WHEELHOUSE",
        ),
        (RIGHT._replace(works=False, has_driver=False), "no NVIDIA GPU here, or no driver.*DRY=1"),
        (RIGHT._replace(works=False, cuda=None), "a build without CUDA, though there is a GPU"),
        (
            RIGHT._replace(works=False, words="The NVIDIA driver on your system is too old"),
            "built for CUDA 12.8, can't use the GPU: The NVIDIA driver .*install a newer one",
        ),
    ],
)
def test_a_machine_that_does_not_fit_is_told_what_to_do(facts: Facts, words: str) -> None:
    assert re.search(words, gpu_run.machine_fault(facts))


def test_a_machine_that_computes_has_no_fault() -> None:
    assert gpu_run.machine_fault(RIGHT) is None


def test_on_a_machine_without_a_gpu_nothing_is_started(stand, monkeypatch, capsys) -> None:
    monkeypatch.setattr(gpu_run, "look", lambda: RIGHT._replace(works=False, has_driver=False))
    stand.add("one")

    assert gpu_run.main([], stand.book.project) == 1

    assert not stand.began.exists()
    assert capsys.readouterr().err.startswith("error: there is no NVIDIA GPU here")


@pytest.mark.parametrize(
    "words", [["--minutes", "0"], ["--minutes", "inf"], ["--jobs", "0"], ["--limit", "0"]]
)
def test_numbers_out_of_range_are_refused(words: list[str], capsys) -> None:
    with pytest.raises(SystemExit):
        gpu_run.main(words)

    assert f"{words[0]} must be" in capsys.readouterr().err


def test_what_measures_is_alone_on_the_machine() -> None:
    speed, page = Job("speed", "cuda"), Job("page", "cuda", "part/page", "pocket", "float32")
    later = time.monotonic() + 100

    assert gpu_run._may_start(speed, [], 4, later)
    assert not gpu_run._may_start(speed, [page], 4, later)
    assert not gpu_run._may_start(page, [speed], 4, later)
    assert gpu_run._may_start(page, [page], 4, later)
    assert not gpu_run._may_start(page, [page] * 4, 4, later)
    assert not gpu_run._may_start(page, [], 4, time.monotonic() + 1)


def write_notebook(book, name: str, *cells: str) -> None:
    book.add_code(name, "")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    path = book.project.page(name).notebook
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)


@pytest.mark.parametrize(
    ("cell", "asks"),
    [
        ("model, tokenizer = companion.load('chat')", True),
        ("model, _ = load()", True),
        ("model, _ = companion.load('chat', source='pocket')", False),
        ("model, _ = companion.load('reward')", False),
        ("%load_ext autoreload", False),
        ("x = 1", False),
    ],
)
def test_pages_that_ask_for_a_role_are_run_with_the_open_model(book, cell: str, asks: bool) -> None:
    write_notebook(book, "part/page", cell)

    assert gpu_jobs.asks_for_role(book.project.page("part/page")) is asks


def test_jobs_come_in_the_order_of_their_worth(book, monkeypatch) -> None:
    monkeypatch.setattr(gpu_jobs, "installed", lambda: True)
    for name in ("start/first", "gpt/sampling", "gpt/decoding"):
        write_notebook(book, name, "companion.load('base')")

    jobs = [job.name for job in gpu_jobs.all_jobs(book.project, "cuda", dry=False, pages=[])]

    assert jobs[:5] == [
        "tests",
        "speed",
        "memory",
        "gpt/decoding pocket float32",
        "gpt/sampling pocket float32",
    ]
    assert jobs[5:7] == ["gpt/decoding open bfloat16", "gpt/sampling open bfloat16"]
    assert jobs[9:] == [
        f"start/first {how}" for how in ("pocket float32", "open bfloat16", "open float16")
    ]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("date", "yesterday", "date must be YYYY-MM-DD, got 'yesterday'"),
        ("hardware", None, "hardware must be dict, got None"),
        ("results", {"part/page pocket float32": {"cells": 3}}, "ran must be int, got None"),
        ("results", {"speed": PAGE}, r"results\['speed'\].read_bytes_per_second must be float"),
    ],
)
def test_a_record_that_pages_could_not_read_is_refused(field: str, value, words: str) -> None:
    with pytest.raises(BookError, match=words):
        gpu_record.check(RECORD | {field: value}, "gpu.json")


def test_a_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    gpu_record.save(RECORD, tmp_path / "new" / "gpu.json")

    assert gpu_record.read_record(tmp_path / "new" / "gpu.json") == RECORD
    assert gpu_record.read_record(tmp_path / "none.json") is None


def test_a_page_says_what_was_measured_and_nothing_else() -> None:
    line, details = gpu_record.page_line(RECORD, "part/page")

    assert line == "On a GPU: 4.2 s (Card, 2026-11-30)"
    assert details == "8 cores; torch 2.13.0, CUDA 12.8; several pages side by side"
    assert gpu_record.page_line(None, "part/page") is None
    assert gpu_record.page_line(RECORD, "part/other") is None
    for change in ({"ran": 2}, {"errors": ["cell 2 raises"]}):
        record = RECORD | {"results": {"part/page pocket float32": PAGE | change}}
        assert gpu_record.page_line(record, "part/page") is None


def test_the_line_below_the_title_has_it_too() -> None:
    line = bookext.on_gpu(("On a GPU: 4 s (A & B)", 'a "card"'))

    assert line == (
        '<span class="run-cost" title="a &quot;card&quot;">On a GPU: 4 s (A &amp; B)</span>'
    )
    assert bookext.on_gpu(None) == ""


def test_a_job_of_a_page_is_run_in_the_asked_for_way(book, monkeypatch) -> None:
    monkeypatch.setenv("COMPANION_DEVICE", "cuda:7")
    names = ("MODELS", "DEVICE", "DTYPE")
    shown = [f"assert os.environ['COMPANION_{name}'] == {{!r}}" for name in names]
    cell = "import os\n" + "\n".join(shown).format("pocket", "cpu", "float32")
    refused = 'raise ValueError("a model in float16 can\'t be trained: load it")'
    write_notebook(book, "part/page", cell, refused, "1 / 0")

    result = gpu_jobs.run(Job("page", "cpu", "part/page", "pocket", "float32"), book.project)

    assert (result["ran"], result["held"], result["failed"]) == (3, 3, [])
    assert (result["refused"], len(result["errors"])) == (1, 1)
    assert "ZeroDivisionError" in result["errors"][0]
