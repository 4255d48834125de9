"""What comes out of grading: names, CSV, feedback, files to import, the summary."""

import csv
import os
import unicodedata
from pathlib import Path

import pytest

from companion.exercises.grading.results import (
    clean,
    feedback,
    feedback_names,
    remove_stale_feedback,
    write_csv,
    write_feedback,
)
from tests.exercises.grading.rows import MASK, row, submission

pytestmark = pytest.mark.skipif(os.name != "posix", reason="grading needs a Unix system")


def test_feedback_files_are_as_many_as_names_on_every_system():
    names = ["a b", "a_b", "😀", "😁", "José", unicodedata.normalize("NFD", "José"), "Ann", "ann"]
    names += ["ANN", "con", "aux.py", "..", "../x", "x" * 300, "x" * 299, "學" * 90, "學" * 91]
    names += ["", ".", "-rf", "ﬁn", "fin", "Straße", "STRASSE", "a/b", "a\\b", "=1"]

    files = feedback_names(names)

    folded = [unicodedata.normalize("NFKC", name).casefold() for name in files.values()]
    assert len(set(folded)) == len(names)
    assert all(len(name.encode()) <= 120 for name in files.values())
    assert not any(set(name) & set('/\\:*?"<>|\0\n ') for name in files.values())
    assert not any(name.startswith((".", "-")) for name in files.values())
    assert not any(name.partition(".")[0].lower() in ("con", "aux") for name in files.values())


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r\n=1", "\uff1d1", " =1"]
)
def test_no_cell_is_run_by_a_spreadsheet(tmp_path, text):
    found = table(tmp_path, {text: row(notes=[text])})

    (line,) = found
    assert line["submission"].startswith("'")
    assert line["notes"].startswith("'")


def test_excel_can_open_whatever_a_submission_says(tmp_path):
    strange = "".join(map(chr, range(32))) + "\x7f\x9b\ud800\udfff\u202e" + "é學😀"
    rows = {"a": row(lost=[strange, "x" * 10**6]), "b": row(notes=['"', "a,b\n\nc;d"])}

    found = table(tmp_path, rows)

    raw = (tmp_path / "g.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")  # or Excel takes é for two letters
    assert raw.count(b"\r\n") == 3
    assert max(len(cell) for line in found for cell in line.values()) < 32_767
    assert all(cell.isprintable() for line in found for cell in line.values())
    assert "é學😀" in found[0]["notes"]


def table(tmp_path, rows):
    """Write the CSV and read it back."""
    write_csv(tmp_path / "g.csv", [submission(name) for name in rows], rows, MASK)
    with (tmp_path / "g.csv").open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def test_feedback_says_what_was_lost_and_stays_small():
    lost = ["hw.ipynb, cell 3, line 2: NameError: name 'x' is not defined"]
    text = feedback("Ann\x00", row(lost=lost, notes=["n" * 10**6]), MASK)

    assert text.startswith("Ann\ufffd: 1 of 1 points")
    assert f"  {lost[0]}" in text
    assert "what comes after it ran all the same" in text
    assert len(text) < 30_000
    assert clean("a\nb\tc") == "a\nb\tc"


def test_feedback_of_an_earlier_run_goes_and_other_files_stay(tmp_path):
    folder = tmp_path / "g-feedback"
    write_feedback(folder, {"ann": row(), "lee": row()}, MASK)
    table(tmp_path, {"ann": row(), "lee": row()})
    (folder / "mine.txt").write_text("a remark of the instructor")

    kept = write_feedback(folder, {"ann": row(0.0)}, MASK)
    remove_stale_feedback(tmp_path / "g.csv", kept)

    assert sorted(path.name for path in folder.iterdir()) == ["ann.txt", "mine.txt"]
    assert "0 of 1" in (folder / "ann.txt").read_text()


def test_feedback_of_a_large_class_looks_through_its_folder_once(tmp_path, monkeypatch):
    looks, real = [], Path.glob
    monkeypatch.setattr(Path, "glob", lambda *given: looks.append(given) or real(*given))

    files = write_feedback(tmp_path / "g-feedback", {f"s{n}": row() for n in range(20)}, MASK)

    assert len(files) == 20
    assert len(looks) == 1
