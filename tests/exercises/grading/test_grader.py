"""Grading a class, part of which does what no student should."""

import csv
import os
import socket
from dataclasses import replace
from pathlib import Path

import nbformat
import psutil
import pytest
from nbclient import NotebookClient

from companion.exercises import catalog, records
from companion.exercises.exercise import (
    CodeExercise,
    NumericExercise,
    OutputExercise,
    WordsExercise,
)
from companion.exercises.grading.bubblewrap import isolation
from companion.exercises.grading.grader import Grader
from companion.exercises.grading.ledger import Ledger
from companion.exercises.grading.results import write_csv, write_feedback
from companion.exercises.grading.submission import find_submissions
from companion.exercises.grading.summary import summary
from companion.exercises.source import code
from tests.exercises.classroom import RIGHT, SUBMISSIONS

SEED = "a secret of the test"
pytestmark = pytest.mark.skipif(os.name != "posix", reason="grading needs a Unix system")
isolated = pytest.mark.skipif(
    isolation() != "bubblewrap", reason="bubblewrap is not installed or does not work here"
)


def exercises():
    """Two exercises, with a time limit that a test can wait for."""
    return [replace(catalog.find(name), seconds=0.5) for name in ("causal-mask", "attention-head")]


def write_class(folder, names):
    folder.mkdir()
    for name in names:
        content = SUBMISSIONS[name][0]
        if isinstance(content, bytes):
            (folder / name).write_bytes(content)
        else:
            (folder / name).write_text(content, encoding="utf-8")
    return find_submissions(folder)


def grade(submissions, tmp_path, chosen=None, load_seconds=1.5):
    chosen = chosen or exercises()
    grader = Grader(chosen, SEED, load_seconds=load_seconds)
    ids = [one.id for one in chosen]
    ledger = Ledger(tmp_path / "ledger", SEED, ids, grader.version())
    return {one.name: row for one, row in grader.grade(submissions, ledger)}


def points(row):
    weights = {"causal-mask": 1, "attention-head": 2}
    return sum(weights[name] * one["share"] for name, one in row["exercises"].items())


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    tmp_path = tmp_path_factory.mktemp("class")
    submissions = write_class(tmp_path / "class", SUBMISSIONS)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "class").iterdir()}
    rows = grade(submissions, tmp_path)
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "class").iterdir()}
    return submissions, rows, before == after


@isolated
def test_a_class_has_at_least_forty_submissions_and_each_gets_a_row(graded):
    submissions, rows, untouched = graded

    assert len(submissions) == len(SUBMISSIONS) >= 40
    assert rows.keys() == {one.name for one in submissions}
    assert untouched


@isolated
@pytest.mark.parametrize("name", [name for name, (_, wanted) in SUBMISSIONS.items()])
def test_each_submission_gets_its_points(graded, name):
    submissions, rows, _ = graded
    row = rows[next(one.name for one in submissions if one.path.name == name)]
    wanted = SUBMISSIONS[name][1]

    if wanted is None:  # it may have broken itself, but nothing else
        assert 0 <= points(row) <= 3
    else:
        assert points(row) == pytest.approx(wanted), row


@isolated
def test_known_wrong_answers_are_recognised(graded):
    _, rows, _ = graded

    assert "Off by one" in rows["strictly-before"]["exercises"]["causal-mask"]["text"]
    assert "square root of d" in rows["unscaled"]["exercises"]["attention-head"]["text"]
    assert rows["list-of-lists"]["exercises"]["causal-mask"]["wrong"] is None


@isolated
def test_what_can_not_be_read_says_why(graded):
    _, rows, _ = graded

    notes = {
        name: rows[name]["notes"][0] for name, row in rows.items() if row["status"] != "graded"
    }

    picture = ".png: not a notebook (.ipynb), script (.py), folder or .zip archive"
    assert notes["picture.png"] == picture
    assert notes["not-json"] == "not a Jupyter notebook: not JSON, or cut off"
    assert notes["list"] == "not a Jupyter notebook: the file holds a list"
    assert notes["floods-the-channel"] == "floods-the-channel.py: your code said too much"
    assert notes["exits-hard"] == "exits-hard.py: your code ended the process"
    assert "read as Windows-1252" in rows["latin"]["notes"][0]


