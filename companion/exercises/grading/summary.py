"""The summary: how the class did, who needs attention, which mistakes are common."""

from collections import Counter
from collections.abc import Mapping, Sequence

from companion.exercises.exercise import ChoiceExercise, Exercise
from companion.exercises.grading.results import Row, clean, said, total
from companion.exercises.options import LETTERS

STATUSES = {
    "graded": "the code ran, and its answers were judged",
    "stopped": "the code ended the process, or took too long or too much of something; "
    "answers that came before count",
    "unreadable": "there is no code that could be run; 0 points",
    "not judged": "grading this one failed; its points are missing, look at it yourself",
}
_MOST_LISTED = 100


def summary(
    rows: Mapping[str, Row], exercises: Sequence[Exercise], remarks: Sequence[str] = ()
) -> str:
    """Return the summary in Markdown.

    Args:
        rows: Rows by name of submission.
        exercises: What was graded.
        remarks: What is to be said about the run as a whole.
    """
    totals = sorted(total(row, exercises) for row in rows.values())
    most = sum(exercise.points for exercise in exercises)
    states = Counter(row["status"] for row in rows.values())
    middle = len(totals) // 2
    median = (totals[middle] + totals[~middle]) / 2
    lines = [
        f"{len(rows)} submissions: " + ", ".join(f"{n} {state}" for state, n in states.items()),
        f"Points of {most}: mean {sum(totals) / len(totals):.3g}, median {median:.3g}, "
        f"lowest {totals[0]:.3g}, highest {totals[-1]:.3g}",
        "",
        *(f"- {state}: {meaning}" for state, meaning in STATUSES.items() if state in states),
        *(f"- {remark}" for remark in [*_isolation(rows), *remarks]),
        "",
        *_attention(rows, exercises),
        "## Exercises",
        "",
        "| exercise | attempted | right | mean share | most common wrong answer |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += [_item(exercise, rows) for exercise in exercises]
    return "\n".join(lines) + "\n"


def _isolation(rows: Mapping[str, Row]) -> list[str]:
    weak = sum(row["isolation"] not in ("bubblewrap", "") for row in rows.values())
    if not weak:
        return []
    return [f"{weak} of them ran without bubblewrap: see the column isolation"]


def _attention(rows: Mapping[str, Row], exercises: Sequence[Exercise]) -> list[str]:
    """List who needs attention, the gravest first."""
    reasons = {name: reason(row, exercises) for name, row in rows.items()}
    listed = sorted(
        (rank, name, why) for name, grave in reasons.items() if grave for rank, why in [grave]
    )
    if not listed:
        return ["Nobody needs special attention.", ""]
    lines = ["## Who needs attention", "", "| submission | points | why |", "| --- | --- | --- |"]
    for _, name, why in listed[:_MOST_LISTED]:
        points = f"{total(rows[name], exercises):.4g}"
        lines.append(f"| {_cell(name)} | {points} | {_cell(why)} |")
    if more := len(listed) - _MOST_LISTED:
        lines += ["", f"And {more} more; the column notes says why."] if more > 0 else []
    return [*lines, ""]


def reason(row: Row, exercises: Sequence[Exercise]) -> tuple[int, str] | None:
    """Return why a person should look at a submission, and how grave that is; 0 is gravest."""
    notes = said(row)
    first = notes[0] if notes else ""
    if row["status"] == "not judged":
        return 0, first
    if row["status"] == "unreadable":
        return 1, f"unreadable: {first}"
    if row["status"] == "stopped":
        return 2, f"stopped: {row['ending']}"
    if failed := [note for note in row["notes"] if "could not be judged" in note]:
        return 0, failed[0]
    points = total(row, exercises)
    if points == 0 and row["code"]:
        return 3, f"0 points, though there is code. {first}"
    if row["lost"] and points < sum(exercise.points for exercise in exercises):
        count = len(row["lost"])
        return 4, f"{count} place{'s' * (count > 1)} where code was lost: {row['lost'][0]}"
    if row["notes"]:
        return 5, first
    return None


def _cell(text: str) -> str:
    """Write a text as one cell of a table in Markdown."""
    text = clean(" ".join(text.split()), 200).replace("\\", "\\\\")
    return text.replace("|", "\\|").replace("<", "&lt;").replace("`", "'")


def _item(exercise: Exercise, rows: Mapping[str, Row]) -> str:
    graded = [r["exercises"][exercise.id] for r in rows.values() if exercise.id in r["exercises"]]
    tried = [row for row in graded if row["state"] != "not attempted"]
    right = sum(row["share"] >= 1 for row in graded)
    mean = sum(row["share"] for row in tried) / len(tried) if tried else 0.0
    return f"| {exercise.id} | {len(tried)} | {right} | {mean:.0%} | {_common(exercise, tried)} |"


def _common(exercise: Exercise, graded: Sequence[Row]) -> str:
    counts = Counter(row["wrong"] for row in graded if row["wrong"] is not None)
    if not counts:
        return ""
    ((number, times),) = counts.most_common(1)
    if isinstance(exercise, ChoiceExercise):
        text = f"option {LETTERS[number]}"
    else:
        text = exercise.wrong[number].message.split(". ")[0].rstrip(".")
    return f"{times} x: {text}".replace("|", "\\|")
