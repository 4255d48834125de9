"""What an instructor gets: grades as CSV, feedback for each student, a summary of the items."""

import csv
import io
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from companion.exercises.exercise import ChoiceExercise, Exercise

Row = Mapping[str, Any]
_FORMULA = re.compile(r"^[=+\-@\t\r]")  # a spreadsheet would run it


def total(row: Row, exercises: Sequence[Exercise]) -> float:
    """Return the points of a submission."""
    graded = row["exercises"]
    return sum(graded[one.id]["share"] * one.points for one in exercises if one.id in graded)


def write_csv(path: Path, rows: Mapping[str, Row], exercises: Sequence[Exercise]) -> None:
    """Write one line for each submission; the file is replaced as a whole.

    Args:
        path: The file.
        rows: Rows by name of submission.
        exercises: The columns.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    names = [one.id for one in exercises]
    writer.writerow(["submission", "status", "points", "of", *names, "notes"])
    most = sum(one.points for one in exercises)
    for name, row in sorted(rows.items()):
        points = [
            f"{row['exercises'][one.id]['share'] * one.points:.4g}"
            if one.id in row["exercises"]
            else ""
            for one in exercises
        ]
        cells = [name, row["status"], f"{total(row, exercises):.4g}", str(most), *points]
        writer.writerow(map(_safe, [*cells, "; ".join(row["notes"])]))
    _replace(path, text.getvalue())


def _safe(cell: str) -> str:
    """Keep a spreadsheet from taking a cell for a formula."""
    cell = " ".join(cell.split())
    return f"'{cell}" if _FORMULA.match(cell) else cell


def write_feedback(folder: Path, name: str, row: Row, exercises: Sequence[Exercise]) -> Path:
    """Write what a student should read, as plain text.

    Returns:
        The file.
    """
    most = sum(one.points for one in exercises)
    parts = [f"{name}: {total(row, exercises):.4g} of {most} points"]
    if row["notes"]:
        parts.append("About your code as a whole:\n" + "\n".join(f"  {n}" for n in row["notes"]))
    parts += [row["exercises"][one.id]["text"] for one in exercises if one.id in row["exercises"]]
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / (re.sub(r"[^\w.-]", "_", name) + ".txt")
    _replace(file, "\n\n".join(parts) + "\n")
    return file


def summary(rows: Mapping[str, Row], exercises: Sequence[Exercise]) -> str:
    """Return statistics in Markdown: share right, mean share, common wrong answers of each item."""
    totals = sorted(total(row, exercises) for row in rows.values())
    most = sum(one.points for one in exercises)
    states = Counter(row["status"] for row in rows.values())
    middle = len(totals) // 2
    median = (totals[middle] + totals[~middle]) / 2
    lines = [
        f"{len(rows)} submissions: " + ", ".join(f"{n} {state}" for state, n in states.items()),
        f"Points of {most}: mean {sum(totals) / len(totals):.3g}, median {median:.3g}, "
        f"lowest {totals[0]:.3g}, highest {totals[-1]:.3g}",
        "",
        "| exercise | attempted | right | mean share | most common wrong answer |",
        "| --- | --- | --- | --- | --- |",
    ]
    for exercise in exercises:
        graded = [r["exercises"][exercise.id] for r in rows.values() if r["exercises"]]
        tried = [one for one in graded if one["state"] != "not attempted"]
        right = sum(one["share"] >= 1 for one in graded)
        mean = sum(one["share"] for one in tried) / len(tried) if tried else 0.0
        lines.append(
            f"| {exercise.id} | {len(tried)} | {right} | {mean:.0%} | {_common(exercise, tried)} |"
        )
    return "\n".join(lines) + "\n"


def _common(exercise: Exercise, graded: Sequence[Row]) -> str:
    counts = Counter(one["wrong"] for one in graded if one["wrong"] is not None)
    if not counts:
        return ""
    ((number, times),) = counts.most_common(1)
    if isinstance(exercise, ChoiceExercise):
        text = f"option {'abcdefgh'[number]}"
    else:
        text = exercise.wrong[number].message.split(". ")[0].rstrip(".")
    return f"{times} x: {text}".replace("|", "\\|")


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8", newline="")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
