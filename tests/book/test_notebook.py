"""From a page to its notebook: building, running, comparing, retargeting."""

import importlib.metadata
import json
import re
import subprocess
import sys
from pathlib import Path
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
        ({"output_type": "stream", "name": "stdout", "text": "loss -0.00\n"}, "prints -0.00"),
        (
            {
                "output_type": "execute_result",
                "execution_count": 1,
                "data": {"text/plain": "[-0.0, 1.5]"},
                "metadata": {},
            },
            "prints -0.0",
        ),
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


@pytest.mark.parametrize("text", ["-0.01", "0.0", "1-0.0", "10.-0.0", "v-0.0.1"])
def test_other_numbers_may_be_printed(text, book, page, monkeypatch):
    run_with(monkeypatch, {"output_type": "stream", "name": "stdout", "text": text})

    assert notebook.main(["gpt/one"], book.project) == 0


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


def test_changed_text_and_captions_are_taken_over_without_a_run(book, page):
    made = store(book, page)
    made.cells[2].outputs = [nbformat.v4.new_output("stream", text="1\n")]
    write(made, page.notebook)
    text = page.text().replace("Text about", "Words about")
    caption = "---\nmystnb: {figure: {caption: It is 1.}}\ntags: [hide-input]\n---\nprint(1)"
    page.source.write_text(text.replace(":tags: [hide-input]\nprint(1)", caption), "utf-8")

    assert notebook.main(["--check", "one"], book.project) == 1
    assert notebook.main(["--refresh", "one"], book.project) == 0

    assert notebook.main(["--check", "one"], book.project) == 0
    _, words, code, below, _ = nbformat.read(page.notebook, as_version=4).cells
    assert "Words about" in words.source
    assert code.outputs == made.cells[2].outputs
    assert below.source == "*It is 1.*"


def test_code_that_is_laid_out_anew_keeps_its_outputs(book, page):
    made = store(book, page)
    laid_out = page.text().replace("print(1)", "print(  # on three lines\n    1\n)")
    page.source.write_text(laid_out, "utf-8")

    assert notebook.main(["--refresh", "one"], book.project) == 0

    cell = nbformat.read(page.notebook, as_version=4).cells[2]
    assert cell.source == "print(  # on three lines\n    1\n)"
    assert cell.outputs == made.cells[2].outputs


@pytest.mark.parametrize("other", ["print(2)", "print(1, 1)", "%time print(1)"])
def test_changed_code_is_not_taken_over(other, book, page, capsys):
    store(book, page)
    before = page.notebook.read_bytes()
    page.source.write_text(page.text().replace("print(1)", other), "utf-8")

    assert notebook.main(["--refresh", "one"], book.project) == 1
    assert "has changed since its notebook was made" in capsys.readouterr().err
    assert page.notebook.read_bytes() == before


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
    assert 'REPOSITORY = "https://github.com/fork/copy"' in moved.cells[0].source
    assert "https://fork.github.io/copy/book/back/glossary.html" in moved.cells[1].source
    assert "ada/" not in nbformat.writes(moved)
    assert retarget(moved, "ada/engine") == made
    assert notebook.main(["--check"], book.project) == 0


def test_retargeting_to_its_own_repository_renews_the_setup_cell_only(book, page):
    made = store(book, page)
    old = nbformat.from_dict(made)
    old.cells[0].source = "# of last year"

    assert retarget(old, "ada/engine") == made


def test_a_strange_target_is_refused(book, capsys):
    assert notebook.main(["--retarget", "copy"], book.project) == 1
    assert "written OWNER/NAME" in capsys.readouterr().err


# -- the set-up cell -------------------------------------------------------------------------------


REPOSITORY = "https://github.com/ada/engine"
MANY = {"torch": "2.11.0+cu128", "numpy": "2.1.3", "pyarrow": "18.1.0", "torchao": "0.10.0"}


class Machine:
    """A Colab runtime, as the set-up cell sees it: packages, git, pip and a kernel's modules."""

    def __init__(self, monkeypatch, tmp_path, *, colab=True):
        self.packages = dict(MANY)
        self.brought = {"companion": "1.0", "peft": "0.21", "pyarrow": "26.0"}
        self.fails = {}
        self.asked, self.kept = [], ""
        monkeypatch.setattr(sys, "prefix", str(tmp_path))
        monkeypatch.setattr(subprocess, "run", self.run)
        monkeypatch.setattr(importlib.metadata, "distributions", self.distributions)
        monkeypatch.setattr(importlib.metadata, "packages_distributions", self.owners)
        for name in self.brought:  # another test may have imported it into this very process
            if name != "companion":
                monkeypatch.delitem(sys.modules, name, raising=False)
        if colab:
            monkeypatch.setitem(sys.modules, "google.colab", SimpleNamespace())

    def distributions(self):
        return [SimpleNamespace(name=n, version=v) for n, v in self.packages.items()]

    def owners(self):
        return {name: [name] for name in self.packages}

    def run(self, command, **options):
        assert options["env"]["GIT_TERMINAL_PROMPT"] == "0"  # git must not wait for a password
        self.asked.append(" ".join(command[1:]))
        words = ("ls-remote", "uninstall", "install", "peft", "fetch")
        action = next(word for word in words if word in self.asked[-1])
        if action in self.fails:
            return SimpleNamespace(returncode=1, stdout="", stderr=self.fails[action])
        if action == "install":
            self.kept = Path(command[command.index("-c") + 1]).read_text(encoding="utf-8")
            self.packages |= self.brought
        if action == "uninstall":
            del self.packages[command[-1]]
        return SimpleNamespace(returncode=0, stdout="ready" * (action == "fetch"), stderr="")

    def set_up(self, *, open_model=False):
        source = colab_setup.setup_source("ada/engine")
        if open_model:  # as Colab does it when the box is ticked
            source = source.replace("OPEN_MODEL = False", "OPEN_MODEL = True", 1)
        code = compile(source, "setup", "exec")
        exec(code, {})  # noqa: S102 - the cell is ours, and running it is what is tested