@isolated
def test_nothing_of_it_is_left(graded):
    left = [
        process
        for process in psutil.process_iter(["uids", "cmdline"])
        if "/grader/worker.py" in (process.info["cmdline"] or [])
    ]

    # Another test process may be grading, too. Its workers end; those left behind would stay.
    assert psutil.wait_procs(left, timeout=60)[1] == []


@isolated
def test_the_csv_is_complete_and_no_cell_is_a_formula(graded, tmp_path):
    submissions, rows, _ = graded

    write_csv(tmp_path / "grades.csv", submissions, rows, exercises())

    with (tmp_path / "grades.csv").open(newline="", encoding="utf-8-sig") as file:
        table = list(csv.DictReader(file))
    assert len(table) == len(rows)
    assert {row["of"] for row in table} == {"3"}
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in table for cell in row.values())
    assert next(row for row in table if row["submission"] == "'=1+1")["points"] == "3"


@isolated
def test_feedback_names_the_mistake_and_hides_the_cases(graded, tmp_path):
    _, rows, _ = graded

    files = write_feedback(tmp_path / "feedback", {"../unscaled": rows["unscaled"]}, exercises())

    file = files["../unscaled"]
    text = file.read_text(encoding="utf-8")
    assert file.parent == tmp_path / "feedback"
    assert text.splitlines()[0] == "../unscaled: 2.333 of 3 points"
    assert "The division by the square root of d is missing" in text
    assert "array of shape" not in text


@isolated
def test_the_summary_counts_the_common_mistake(graded):
    _, rows, _ = graded
    three = {f"n{n}": rows["unscaled"] for n in range(3)} | {"right": rows["right"]}

    text = summary(three, exercises())

    assert "| attention-head | 4 | 1 | 75% | 3 x: The division by the square root" in text


VALUES = """
from companion import exercises as ex
ex.check("llama-2-cache", {number})
ex.check("encoder-tasks", {letters})
ex.check("temperature-output", {text})
"""


@isolated
def test_numbers_letters_and_predictions_are_graded_too(tmp_path):
    chosen = [catalog.find(one) for one in ("llama-2-cache", "encoder-tasks", "temperature-output")]
    number, choice, output = chosen
    letters = "".join(key for key, option in choice.letters.items() if option.right)
    right = {"number": number.compute(), "letters": repr(letters), "text": repr(output.output())}
    answers = {
        "right": right,
        "known": {
            "number": number.wrong[0].answer,
            "letters": repr(next(key for key, one in choice.letters.items() if not one.right)),
            "text": repr(output.wrong[0].answer),
        },
        "strange": {"number": "float('nan')", "letters": "object()", "text": "10**9999"},
        "none": {"number": "None", "letters": "...", "text": "''"},
    }
    (tmp_path / "class").mkdir()
    for name, values in answers.items():
        (tmp_path / "class" / f"{name}.py").write_text(VALUES.format(**values))

    rows = grade(find_submissions(tmp_path / "class"), tmp_path, chosen)

    states = {
        name: [one["state"] for one in row["exercises"].values()] for name, row in rows.items()
    }
    assert states["right"] == ["right"] * 3
    assert states["known"] == states["strange"] == ["wrong"] * 3
    assert states["none"] == ["not attempted"] * 3
    assert [one["wrong"] is None for one in rows["known"]["exercises"].values()] == [False] * 3


