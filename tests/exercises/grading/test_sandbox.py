"""The sandbox: its patience, and what is said where it does not start."""

import os

import pytest

from companion.exercises.grading import sandbox
from tests.exercises.grading.command import grade

pytestmark = pytest.mark.skipif(os.name != "posix", reason="grading needs a Unix system")


@pytest.mark.parametrize(
    ("load", "expected"), [(0.0, 1.0), (0.9, 1.0), (3.0, 3.0), (99.0, 8.0), (None, 1.0)]
)
def test_a_grader_is_as_patient_as_the_machine_is_busy(load, expected, monkeypatch):
    def getloadavg():
        if load is None:
            raise OSError("not known")
        return (load * os.cpu_count(), 0.0, 0.0)

    monkeypatch.setattr(os, "getloadavg", getloadavg)

    assert sandbox.patience() == pytest.approx(expected)
    job = sandbox.WorkerTask((), ({"seconds": 2.0},), 10.0, sandbox.patience())
    assert job.cell_seconds() == pytest.approx(expected * (1.25 * 40 + 2))
    assert job.exercise_seconds(0) == pytest.approx(expected * (1.25 * 2 + 2))


def test_a_sandbox_that_does_not_start_is_not_blamed_on_the_students(folder, monkeypatch, capsys):
    monkeypatch.setattr(sandbox, "_PYTHON", ["/bin/false"])
    (folder / "long.py").write_text("x = 1\n" * 10**6)  # more than a pipe takes at once

    assert grade(folder, "--exercises", "causal-mask") == 1
    assert "no program can be started in the sandbox" in capsys.readouterr().err
    assert not (folder.parent / "grades.csv").exists()
