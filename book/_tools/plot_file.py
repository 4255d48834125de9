"""Plots in notebooks: SVG as matplotlib draws it, without what says nothing about the plot.

Leaves out: how plots stand on the site (``book/_ext/plots.py``).
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from nbformat import NotebookNode

SVG = "http://www.w3.org/2000/svg"
FONTS = "'DejaVu Sans', Verdana, sans-serif"  # Verdana's letters are as wide as DejaVu's
_FONT = re.compile(r"font-family:[^;]*")
_FONT_OF_ALL = re.compile(r"(font:[^;]*?px )'[^;]*")

for _prefix, _name in (("", SVG), ("xlink", "http://www.w3.org/1999/xlink")):
    ET.register_namespace(_prefix, _name)


def tidy_plots(notebook: NotebookNode) -> None:
    """Shorten each plot of an executed notebook, in place."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "image/svg+xml" in data:
                data["image/svg+xml"] = tidied(data["image/svg+xml"])


def tidied(svg: str) -> str:
    """Return a plot without date and maker, with a short list of fonts, two decimals a number.

    Running it again changes nothing more.

    Example:
        >>> svg = '<svg xmlns="http://www.w3.org/2000/svg">{}<path d="{}" /></svg>'
        >>> tidied(svg.format("<metadata />", "M 1.2345 2")) == svg.format("", "M1.23 2")
        True
    """
    root = ET.fromstring(svg)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag == f"{{{SVG}}}metadata":
                parent.remove(child)
            elif not (child.tail or "").strip():
                child.tail = None
        if not (parent.text or "").strip():
            parent.text = None
        _shorten(parent)
    return ET.tostring(root, encoding="unicode")


def _shorten(element: ET.Element) -> None:
    if style := element.get("style"):
        style = _FONT_OF_ALL.sub(rf"\g<1>{FONTS}", _FONT.sub(f"font-family: {FONTS}", style))
        element.set("style", style)
    if path := element.get("d"):
        path = re.sub(r"-?\d+\.\d+", _two_decimals, " ".join(path.split()))
        element.set("d", re.sub(r" ?([A-Za-z]) ?", r"\1", path))


def _two_decimals(number: re.Match) -> str:
    return f"{float(number[0]):z.2f}".rstrip("0").rstrip(".")
