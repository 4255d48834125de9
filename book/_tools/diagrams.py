"""Draw the diagrams of the pages, so that nobody needs Graphviz to build the site.

    python book/_tools/diagrams.py            draw what changed, delete what no page has any more
    python book/_tools/diagrams.py --check    is every diagram drawn? Needs no Graphviz

A page holds the source of a diagram in a ``{dot}`` block. The drawing is a file in
``book/_diagrams`` whose name has the page and a hash of the source: a changed diagram has no
drawing until it is drawn again.

All diagrams have letters of the same sizes. One that runs from left to right and is too wide for a
phone is drawn a second time from top to bottom; the page shows one of the two. Lines of the source
that begin with ``// upright:`` count in the second drawing only, such as an edge that nobody sees
and that puts two groups below each other.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from markdown_it import MarkdownIt
from mdit_py_plugins.colon_fence import colon_fence_plugin
from mdit_py_plugins.front_matter import front_matter_plugin
from project import BookError, Page, Project, find_project

FOLDER = "_diagrams"
_COMMAND = [
    "dot",
    "-Tsvg",
    "-Gbgcolor=transparent",
    "-Gfontname=sans-serif",
    "-Nfontname=sans-serif",
    "-Efontname=sans-serif",
]
_LETTERS = {"graph": 12, "node": 12, "edge": 11}  # font sizes in points
_STYLE = "2"  # another number draws all diagrams again
_PIXELS_PER_POINT = 4 / 3
_SMALLEST_SCALE = 0.7
_WIDEST = 640  # pixels that a page has for a diagram, on a screen 1,280 pixels wide
_PHONE = 350  # pixels that it has on a screen 390 pixels wide
_SMALLEST_LETTERS = 9  # pixels
_COLORS = {"black": "currentColor", "#000000": "currentColor"}
_PARSER = MarkdownIt().use(front_matter_plugin).use(colon_fence_plugin)
_OPTION = re.compile(r":[\w-]+:")
_UPRIGHT = re.compile(r"^\s*// upright:(.*)$", re.MULTILINE)
_FONT_SIZE = re.compile(r"\bfontsize=[\d.]+[,;]?\s*")
_EDGE_LABEL = re.compile(r'(->[^\[;]*\[[^\]]*\blabel=")(?! )')
_DRAWN = re.compile(r'<svg width="(\d+)pt"')


def main(arguments: list[str] | None = None, project: Project | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    options = parser.parse_args(arguments)
    try:
        return update(project or find_project(), check_only=options.check)
    except BookError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def update(project: Project, *, check_only: bool = False) -> int:
    """Draw the diagrams without a drawing and delete drawings without a diagram.

    Args:
        project: The checkout.
        check_only: Tell what would be done, and do nothing.

    Returns:
        Exit status: 1 if ``check_only`` and something is to be done, else 0.

    Raises:
        BookError: If a diagram is to be drawn and can't be.
    """
    wanted = {
        drawing_path(project, page.name, source): (page, source)
        for page in project.pages()
        for source in sources(page.text())
    }
    stored = set((project.book / FOLDER).glob("*.svg"))
    missing, unused = sorted(set(wanted) - stored), sorted(stored - set(wanted))
    if check_only:
        for path in missing:
            print(f"error: a diagram of {wanted[path][0].name} is not drawn", file=sys.stderr)
        for path in unused:
            print(f"error: {path.name}: no page has this diagram", file=sys.stderr)
        if missing or unused:
            print("run: make diagrams", file=sys.stderr)
            return 1
        print(f"{len(wanted)} diagrams are drawn as the pages have them")
        return 0
    for path in missing:
        page, source = wanted[path]
        drawing = draw(source, page)
        path.parent.mkdir(exist_ok=True)
        path.write_text(drawing, encoding="utf-8")
    for path in unused:
        path.unlink()
    print(f"{len(wanted)} diagrams: {len(missing)} drawn, {len(unused)} deleted")
    return 0


def sources(text: str) -> Iterator[str]:
    """The sources of all ``{dot}`` blocks of a page, nested ones too, in order.

    Args:
        text: MyST source.
    """
    for token in _PARSER.parse(text):
        if token.type not in ("fence", "colon_fence"):
            continue
        if token.info.strip() == "{dot}":
            lines = token.content.split("\n")
            while lines and _OPTION.match(lines[0]):
                del lines[0]
            yield "\n".join(lines).strip()
        elif token.info.startswith("{"):
            yield from sources(token.content)


def drawing_path(project: Project, page: str, source: str) -> Path:
    """Where the drawing of a diagram is kept.

    Args:
        project: The checkout.
        page: Name of the page, such as ``gpt/sampling``.
        source: The diagram in Graphviz's language.
    """
    key = hashlib.sha256(f"{_STYLE} {source.strip()}".encode()).hexdigest()[:10]
    return project.book / FOLDER / f"{page.replace('/', '-')}-{key}.svg"


def draw(source: str, page: Page) -> str:
    """The diagram as SVG for ``themed``, and the upright one below it if there is one.

    Raises:
        BookError: If Graphviz is missing or refuses the source, or no phone can show the diagram.
    """
    if shutil.which("dot") is None:
        raise BookError(
            f"a diagram of {page.name} is new or changed, and Graphviz, which draws it, is not "
            "installed; to install it: sudo apt-get install graphviz"
        )
    across = _graphviz(source, page)
    if not is_wide(across):
        return themed(across) + "\n"
    upright = _graphviz(upright_source(source), page)
    letters = _SMALLEST_SCALE * min(_LETTERS.values()) * _PIXELS_PER_POINT
    letters *= min(1, _PHONE / _shown(upright))
    if letters < _SMALLEST_LETTERS:
        raise BookError(
            f"{page.name}: on a phone, letters of a diagram would be {letters:.1f} pixels high; "
            f"{_SMALLEST_LETTERS} is the least. Make it narrower from top to bottom, with lines "
            "that begin with `// upright:` if it is good as it is on a wide screen"
        )
    if upright == across:
        return themed(across, widest=_PHONE) + "\n"
    across, upright = themed(across, "across"), themed(upright, "upright", widest=_PHONE)
    return f"{across}\n{upright}\n"


def is_wide(svg: str) -> bool:
    """Whether a phone could only show a drawing in part.

    Args:
        svg: What ``dot -Tsvg`` printed.
    """
    return _shown(svg) > _PHONE


def upright_source(source: str) -> str:
    r"""The source from top to bottom, with the lines that count there only.

    Example:
        >>> upright_source("digraph { rankdir=LR; a -> b\n// upright: b -> c\n}")
        'digraph { rankdir=TB; a -> b\n b -> c\n}'
    """
    upright = source.replace("rankdir=LR", "rankdir=TB")
    if upright != source:  # words beside a line, no longer above it
        upright = _EDGE_LABEL.sub(r"\1 ", upright)
    return _UPRIGHT.sub(r"\1", upright)


def _shown(svg: str) -> float:
    """Pixels that a drawing needs at least."""
    width = _DRAWN.search(svg)
    return int(width[1]) * _PIXELS_PER_POINT * _SMALLEST_SCALE if width else 0


def _graphviz(source: str, page: Page) -> str:
    """What Graphviz draws of a source, with the letters of this book."""
    sizes = [f"-{kind[0].upper()}fontsize={size}" for kind, size in _LETTERS.items()]
    plain = _FONT_SIZE.sub("", source)
    done = subprocess.run(
        [*_COMMAND, *sizes], input=plain, text=True, capture_output=True, check=False
    )
    if done.returncode != 0:
        raise BookError(f"{page.name}: dot: {done.stderr.strip()}")
    return done.stdout


def themed(svg: str, name: str = "", *, widest: int = _WIDEST) -> str:
    """Graphviz's SVG without prologue, ids and fixed colors.

    Args:
        svg: What ``dot -Tsvg`` printed.
        name: Class of the drawing: ``across`` or ``upright`` where there are both.
        widest: Pixels that the page has for it.
    """
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r"<!--.*?-->|<title>.*?</title>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' id="[^"]*"', "", svg)
    svg = re.sub(r"\n\s*\n+", "\n", svg)
    for fixed, themed_color in _COLORS.items():
        svg = svg.replace(f'"{fixed}"', f'"{themed_color}"')
    if width := round(_shown(svg)):  # on a phone, rather scroll than shrink it away
        style = f'style="min-width: {min(width, widest)}px"'
        svg = svg.replace("<svg ", f"<svg {style} ", 1)
    if name:
        svg = svg.replace("<svg ", f'<svg class="{name}" ', 1)
    return re.sub(r"(<text\b(?![^>]*fill=)[^>]*)>", r'\1 fill="currentColor">', svg)


if __name__ == "__main__":
    sys.exit(main())
