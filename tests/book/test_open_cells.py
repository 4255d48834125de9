"""Cells of the open model are compared where it was fetched, and left alone in words elsewhere."""

import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import notebook
import open_cells
import pytest
from project import BookError
from references import read_references

BOOK = Path(__file__).parents[2] / "book"
TAGGED = '```{code-cell} ipython3\n:tags: [open-model]\nprint("left out")\n```\n'


def cell(source: str, output: str, tags: list[str]) -> nbformat.NotebookNode:
    stored = nbformat.v4.new_output("stream", name="stdout", text=output)
    return nbformat.v4.new_code_cell(
        source, outputs=[stored], metadata={"tags": tags}, execution_count=1
    )


@pytest.fixture
def room(tmp_path) -> Path:
    """The folder of the notebooks with its settings, beside the tools."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "_tools").symlink_to(BOOK / "_tools")
    shutil.copy(BOOK / "notebooks" / "conftest.py", tmp_path / "notebooks")
    return tmp_path / "notebooks"


def compare(room: Path, cells: list[nbformat.NotebookNode]) -> subprocess.CompletedProcess[str]:
    """Compare a notebook of these cells on a machine without the open model."""
    nbformat.write(nbformat.v4.new_notebook(cells=cells), room / "one.ipynb")
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "-q", "one.ipynb"]
    return subprocess.run(
        [*command, "-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", "."],
        cwd=room, capture_output=True, text=True, check=False, timeout=120,
        env={"PATH": "/usr/bin:/bin", "HOME": str(room), "COMPANION_CACHE": str(room / "empty")},
    )  # fmt: skip


def test_without_the_model_its_output_is_not_compared_and_the_report_says_so(room) -> None:
    done = compare(room, [cell("print('left out')", "Paris\n", ["open-model"])])

    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
    assert "outputs of cells tagged open-model were not compared" in done.stdout


@pytest.mark.slow
def test_other_cells_are_compared_without_the_model_too(room) -> None:
    done = compare(room, [cell("print('Rome')", "Paris\n", ["hide-input"])])

    assert done.returncode == 1
    assert "1 failed" in done.stdout


@pytest.mark.parametrize(
    ("tags", "here", "compared"),
    [(["open-model"], True, True), (["open-model"], False, False), ([], False, True)],
)
def test_a_tagged_cell_is_comparable_where_the_model_is(tags, here, compared, monkeypatch) -> None:
    monkeypatch.setattr(open_cells, "installed", lambda: here)

    assert open_cells.is_comparable(cell("1", "1", tags)) is compared


def test_a_notebook_with_the_open_model_is_not_made_without_it(book, monkeypatch) -> None:
    book.add_code("gpt/one", TAGGED)
    page = book.project.page("gpt/one")
    monkeypatch.setattr(notebook, "installed", lambda: False)

    with pytest.raises(BookError, match=r"shows the open model, .*Run `companion fetch smollm2`"):
        notebook.make_notebook(page, book.project, read_references(book.project))
    assert not page.notebook.exists()
