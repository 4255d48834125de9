"""A page as a notebook: built from its MyST source, compared with the stored one, written.

Cell ids come from a cell's position and MyST source, so they are the same on every machine.
"""

from __future__ import annotations

import ast
import hashlib
from dataclasses import dataclass
from pathlib import Path

import nbformat
from colab_setup import SETUP_TAG, needs_of, setup_source
from myst_blocks import convert
from myst_inline import Context, PageError
from myst_nb.core.read import MystMetadataParsingError, read_myst_markdown_notebook
from nbformat import NotebookNode
from project import BookError, Page, Project
from references import References

from companion._files import write_whole

_NEVER_RUN = {SETUP_TAG, "skip-execution"}


@dataclass
class Draft:
    """A notebook made from a page, not yet run.

    Attributes:
        notebook: Cells in plain Markdown and code, the set-up cell first.
        lines: For each cell the line of the page where it starts; 0 for the set-up cell.
        budget_seconds: Longest time the page may take.
    """

    notebook: NotebookNode
    lines: list[int]
    budget_seconds: float


def is_executable(page: Page) -> bool:
    """Whether a page has code to run: its front matter names a kernel."""
    return "\nkernelspec:" in page.text().split("\n---", 1)[0]


def read_cells(page: Page) -> NotebookNode:
    """The page's cells as the website's own parser sees them, still in MyST.

    Raises:
        PageError: If the front matter or the options of a cell are broken.
    """
    try:
        return read_myst_markdown_notebook(page.text(), add_source_map=True, path=page.source)
    except (MystMetadataParsingError, ValueError) as error:
        raise PageError(page.name, 1, f"cannot read the page: {error}") from error


@dataclass(frozen=True)
class Address:
    """Where a published notebook finds what is not in it.

    Attributes:
        repository: The GitHub repository, "owner/name".
        site: Address of the site, with a final slash.
        wheel: Name of the package's wheel among the repository's releases; empty for none.
    """

    repository: str
    site: str
    wheel: str = ""


def build_draft(
    page: Page, project: Project, references: References, address: Address | None = None
) -> Draft:
    """Turn a page into a plain notebook.

    Args:
        page: The page.
        project: The checkout it is in.
        references: Index of the whole book.
        address: For a notebook that will be published; those in the repository name no owner.

    Raises:
        PageError: If the page uses MyST that a notebook cannot show, or lacks a time budget.
    """
    source = read_cells(page)
    context = Context(page.name, address.site if address else "", references)
    text = page.text().split("\n")
    cells, lines = [_setup_cell(source, address)], [0]
    for number, cell in enumerate(source.cells):
        line = source.metadata["source_map"][number]  # of code: the fence; of text: one before
        if cell.cell_type == "markdown":
            line = _first_line(text, line)
        cells.append(_plain_cell(cell, number, line, context))
        lines.append(line)
        if caption := figure_caption(cell):
            identity = f"{number:03d}-caption"
            cells.append(nbformat.v4.new_markdown_cell(f"*{caption}*", id=identity))
            lines.append(line)
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=_metadata(page, source))
    return Draft(notebook, lines, _budget(page, source))


def _first_line(text: list[str], start: int) -> int:
    """Number of the first line with text at or after index ``start``, counted from 1."""
    while start < len(text) and not text[start].strip():
        start += 1
    return start + 1


def _setup_cell(source: NotebookNode, address: Address | None) -> NotebookNode:
    needs = needs_of("\n".join(cell.source for cell in source.cells if cell.cell_type == "code"))
    where = {"repository": address.repository, "wheel": address.wheel} if address else {}
    cell = nbformat.v4.new_code_cell(setup_source(needs, **where), id=SETUP_TAG)
    cell.metadata = nbformat.from_dict({"tags": [SETUP_TAG, "nbval-skip"], "cellView": "form"})
    return cell


def _plain_cell(cell: NotebookNode, number: int, line: int, context: Context) -> NotebookNode:
    identity = f"{number:03d}-{hashlib.sha256(cell.source.encode()).hexdigest()[:8]}"
    metadata = dict(cell.metadata)
    if cell.cell_type == "markdown":
        source = convert(cell.source, line, context)
        return nbformat.v4.new_markdown_cell(source, id=identity, metadata=metadata)
    if cell.cell_type != "code":
        raise context.error(line, "a raw cell cannot be shown in a notebook")
    if cell.source.rstrip().endswith(";"):
        problem = "a final ; hides a value in Jupyter but not from nbval; assign it to _ instead"
        raise context.error(line, problem)
    if "hide-input" in metadata.get("tags", []):
        metadata["jupyter"] = {"source_hidden": True}
    return nbformat.v4.new_code_cell(cell.source, id=identity, metadata=metadata)


