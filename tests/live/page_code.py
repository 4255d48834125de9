"""The code of a page of the book, for tests that compare a widget with it."""

import nbformat

from tests.live import browser


def cell(page: str, part: str) -> str:
    """The code cell of a page that holds this text."""
    path = browser.ROOT / "book" / "notebooks" / f"{page}.ipynb"
    cells = nbformat.read(path, as_version=4).cells
    (code,) = (one.source for one in cells if one.cell_type == "code" and part in one.source)
    return code


def run(code: str, **names: object) -> dict:
    """Run a part of a page, with what it needs; returns what it has defined."""
    scope = {"print": lambda *_: None, **names}
    exec(code, scope)  # noqa: S102, the book's own code
    return scope
