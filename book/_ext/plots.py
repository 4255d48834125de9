"""Plots on the site: on the page's ground, with their sizes, panels side by side or stacked.

A plot is one SVG file. Where it has panels side by side, the page shows the same file once for
each of them, cut to it by a fragment ``#svgView(viewBox(...))``, so that on a phone they can stand
below one another. Matplotlib draws each pair of axes as a group with the id ``axes_1`` and so on.
Leaves out: how a plot is drawn (``book/_tools/plot_file.py``).
"""

from __future__ import annotations

import html
import itertools
import posixpath
import re
import xml.etree.ElementTree as ET
from pathlib import Path

from docutils import nodes
from plot_file import SVG
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

PIXELS = 4 / 3  # a point is this many pixels of CSS
EM = 0.6  # a letter is about this wide, in its font size
NARROW = 0.08  # of a plot's width: axes as narrow as this are a color bar
_HIDDEN = 'alt="" aria-hidden="true"'
_AXES = re.compile(r"axes_\d+")
_CORNER = re.compile(r"(-?[\d.]+) (-?[\d.]+)")
_PLACE = re.compile(r"translate\((-?[\d.]+) ")
_FONT_SIZE = re.compile(r"([\d.]+)px")


def read_plots(app: Sphinx, doctree: nodes.document) -> None:
    """Note what each plot of a page measures, and let the page's ground show through it."""
    for image in doctree.findall(nodes.image):
        if image["uri"].endswith(".svg") and _is_output(image):
            path = Path(app.srcdir) / image["uri"]  # where Sphinx has collected it
            root = ET.fromstring(path.read_text(encoding="utf-8"))
            clear_ground(root)
            path.write_text(ET.tostring(root, encoding="unicode"), encoding="utf-8")
            image["plot"] = panels(root)


def _is_output(image: nodes.image) -> bool:
    parent = image.parent
    while parent is not None and "cell_output" not in parent.get("classes", []):
        parent = parent.parent
    return parent is not None


def clear_ground(root: ET.Element) -> None:
    """Remove the white of the figure and of its axes, in place."""
    figure = _figure(root)
    for group in [figure, *_axes(figure)]:
        path = group.find(f"{{{SVG}}}g/{{{SVG}}}path")
        if path is not None and "fill: #ffffff" in path.get("style", ""):
            path.set("style", path.get("style").replace("fill: #ffffff", "fill: none"))


def panels(root: ET.Element) -> list[tuple[float, float, float, float]]:
    """Return the panels of a plot, from left to right.

    A plot whose legend or title belongs to all panels is not cut.

    Returns:
        For each panel left, top, width and height in points.
    """
    left, top, width, height = (float(number) for number in root.get("viewBox").split())
    figure = _figure(root)
    columns: list[list[tuple[float, float, ET.Element]]] = []
    for axes in sorted(_axes(figure), key=_sides):
        start, end = _sides(axes)
        if columns and (
            start < max(side for _, side, _ in columns[-1]) or end - start < NARROW * width
        ):
            columns[-1].append((start, end, axes))
        else:
            columns.append([(start, end, axes)])
    if len(figure) > 1 + len(_axes(figure)):  # the ground, the axes, and something for all
        columns = []
    extents = [[_extent(axes) for _, _, axes in column] for column in columns]
    cuts = [
        (max(end for _, end in here) + min(start for start, _ in there)) / 2
        for here, there in itertools.pairwise(extents)
    ]
    edges = [left, *cuts, left + width]
    return [(a, top, b - a, height) for a, b in itertools.pairwise(edges)]


def _figure(root: ET.Element) -> ET.Element:
    return root.find(f"{{{SVG}}}g[@id='figure_1']")


def _axes(figure: ET.Element) -> list[ET.Element]:
    return [group for group in figure if _AXES.fullmatch(group.get("id", ""))]


def _sides(axes: ET.Element) -> tuple[float, float]:
    """Left and right side of a pair of axes: its ground is its first path."""
    corners = _CORNER.findall(axes.find(f"{{{SVG}}}g/{{{SVG}}}path").get("d"))
    across = [float(x) for x, _ in corners]
    return min(across), max(across)


def _extent(axes: ET.Element) -> tuple[float, float]:
    """Left and right end of a pair of axes with its words, which are measured roughly."""
    ends = list(_sides(axes))
    for group in axes.iter(f"{{{SVG}}}g"):
        for text in group.findall(f"{{{SVG}}}text"):
            style, turned = text.get("style", ""), "rotate(-90" in text.get("transform", "")
            place = _PLACE.search(group.get("transform", ""))
            x = float(text.get("x") or (place[1] if place else ends[0]))
            size = float((_FONT_SIZE.search(style) or ["", "12"])[1])
            width = EM * size * len("".join(text.itertext()))
            anchor = "middle" if turned else style.rpartition("text-anchor: ")[2]
            share = {"middle": 0.5, "end": 1.0}.get(anchor, 0.0)
            start = x - (size if turned else share * width)
            ends += [start, start + (size if turned else width)]
    return min(ends), max(ends)


def visit_image(self: HTML5Translator, node: nodes.image) -> None:
    """Write a plot with its sizes, each panel as a picture; other pictures as Sphinx does."""
    if "plot" not in node:
        HTML5Translator.visit_image(self, node)
        return
    name = self.builder.images[node["uri"]]
    source = posixpath.join(self.builder.imgpath, name)
    described = f'alt="{html.escape(node.get("alt", ""))}"'  # the first picture for all of them
    pictures = []
    for number, (left, top, width, height) in enumerate(node["plot"]):
        place = f"{left:.2f},{top:.2f},{width:.2f},{height:.2f}"
        view = f"#svgView(viewBox({place}))" if len(node["plot"]) > 1 else ""
        # else browsers take the shape of the whole plot for that of each panel
        shape = f' style="aspect-ratio: {width:.0f} / {height:.0f}"' if view else ""
        pictures.append(
            f'<img src="{source}{view}" '
            f"{described if number == 0 else _HIDDEN} "
            f'width="{width * PIXELS:.0f}" height="{height * PIXELS:.0f}" loading="lazy"{shape}>'
        )
    self.body.append(f'<div class="plot">{"".join(pictures)}</div>\n')


def setup_plots(app: Sphinx) -> None:
    """Register the plots with Sphinx."""
    app.connect("doctree-read", read_plots)
    app.add_node(nodes.image, override=True, html=(visit_image, HTML5Translator.depart_image))
