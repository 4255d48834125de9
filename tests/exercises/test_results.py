"""What comes out of grading: names, CSV, feedback, files to import, the summary."""

import csv
import os
import unicodedata
from pathlib import Path

import pytest

from companion.exercises import catalog
from companion.exercises.grading.gradebook import write_gradebooks
from companion.exercises.grading.results import (
    clean,
    feedback,
    feedback_names,
    remove_stale_feedback,
    write_csv,
    write_feedback,
)
from companion.exercises.grading.student import Student, grouped
from companion.exercises.grading.submission import Submission, alike, find_submissions
from companion.exercises.grading.summary import summary

pytestmark = pytest.mark.skipif(os.name != "posix", reason="grading needs a Unix system")
MASK = [catalog.find("causal-mask")]


def row(share=1.0, **more):
    """A row of one exercise."""
    one = {"state": "right" if share else "wrong", "share": share, "wrong": None, "text": "said"}
    made = {"status": "graded", "isolation": "bubblewrap", "code": True, "notes": [], "lost": []}
    return {**made, "ending": "", "exercises": {"causal-mask": one}, **more}


def submission(name, student=Student()):  # noqa: B008, it can't be changed
    return Submission(name, ((name, name),), student=student)


def test_every_entry_of_a_folder_has_a_name_of_its_own(tmp_path):
    names = [b"smith.py", b"smith.ipynb", b"smith.ipynb.py", b"smith.zip", b"smith"]
    names += [b"M\xfcller.py", "Mu\u0308ller.py".encode(), "Müller.ipynb".encode()]
    names += [
        b"a\nb.py",
        b"a\tb.py",
        b"Ann.py",
        b"ann.py",
        "\u202eyp.py".encode(),
        b"x" * 250 + b".py",
    ]
    for name in names:
        with open(os.path.join(os.fsencode(tmp_path), name), "wb") as file:
            file.write(b"x = 1\n")

    found = [one.name for one in find_submissions(tmp_path)]

    assert len(found) == len(names)
    assert len({alike(name) for name in found}) == len(names)
    assert {"smith.py", "smith.ipynb", "smith.ipynb.py"} <= set(found)
    assert all(name.isprintable() and name.encode() for name in found)


@pytest.mark.parametrize(
    "pair", [("a b", "a  b"), ("a b", "a\u00a0b"), ("ab", "a\u200bb"), ("=1", "'=1"), ("ﬁn", "fin")]
)
def test_names_that_look_the_same_in_a_table_get_a_mark(tmp_path, pair):
    for name in pair:
        (tmp_path / f"{name}.py").write_text("x = 1\n")

    found = find_submissions(tmp_path)

    assert {one.name for one in found} & set(pair) == set()
    assert len({" ".join(one.name.split()) for one in found}) == 2


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


CANVAS = [
    "doejane_12345_67890_hw.ipynb",
    "doejane_12345_67891_data.csv",
    "leejo_LATE_22_67892_a_1.py",
]


def test_files_of_one_student_are_one_submission():
    moodle = ["Ann Lee_17_assignsubmission_file_", "Ann Lee_17_assignsubmission_onlinetext_"]
    first, last = "HW 1_jdoe_attempt_2026-01-31-10-20-30", "HW 1_jdoe_attempt_2026-02-01-10-20-30"
    board = [f"{first}_hw.py", f"{first}.txt", f"{last}_hw2.py"]

    found = grouped([*CANVAS, *moodle, *board, "other.py"][3:] + CANVAS)

    assert [(student.name, student.id, student.platform) for student, _ in found] == [
        ("Ann Lee", "17", "Moodle"), ("", "jdoe", "Blackboard"), ("", "", ""),
    ] + [("", "", "")] * 3  # fmt: skip  # too few look like Canvas to be sure
    assert [file for _, file in found[1][1]] == ["hw2.py"]
    canvas = grouped(CANVAS)
    assert [(student.name, student.id) for student, _ in canvas] == [
        ("doejane", "12345"),
        ("leejo", "22"),
    ]
    assert [file for _, file in canvas[0][1]] == ["hw.ipynb", "data.csv"]


def board(*heads):
    """Names as Blackboard gives them, later ones handed in later."""
    days = enumerate(heads, 1)
    return [f"{head}_attempt_2026-01-{day:02}-10-20-30_hw.py" for day, head in days]


