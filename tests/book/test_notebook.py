"""From a page to its notebook: building, running, comparing, publishing."""

import importlib.util
import json
import re
import subprocess
import sys
from types import SimpleNamespace

import colab_setup
import nbformat
import notebook
import pytest
from myst_inline import PageError
from notebook_file import Address, build_draft, published, write
from project import BookError
from references import read_references

from companion.hosted import HEAVY

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


def test_a_page_that_cannot_be_refreshed_does_not_stop_the_others(book, page, capsys):
    store(book, page)
    page.source.write_text(page.text().replace("print(1)", "print(2)"), "utf-8")
    book.add_code("gpt/two", PAGE.replace("# One", "# Two"))
    two = book.project.page("gpt/two")
    store(book, two)
    two.source.write_text(two.text().replace("Text about", "Words about"), "utf-8")

    assert notebook.main(["--refresh"], book.project) == 1
    told = capsys.readouterr()
    assert "1 notebooks have the text" in told.out
    assert "book/gpt/one.md has changed since" in told.err
    assert "Words about" in two.notebook.read_text("utf-8")


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


# -- the set-up cell -------------------------------------------------------------------------------


WHEEL = "llm_measured-1.0-1gabc-py3-none-any.whl"
ADDRESS = f"https://github.com/ada/engine/releases/download/packages/{WHEEL}"


class Machine:
    """What the set-up cell sees of a machine: pip, the package, and where it runs."""

    def __init__(self, monkeypatch, folder, *, host="colab", has_package=False):
        self.asked, self.prepared, self.fails = [], [], {}
        self.has_package = has_package
        monkeypatch.chdir(folder)
        monkeypatch.setattr(subprocess, "run", self.run)
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: self.has_package or None)
        monkeypatch.setitem(sys.modules, "companion.hosted", SimpleNamespace(prepare=self.prepare))
        monkeypatch.delitem(sys.modules, "google.colab", raising=False)
        monkeypatch.delenv("KAGGLE_KERNEL_RUN_TYPE", raising=False)
        if host == "colab":
            monkeypatch.setitem(sys.modules, "google.colab", SimpleNamespace())
        if host == "kaggle":
            monkeypatch.setenv("KAGGLE_KERNEL_RUN_TYPE", "Interactive")

    def run(self, command, **options):
        self.asked.append(command[-1])
        action = "fetch" if "fetch" in command else "install"
        if action in self.fails:
            return SimpleNamespace(returncode=1, stdout="", stderr=self.fails[action])
        self.has_package = True
        return SimpleNamespace(returncode=0, stdout=f"{action}ed", stderr="")

    def prepare(self, needs, *, said, since):
        self.prepared.append((needs, said))
        return "prepared"

    def set_up(self, *, open_model=False, needs=(), repository="ada/engine", wheel=WHEEL):
        source = colab_setup.setup_source(needs, repository=repository, wheel=wheel)
        if open_model:  # as Colab does it when the box is ticked
            source = source.replace("OPEN_MODEL = False", "OPEN_MODEL = True", 1)
        code = compile(source, "setup", "exec")
        exec(code, {})  # noqa: S102 - the cell is ours, and running it is what is tested


@pytest.fixture
def machine(monkeypatch, tmp_path):
    return Machine(monkeypatch, tmp_path)


@pytest.mark.parametrize("host", ["colab", "kaggle"])
def test_on_a_hosted_machine_the_setup_cell_installs_the_wheel_of_its_repository(
    host, monkeypatch, tmp_path, capsys
):
    machine = Machine(monkeypatch, tmp_path, host=host)

    machine.set_up(needs=["embeddings"])

    assert machine.asked == [ADDRESS]
    assert machine.prepared == [(["embeddings"], "installed")]
    assert capsys.readouterr().out.endswith("(about half a minute)\nprepared\n")


def test_a_second_run_of_the_setup_cell_looks_for_the_libraries_only(machine):
    machine.set_up()
    machine.set_up()

    assert machine.asked == [ADDRESS]
    assert machine.prepared == [([], "installed"), ([], "")]


def test_in_an_ordinary_jupyter_the_setup_cell_does_nothing(monkeypatch, tmp_path, capsys):
    machine = Machine(monkeypatch, tmp_path, host="", has_package=True)

    machine.set_up(open_model=True)

    assert (machine.asked, machine.prepared, capsys.readouterr().out) == ([], [], "")


