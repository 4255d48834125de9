"""Around the build: outputs for the cache, smaller files, the extension's own markup."""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import bookext
import build_site
import lean_site
import nbformat
import pytest
from diagrams import FOLDER, drawing_path
from notebook_file import build_draft, write
from prime_cache import prime
from project import BookError, Project
from references import read_references

ROOT = Path(__file__).parents[2]
GIT_USER = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
GIT_TIME = {**os.environ, "GIT_COMMITTER_DATE": "@1000 +0000"}
PAGE = "# One\n\nText.\n\n```{code-cell} ipython3\nprint(1)\n```\n"


@pytest.fixture
def page(book):
    """A page with the notebook of a run that printed 1."""
    book.add_code("gpt/one", PAGE)
    page = book.project.page("gpt/one")
    made = build_draft(page, book.project, read_references(book.project)).notebook
    made.cells[2].execution_count = 1
    made.cells[2].outputs = [nbformat.v4.new_output("stream", name="stdout", text="1\n")]
    write(made, page.notebook)
    return page


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("print(1)", "print(2)", "has changed since its notebook was made"),
        ("print(1)\n```", "print(1)\n```\n\n```{code-cell}\n2\n```", "has changed since"),
    ],
)
def test_a_stale_notebook_is_not_published(old, new, problem, book, page, tmp_path):
    page.source.write_text(page.text().replace(old, new), encoding="utf-8")

    with pytest.raises(BookError, match=problem):
        prime(tmp_path / "cache", book.project)


def test_a_cell_that_was_never_run_is_not_published(book, page, tmp_path):
    made = nbformat.read(page.notebook, as_version=4)
    made.cells[2].execution_count = None
    write(made, page.notebook)

    with pytest.raises(BookError, match="has a cell never run"):
        prime(tmp_path / "cache", book.project)


def test_a_page_without_a_notebook_is_reported_by_the_command(book, page, capsys):
    page.notebook.unlink()

    assert build_site.main(["--out", "_build"], book.project) == 1
    assert "run: python book/_tools/notebook.py gpt/one" in capsys.readouterr().err


def test_only_icons_that_are_shown_are_kept():
    styles = '.fa-rocket{--fa:"\\f135"}.fa-bug{--fa:"\\f188"}.admonition:before{content:"\\f06a"}'

    assert lean_site.used_icons('<i class="fas fa-rocket"></i>', styles) == {0xF135, 0xF06A}


def test_a_font_of_letters_in_a_style_has_those_alone():
    page = 'AB <span class="mord mathbb">E</span><span class="mrel amsrm">&lt;</span>'
    page += '<span class="mord mathcal" style="x">L</span><span class="mord">Z</span>'

    assert lean_site.characters_of("KaTeX_AMS-Regular.woff2", page) == {ord("E"), ord("<")}
    assert lean_site.characters_of("KaTeX_Caligraphic-Regular.woff2", page) == {ord("L")}
    assert {ord("A"), ord("Z")} < lean_site.characters_of("KaTeX_Main-Regular.woff2", page)


def test_only_formula_fonts_that_are_used_are_kept(tmp_path):
    faces = {
        "KaTeX_Main": "a.woff2",
        "KaTeX_Size1": "b.woff2",
        "KaTeX_Fraktur": "c.woff2",
    }
    sheet = tmp_path / "katex.min.css"
    rules = [f"@font-face{{font-family:{name};src:url({file})}}" for name, file in faces.items()]
    rules += [".katex .mathfrak{font-family:KaTeX_Fraktur}", ".katex .big{font-family:KaTeX_Size1}"]
    sheet.write_text("".join(rules), encoding="utf-8")
    for file in faces.values():
        (tmp_path / file).touch()

    lean_site.drop_formula_fonts(sheet, '<span class="katex"><i class="big">x</i></span>')

    assert sorted(path.name for path in tmp_path.glob("*.woff2")) == ["a.woff2", "b.woff2"]
    assert "c.woff2" not in sheet.read_text(encoding="utf-8")


def test_a_page_is_rewritten_once(tmp_path):
    (tmp_path / "a.html").write_text("<body><p>東京</p></body>", encoding="utf-8")

    lean_site.lean(tmp_path)
    lean_site.lean(tmp_path)

    text = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert text == '<body><p><span lang="ja">東京</span></p></body>'


def test_icons_are_never_lost_in_silence(tmp_path):
    """A new style sheet may write them in another way."""
    font = tmp_path / "_static" / "fa-solid.woff2"
    font.parent.mkdir()
    font.touch()
    (tmp_path / "a.html").write_text('<i class="fa-rocket"></i>', encoding="utf-8")

    with pytest.raises(BookError, match="which character an icon is"):
        lean_site.lean(tmp_path)


def test_templates_of_the_theme_are_no_part_of_the_site(tmp_path):
    (tmp_path / "index.html").write_text("<p>one</p>")
    template = tmp_path / "_static" / "theme-webpack-macros.html"
    template.parent.mkdir()
    template.write_text("{% macro %}")

    lean_site.lean(tmp_path)

    assert not template.exists()
    assert (tmp_path / "index.html").read_text() == "<p>one</p>"


