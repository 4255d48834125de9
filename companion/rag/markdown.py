"""Markdown as prose: sections by heading, with code, labels and other marks taken away.

Understands what MyST and jupytext add: front matter, ``{code-cell}`` and other directives, roles
such as ``{term}`token` ``, labels and cell breaks. The text of a note stays, its fence goes. The
lines of a paragraph become one line: where the source was wrapped says nothing about its text, and
a chunk should not end there.

Left out: headings underlined with ``===``, tables (kept as they are written), raw HTML (kept).
"""

import re
import unicodedata
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
OWN_LINE = re.compile(
    r"\s*(?:(?P<rule>([-*_])[ \t]*(?:\2[ \t]*){2,}$)|[-*+:]\s|(?P<number>\d{1,9})[.)]\s|\||>|\$\$)"
)
"""Beginnings of what stands on a line of its own: list items, rows, quotes, formulas, rules."""


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
    sections = _Sections()
    blocks: list[Block] = []
    options = False  # are we among the option lines below the fence of a directive?
    for line in body.split("\n"):
        fence = FENCE.match(line)
        if fence and _handle_fence(fence, blocks, sections):
            options = bool(fence[2])
            continue
        options = options and line.lstrip().startswith(":")
        kind = blocks[-1].kind if blocks else "prose"
        if options or kind == "hidden" or (kind == "code" and not code):
            continue
        heading = HEADING.match(line) if kind == "prose" else None
        if heading:
            name = _inline(heading[2]).strip()
            sections.begin(name)
            title = title or (name if len(heading[1]) == 1 else "")
        elif kind == "code":
            sections.add(line)
        elif LABEL.match(line) or line.startswith(("%", "+++")):
            sections.end_paragraph()
        else:
            sections.add_prose(line)
    title = title or (declared[1].strip().strip("'\"") if declared else "")
    return title, sections.texts()


class _Sections:
    """Collects the sections of a file."""

    def __init__(self) -> None:
        self._found: list[tuple[str, list[str]]] = [("", [])]
        self._paragraph: list[str] = []  # its pieces; it may go on in the next line
        self._formula = False

    def begin(self, heading: str) -> None:
        """Begin a section."""
        self.end_paragraph()
        self._found.append((heading, []))
        self._formula = False

    def add(self, line: str) -> None:
        """Add a line as it is."""
        self.end_paragraph()
        self._found[-1][1].append(line)

    def add_prose(self, line: str) -> None:
        """Add a line of prose, to the paragraph before it if it goes on with that."""
        bare = line.strip()
        own = OWN_LINE.match(line)
        begun = self._paragraph[0] if self._paragraph else "- "
        if own and own["number"] not in (None, "1") and not OWN_LINE.match(begun):
            own = None  # a number that happens to begin a line, unless we are in a list
        if self._formula or not bare or (own and "$$" in bare):
            self._formula ^= bare.count("$$") % 2 == 1
            self.add(_inline(line))
        elif self._paragraph and not own:
            self._paragraph += [_blank(self._paragraph[-1][-1], bare[0]), bare]
        else:
            self.end_paragraph()
            self._paragraph = [line.rstrip()]
        code = not own and len(self._paragraph) == 1 and line.startswith(("    ", "\t"))
        alone = code or bare.startswith(("|", ">")) or (own and own["rule"])
        if alone or line.endswith(("  ", "\\")):
            self.end_paragraph()

    def end_paragraph(self) -> None:
        """End the paragraph, if there is one."""
        if self._paragraph:
            self._found[-1][1].append(_inline("".join(self._paragraph).removesuffix("\\")))
            self._paragraph = []

    def texts(self) -> list[tuple[str, str]]:
        """Return pairs of heading and text, without empty sections."""
        self.end_paragraph()
        tidy = ((heading, _tidy("\n".join(lines))) for heading, lines in self._found)
        return [(heading, text) for heading, text in tidy if text]


def _blank(before: str, after: str) -> str:
    """Return what joins two lines: nothing between Chinese or Japanese characters."""
    wide = all(unicodedata.east_asian_width(one) in "WF" for one in (before, after))
    return "" if wide else " "


def _front_matter(text: str) -> tuple[str, str]:
    """Split off the block between two lines ``---`` at the very beginning."""
    if not text.startswith("---\n"):
        return "", text
    end = re.compile(r"^(?:---|\.\.\.)[ \t]*$", re.MULTILINE).search(text, 4)
    return (text[4 : end.start()], text[end.end() :]) if end else ("", text)


def _handle_fence(fence: re.Match[str], blocks: list[Block], sections: _Sections) -> bool:
    """Open or close a block; returns False if the line is no fence where it stands."""
    marks, directive, argument = fence[1], fence[2], fence[3].strip()
    current = blocks[-1] if blocks else None
    closes = current and not directive and not argument and current.fence[0] == marks[0]
    if closes and len(marks) >= len(current.fence):
        sections.end_paragraph()
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
    sections.end_paragraph()
    if not name or name in CODE:
        kind = "code"
    elif name in HIDDEN:
        kind = "hidden"
    elif argument and name not in UNTITLED:
        sections.add(_inline(argument))
    blocks.append(Block(marks, kind))
    return True


def _inline(line: str) -> str:
    """Reduce roles, links and images of a line to their text."""
    line = re.sub(r"\{cite(?::\w+)?\}`[^`]*`", "", line)
    line = re.sub(r"\{[\w:-]+\}`([^`<]*?)(?:[ \t]*<[^`>]*>)?`", r"\1", line)
    return re.sub(r"!?\[([^\[\]]*)\]\([^()\s]*(?:[ \t]+\"[^\"]*\")?\)", r"\1", line)


def _tidy(text: str) -> str:
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in text.split("\n"))).strip()
