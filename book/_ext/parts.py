"""The directive ``parts``: the parts of the book, what one can do after each, what each takes.

Its content says for each part, by its caption in ``_toc.yml``, what a reader can do afterwards.
Pages, exercises and minutes are counted, so that the table can't go stale.
"""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

import yaml
from docutils import nodes
from project import find_project
from sphinx.util.docutils import SphinxDirective
from timings import read_timings

WORDS_A_MINUTE = 200
_FRONT = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
_BLOCK = re.compile(r"^(`{3,}|~{3,}|:{3,})\{?[\s\S]*?^\1\s*$", re.MULTILINE)


def reading_minutes(text: str) -> float:
    r"""Minutes that a page's prose takes to read; code, quizzes and directives are left out.

    Example:
        >>> reading_minutes("# Title\n\n" + "word " * 398)
        2.0
    """
    prose = _BLOCK.sub("", _FRONT.sub("", text))
    return len(re.findall(r"[^\W_]+", prose)) / WORDS_A_MINUTE if prose else 0.0


def duration(minutes: float) -> str:
    """Return minutes in words, rounded as an estimate is.

    Example:
        >>> duration(3.2), duration(41), duration(100)
        ('3 min', '40 min', '1 h 40 min')
    """
    if minutes < 10:
        return f"{max(1, round(minutes))} min"
    hours, rest = divmod(10 * round(minutes / 10), 60)
    return " ".join([f"{hours} h"] * (hours > 0) + [f"{rest} min"] * (rest > 0))


class Parts(SphinxDirective):
    """A table of the parts of the book."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Count what each part has, and write its row."""
        project = find_project(Path(self.env.srcdir))
        gains = dict(line.split(": ", 1) for line in self.content if line.strip())
        rows = []
        contents = yaml.safe_load((project.root / "_toc.yml").read_text(encoding="utf-8"))
        for part in contents["parts"]:
            gain = gains.pop(part["caption"], None)
            if gain is not None:
                names = [chapter["file"] for chapter in part["chapters"]]
                rows.append(_row(part["caption"], gain, names, project))
        if gains:
            raise self.error(f"parts: _toc.yml has no part {', '.join(gains)}")
        head = "<tr><th>Part</th><th>After it, you can</th><th>It has</th></tr>"
        body = f"<thead>{head}</thead><tbody>{''.join(rows)}</tbody>"
        table = f'<table class="table parts">{body}</table>'
        return [
            nodes.raw(
                "", f'<div class="pst-scrollable-table-container">{table}</div>', format="html"
            )
        ]


def _row(caption: str, gain: str, names: list[str], project: object) -> str:
    texts = [(project.root / f"{name}.md").read_text(encoding="utf-8") for name in names]
    pages = [name.removeprefix("book/") for name in names]
    by_page = json.loads(project.exercises.read_text(encoding="utf-8"))
    exercises = sum(len(by_page.get(page, [])) for page in pages)
    timings = read_timings(project.timings)
    seconds = sum(timings.get(page, {}).get("cpu", {}).get("seconds", 0.0) for page in pages)
    facts = [f"{len(pages)} pages", f"{exercises} exercises" if exercises else ""]
    facts += [f"{duration(sum(map(reading_minutes, texts)))} to read"]
    facts += [f"{duration(seconds / 60)} to run" if seconds else ""]
    first = html.escape(f"{names[0]}.html", quote=True)
    name = f'<a href="{first}">{html.escape(caption)}</a>'
    cells = [name, html.escape(gain), ", ".join(filter(None, facts))]
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
