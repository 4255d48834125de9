"""Give the website's build the outputs of the notebooks, so that it executes nothing.

jupyter-cache finds a page by its code cells. Each page is stored there with the outputs that
its notebook has.
"""

from __future__ import annotations

from pathlib import Path

import nbformat
from colab_setup import SETUP_TAG
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from nbformat import NotebookNode
from notebook_file import is_executable, is_unrun, read_cells, tags
from project import BookError, Page, Project


def prime(cache_folder: Path, project: Project) -> list[Page]:
    """Store the outputs of all pages; returns the pages that have code.

    Raises:
        BookError: If a page has no notebook, or one with other code than the page.
    """
    cache = get_cache(str(cache_folder))
    pages = [page for page in project.pages() if is_executable(page)]
    for page in pages:
        notebook = _with_outputs(page)
        bundle = CacheBundleIn(notebook, str(page.source), data={"execution_seconds": 0.0})
        cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
    return pages


def _with_outputs(page: Page) -> NotebookNode:
    """The page as the website parses it, with the outputs of its notebook."""
    advice = f"run: python book/_tools/notebook.py {page.name}"
    if not page.notebook.is_file():
        raise BookError(f"book/{page.name}.md has no notebook; {advice}")
    source = read_cells(page)
    stored = nbformat.read(page.notebook, as_version=4)
    cells = _code_cells(source)
    runs = [cell for cell in _code_cells(stored) if SETUP_TAG not in tags(cell)]
    if [cell.source for cell in cells] != [cell.source for cell in runs]:
        raise BookError(f"book/{page.name}.md has changed since its notebook was made; {advice}")
    for cell, run in zip(cells, runs, strict=True):
        if is_unrun(run):
            raise BookError(f"the notebook of book/{page.name}.md has a cell never run; {advice}")
        cell.outputs, cell.execution_count = run.outputs, run.execution_count
    return source


def _code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]
