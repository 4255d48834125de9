"""Submissions in the shapes in which people hand them in, in both modes."""

import os

import pytest

from companion.exercises import catalog
from companion.exercises.grading import bubblewrap, grader, sandbox
from companion.exercises.grading.grader import Grader
from companion.exercises.grading.ledger import Ledger
from companion.exercises.grading.submission import find_submissions
from tests.exercises import shapes
from tests.exercises.shapes import NO_POINTS, SHAPES

pytestmark = pytest.mark.skipif(os.name != "posix", reason="grading needs a Unix system")


def grade(folder, monkeypatch, mode):
    """Grade a folder on causal-mask; returns rows by name."""
    for module in (sandbox, grader):
        monkeypatch.setattr(module, "isolation", lambda: mode)
    chosen = Grader([catalog.find("causal-mask")], "a secret of the test", jobs=2)
    ledger = Ledger(folder.parent / "ledger", "seed", ["causal-mask"], chosen.version())
    return {one.name: row for one, row in chosen.grade(find_submissions(folder), ledger)}


def points(row):
    return sum(one["share"] for one in row["exercises"].values())


# Both give the same grades (test_guard.py looks); without bubblewrap this is the only way.
HAS_BOTH = bubblewrap.isolation() == "bubblewrap"
WEAK = pytest.param("limits only", marks=pytest.mark.slow if HAS_BOTH else ())


@pytest.fixture(scope="module", params=["bubblewrap", WEAK])
def rows(request, tmp_path_factory):
    """All shapes, graded."""
    if request.param == "bubblewrap" and bubblewrap.isolation() != "bubblewrap":
        pytest.skip("bubblewrap is not installed or does not work here")
    folder = tmp_path_factory.mktemp("class") / "submissions"
    shapes.write(folder)
    with pytest.MonkeyPatch.context() as monkeypatch:
        return grade(folder, monkeypatch, request.param)


def row_of(rows, name):
    (found,) = [row for key, row in rows.items() if key in (name, name.rpartition(".")[0])]
    return found


def test_each_shape_has_a_row_of_its_own(rows):
    assert len(rows) == len(SHAPES)


@pytest.mark.parametrize("name", SHAPES)
def test_a_right_answer_counts_in_every_shape(rows, name):
    row = row_of(rows, name)

    assert points(row) == (name not in NO_POINTS), row


@pytest.mark.parametrize("name", sorted(NO_POINTS))
def test_what_can_not_be_read_says_what_it_is(rows, name):
    row = row_of(rows, name)
    told = {
        "report.pdf": "exported PDF", "page.html": "web page", "hw.rar": "archive of another kind",
        "in-r.ipynb": "a notebook in r", "cut-off.ipynb": "cut off", "deep.ipynb": "not a Jupyter",
        "damaged.zip": "damaged .zip",
        "matryoshka.zip": "nothing but archives", "vast-inside.zip": "more than 20 MiB",
        "damaged-inside.zip": "a.zip is not opened",
    }  # fmt: skip

    assert row["status"] == "unreadable"
    assert told[name] in row["notes"][0]


def test_what_was_lost_or_left_out_is_named(rows):
    assert row_of(rows, "percent")["lost"] == [
        "percent.py, cell 1, the whole cell: SyntaxError: invalid syntax, line 1"
    ]
    assert "a.bin is left out: with its 21 MiB" in row_of(rows, "large-file-first")["notes"][0]
    missing = row_of(rows, "imports-what-is-missing-too")["lost"]
    told = [line.partition("line ")[2].partition(":")[0] for line in missing]
    assert told == ["1", "1", "2"]
    assert "companion.load is not there while grading" in missing[0]
    damaged = ["a.zip is not opened: a damaged .zip archive (File is not a zip file)"]
    assert row_of(rows, "archives-one-damaged")["notes"] == damaged
    left = "not graded, without a call of ex.check or an answer that is missing elsewhere: part1"
    assert row_of(rows, "two-notebooks")["notes"] == [f"graded: part2.ipynb; {left}.ipynb"]
    assert "x is left out: with its 300 MiB" in row_of(rows, "bomb.zip")["notes"][0]
    assert not row_of(rows, "vendored.zip")["notes"] + row_of(rows, "own-environment.zip")["notes"]
    assert "more than 2000 other files" in row_of(rows, "much-data")["notes"][0]
    assert "%%python3 is not run" in row_of(rows, "python3-cell")["lost"][0]
    outside = row_of(rows, "leads-outside.zip")["notes"]
    assert len(outside) == 3
    assert all("leads outside" in note for note in outside)
    assert row_of(rows, "undeclared")["notes"] == ["not text in UTF-8: read as Windows-1252"]
    assert "!ls is not run while grading" in row_of(rows, "time")["lost"][0]
