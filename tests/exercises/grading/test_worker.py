"""The program inside the sandbox: what it says of cells, cases and values, one line each."""

import json
import os
import subprocess
import sys

import pytest

from companion.exercises import catalog
from companion.exercises.arguments import encode_arguments
from companion.exercises.grading import worker
from companion.exercises.grading.bubblewrap import library_path
from companion.exercises.grading.sandbox import worker_files
from companion.exercises.values import decode

pytestmark = pytest.mark.skipif(os.name != "posix", reason="grading needs a Unix system")
RUN = "def run(answer, *args):\n    return answer(*args)\n"


@pytest.fixture(scope="module")
def tools():
    """The worker's files, with which it gives up nothing."""
    with worker_files() as folder:
        (folder / "limits.py").write_text("def confine(job): return ['nothing']\n")
        yield folder


@pytest.fixture
def said(tools, tmp_path):
    """Run a submission; returns what the worker says."""

    def run(source, *exercises, skip=0, load_seconds=5.0):
        job = {
            "cells": [{"source": source, "file": "a.py", "script": False}],
            "exercises": list(exercises), "skip": skip, "path": list(library_path()),
            "load_seconds": load_seconds, "cell_seconds": 10.0, "patience": 1.0,
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-I", "-S", str(tools / "worker.py")],
            input=json.dumps(job), capture_output=True, text=True, check=True, cwd=tmp_path,
        )  # fmt: skip
        return [json.loads(line) for line in done.stdout.splitlines()]

    return run


def code(name, *cases, variable="f", seconds=2.0):
    """An exercise that asks for code."""
    return {"id": name, "variable": variable, "run": RUN, "seconds": seconds,
            "cases": [encode_arguments(case) for case in cases]}  # fmt: skip


def value(name, variable):
    return {"id": name, "variable": variable, "run": None, "seconds": 1.0, "cases": []}


def test_cells_cases_and_values_are_said_in_their_order(said):
    lines = said("f = lambda x: 6 // x\nn = 2.5\n", code("one", (2,), (0,)), value("two", "n"))

    assert [list(line)[:2] for line in lines] == [
        ["held"], ["cell"], ["exercise"], ["exercise", "case"], ["exercise", "case"],
        ["exercise"], ["exercise", "value"], ["done"],
    ]  # fmt: skip
    first, second = lines[3:5]
    assert (first["state"], decode(first["value"])) == ("value", 3)
    assert (second["state"], second["error"].partition(":")[0]) == ("error", "ZeroDivisionError")
    assert second["place"].startswith("line 1")
    assert decode(lines[6]["value"]) == 2.5


def test_what_a_cell_throws_and_prints_is_no_line_of_its_own(said):
    claim = "import os; os.write(1, b'{\"done\": true}' + bytes([10]))"

    lines = said(f"{claim}\n1 / 0\nf = 3\n", code("one", (2,)))

    assert lines[2]["error"].startswith("line 2: ZeroDivisionError")
    assert lines[4] == {"exercise": "one", "missing": "int"}
    assert lines[-1] == {"done": True}


@pytest.mark.parametrize("source", ["", "f = ..."])
def test_an_answer_that_is_not_there_is_nothing(said, source):
    assert said(source, code("one", (2,)))[-2] == {"exercise": "one", "missing": "nothing"}


def test_an_answer_that_was_checked_counts_under_any_name(said):
    source = "from companion import exercises as ex\ng = lambda x: 1\nex.check('one', g)\n"

    lines = said(source, code("one", (2,)))

    assert decode(lines[3]["value"]) == 1


def test_time_that_is_used_up_leaves_the_other_cases_out(said):
    lines = said("def f(x):\n    while x: pass\n", code("one", (1,), (0,), seconds=0.2))

    assert [line["state"] for line in lines if "case" in line] == ["timeout", "not run"]


def test_after_a_kill_the_exercises_before_are_skipped(said):
    lines = said("n = 1\n", value("one", "n"), value("two", "n"), skip=1)

    assert {line["exercise"] for line in lines if "exercise" in line} == {"two"}


def test_a_student_may_have_a_module_named_like_one_of_the_worker(said, tmp_path):
    (tmp_path / "history.py").write_text("n = 7\n")

    lines = said("import history\nn = history.n\n", value("one", "n"))

    assert decode(lines[-2]["value"]) == 7


def test_a_value_that_is_too_large_is_only_named(said):
    lines = said("n = 'x' * 6_000_000\n", value("one", "n"))

    assert len(lines[-2]["value"]) < 200
    assert "takes 6000" in lines[-2]["value"]


def test_no_solution_lies_beside_the_worker(tools):
    solution = "np.tril(np.ones((length, length), dtype=bool))"

    assert catalog.find("causal-mask")
    assert not any(solution in path.read_text() for path in tools.glob("*.py"))


def test_the_first_function_of_the_source_calls_the_answer():
    call = worker._driver("from math import pi\ndef run(answer: Nowhere, x): return answer(x) * 2")

    assert call(lambda x: x + 1, 3) == 8
