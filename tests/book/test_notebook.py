"""From a page to its notebook: building, running, comparing, retargeting."""

import json
import re
import subprocess
import sys
from importlib.metadata import version
from types import SimpleNamespace

import colab_setup
import nbformat
import notebook
import pytest
from myst_inline import PageError
from notebook_file import build_draft, retarget, write
from references import read_references

PAGE = """\
# One

Text about {term}`token`.

```{code-cell} ipython3
:tags: [hide-input]
print(1)
```

```{code-cell} ipython3
x = 2
```
"""


@pytest.fixture
def page(book):
    book.add_code("gpt/one", PAGE)
    return book.project.page("gpt/one")


def draft_of(book, page):
    return build_draft(page, book.project, read_references(book.project))


def store(book, page):
    """Write the page's notebook as if it had been run."""
    made = draft_of(book, page).notebook
    for number, cell in enumerate(made.cells):
        if cell.cell_type == "code" and number > 0:
            cell.execution_count = number
    write(made, page.notebook)
    return made


def test_a_draft_is_plain_valid_and_the_same_each_time(book, page):
    first, second = draft_of(book, page), draft_of(book, page)

    nbformat.validate(first.notebook)
    assert first.notebook == second.notebook
    assert "{term}" not in nbformat.writes(first.notebook)
    assert first.notebook.cells[0].metadata["tags"] == ["colab-setup", "nbval-skip"]
    assert first.lines == [0, 9, 13, 18]


@pytest.mark.parametrize("budget", ["budget_seconds: 0", "budget_seconds: soon", "other: 1"])
def test_a_page_without_a_time_budget_is_refused(budget, book, page):
    text = page.text().replace("budget_seconds: 60", budget)
    page.source.write_text(text, encoding="utf-8")

    with pytest.raises(notebook.PageError, match=r"needs book: \{budget_seconds: N\}"):
        draft_of(book, page)


# -- running (each of these starts a kernel) -----------------------------------------------------


def test_a_final_semicolon_is_refused(book, page):
    page.source.write_text(page.text().replace("x = 2", "x = 2\nx;"), encoding="utf-8")

    with pytest.raises(PageError, match="line 18: a final ; hides a value"):
        draft_of(book, page)


def test_a_page_is_run_measured_and_then_fresh(book, page, capsys):
    status = notebook.main(["gpt/one"], book.project)
    made = nbformat.read(page.notebook, as_version=4)
    timing = json.loads(book.project.timings.read_text(encoding="utf-8"))["gpt/one"]["cpu"]

    assert status == 0
    assert made.cells[2].outputs[0].text == "1\n"
    assert [cell.get("execution_count") for cell in made.cells] == [None, None, 1, 2]
    assert set(timing) == {"date", "machine", "peak_mebibytes", "seconds"}
    assert 10 < timing["peak_mebibytes"] < 1000
    assert notebook.main(["--check"], book.project) == 0
    assert "peak memory" in capsys.readouterr().out


def test_a_page_that_raises_leaves_the_old_notebook_and_shows_why(book, page, capsys):
    store(book, page)
    before = page.notebook.read_bytes()
    book.add_code("gpt/one", PAGE + "\n```{code-cell} ipython3\nmissing = 1 / 0\n```\n")

    status = notebook.main(["gpt/one"], book.project)
    error = capsys.readouterr().err

    assert status == 1
    assert page.notebook.read_bytes() == before
    assert not book.project.timings.exists()
    assert [path.name for path in page.notebook.parent.iterdir()] == ["one.ipynb"]
    assert "book/gpt/one.md, line 22" in error
    assert "missing = 1 / 0" in error
    assert "ZeroDivisionError" in error
    assert "\x1b" not in error


def test_a_cell_that_ends_the_kernel_is_named(book, page, capsys):
    book.add_code("gpt/one", "# One\n\n```{code-cell}\nimport os\nos._exit(3)\n```\n")

    status = notebook.main(["gpt/one"], book.project)

    assert status == 1
    assert "book/gpt/one.md, line 11: this cell ended the kernel" in capsys.readouterr().err
    assert not page.notebook.exists()


def test_a_page_over_its_budget_is_refused(book, page, capsys, monkeypatch):
    monkeypatch.setenv("BOOK_BUDGET_SCALE", "0.000001")

    status = notebook.main(["gpt/one"], book.project)

    assert status == 1
    assert re.search(r"one\.md took [\d.]+ s, its budget is 60 s", capsys.readouterr().err)
    assert not page.notebook.exists()


# -- what a run may leave behind -------------------------------------------------------------------


def run_with(monkeypatch, output):
    """Replace the kernel: every code cell gives this output at once."""

    def execute(made, **options):
        for cell in made.cells:
            if cell.cell_type == "code":
                cell.execution_count, cell.outputs = 1, [nbformat.from_dict(output)]
        return SimpleNamespace(seconds=0.1, peak_mebibytes=1.0)

    monkeypatch.setattr(notebook, "execute", execute)