@pytest.mark.parametrize(
    ("repository", "command"),
    [
        ("ada/engine", f"pip install 'llm-measured[all] @ {ADDRESS}'\n"),
        ("", "pip install '.[all]', in the folder of the book's repository\n"),
    ],
)
def test_in_an_ordinary_jupyter_without_the_package_it_says_how_to_install_it(
    repository, command, monkeypatch, tmp_path, capsys
):
    machine = Machine(monkeypatch, tmp_path, host="")

    machine.set_up(repository=repository)

    assert (machine.asked, machine.prepared) == ([], [])
    assert capsys.readouterr().out.endswith(command)


@pytest.mark.parametrize("repository", ["ada/engine", ""])
def test_a_wheel_beside_the_notebook_goes_first(repository, machine, tmp_path):
    (tmp_path / WHEEL).touch()

    machine.set_up(repository=repository, wheel="")

    assert machine.asked == [str(tmp_path / WHEEL)]


def test_with_a_repository_alone_its_newest_state_is_installed(machine):
    machine.set_up(wheel="")

    assert machine.asked == ["https://github.com/ada/engine/archive/HEAD.zip"]


def test_a_copy_that_knows_no_repository_says_what_to_do(machine):
    with pytest.raises(RuntimeError, match=r"field REPOSITORY above, or put the package beside"):
        machine.set_up(repository="", wheel="")

    assert machine.asked == []


def test_the_setup_cell_says_what_pip_said_and_starts_again(machine):
    machine.fails["install"] = "ERROR: HTTP error 404"
    with pytest.raises(RuntimeError, match=r"does that address still exist\?(.|\n)*HTTP error 404"):
        machine.set_up()
    machine.fails.clear()

    machine.set_up()

    assert len(machine.prepared) == 1


def test_the_setup_cell_fetches_the_open_model_only_when_asked(machine, capsys):
    machine.set_up()
    before = len(machine.asked)
    machine.set_up(open_model=True)

    assert "smollm2" not in machine.asked[:before]
    assert machine.asked[before:] == ["smollm2"]
    assert capsys.readouterr().out.endswith("prepared\nfetched\n")


def test_an_open_model_that_cannot_be_fetched_does_not_stop_the_setup_cell(machine, capsys):
    machine.fails["fetch"] = "pip could not download it"

    machine.set_up(open_model=True)

    told = capsys.readouterr().out
    assert "The open model was not fetched; all else works." in told
    assert told.endswith("pip could not download it\n")


@pytest.mark.parametrize(
    ("code", "needs"),
    [
        ("from companion.rag import DenseRetriever, Embedder", ["embeddings"]),
        ('companion.load("embedding")', ["embeddings"]),
        ("import faiss", ["embeddings"]),
        ("from companion.models.quantized import load_quantized", ["bitsandbytes"]),
        ("from companion.rag.bm25 import BM25Retriever", []),
        ('logging.getLogger("bitsandbytes")', []),
    ],
)
def test_a_page_gets_the_large_libraries_that_its_code_uses(code, needs):
    assert colab_setup.needs_of(code) == needs
    assert set(needs) <= HEAVY.keys()


def test_a_notebook_of_the_repository_names_no_owner_and_a_published_one_does(book, page):
    made = store(book, page)
    address = Address("ada/engine", "https://ada.github.io/engine/", WHEEL)

    out = published(page, book.project, read_references(book.project), address)

    assert "ada/" not in nbformat.writes(made)
    assert "ada.github" not in nbformat.writes(made)
    assert 'REPOSITORY = "ada/engine"' in out.cells[0].source
    assert f'PACKAGE = "{WHEEL}"' in out.cells[0].source
    assert "(../../back/glossary.md#term-token)" in made.cells[1].source
    assert f"({address.site}book/back/glossary.html#term-token)" in out.cells[1].source
    assert out.cells[2].execution_count == 2


def test_a_notebook_that_was_not_run_is_not_published(book, page):
    made = store(book, page)
    made.cells[3].execution_count = None
    write(made, page.notebook)
    address = Address("ada/engine", "https://ada.github.io/engine/")

    with pytest.raises(BookError, match="has a cell never run"):
        published(page, book.project, read_references(book.project), address)
