"""Show a verdict, as text in a terminal and as HTML in a notebook."""

import html
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from companion.exercises.verdict import CaseResult, Verdict

_COLORS = {"right": "#1a7f37", "partly right": "#9a6700", "wrong": "#cf222e"}


def headline(verdict: "Verdict") -> str:
    """Return exercise, state and points in one line."""
    exercise, total = verdict.exercise, verdict.exercise.points
    if verdict.state in ("not attempted", "to assess"):
        return f"{exercise.id}: {verdict.state} ({total} point{'s' * (total > 1)})"
    cases = ""
    if verdict.cases:
        passed = sum(case.passed for case in verdict.cases)
        cases = f"{passed} of {len(verdict.cases)} cases, "
    return f"{exercise.id}: {verdict.state} ({cases}{verdict.points:.3g} of {total} points)"


def as_text(verdict: "Verdict") -> str:
    """Return the verdict as plain text.

    Every failed case says what was passed, expected and returned, and what to think about.
    """
    lines = [headline(verdict)]
    if verdict.message:
        lines.append(_plain(verdict.message))
    for case in verdict.cases:
        lines.append(f"  {'passed' if case.passed else 'FAILED'}  {case.name}")
        if not case.passed:
            lines += [f"          {label}: {text}" for label, text in _details(case)]
    return "\n".join(lines)


def as_html(verdict: "Verdict") -> str:
    """Return the verdict as HTML that is readable in a light and in a dark notebook."""
    color = _COLORS.get(verdict.state, "#6e7781")
    parts = [f"<strong>{html.escape(headline(verdict))}</strong>"]
    if verdict.message:
        parts.append(
            f"<div style='white-space: pre-wrap'>{html.escape(_plain(verdict.message))}</div>"
        )
    if verdict.cases:
        items = "".join(map(_case_html, verdict.cases))
        parts.append(f"<ul style='margin: 0.3em 0'>{items}</ul>")
    return (
        f"<div role='status' style='border-left: 4px solid {color}; padding: 0.2em 0.8em'>"
        + "".join(parts)
        + "</div>"
    )


def _case_html(case: "CaseResult") -> str:
    state = "passed" if case.passed else "failed"
    text = f"{state}: {html.escape(case.name)}"
    if case.passed:
        return f"<li>{text}</li>"
    details = "".join(
        f"<br><em>{label}</em>: <code style='white-space: pre-wrap'>{html.escape(said)}</code>"
        if label != "think"
        else f"<br><em>{label}</em>: {html.escape(said)}"
        for label, said in _details(case)
    )
    return f"<li><strong>{text}</strong>{details}</li>"


def _details(case: "CaseResult") -> list[tuple[str, str]]:
    details = [("called with", case.shown), ("but", case.problem), ("think", case.think)]
    return [(label, text) for label, text in details if text]


def _plain(markdown: str) -> str:
    """Drop the marks of Markdown that only disturb in plain text."""
    return re.sub(r"```\w*\n?|\*\*|`", "", markdown).strip()