@pytest.mark.parametrize(
    ("heads", "ids"),
    [
        (["HW 1_asmith", "HW 1_j_doe", "HW 1_m_doe"], ["asmith", "j_doe", "m_doe"]),
        (["HW_1_a_b", "HW_1_b", "HW_1_c_a_b"], ["a_b", "b", "c_a_b"]),
        (["HW 1_j", "HW 1_j_doe"], ["j", "j_doe"]),
        (["HW 1_jdoe", "HW 2_jdoe"], ["jdoe", "jdoe"]),  # two assignments, two submissions
        (["HW 1_j_doe"], ["HW 1_j_doe"]),  # who knows
        (["HW 1_j_doe", "HW 2_m_doe", "HW 2_lee"], ["HW 1_j_doe", "HW 2_m_doe", "lee"]),
        (["HW 1_ann_attempt_2026-01-09-00-00-00_x", "HW 1_lee"], ["ann", "lee"]),
    ],
)  # fmt: skip
def test_user_names_with_underscores_stay_apart(heads, ids):
    found = grouped(board(*heads))

    assert [student.id or student.name for student, _ in found] == ids


def test_of_several_attempts_with_underscores_the_last_counts():
    ((first, files), (other, _)) = grouped(board("HW_1_j_doe", "HW_1_j_doe", "HW_1_lee"))

    assert (first.id, other.id) == ("j_doe", "lee")
    assert [number for number, _ in files] == [1]


def test_names_that_only_look_like_canvas_are_not_put_together():
    names = ["hw_1_2_ann.py", "hw_1_2_lee.py", "hw_1_2_kim.py"]

    assert len(grouped(names)) == 3


def test_what_canvas_and_moodle_import_has_their_columns_and_ids(tmp_path):
    students = [Student("doejane", "12345", "Canvas"), Student("=leejo", "22", "Canvas"),
                Student("Ann Lee", "17", "Moodle"), Student()]  # fmt: skip
    submissions = [submission(f"s{n}", student) for n, student in enumerate(students)]
    rows = {"s0": row(), "s1": row(status="unreadable", exercises={}), "s2": row(0.5), "s3": row()}

    files = write_gradebooks(tmp_path / "g.csv", submissions, rows, MASK, "Homework 1 (4711)")

    assert [file.name for file in files] == ["g-canvas.csv", "g-moodle.csv"]
    texts = [file.read_text("utf-8").splitlines() for file in files]
    canvas, moodle = (list(csv.reader(lines)) for lines in texts)
    assert canvas == [
        ["Student", "ID", "Section", "Homework 1 (4711)"],
        ["Points Possible", "", "", "1"],
        ["doejane", "12345", "", "1.00"],
        ["'=leejo", "22", "", ""],
    ]
    assert moodle[0] == [
        "Identifier", "Full name", "Grade", "Maximum grade", "Last modified (grade)",
    ]  # fmt: skip
    assert moodle[1] == ["Participant 17", "Ann Lee", "0.50", "1", "-"]


def test_the_summary_says_who_needs_attention_the_gravest_first():
    text = summary(
        {
            "fine": row(),
            "lost": row(0.5, lost=["hw.py, line 1: NameError: x|y"]),
            "zero": row(0.0),
            "unread": row(status="unreadable", notes=[".pdf: not a notebook"], exercises={}),
            "slow": row(0.5, status="stopped", ending="hw.py: your code did not come to an end"),
            "bad": row(status="not judged", notes=["could not be judged: E"], exercises={}),
            "weak": row(isolation="limits only (guard)"),
        },
        MASK,
        ["to import: g-canvas.csv"],
    )

    lines = [line for line in text.splitlines() if line.startswith("| ")]
    named = [line.split(" | ")[0].removeprefix("| ") for line in lines[1:]]
    assert named[:6] == ["---", "bad", "unread", "slow", "zero", "lost"]
    assert "NameError: x\\|y" in text
    assert "- unreadable: there is no code that could be run" in text
    assert "- not judged: grading this one failed" in text
    assert "1 of them ran without bubblewrap" in text
    assert "- to import: g-canvas.csv" in text


def test_a_fine_class_needs_nobody():
    assert "Nobody needs special attention" in summary({"a": row()}, MASK)


def test_feedback_of_a_large_class_looks_through_its_folder_once(tmp_path, monkeypatch):
    looks, real = [], Path.glob
    monkeypatch.setattr(Path, "glob", lambda *given: looks.append(given) or real(*given))

    files = write_feedback(tmp_path / "g-feedback", {f"s{n}": row() for n in range(20)}, MASK)

    assert len(files) == 20
    assert len(looks) == 1