@pytest.fixture
def machine(monkeypatch, tmp_path):
    return Machine(monkeypatch, tmp_path)


def test_the_setup_cell_does_nothing_outside_colab(monkeypatch, tmp_path):
    machine = Machine(monkeypatch, tmp_path, colab=False)
    assert "google.colab" not in sys.modules

    machine.set_up()

    assert machine.asked == []


def test_the_setup_cell_keeps_torch_and_numpy_on_colab(machine):
    machine.set_up()

    assert machine.asked[0] == f"ls-remote {REPOSITORY} HEAD"
    assert machine.asked[1].endswith(f" companion[all] @ git+{REPOSITORY}")
    assert machine.kept == "torch==2.11.0+cu128\nnumpy==2.1.3\n"


def test_the_setup_cell_says_what_it_installed_kept_and_replaced(machine, capsys):
    machine.set_up()

    told = capsys.readouterr().out
    assert told == (
        "Packages installed: 2.\nKept torch 2.11.0+cu128, numpy 2.1.3.\n"
        "Replaced pyarrow 18.1.0 -> 26.0.\n"
    )


@pytest.mark.parametrize("stale", [True, False])
def test_the_setup_cell_removes_a_torchao_that_peft_refuses(machine, capsys, stale):
    if stale:
        machine.fails["peft"] = "ImportError: Found an incompatible version of torchao. Found ..."

    machine.set_up()

    assert ("torchao" in machine.packages) is not stale
    assert ("Removed torchao 0.10.0" in capsys.readouterr().out) is stale


def test_without_torchao_the_setup_cell_does_not_wait_for_peft(machine):
    del machine.packages["torchao"]

    machine.set_up()

    assert len(machine.asked) == 2


@pytest.mark.parametrize("loaded", [["pyarrow"], [], ["numpy", "torch"]])
def test_the_setup_cell_asks_for_a_restart_if_what_it_replaced_is_in_use(
    machine, monkeypatch, capsys, loaded
):
    monkeypatch.delitem(sys.modules, "pyarrow", raising=False)
    for name in loaded:
        monkeypatch.setitem(sys.modules, name, SimpleNamespace())

    machine.set_up()

    assert ("Restart now (Runtime > Restart session): pyarrow had" in capsys.readouterr().out) is (
        "pyarrow" in loaded
    )


def test_a_second_run_of_the_setup_cell_does_nothing_and_says_so(machine, capsys):
    machine.set_up()
    asked = len(machine.asked)
    capsys.readouterr()

    machine.set_up()

    assert len(machine.asked) == asked
    assert capsys.readouterr().out == "Nothing to do: the package is installed.\n"


def test_the_setup_cell_fetches_the_open_model_only_when_asked(machine, capsys):
    machine.set_up()
    before = len(machine.asked)
    machine.set_up(open_model=True)

    assert "-m companion fetch smollm2" not in machine.asked[:before]
    assert machine.asked[before:] == ["-m companion fetch smollm2"]
    assert capsys.readouterr().out.endswith("\nready\n")


def test_an_open_model_that_cannot_be_fetched_does_not_stop_the_setup_cell(machine, capsys):
    machine.fails["fetch"] = "pip could not download it"

    machine.set_up(open_model=True)

    told = capsys.readouterr().out
    assert "The open model was not fetched; all else works." in told
    assert told.endswith("pip could not download it\n")
    assert "companion" in machine.packages


def test_after_a_failure_the_setup_cell_starts_again(machine):
    machine.fails["install"] = "no space"
    with pytest.raises(RuntimeError, match="no space"):
        machine.set_up()
    del machine.fails["install"]

    machine.set_up()

    assert "companion" in machine.packages


def test_the_setup_cell_says_what_to_do_when_pip_fails(machine):
    machine.fails["install"] = "no fitting versions"

    with pytest.raises(RuntimeError, match=r"start a fresh runtime .*(.|\n)*no fitting versions"):
        machine.set_up()


def test_the_setup_cell_says_so_when_the_repository_is_not_there(machine):
    machine.fails["ls-remote"] = "fatal: repository not found"

    with pytest.raises(RuntimeError, match=rf"{REPOSITORY} can't be reached(.|\n)*not found"):
        machine.set_up()

    assert len(machine.asked) == 1  # pip was not asked