def answered(section):
    """The book's notebook of exercises with every answer filled in."""
    path = Path(catalog.__file__).parents[3] / "book" / "notebooks" / section / "exercises.ipynb"
    notebook = nbformat.read(path, as_version=4)
    for one in catalog.of_section(section):
        cell = next(cell for cell in notebook.cells if cell.source == one.stub())
        if isinstance(one, CodeExercise):
            cell.source = code(one.solution)
        elif isinstance(one, WordsExercise):
            cell.source = f"{one.variable} = {one.sample!r}"
        else:
            cell.source = f"{one.variable} = {right_value(one)!r}"
    return notebook


def right_value(one):
    if isinstance(one, NumericExercise):
        return one.compute()
    if isinstance(one, OutputExercise):
        return one.output()
    return "".join(letter for letter, option in one.letters.items() if option.right)


@pytest.mark.parametrize("section", ["gpt", "applications"])
def test_the_books_notebook_with_every_answer_is_right_for_learner_and_grader(
    tmp_path, monkeypatch, section
):
    monkeypatch.setenv("COMPANION_PROGRESS", str(tmp_path / "progress.json"))
    notebook = answered(section)
    (tmp_path / "class").mkdir()
    nbformat.write(notebook, tmp_path / "class" / "ada.ipynb")
    chosen = [one for one in catalog.of_section(section) if not isinstance(one, WordsExercise)]

    NotebookClient(notebook, timeout=120).execute()
    row = grade(find_submissions(tmp_path / "class"), tmp_path, chosen, load_seconds=30)["ada"]

    assert {one["state"] for one in row["exercises"].values()} == {"right"}
    shown = [
        out["data"]["text/plain"] for cell in notebook.cells for out in cell.get("outputs", [])
    ]
    solved = [text for text in shown if ": right (" in text]
    assert len(solved) == len(chosen)
    found = records.read(tmp_path / "progress.json")
    assert sum(bool(record.solved) for record in found.values()) == len(chosen)


LIMITS = """
import os, resource
def causal_mask(length):
    names = ("RLIMIT_AS", "RLIMIT_FSIZE", "RLIMIT_NPROC", "RLIMIT_CORE")
    limits = [resource.getrlimit(getattr(resource, name)) for name in names]
    raise RuntimeError(str([os.getuid() > 0, limits]))
"""


@isolated
def test_a_submission_has_limits_that_it_can_not_raise_and_no_rights(tmp_path):
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "a.py").write_text(LIMITS)

    row = grade(find_submissions(tmp_path / "class"), tmp_path)["a"]

    limits = [(4 * 2**30,) * 2, (10 * 2**20,) * 2, (16, 16), (0, 0)]
    assert str([True, limits]) in row["exercises"]["causal-mask"]["text"]


SPY = """
import os, socket
def causal_mask(length):
    found = []
    try:
        socket.create_connection(("127.0.0.1", PORT), timeout=1)
        found.append("network")
    except OSError:
        pass
    for path in ("SECRET", "/etc/passwd", "HOME/.bashrc", "CATALOG"):
        try:
            open(path).read()
            found.append(path)
        except OSError:
            pass
    try:
        found += ["environment"] * ("SPY_SECRET" in open("/proc/1/environ").read())
    except OSError:
        pass
    for path in ("SECRET", "/submission/x", "/grader/values.py", "/usr/x", "/x"):
        try:
            open(path, "w")
            found.append("wrote " + path)
        except OSError:
            pass
    found += [name for name in os.environ if "SPY" in name]
    found.append(open("/submission/data.txt").read())
    raise RuntimeError(" ".join(found))
"""


