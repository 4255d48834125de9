"""Small classes, one as a platform exports it, and rows without a sandbox."""

import random

import pytest

from companion.exercises.grading.grader import Grader
from tests.exercises.classroom import RIGHT, SUBMISSIONS
from tests.exercises.grading.gradescope_export import METADATA


@pytest.fixture
def export(tmp_path):
    """A folder as Gradescope exports it: three submissions, and one that is not there."""
    (tmp_path / "submission_metadata.yml").write_text(METADATA)
    for number in (3, 4, 5):
        folder = tmp_path / f"submission_40919402{number}"
        folder.mkdir()
        (folder / "hw.py").write_text("x = 1\n")
    return tmp_path


@pytest.fixture
def folder(tmp_path):
    """A class of two."""
    folder = tmp_path / "class"
    folder.mkdir()
    (folder / "right.py").write_text(RIGHT)
    (folder / "wrong.py").write_text(SUBMISSIONS["future.py"][0])
    return folder


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
