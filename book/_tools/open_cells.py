"""Cells that run the open model: what becomes of them where it was not fetched.

A page may run the open model in a cell with the tag open-model. The cell asks `installed()` and,
without the model, prints what it leaves out. Its stored output is the one with the model. So the
output is compared only where the model is, and a notebook with such a cell is made only there.
"""

from __future__ import annotations

from collections.abc import Iterable

from nbformat import NotebookNode
from notebook_file import tags

from companion.models.open_model import NAME, installed

TAG = "open-model"
LEFT_OUT = (
    f"the open model is not on this machine, so the outputs of cells tagged {TAG} were not "
    f"compared (companion fetch {NAME} brings it)"
)


def needs_open_model(cells: Iterable[NotebookNode]) -> bool:
    """Whether one of the cells is to show the open model."""
    return any(TAG in tags(cell) for cell in cells)


def is_comparable(cell: NotebookNode) -> bool:
    """Whether the stored output of a cell can be had on this machine."""
    return TAG not in tags(cell) or installed()
