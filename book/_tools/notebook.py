"""Pages to executed notebooks.

    python book/_tools/notebook.py [PAGE ...]            run pages and write their notebooks
    python book/_tools/notebook.py --check [PAGE ...]    do pages and notebooks agree?
    python book/_tools/notebook.py --refresh [PAGE ...]  take over text and layout, run nothing

One notebook serves four readers: nbval runs it again and compares, the website takes its outputs,
and Colab and people get it with the addresses of its repository (``build_site.py`` writes them).
PAGE is a name such as gpt/sampling or the path of the file; without one, all pages.
BOOK_BUDGET_SCALE=3 allows three times each page's time budget.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys

import nbformat
from execution import SLOW, execute, tidy_outputs
from myst_inline import PageError
from notebook_file import (
    Draft,
    build_draft,
    differences,
    is_executable,
    tags,
    take_outputs,
    write,
)
from open_cells import NAME, installed, needs_open_model
from plot_file import tidy_plots
from project import BookError, Page, Project, find_project
from references import References, read_references
from timings import record

_TIMEOUT_FACTOR = 3  # one cell may take this many budgets before it is stopped
_SHORTEST_TIMEOUT = 60.0
_SIGNED_ZERO = re.compile(r"(?<![\w.])-0\.0+(?!\d)")


def main(arguments: list[str] | None = None, project: Project | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pages", nargs="*", metavar="PAGE", help="page to work on (default: all)")
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--check", action="store_true", help="compare, run and write nothing")
    action.add_argument(
        "--refresh", action="store_true", help="take over text and layout, run nothing"
    )
    options = parser.parse_args(arguments)
    project = project or find_project()
    try:
        if options.check:
            return _check(project, options.pages)
        if options.refresh:
            return _refresh(project, options.pages)
        return _make(project, options.pages)
    except BookError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped; nothing was written for the page that was running", file=sys.stderr)
        return 130


def _make(project: Project, wanted: list[str]) -> int:
    pages = project.find_pages(wanted)
    executable = [page for page in pages if is_executable(page)]
    for page in pages:
        if wanted and page not in executable:
            print(f"{page.name}: no code to run, needs no notebook")
    references = read_references(project)
    failures = []
    for number, page in enumerate(executable, 1):
        print(f"[{number}/{len(executable)}] {page.name} ...", end=" ", flush=True)
        try:
            print(make_notebook(page, project, references), flush=True)
        except BookError as error:
            print("failed", flush=True)
            failures.append(str(error))
    if failures:
        raise BookError("\n\nerror: ".join(failures))
    return 0


def make_notebook(page: Page, project: Project, references: References) -> str:
    """Run one page, then write its notebook and its timing; returns a line for the author.

    Raises:
        BookError: If the page is wrong, raises or is too slow, or shows the open model and that is
            not here. Nothing is written then.
    """
    draft = build_draft(page, project, references)
    if needs_open_model(draft.notebook.cells) and not installed():
        raise BookError(
            f"book/{page.name}.md shows the open model, which is not on this machine. Run "
            f"`companion fetch {NAME}` first; the outputs would not be those of the book."
        )
    limit = draft.budget_seconds * budget_scale()
    runnable = nbformat.from_dict({**draft.notebook, "cells": draft.notebook.cells[1:]})
    measurement = execute(
        runnable,
        folder=_make_folder(page),
        cell_timeout=max(_SHORTEST_TIMEOUT, _TIMEOUT_FACTOR * limit),
        describe=lambda index: f"book/{page.name}.md, line {draft.lines[index + 1]}: this cell",
    )
    if measurement.seconds > limit:
        raise BookError(
            f"book/{page.name}.md took {measurement.seconds:.1f} s, its budget is "
            f"{draft.budget_seconds:g} s (times BOOK_BUDGET_SCALE = {limit:g} s). {SLOW}"
        )
    tidy_outputs(runnable)
    tidy_plots(runnable)
    draft.notebook.cells[1:] = runnable.cells
    _check_outputs(page, draft, project)
    write(draft.notebook, page.notebook)
    record(project.timings, page.name, measurement)
    return (
        f"{measurement.seconds:.1f} s of {limit:g} s, "
        f"peak memory {measurement.peak_mebibytes:.0f} MiB"
    )


def _make_folder(page: Page) -> os.PathLike:
    page.notebook.parent.mkdir(parents=True, exist_ok=True)
    return page.notebook.parent


def budget_scale() -> float:
    """The environment's BOOK_BUDGET_SCALE, 1 if it is not set.

    Raises:
        BookError: If it is not a positive number.
    """
    text = os.environ.get("BOOK_BUDGET_SCALE", "1")
    try:
        scale = float(text)
    except ValueError:
        scale = 0.0
    if not 0 < scale < float("inf"):
        raise BookError(f"BOOK_BUDGET_SCALE must be a positive number, not {text!r}")
    return scale


def _check_outputs(page: Page, draft: Draft, project: Project) -> None:
    """Refuse outputs that would not compare, or that a reader could not use."""
    for cell, line in zip(draft.notebook.cells, draft.lines, strict=True):
        if cell.cell_type != "code":
            continue
        alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt")
        for output in cell.outputs:
            pictures = [kind for kind in output.get("data", {}) if kind.startswith("image/")]
            if pictures and not alt:
                problem = "this cell draws a picture and needs mystnb: {image: {alt: ...}}"
                raise PageError(page.name, line, problem)
            if str(project.root) in json.dumps(output):
                raise PageError(page.name, line, "this cell shows a path of your machine")
            if zero := _SIGNED_ZERO.search(_text(output)):
                problem = (
                    f"this cell prints {zero[0]}, the sign of a rounding error, which differs on "
                    "another CPU; the format {x:z.2f} has none (or tag it nbval-ignore-output)"
                )
                if not {"nbval-ignore-output", "nbval-skip"} & set(tags(cell)):
                    raise PageError(page.name, line, problem)
        _drop_stderr(page, cell, line)


def _text(output: nbformat.NotebookNode) -> str:
    """Return what an output says in words."""
    return str(output.get("text", "")) + str(output.get("data", {}).get("text/plain", ""))


def _drop_stderr(page: Page, cell: nbformat.NotebookNode, line: int) -> None:
    complaints = [output for output in cell.outputs if output.get("name") == "stderr"]
    if complaints and not {"nbval-ignore-output", "nbval-skip"} & set(tags(cell)):
        problem = "this cell writes to stderr; silence it or tag the cell nbval-ignore-output:"
        raise PageError(page.name, line, f"{problem}\n{complaints[0].text.strip()[:800]}")
    cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]


def _check(project: Project, wanted: list[str]) -> int:
    references = read_references(project)
    problems = []
    for page in project.find_pages(wanted):
        if is_executable(page):
            problems += stale(page, project, references)
    if not wanted:
        problems += _strays(project)
    if problems:
        raise BookError("\nerror: ".join(problems) + "\nrun: python book/_tools/notebook.py PAGE")
    print("pages and notebooks agree")
    return 0


def stale(page: Page, project: Project, references: References) -> list[str]:
    """What of a page is not in its notebook, as lines for the author."""
    try:
        draft = build_draft(page, project, references)
    except PageError as error:
        return [str(error)]
    if not page.notebook.is_file():
        return [f"book/{page.name}.md has no notebook"]
    return differences(draft, nbformat.read(page.notebook, as_version=4), page)


def _refresh(project: Project, wanted: list[str]) -> int:
    """Write notebooks anew whose pages changed in text, captions and layout of code only."""
    references = read_references(project)
    count, failures = 0, []
    for page in project.find_pages(wanted):
        if not is_executable(page) or not stale(page, project, references):
            continue
        try:
            draft = build_draft(page, project, references)
            take_outputs(draft.notebook, page, any_layout=True)
            _check_outputs(page, draft, project)
        except BookError as error:  # another page is none the worse for it
            failures.append(str(error))
            continue
        write(draft.notebook, page.notebook)
        count += 1
    print(f"{count} notebooks have the text of their pages again")
    if failures:
        raise BookError("\nerror: ".join(failures))
    return 0


def _strays(project: Project) -> list[str]:
    """Notebooks without a page, and pages that the table of contents does not list."""
    pages = project.pages()
    notebooks = {page.notebook for page in pages if is_executable(page)}
    sources = {page.source for page in pages}
    root = project.root
    stored = (path for path in project.notebooks.rglob("*.ipynb") if path.parent.name[0] != ".")
    orphans = sorted(set(stored) - notebooks)
    unlisted = sorted(set(project.book.glob("[a-z]*/*.md")) - sources)
    return [f"{path.relative_to(root)} has no page; delete it" for path in orphans] + [
        f"{path.relative_to(root)} is not listed in _toc.yml" for path in unlisted
    ]


if __name__ == "__main__":
    sys.exit(main())
