"""Drawing tensors: rows and grids of cells, arrows, brackets and words, as one small SVG.

A drawing is 360 units wide, which is about the width of a page on a phone, and grows downwards.
Colors are classes that ``book/_static/book.css`` gives, light and dark; the fixed ones beside them
are for places without that style sheet, such as a notebook. Leaves out: what the pictures show
(``book/_tools/pictures``) and where they are kept (``tensor_pictures.py``).

Lengths are in units of the drawing, y points down, and words are given by the middle of their
line.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Literal

WIDTH = 360
TEXT = 12.5  # size of the words
LETTER = 0.6  # a letter is about this wide, in its size; those of code are exactly
COLORS = {
    "plain": "#ffffff",
    "blue": "#cfe3f3",
    "orange": "#fbd9b0",
    "green": "#cdeccf",
    "gray": "#e4e7ea",
    "rose": "#f6d0dd",
}
_LINE = "#6b7680"
_DEFAULT = "currentColor"
_HEAD = 4  # half the width of an arrow's head

Anchor = Literal["start", "middle", "end"]


class Drawing:
    """A picture that is put together part by part.

    Args:
        height: Height of the whole.
    """

    def __init__(self, height: float) -> None:
        self.height = height
        self._parts: list[str] = []

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        anchor: Anchor = "middle",
        kind: str = "",
        size: float = TEXT,
    ) -> None:
        """Write a line of words; ``kind`` is "code", "strong" or "soft"."""
        kind = f' class="{kind}"' if kind else ""
        place = "" if anchor == "start" else f' text-anchor="{anchor}"'
        font = "" if size == TEXT else f' font-size="{_number(size)}"'
        at = f'x="{_number(x)}" y="{_number(y + 0.35 * size)}"'
        self._parts.append(f"<text {at}{place}{kind}{font}>{html.escape(words)}</text>")

    def cell(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        label: str = "",
        *,
        color: str = "plain",
        kind: str = "",
    ) -> None:
        """Draw one box, its label in the middle.

        Raises:
            KeyError: If there is no such color.
        """
        fill = COLORS[color]
        box = f'x="{_number(x)}" y="{_number(y)}" width="{_number(width)}"'
        box += f' height="{_number(height)}"'
        self._parts.append(f'<rect class="cell {color}" {box} fill="{fill}"/>')
        if label:
            self.text(x + width / 2, y + height / 2, label, kind=kind)

    def row(
        self,
        x: float,
        y: float,
        labels: Sequence[str],
        *,
        width: float,
        height: float = 22,
        colors: Sequence[str] | str = "plain",
        kind: str = "",
    ) -> None:
        """Draw a vector: boxes side by side, each with its label."""
        self.grid(x, y, [labels], width=width, height=height, colors=[colors], kind=kind)

    def grid(
        self,
        x: float,
        y: float,
        labels: Sequence[Sequence[str]],
        *,
        width: float,
        height: float = 22,
        colors: Sequence[Sequence[str] | str] | str = "plain",
        kind: str = "",
    ) -> None:
        """Draw a matrix: ``colors`` is one name for all, one per row, or one per cell.

        Raises:
            ValueError: If the colors are not as many as the cells.
        """
        rows = [colors] * len(labels) if isinstance(colors, str) else colors
        for i, (line, shades) in enumerate(zip(labels, rows, strict=True)):
            shades = [shades] * len(line) if isinstance(shades, str) else shades
            for j, (label, color) in enumerate(zip(line, shades, strict=True)):
                place = x + j * width, y + i * height
                self.cell(*place, width, height, label, color=color, kind=kind)

    def line(self, *points: tuple[float, float], dashed: bool = False) -> None:
        """Draw a line from point to point."""
        path = "M" + "L".join(f"{_number(x)} {_number(y)}" for x, y in points)
        dashes = ' stroke-dasharray="4 3"' if dashed else ""
        self._parts.append(f'<path class="line" d="{path}" stroke="{_LINE}" fill="none"{dashes}/>')

    def arrow(self, *points: tuple[float, float]) -> None:
        """Draw a line from point to point with a head at the last, level or upright there."""
        (before_x, before_y), (x, y) = points[-2:]
        dx = (x > before_x) - (x < before_x)
        dy = (y > before_y) - (y < before_y) if dx == 0 else 0
        back = x - 2 * _HEAD * dx, y - 2 * _HEAD * dy
        self.line(*points[:-1], back)
        wings = [
            (back[0] + side * _HEAD * (dy != 0), back[1] + side * _HEAD * (dx != 0))
            for side in (1, -1)
        ]
        path = "M" + "L".join(f"{_number(a)} {_number(b)}" for a, b in [(x, y), *wings]) + "Z"
        self._parts.append(f'<path class="head" d="{path}" fill="{_LINE}"/>')

    def bracket(
        self, x: float, y: float, length: float, label: str, *, below: bool = False
    ) -> None:
        """Say how long a side is: a bracket above the place ``y`` or below it, and its letter."""
        out = 5 if below else -5
        self.line((x, y), (x, y + out), (x + length, y + out), (x + length, y))
        self.text(x + length / 2, y + (13 if below else -13), label)

    def side_bracket(self, x: float, y: float, length: float, label: str) -> None:
        """Say how high a side is: a bracket left of the place ``x``, and its letter."""
        self.line((x, y), (x - 5, y), (x - 5, y + length), (x, y + length))
        self.text(x - 9, y + length / 2, label, anchor="end")

    def svg(self) -> str:
        """The picture as text, without a description, which the page gives."""
        ground = f'<rect class="ground" width="{WIDTH}" height="{_number(self.height)}"'
        ground += f' fill="{COLORS["plain"]}"/>'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} '
        head += f'{_number(self.height)}" font-family="sans-serif" font-size="{TEXT}" '
        head += f'fill="{_DEFAULT}">'
        style = "<style>.cell{stroke:#6b7680}.code{font-family:monospace}"
        style += ".strong{font-weight:600}</style>"
        return "\n".join([head, style, ground, *self._parts, "</svg>"]) + "\n"


def _number(value: float) -> str:
    """At most one decimal, and none where it is zero."""
    return f"{value:z.1f}".removesuffix(".0")
