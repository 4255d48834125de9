"""The logo as PNG, for what takes no SVG: icons of the installed book, the cover of the EPUB.

Draws what ``logo.svg`` has: rectangles, and one path of horizontal and vertical strokes. The same
file on every run.
"""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle
from project import BookError

LOGO = Path(__file__).parents[1] / "_static" / "logo.svg"
_SVG = "{http://www.w3.org/2000/svg}"
_SIDE = 64  # units of the logo
_STROKES = re.compile(r"M(\d+) (\d+)([hv])(\d+)")


def icon(pixels: int) -> bytes:
    """The logo as PNG on its own ground, without transparent corners.

    Args:
        pixels: Width and height.
    """
    figure = Figure(figsize=(1, 1), dpi=pixels)
    draw_logo(figure.add_axes((0, 0, 1, 1)), corners=False)
    return _png(figure)


def cover(title: str, subtitle: str) -> bytes:
    """A cover of 1,200 by 1,600 pixels as PNG: the logo, the title, what the book is.

    Args:
        title: The title; a line break stands where it may be broken.
        subtitle: One more line.
    """
    figure = Figure(figsize=(6, 8), dpi=200, facecolor="#f4f7fa")
    draw_logo(figure.add_axes((0.3, 0.5, 0.4, 0.3)))
    figure.text(0.5, 0.36, title, ha="center", va="center", size=26, weight="bold", color="#17344a")
    figure.text(0.5, 0.2, subtitle, ha="center", va="center", size=13, color="#17344a")
    return _png(figure)


def draw_logo(axes: Axes, *, corners: bool = True) -> None:
    """Draw the logo so that it fills a pair of axes.

    Args:
        axes: Where to draw.
        corners: Whether the corners of the ground are round.

    Raises:
        BookError: If the logo's path has strokes that this does not know.
    """
    root = ET.parse(LOGO).getroot()
    ground, *bars = root.iter(f"{_SVG}rect")
    _box(axes, ground, ground.get("fill"), rounded=corners)
    for bar in bars:
        _box(axes, bar, "white")
    path = next(root.iter(f"{_SVG}path")).get("d")
    if _STROKES.sub("", path):
        raise BookError(f"logo_picture.py does not know this path: {path}")
    thickness = 2 * axes.figure.get_size_inches()[0] * axes.get_position().width * 72 / _SIDE
    for x, y, way, length in _STROKES.findall(path):
        ends = int(x) + int(length) * (way == "h"), int(y) + int(length) * (way == "v")
        axes.plot(
            [int(x), ends[0]],
            [int(y), ends[1]],
            color="white",
            linewidth=thickness,
            solid_capstyle="round",
        )
    axes.set(xlim=(0, _SIDE), ylim=(_SIDE, 0), aspect="equal")
    axes.axis("off")


def _box(axes: Axes, rect: ET.Element, color: str, *, rounded: bool = True) -> None:
    x, y, width, height, radius = (
        float(rect.get(name, 0)) for name in ("x", "y", "width", "height", "rx")
    )
    if not rounded:
        axes.add_patch(Rectangle((x, y), width, height, color=color, linewidth=0))
        return
    style = f"round,pad=0,rounding_size={radius}"
    axes.add_patch(FancyBboxPatch((x, y), width, height, style, color=color, linewidth=0))


def _png(figure: Figure) -> bytes:
    file = io.BytesIO()
    FigureCanvasAgg(figure).print_png(file, metadata={"Software": None})
    return file.getvalue()