def test_the_search_of_sphinx_is_not_sent(tmp_path):
    for name in ("_static/searchtools.js", "_static/english-stemmer.js", "searchindex.js"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("", encoding="utf-8")
    (tmp_path / "_static" / "search.js").write_text("", encoding="utf-8")

    lean_site.lean(tmp_path)

    assert [path.name for path in tmp_path.rglob("*.js")] == ["search.js"]


def test_the_date_of_a_page_is_that_of_the_last_commit(book):
    assert abs(int(build_site.last_change(book.project)) - time.time()) < 60  # no repository
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "x", "--date", "@1000 +0000"]):
        subprocess.run(["git", "-C", book.root, *GIT_USER, *command], check=True, env=GIT_TIME)

    assert build_site.last_change(book.project) == "1000"


def test_the_run_line_states_what_was_measured():
    run = {"date": "2026-11-23", "machine": "CPU <1>", "peak_mebibytes": 1234, "seconds": 9.96}

    line = bookext.measured({"cpu": run})

    assert "Runs in 10.0 s with 1,234 MiB of memory at its peak (CPU, 2026-11-23)" in line
    assert 'title="CPU &lt;1&gt;"' in line


def test_the_run_line_has_a_button_for_colab_where_the_repository_is_known(tmp_path, book):
    page = book.project.page("gpt/one")
    known = bookext.colab_url(book.project, page)

    with_it = bookext.run_line(known, "../", page.name, "")
    without = bookext.run_line(bookext.colab_url(Project(tmp_path), page), "../", page.name, "")

    assert (
        known == "https://colab.research.google.com/github/ada/engine/blob/notebooks/gpt/one.ipynb"
    )
    assert (f'href="{known}"' in with_it, "Colab" in without) == (True, False)
    assert 'href="../notebooks/gpt/one.ipynb" download' in without


@pytest.mark.parametrize("wheel", ["llm_measured-1.0-1gabc-py3-none-any.whl", ""])
def test_published_notebooks_know_their_repository_and_its_wheel(book, page, tmp_path, wheel):
    build_site._add_notebooks(book.project, [page], tmp_path, wheel)

    cells = nbformat.read(tmp_path / "notebooks/gpt/one.ipynb", as_version=4).cells
    assert 'REPOSITORY = "ada/engine"  # @param' in cells[0].source
    assert f'PACKAGE = "{wheel}"  # @param' in cells[0].source


def test_without_a_repository_published_notebooks_are_those_of_the_checkout(
    book, page, tmp_path, capsys
):
    build_site._add_notebooks(Project(book.root), [page], tmp_path, "")

    assert (tmp_path / "notebooks/gpt/one.ipynb").read_bytes() == page.notebook.read_bytes()
    assert "no buttons for Colab" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("programs", ["all programs", "no node"])
def test_a_small_book_builds_without_a_warning_or_execution(programs, book, page, monkeypatch):
    for name in ("_ext", "_static", "_templates", "_tools"):
        shutil.copytree(ROOT / "book" / name, book.root / "book" / name)
    shutil.copy(ROOT / "_config.yml", book.root)
    extra = "\n```{dot}\n:alt: a to b\ndigraph {a -> b}\n```\n\nThe root $\\sqrt{x}$.\n"
    extra += "\n```{live} temperature\n:tokens: a,b\n:logits: 1,2\n\nTwo bars.\n```\n"
    drawing = drawing_path(book.project, page.name, "digraph {a -> b}")
    book.write(f"book/{FOLDER}/{drawing.name}", '<svg width="10pt"></svg>')
    page.source.write_text(page.text() + extra, encoding="utf-8")
    book.add("back/references", "# References\n\n{cite}`one2020`\n\n```{bibliography}\n```\n")
    book.write("index.md", "# Small book\n\n[](book/gpt/one.md)\n")
    monkeypatch.setenv("BOOK_REPOSITORY", "ada/engine")
    if programs != "all programs":
        real = shutil.which
        monkeypatch.setattr(shutil, "which", lambda name: None if name == "node" else real(name))
        folder = book.root / "bin"
        folder.mkdir()
        monkeypatch.setenv("PATH", str(folder))

    status = build_site.main([], Project(book.root, "ada/engine"))
    html = book.root / "_build/html/book"
    text = (html / "gpt/one.html").read_text(encoding="utf-8")

    assert status == 0
    listed = (html / "back/references.html").read_text(encoding="utf-8")
    assert re.search(r'class="label">(?:<[^>]*>|\[)*Lovelace, 2020', listed)
    assert "colab.research.google.com/github/ada/engine/blob/notebooks/gpt/one.ipynb" in text
    assert '<svg role="img" aria-label="a to b"' in text
    assert 'data-live="temperature"' in text
    assert "_static/live.js" in text
    assert (book.root / "_build/html/_static/live/models/manifest.json").is_file()