@isolated
def test_a_submission_sees_its_own_folder_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setenv("SPY_SECRET", "x")
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    folder = tmp_path / "class" / "spy"
    folder.mkdir(parents=True)
    (folder / "data.txt").write_text("own data")
    (folder / "link.txt").symlink_to(secret)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        port = server.getsockname()[1]
        source = SPY.replace("PORT", str(port)).replace("SECRET", str(secret))
        source = source.replace("CATALOG", catalog.__file__).replace("HOME", str(Path.home()))
        (folder / "spy.py").write_text(source)

        row = grade(find_submissions(tmp_path / "class"), tmp_path)["spy"]

        with pytest.raises(TimeoutError):
            server.accept()
    assert "RuntimeError: own data (line" in row["exercises"]["causal-mask"]["text"]
    assert secret.read_text() == "secret"
    assert sorted(path.name for path in folder.iterdir()) == ["data.txt", "link.txt", "spy.py"]


def test_without_bubblewrap_limits_and_guard_remain(tmp_path, monkeypatch):
    monkeypatch.setattr("companion.exercises.grading.sandbox.isolation", lambda: "limits only")
    names = ["right.py", "loop-without-signals.py", "memory-in-a-function.py", "exits-hard.py",
             "fork-bomb.py", "large-file.py"]  # fmt: skip
    submissions = write_class(tmp_path / "class", names)
    (tmp_path / "class" / "spy.py").write_text(
        RIGHT.replace("np.tril", f"open({catalog.__file__!r}) and np.tril")
        + "import socket, subprocess\n"
    )
    submissions = find_submissions(tmp_path / "class")

    rows = grade(submissions, tmp_path)

    assert points(rows["right"]) == 3
    assert points(rows["loop-without-signals"]) == points(rows["memory-in-a-function"]) == 2
    assert rows["exits-hard"]["status"] == "stopped"
    assert "PermissionError" in rows["fork-bomb"]["lost"][0]
    assert "PermissionError" in rows["spy"]["exercises"]["causal-mask"]["text"]


def test_the_same_seed_gives_the_same_grades_and_another_seed_other_cases(tmp_path):
    submissions = write_class(tmp_path / "class", ["unscaled.py"])

    first, second = (grade(submissions, tmp_path / name) for name in ("", "."))

    assert first == second
    seeds = [Grader(exercises(), seed).version() for seed in ("one seed", "one seed", "another")]
    assert seeds[0] == seeds[1] != seeds[2]


def test_a_run_that_was_stopped_goes_on(tmp_path):
    submissions = write_class(tmp_path / "class", ["right.py", "mask-only.py", "exits.py"])
    grader = Grader(exercises(), SEED, jobs=1)
    ids = [one.id for one in exercises()]
    path = tmp_path / "ledger"
    run = grader.grade(submissions, Ledger(path, SEED, ids, grader.version()))
    next(run)
    run.close()
    with path.open("a") as file:
        file.write('{"key": "cut o')
    done = len(path.read_text().splitlines()) - 1
    assert 1 <= done < 3

    again = Ledger(path, SEED, ids, grader.version())
    started = []
    fresh = Grader(exercises(), SEED, jobs=1)
    row = fresh.row
    fresh.row = lambda submission, box: started.append(submission.name) or row(submission, box)
    rows = {one.name: points(row) for one, row in fresh.grade(submissions, again)}

    assert rows == {"right": 3, "mask-only": 1, "exits": 3}
    assert len(started) == 3 - done
    assert len(path.read_text().splitlines()) == 3


@isolated
@pytest.mark.parametrize("section", [one for one in catalog.CONTENTS if one != "summary"])
def test_every_solution_passes_in_the_sandbox(tmp_path, section):
    """So the stub's imports suffice, and ``run`` and the cases cross into the sandbox."""
    chosen = [one for one in catalog.of_section(section) if isinstance(one, CodeExercise)]
    (tmp_path / "class").mkdir()
    parts = [f"{one.imports()}\n{code(one.solution)}\n" for one in chosen]
    (tmp_path / "class" / "all.py").write_text("\n".join(parts))

    row = grade(find_submissions(tmp_path / "class"), tmp_path, chosen, load_seconds=30)["all"]

    wrong = {name: one["text"] for name, one in row["exercises"].items() if one["state"] != "right"}
    assert wrong == {}
    assert row["notes"] == []
