"""Cells that a page folds by itself: its imports, and those that only check what was claimed.

What else is folded, an author says with the tag ``hide-input``. The line to open a cell names what
is in it. Notebooks are untouched: there, each cell stands open.
"""

from __future__ import annotations

import ast
import re

from docutils import nodes
from sphinx.application import Sphinx

IMPORTS = "Imports and settings"
CHECKS = "Claims checked"
FIGURE = "Code of this figure"
TABLE = "Code of this table"
OTHER = "Code of this cell"
_SHORTEST = 4  # lines; imports of fewer lines stand open


def name_cells(app: Sphinx, doctree: nodes.document) -> None:
    """Fold the cells that need no reading, and name what is in each folded one."""
    cells = [node for node in doctree.findall(nodes.container) if _is_code_cell(node)]
    for number, cell in enumerate(cells):
        source = cell.children[0].astext()
        kind = kind_of(source, is_first=number == 0)
        if kind == CHECKS and _outputs(cell):
            kind = None
        if kind:
            cell["hide_mode"] = cell.get("hide_mode") or "input"
        elif cell.get("hide_mode") == "input":
            kind = _by_output(cell, source)
        if kind:
            cell["prompt_show"] = cell["prompt_hide"] = kind


def kind_of(source: str, *, is_first: bool = False) -> str | None:
    r"""Return what a cell is for if it is folded, else None.

    Args:
        source: Code of the cell.
        is_first: Whether it is the first cell of its page.

    Example:
        >>> kind_of("assert 1 + 1 == 2")
        'Claims checked'
        >>> kind_of("total = 1 + 1\nassert total == 2") is None
        True
    """
    try:
        statements = ast.parse(source).body
    except SyntaxError:  # magics
        return None
    if statements and all(map(_is_check, statements)):
        return CHECKS
    is_long = len(source.splitlines()) >= _SHORTEST
    return IMPORTS if is_first and is_long and _is_set_up(statements) else None


def _is_set_up(statements: list[ast.stmt]) -> bool:
    """Whether code begins with imports and defines nothing."""
    definitions = ast.FunctionDef | ast.ClassDef
    begins = bool(statements) and isinstance(statements[0], ast.Import | ast.ImportFrom)
    return begins and not any(isinstance(statement, definitions) for statement in statements)


def _is_check(statement: ast.stmt) -> bool:
    """Whether it is an assertion, or makes some under a condition or for each of several."""
    if isinstance(statement, ast.If | ast.For):
        return all(map(_is_check, [*statement.body, *statement.orelse]))
    return isinstance(statement, ast.Assert)


def _is_code_cell(node: nodes.container) -> bool:
    return node.get("nb_element") == "cell_code" and bool(node.children)


def _outputs(cell: nodes.container) -> list[nodes.Node]:
    return cell.children[1:]


def _by_output(cell: nodes.container, source: str) -> str:
    """Name code by what it leaves: a picture, a table, something else, or nothing but checks."""
    if not _outputs(cell) and re.search(r"^\s*assert ", source, re.MULTILINE):
        return CHECKS
    for output in _outputs(cell):
        if next(output.findall(nodes.image), None) is not None:
            return FIGURE
        if any("<table" in raw.astext() for raw in output.findall(nodes.raw)):
            return TABLE
    return OTHER


def setup_cells(app: Sphinx) -> None:
    """Register the folding with Sphinx."""
    app.connect("doctree-read", name_cells)