def figure_caption(cell: NotebookNode) -> str:
    """The caption of the plot that a code cell draws; empty if it has none."""
    return cell.metadata.get("mystnb", {}).get("figure", {}).get("caption", "")


def _metadata(page: Page, source: NotebookNode) -> dict:
    book = source.metadata.get("book", {})
    metadata = {
        "kernelspec": dict(source.metadata["kernelspec"]),
        "language_info": {"name": "python"},
        "book": {"page": page.name},
        "colab": {"provenance": [], "toc_visible": True},
    }
    return {**metadata, "accelerator": "GPU"} if book.get("gpu") else metadata


def _budget(page: Page, source: NotebookNode) -> float:
    budget = source.metadata.get("book", {}).get("budget_seconds")
    if not isinstance(budget, int | float) or budget <= 0:
        problem = "the front matter needs book: {budget_seconds: N}, N > 0"
        raise PageError(page.name, 1, f"{problem}, not {budget!r}")
    return budget


def published(
    page: Page, project: Project, references: References, address: Address
) -> NotebookNode:
    """A page's notebook with its outputs and with the addresses of a repository and its site.

    Raises:
        BookError: If the stored notebook does not have the page's code, or was not run.
    """
    notebook = build_draft(page, project, references, address).notebook
    take_outputs(notebook, page)
    return notebook


def tags(cell: NotebookNode) -> list[str]:
    """The tags of a cell."""
    return list(cell.metadata.get("tags", []))


def differences(draft: Draft, stored: NotebookNode, page: Page) -> list[str]:
    """Where a stored notebook no longer matches its page, as sentences; empty when fresh."""
    here = f"book/{page.name}.md"
    wanted = draft.notebook.cells
    cells = stored.cells
    changes = []
    for new, old, line in zip(wanted, cells, draft.lines, strict=False):
        if changed := _changes(new, old):
            changes.append(f"{here}, line {line}: {changed} changed since the notebook was made")
            break  # what follows is likely only shifted
    if not changes and len(wanted) != len(cells):
        changes.append(f"{here}: {len(wanted)} cells, its notebook has {len(cells)}")
    if not changes and dict(draft.notebook.metadata["kernelspec"]) != stored.metadata["kernelspec"]:
        changes.append(f"{here}: the kernelspec changed since the notebook was made")
    if not changes:
        changes += [
            f"{here}, line {line}: this cell was never run, so nothing would be compared"
            for cell, line in zip(cells, draft.lines, strict=True)
            if is_unrun(cell)
        ]
    return changes


def _changes(new: NotebookNode, old: NotebookNode) -> str:
    if new.cell_type != old.cell_type:
        return "the kind of a cell"
    if new.source != old.source:
        return "the text" if new.cell_type == "markdown" else "the code"
    if tags(new) != tags(old):
        return "the tags"
    return "the cell's options" if new.metadata != old.metadata or new.id != old.id else ""


def is_unrun(cell: NotebookNode) -> bool:
    """Whether a code cell should have been run but was not."""
    exempt = cell.cell_type != "code" or _NEVER_RUN & set(tags(cell))
    return not exempt and cell.execution_count is None


def take_outputs(notebook: NotebookNode, page: Page, *, any_layout: bool = False) -> None:
    """Give a page's cells the outputs that its stored notebook has, in place; nothing is run.

    Args:
        notebook: The page with cells as it has them now, with or without the set-up cell.
        page: The page.
        any_layout: Take code for the same that differs in line breaks and comments only.

    Raises:
        BookError: If there is no notebook, or one with other code or with cells never run.
    """
    advice = f"run: python book/_tools/notebook.py {page.name}"
    if not page.notebook.is_file():
        raise BookError(f"book/{page.name}.md has no notebook; {advice}")
    cells = _code_cells(notebook)
    runs = _code_cells(nbformat.read(page.notebook, as_version=4))
    read = _program if any_layout else str
    if [read(cell.source) for cell in cells] != [read(cell.source) for cell in runs]:
        raise BookError(f"book/{page.name}.md has changed since its notebook was made; {advice}")
    for cell, run in zip(cells, runs, strict=True):
        if is_unrun(run):
            raise BookError(f"the notebook of book/{page.name}.md has a cell never run; {advice}")
        cell.outputs, cell.execution_count = run.outputs, run.execution_count


def _program(source: str) -> str:
    """What a cell does, whatever its layout; its source where that is not plain Python."""
    try:
        return ast.dump(ast.parse(source))
    except SyntaxError:
        return source


def _code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    code = (cell for cell in notebook.cells if cell.cell_type == "code")
    return [cell for cell in code if SETUP_TAG not in tags(cell)]


def write(notebook: NotebookNode, path: Path) -> None:
    """Write a notebook completely or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, nbformat.writes(notebook) + "\n")
