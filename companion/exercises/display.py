"""Show a verdict, as text in a terminal and as HTML in a notebook.

Messages are Markdown with three marks: `code`, **strong** and *emphasis*, and fenced blocks. They
are parsed by markdown-it, so that stars and backticks inside of code stay.
"""

import dis
import html
import re
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

    from companion.exercises.verdict import CaseResult, Verdict

_COLORS = {"right": "#1a7f37", "partly right": "#9a6700", "wrong": "#cf222e"}
_WRAP = "white-space: pre-wrap"


def headline(verdict: "Verdict") -> str:
    """Return exercise, state and points in one line."""
    exercise, total = verdict.exercise, verdict.exercise.points
    if verdict.state in ("not attempted", "not judged", "to assess"):
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
        parts.append(f"<div style='{_WRAP}'>{_marked_up(verdict.message)}</div>")
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
        f"<br><em>{label}</em>: <code style='{_WRAP}'>{html.escape(said)}</code>"
        if label != "think"
        else f"<br><em>{label}</em>: {_marked_up(case.think)}"
        for label, said in _details(case)
    )
    return f"<li><strong>{text}</strong>{details}</li>"


def _details(case: "CaseResult") -> list[tuple[str, str]]:
    think = _plain(case.think) if case.think else ""
    details = [("called with", case.shown), ("but", case.problem), ("think", think)]
    return [(label, text) for label, text in details if text]


def as_code(text: str) -> str:
    """Return any text as a code span of Markdown, so that its characters mean nothing.

    Example:
        >>> as_code("a ` b")
        '`` a ` b ``'
    """
    longest = max(map(len, re.findall("`+", text)), default=0)
    marks = "`" * (longest + 1)
    pad = " " if longest else ""
    return marks + pad + " ".join(text.splitlines()) + pad + marks


@cache
def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    return MarkdownIt("zero").enable(["fence", "backticks", "emphasis"])


def _plain(markdown: str) -> str:
    """Return Markdown as plain text: without its marks, with every line of it."""
    return "\n\n".join(map(_plain_block, _blocks(markdown))).strip()


def _blocks(markdown: str) -> list["Token"]:
    return [token for token in _parser().parse(markdown) if token.type in ("inline", "fence")]


def _plain_block(block: "Token") -> str:
    if block.type == "fence":
        return block.content.rstrip()
    return "".join(token.content for token in block.children)


def _marked_up(markdown: str) -> str:
    """Return Markdown as HTML, its paragraphs apart by an empty line."""
    parser = _parser()
    return "\n\n".join(
        f"<code>{html.escape(block.content.rstrip())}</code>"
        if block.type == "fence"
        else parser.renderer.render(block.children, parser.options, {})
        for block in _blocks(markdown)
    )


def show_if_lost(result: Any, depth: int = 2) -> Any:
    """Show a result that the caller throws away, and return it.

    A notebook shows the value of a cell's last line, and a Python prompt that of every line. In a
    script, or in the middle of a cell, ``ex.check(...)`` alone on a line would show nothing. What
    the caller does with a value shows in its bytecode: after the call the value is popped.

    Args:
        result: What a learner's call returns.
        depth: How many frames above this one the learner's call is.
    """
    frame = sys._getframe(depth)
    following = (
        instruction
        for instruction in dis.get_instructions(frame.f_code)
        if instruction.offset > frame.f_lasti
    )
    if next(following).opname == "POP_TOP":
        if "IPython" in sys.modules and sys.modules["IPython"].get_ipython():
            sys.modules["IPython"].display.display(result)
        else:
            print(result)  # noqa: T201, the learner asked for it
    return result
