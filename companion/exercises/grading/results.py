"""What an instructor gets: grades as CSV, and a file of feedback for each student.

Anything in a submission can end up here: a name, the text of an error. So every text is
cleaned: no control characters, no halves of surrogate pairs, no cell that a spreadsheet would run
or could not hold. Files are replaced as a whole.
"""

import csv
import hashlib
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from companion._files import remove_leftovers, write_whole
from companion.exercises.exercise import Exercise
from companion.exercises.grading.submission import Submission

Row = Mapping[str, Any]
LONGEST_CELL = 2_000  # characters; Excel holds 32,767
_LONGEST_TEXT = 20_000  # characters on one exercise
_LONGEST_NAME = 100  # bytes
_FORMULA = re.compile(r"^[=+\-@＝＋－＠\t\r]")  # noqa: RUF001, a spreadsheet would run it
_UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # on Windows


def clean(text: str, limit: int = LONGEST_CELL) -> str:
    r"""Return a text that every file and spreadsheet can hold.

    Example:
        >>> clean("a\0b\ud800c"), clean("x" * 9, limit=6)
        ('a\ufffdb\ufffdc', 'xxx...')
    """
    text = _UNSAFE.sub("\ufffd", text)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def total(row: Row, exercises: Sequence[Exercise]) -> float:
    """Return the points of a submission."""
    graded = row["exercises"]
    return sum(
        graded[exercise.id]["share"] * exercise.points
        for exercise in exercises
        if exercise.id in graded
    )


def write_csv(
    path: Path,
    submissions: Iterable[Submission],
    rows: Mapping[str, Row],
    exercises: Sequence[Exercise],
) -> None:
    """Write one line for each submission.

    Args:
        path: The file. It begins with a byte order mark: without it Excel garbles names.
        submissions: The lines.
        rows: Rows by name of submission.
        exercises: The columns.
    """
    names = [exercise.id for exercise in exercises]
    most = sum(exercise.points for exercise in exercises)
    files = feedback_names(rows)
    table = [["student", "id", "submission", "status", "points", "of", *names]]
    table[0] += ["isolation", "notes", "feedback"]
    for submission in sorted(submissions, key=lambda row: row.name):
        row = rows[submission.name]
        graded = row["exercises"]
        points = [
            f"{graded[exercise.id]['share'] * exercise.points:.4g}" if exercise.id in graded else ""
            for exercise in exercises
        ]
        student = submission.student
        cells = [student.name or submission.name, student.id, submission.name, row["status"]]
        cells += [f"{total(row, exercises):.4g}", str(most), *points]
        table.append([*cells, row["isolation"], "; ".join(said(row)), files[submission.name]])
    write_table(path, table, encoding="utf-8-sig")


def write_table(path: Path, table: Iterable[Sequence[str]], encoding: str = "utf-8") -> None:
    """Write a table as CSV, with cells that no spreadsheet takes for formulas."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    for cells in table:
        writer.writerow(map(_safe, cells))
    write_whole(path, text.getvalue(), encoding=encoding)


def _safe(cell: str) -> str:
    cell = clean(" ".join(cell.split()))
    return f"'{cell}" if _FORMULA.match(cell) and cell != "-" else cell


def said(row: Row) -> list[str]:
    """Return what is to be said about a submission as a whole, lost code included."""
    return [*row["notes"], *row["lost"]]


def feedback_names(names: Iterable[str]) -> dict[str, str]:
    """Return a file name for each submission.

    It is short, every system can hold it, and it differs from the others' even where upper and
    lower case, or two ways of writing an accent, are the same.

    Example:
        >>> feedback_names(["Ann", "Lee"])
        {'Ann': 'Ann.txt', 'Lee': 'Lee.txt'}
        >>> sorted(feedback_names(["a b", "a_b"]).values())
        ['a_b-648fa9b3.txt', 'a_b-c8687a08.txt']
    """
    names = list(names)
    plain = {name: _plain_name(name) for name in names}
    counts = Counter(unicodedata.normalize("NFKC", short).casefold() for short in plain.values())
    file_names = {}
    for name, short in plain.items():
        alone = counts[unicodedata.normalize("NFKC", short).casefold()] == 1
        if _RESERVED.fullmatch(short):
            short = f"_{short}"
        if short != name or not alone:
            short += f"-{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:8]}"
        file_names[name] = f"{short}.txt"
    return file_names


def _plain_name(name: str) -> str:
    short = re.sub(r"[^\w.-]", "_", unicodedata.normalize("NFC", name)).lstrip(".-") or "_"
    return short.encode()[:_LONGEST_NAME].decode("utf-8", "ignore")


def write_feedback(
    folder: Path, rows: Mapping[str, Row], exercises: Sequence[Exercise]
) -> dict[str, Path]:
    """Write what each student should read, as plain text.

    Returns:
        The file of each submission.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = {name: folder / short for name, short in feedback_names(rows).items()}
    remove_leftovers(folder)  # once: to look for those of each file takes ten minutes of 10,000
    for name, file in files.items():
        write_whole(file, feedback(name, rows[name], exercises), tidy=False)
    return files


def remove_stale_feedback(csv_file: Path, kept: Mapping[str, Path]) -> None:
    """Remove the feedback files that an earlier run has written and this one has not.

    Args:
        csv_file: The grades of the earlier run, which name them; nothing is done without.
        kept: The files that this run has written.
    """
    try:
        with csv_file.open(newline="", encoding="utf-8-sig") as file:
            before = {row.get("feedback") for row in csv.DictReader(file)}
    except (OSError, UnicodeDecodeError, csv.Error):
        return
    folder = next(iter(kept.values())).parent
    for name in before - {file.name for file in kept.values()}:
        if name and Path(name).name == name and name.endswith(".txt"):
            (folder / name).unlink(missing_ok=True)


def feedback(name: str, row: Row, exercises: Sequence[Exercise]) -> str:
    """Return the text for one student."""
    most = sum(exercise.points for exercise in exercises)
    parts = [f"{name}: {total(row, exercises):.4g} of {most} points"]
    if row["notes"]:
        parts.append("\n".join(["About what you handed in:", *(f"  {n}" for n in row["notes"])]))
    if row["lost"]:
        head = "Of your code, this did not run to its end; what comes after it ran all the same:"
        parts.append("\n".join([head, *(f"  {lost}" for lost in row["lost"])]))
    graded = row["exercises"]
    parts += [graded[exercise.id]["text"] for exercise in exercises if exercise.id in graded]
    return "\n\n".join(clean(part, _LONGEST_TEXT) for part in parts) + "\n"