@pytest.mark.parametrize(
    ("output", "problem"),
    [
        ({"output_type": "stream", "name": "stderr", "text": "careful"}, "writes to stderr"),
        ({"output_type": "display_data", "data": {"image/png": "eA=="}, "metadata": {}}, "alt"),
        ({"output_type": "stream", "name": "stdout", "text": "ROOT/x"}, "path of your machine"),
    ],
)
def test_outputs_that_cannot_be_published_are_refused(
    output, problem, book, page, capsys, monkeypatch
):
    if "text" in output:
        output = {**output, "text": output["text"].replace("ROOT", str(book.root))}
    run_with(monkeypatch, output)

    status = notebook.main(["gpt/one"], book.project)
    error = capsys.readouterr().err

    assert status == 1
    assert "book/gpt/one.md, line 13: this cell" in error
    assert problem in error
    assert not page.notebook.exists()


def test_a_bad_budget_scale_is_refused(book, page, capsys, monkeypatch):
    monkeypatch.setenv("BOOK_BUDGET_SCALE", "fast")

    assert notebook.main(["gpt/one"], book.project) == 1
    assert "must be a positive number, not 'fast'" in capsys.readouterr().err


# -- freshness -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("Text about", "Words about", "line 9: the text changed"),
        ("print(1)", "print(2)", "line 13: the code changed"),
        ("[hide-input]", "[hide-output]", "line 13: the tags changed"),
        (":tags:", ":name: x\n:tags:", "line 13: the cell's options changed"),
        ("x = 2\n```\n", "x = 2\n```\n\nMore.\n", "5 cells, its notebook has 4"),
        ("display_name: Python 3", "display_name: Other", "the kernelspec changed"),
        ("{term}`token`", "{nope}`token`", "line 11: unknown role"),
    ],
)
def test_freshness_catches_a_changed_page(old, new, problem, book, page, capsys):
    store(book, page)
    page.source.write_text(page.text().replace(old, new), encoding="utf-8")

    assert notebook.main(["--check", "one"], book.project) == 1
    assert problem in capsys.readouterr().err


def test_freshness_catches_a_cell_that_was_never_run(book, page, capsys):
    made = store(book, page)
    made.cells[3].execution_count = None
    write(made, page.notebook)

    assert notebook.main(["--check"], book.project) == 1
    assert "line 18: this cell was never run" in capsys.readouterr().err


def test_freshness_catches_missing_and_stray_files(book, page, capsys):
    store(book, page).cells.clear()
    page.notebook.rename(page.notebook.with_name("old.ipynb"))
    book.write("book/gpt/unlisted.md", "# Unlisted")

    assert notebook.main(["--check"], book.project) == 1
    error = capsys.readouterr().err
    assert "book/gpt/one.md has no notebook" in error
    assert "book/notebooks/gpt/old.ipynb has no page" in error
    assert "book/gpt/unlisted.md is not listed in _toc.yml" in error


def test_an_unknown_page_is_an_error_without_a_stack_trace(book, capsys):
    assert notebook.main(["nope"], book.project) == 1
    assert capsys.readouterr().err.startswith("error: no page is called 'nope'")


# -- another repository ----------------------------------------------------------------------------


def test_retargeting_changes_addresses_only_and_stays_fresh(book, page, capsys):
    made = store(book, page)
    status = notebook.main(["--retarget", "fork/copy"], book.project)
    moved = nbformat.read(page.notebook, as_version=4)

    assert status == 0
    assert "git+https://github.com/fork/copy" in moved.cells[0].source
    assert "https://fork.github.io/copy/book/back/glossary.html" in moved.cells[1].source
    assert "ada/" not in nbformat.writes(moved)
    assert retarget(moved, "ada/engine") == made
    assert notebook.main(["--check"], book.project) == 0


def test_a_strange_target_is_refused(book, capsys):
    assert notebook.main(["--retarget", "copy"], book.project) == 1
    assert "written OWNER/NAME" in capsys.readouterr().err


# -- the set-up cell -------------------------------------------------------------------------------


def run_setup(monkeypatch, returncode):
    """Run the set-up cell with a made-up pip; returns what pip was asked to do."""
    calls = []

    def run(command, **options):
        constraints = command[command.index("-c") + 1]
        with open(constraints, encoding="utf-8") as file:
            calls.append((command, file.read()))
        return SimpleNamespace(returncode=returncode, stderr="no fitting versions")

    monkeypatch.setattr(subprocess, "run", run)
    code = compile(colab_setup.setup_source("ada/engine"), "setup", "exec")
    exec(code, {})  # noqa: S102 - the cell is ours, and running it is what is tested
    return calls


def test_the_setup_cell_does_nothing_outside_colab(monkeypatch):
    assert "google.colab" not in sys.modules
    assert run_setup(monkeypatch, 0) == []


def test_the_setup_cell_keeps_torch_and_numpy_on_colab(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "google.colab", SimpleNamespace())
    [(command, constraints)] = run_setup(monkeypatch, 0)

    assert command[1:4] == ["-m", "pip", "install"]
    assert command[-1] == "companion[all] @ git+https://github.com/ada/engine"
    assert constraints == f"torch=={version('torch')}\nnumpy=={version('numpy')}\n"


def test_the_setup_cell_says_what_to_do_when_pip_fails(monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", SimpleNamespace())

    with pytest.raises(RuntimeError, match=r"Start a fresh runtime .*(.|\n)*no fitting versions"):
        run_setup(monkeypatch, 1)
