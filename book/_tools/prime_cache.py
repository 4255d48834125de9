"""Give the website's build the outputs of the notebooks, so that it executes nothing.

jupyter-cache finds a page by its code cells. Each page is stored there with the outputs that
its notebook has.
"""

from __future__ import annotations

from pathlib import Path

from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from notebook_file import is_executable, read_cells, take_outputs
from project import Page, Project


def prime(cache_folder: Path, project: Project) -> list[Page]:
    """Store the outputs of all pages; returns the pages that have code.

    Raises:
        BookError: If a page has no notebook, or one with other code than the page.
    """
    cache = get_cache(str(cache_folder))
    pages = [page for page in project.pages() if is_executable(page)]
    for page in pages:
        notebook = read_cells(page)
        take_outputs(notebook, page)
        bundle = CacheBundleIn(notebook, str(page.source), data={"execution_seconds": 0.0})
        cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
    return pages
