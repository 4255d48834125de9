"""The directive ``parts``: the parts of the book, what one can do after each, what each takes.

Its content says for each part, by its caption in ``_toc.yml``, what a reader can do afterwards.
Pages, exercises and minutes are counted, so that the table can't go stale.
"""

from __future__ import annotations

import functools
import html
import json
import re
from pathlib import Path

import yaml
from docutils import nodes
from project import Project, find_project
from sphinx.util.docutils import SphinxDirective
from timings import read_timings

WORDS_A_MINUTE = 200
_LOOKED_UP = ("back/", "package/")
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


def place(name: str, project: Project) -> str:
    """Say in which part a page stands and how long it takes, for a link that leads there.

    Args:
        name: Name of the page, such as ``book/gpt/sampling``.
        project: The checkout.

    Returns:
        Words such as ``The GPT family · 8 min``. Of exercises the number stands there; what is not
        read through, such as the glossary, has its part alone, the title page nothing.
    """
    part = _parts_by_page(project.root / "_toc.yml").get(name)
    if part is None:
        return ""
    short = name.removeprefix("book/")
    exercises = [
        exercise
        for of_page in exercises_by_page(project.exercises).values()
        for exercise in of_page
        if exercise["at"] == short
    ]
    if short.startswith(_LOOKED_UP):
        return part
    if exercises:
        return f"{part} · {len(exercises)} exercises"
    text = (project.root / f"{name}.md").read_text(encoding="utf-8")
    return f"{part} · {duration(reading_minutes(text))}"


@functools.cache
def _parts_by_page(contents: Path) -> dict[str, str]:
    """For each page its part."""
    parts = yaml.safe_load(contents.read_text(encoding="utf-8")).get("parts", [])
    return {
        page["file"]: part["caption"]
        for part in parts
        for chapter in part["chapters"]
        for page in [chapter, *chapter.get("sections", [])]
    }


@functools.cache
def exercises_by_page(path: Path) -> dict[str, list[dict[str, str]]]:
    """For each page its exercises, as ``exercise_pages`` has written them."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


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


def _row(caption: str, gain: str, names: list[str], project: Project) -> str:
    texts = [(project.root / f"{name}.md").read_text(encoding="utf-8") for name in names]
    pages = [name.removeprefix("book/") for name in names]
    by_page = exercises_by_page(project.exercises)
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
