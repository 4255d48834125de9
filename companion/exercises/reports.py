"""A completion report: one HTML file with scores, and a digest of what it says."""

import hashlib
import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from companion.exercises.exercise import Exercise
from companion.exercises.records import Record, now

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:48rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}"
    "td,th{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #8884}"
    "td:nth-child(n+3){white-space:nowrap}code{overflow-wrap:anywhere}"
    ":root{color-scheme:light dark}"
)


def digest(records: Mapping[str, Record], name: str, written: str) -> str:
    """Return the SHA-256 digest of a report's content, in hexadecimal.

    It shows whether a report was changed by accident or edited carelessly. Everyone can compute
    it, so it proves nothing about who solved the exercises.
    """
    content = {
        "name": name,
        "written": written,
        "records": {key: asdict(record) for key, record in sorted(records.items())},
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def report_page(
    exercises: Sequence[Exercise], records: Mapping[str, Record], name: str = ""
) -> str:
    """Return the report as an HTML page.

    Args:
        exercises: All exercises, in the order of the book.
        records: What the learner did.
        name: Name for the report; nobody checks it.
    """
    written = now()
    rows, earned = [], 0.0
    for exercise in exercises:
        record = records.get(exercise.id, Record())
        earned += record.best * exercise.points
        cells = (
            exercise.title,
            exercise.section,
            f"{record.best * exercise.points:.3g} of {exercise.points}",
            str(record.attempts),
            _how(record),
        )
        rows.append("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>")
    total = sum(exercise.points for exercise in exercises)
    solved = sum(bool(records.get(exercise.id, Record()).solved) for exercise in exercises)
    who = f" of {html.escape(name)}" if name else ""
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>Exercises{who}</title><style>{_STYLE}</style><h1>Exercises{who}</h1>"
        f"<p>{solved} of {len(exercises)} exercises solved, {earned:.4g} of {total} points. "
        f"Written {written}.</p><table><tr><th>Exercise<th>Section<th>Points<th>Attempts<th>How"
        f"</tr>{''.join(rows)}</table><p>Digest: <code>{digest(records, name, written)}</code></p>"
        "<p>This page was written on the learner's own machine, from a file that the learner can "
        "edit. It is a record for oneself; it proves neither who did the work nor that it was "
        "done.</p></html>\n"
    )


def _how(record: Record) -> str:
    if not record.attempts:
        return "not attempted"
    if not record.solved:
        return "begun"
    hints = f"{record.hints} hint{'s' * (record.hints != 1)}"
    return f"solved, {hints}" if record.unaided else "solved after seeing the solution"
