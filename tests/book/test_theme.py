"""The theme with the book's templates and changes has no fault, and each of them is needed."""

import shutil
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from frame_faults import frame_faults
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace
from theme import fold_parts

BOOK = Path(__file__).parents[2] / "book"
CONFIG = f"""\
import sys

sys.path[:0] = [{str(BOOK / "_ext")!r}, {str(BOOK / "_tools")!r}]
extensions = ["myst_nb"]
source_suffix = {{".rst": "restructuredtext", ".md": "myst-nb"}}
nb_execution_mode = "off"
html_theme = "sphinx_book_theme"
html_theme_options = {{"use_fullscreen_button": False}}
html_context = {{"default_mode": "light"}}
templates_path = ["templates"]
"""
WITH_CHANGES = """

def setup(app):
    from theme import setup_theme

    setup_theme(app)
"""
FILES = {
    "index.rst": "Index\n=====\n\nSee [Ada]_.\n\n.. toctree::\n\n   part\n\n.. [Ada] Lovelace\n",
    "part.md": "# Part\n\n```{toctree}\ncell\n```\n",
    "cell.md": "---\nfile_format: mystnb\nkernelspec: {name: python3}\n---\n\n# Cell\n\n"
    "```{code-cell}\n:tags: [hide-input]\n1 + 1\n```\n\n## Part of it\n",
}


def faults(folder: Path, without: str = "", changes: str = WITH_CHANGES) -> str:
    """Build a small site, without one of the templates; returns the faults of its pages."""
    shutil.copytree(BOOK / "_templates", folder / "templates")
    if without:
        (folder / "templates" / without).unlink()
    for name, text in {"conf.py": CONFIG + changes, **FILES}.items():
        (folder / name).write_text(text, encoding="utf-8")
    places = (folder, folder, folder / "out", folder / "trees")
    with docutils_namespace():
        Sphinx(*places, "html", status=None, warning=None).build()
    pages = [folder / "out" / f"{name}.html" for name in ("index", "cell", "genindex", "search")]
    return "\n".join(
        f"{page.stem}: {fault}"
        for page in pages
        for fault in frame_faults(BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser"))
    )


def test_the_mended_theme_has_no_fault(tmp_path):
    assert faults(tmp_path) == ""


@pytest.mark.parametrize(
    ("template", "fault"),
    [
        ("layout.html", "genindex: an empty heading: h1"),
        ("layout.html", "the viewport is declared 2 times"),
        ("layout.html", "the color scheme of the reader's system is not asked for"),
        ("layout.html", "holds up the page: _static/scripts/fontawesome.js"),
        ("search-button-field.html", "the name 'Search' of a button is not its text"),
        ("sections/sidebar-primary.html", "text outside of every landmark"),
        ("toggle-primary-sidebar.html", "a button has no name"),
        ("toggle-secondary-sidebar.html", "a button has no name"),
    ],
)
def test_every_template_is_needed(template, fault, tmp_path):
    """One that mends nothing any more is to be deleted."""
    assert fault in faults(tmp_path, without=template)


def test_every_change_of_what_fills_them_is_needed(tmp_path):
    found = faults(tmp_path, changes="")

    assert "index: the viewport is declared 2 times" in found
    assert "index: a script holds up the page: _static/doctools.js" in found
    assert "index: a summary has no name" in found
    assert "index: the bibliography has roles" in found
    assert "cell: the name 'Toggle hidden content' of a summary is not its text" in found


CONTENTS = """
<ul><li><a href="index.html">Title</a></li></ul>
<p aria-level="2" class="caption" role="heading"><span>One</span></p>
<ul><li class="toctree-l1"><a href="a.html">A</a></li></ul>
<p aria-level="2" class="caption" role="heading"><span>Two</span></p>
<ul><li class="toctree-l1{}"><a href="b.html">B</a></li></ul>
"""


@pytest.mark.parametrize(("current", "are_open"), [(" current", [False, True]), ("", [True, True])])
def test_the_part_of_a_page_stands_open_and_on_the_title_page_all(current, are_open):
    contents = BeautifulSoup(CONTENTS.format(current), "html.parser")

    fold_parts(contents)

    parts = contents.select("details")
    assert [part.has_attr("open") for part in parts] == are_open
    assert [part.summary.get_text() for part in parts] == ["One", "Two"]
    assert [part.select_one("a")["href"] for part in parts] == ["a.html", "b.html"]
    assert not contents.select("[role=heading]")
