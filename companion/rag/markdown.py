"""Markdown as prose: sections by heading, with code, labels and other marks taken away.

Understands what MyST and jupytext add: front matter, ``{code-cell}`` and other directives, roles
such as ``{term}`token` ``, labels and cell breaks. The text of a note stays, its fence goes.

Left out: headings underlined with ``===``, tables (kept as they are written), raw HTML (kept).
"""

import re
from typing import NamedTuple

FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,}|:{3,})[ \t]*(\{[^{}`]*\})?[ \t]*(.*)$")
HEADING = re.compile(r"^ {0,3}(#{1,6})[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*$")
TITLE = re.compile(r"^title:[ \t]*(.+)$", re.MULTILINE)
LABEL = re.compile(r"^\([\w:.-]+\)=[ \t]*$")
CODE = frozenset(
    {"code-cell", "code", "code-block", "literalinclude", "sourcecode", "parsed-literal"}
)
HIDDEN = frozenset(
    {
        "toctree",
        "dot",
        "graphviz",
        "mermaid",
        "raw",
        "bibliography",
        "widget",
        "include",
        "tableofcontents",
    }
)
UNTITLED = frozenset(
    {"figure", "image", "math", "table", "list-table", "glossary", "exercise", "solution"}
)
"""Directives whose argument is a path or a name, not a sentence."""


class Block(NamedTuple):
    """A fence that is open."""

    fence: str
    kind: str
    """``prose``, ``code`` or ``hidden``."""


def markdown_sections(text: str, *, code: bool = False) -> tuple[str, list[tuple[str, str]]]:
    r"""Cut Markdown at its headings and take the marks away.

    Args:
        text: The file's text, with ``\n`` as line break.
        code: Keep the lines of blocks of program code.

    Returns:
        The title (the first heading of level 1, else the front matter's ``title``, else empty),
        and pairs of heading and text. The text before the first heading has an empty heading; a
        section without text is left out.

    Example:
        >>> markdown_sections("# Trees\n\nAn *oak* is a {term}`tree`.\n\n```\n1 + 1\n```")
        ('Trees', [('Trees', 'An *oak* is a tree.')])
    """
    front, body = _front_matter(text)
    declared = TITLE.search(front)
    title = ""
    sections: list[tuple[str, list[str]]] = [("", [])]
    blocks: list[Block] = []
    options = False  # are we among the option lines below the fence of a directive?
    for line in body.split("\n"):
        fence = FENCE.match(line)
        if fence and _handle_fence(fence, blocks, sections[-1][1]):
            options = bool(fence[2])
            continue
        options = options and line.lstrip().startswith(":")
        kind = blocks[-1].kind if blocks else "prose"
        if options or kind == "hidden" or (kind == "code" and not code):
            continue
        heading = HEADING.match(line) if kind == "prose" else None
        if heading:
            name = _inline(heading[2]).strip()
            sections.append((name, []))
            title = title or (name if len(heading[1]) == 1 else "")
        elif kind == "code":
            sections[-1][1].append(line)
        elif not (LABEL.match(line) or line.startswith(("%", "+++"))):
            sections[-1][1].append(_inline(line))
    title = title or (declared[1].strip().strip("'\"") if declared else "")
    joined = ((heading, _tidy("\n".join(lines))) for heading, lines in sections)
    return title, [(heading, text) for heading, text in joined if text]


def _front_matter(text: str) -> tuple[str, str]:
    """Split off the block between two lines ``---`` at the very beginning."""
    if not text.startswith("---\n"):
        return "", text
    end = re.compile(r"^(?:---|\.\.\.)[ \t]*$", re.MULTILINE).search(text, 4)
    return (text[4 : end.start()], text[end.end() :]) if end else ("", text)


def _handle_fence(fence: re.Match[str], blocks: list[Block], lines: list[str]) -> bool:
    """Open or close a block; returns False if the line is no fence where it stands."""
    marks, directive, argument = fence[1], fence[2], fence[3].strip()
    current = blocks[-1] if blocks else None
    closes = current and not directive and not argument and current.fence[0] == marks[0]
    if closes and len(marks) >= len(current.fence):
        blocks.pop()
        return True
    if current and current.kind != "prose":
        return False  # code may contain anything
    if marks[0] == ":" and not directive:
        return False
    if marks[0] == "`" and "`" in argument:
        return False
    name = (directive or "{}")[1:-1].split()[0] if directive and directive[1:-1].strip() else ""
    kind = "prose"
    if not name or name in CODE:
        kind = "code"
    elif name in HIDDEN:
        kind = "hidden"
    elif argument and name not in UNTITLED:
        lines.append(_inline(argument))
    blocks.append(Block(marks, kind))
    return True


def _inline(line: str) -> str:
    """Reduce roles, links and images of a line to their text."""
    line = re.sub(r"\{cite(?::\w+)?\}`[^`]*`", "", line)
    line = re.sub(r"\{[\w:-]+\}`([^`<]*?)(?:[ \t]*<[^`>]*>)?`", r"\1", line)
    return re.sub(r"!?\[([^\[\]]*)\]\([^()\s]*(?:[ \t]+\"[^\"]*\")?\)", r"\1", line)


def _tidy(text: str) -> str:
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in text.split("\n"))).strip()
