"""The layout in a browser: nothing is wider than a telephone."""

import shutil
from pathlib import Path

import pytest
from sphinx.application import Sphinx

STATIC = Path(__file__).parents[2] / "book" / "_static"
PARTS = {
    "code": "Run (`python -m companion.pocket.corpus.nearest_neighbors.and_then_some_more_of_`).",
    "item": "- `companion.pocket.corpus.nearest_neighbors.and_then_some_more_of_it_all`",
    "address": "See <https://example.org/a/very/long/address/that/has/no/place/to/break/it/at/all>.",
    "table": "| one | two | three | four |\n|---|---|---|---|\n| "
    + " | ".join(["`an_unbreakable_cell_of_code`"] * 4)
    + " |",
    "formula": "$$\n" + " + ".join(f"x_{{{n}}}" for n in range(60)) + "\n$$",
    "block": "```\n" + "a line of code " * 20 + "\n```",
}


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> Path:
    """One page for each part, built with the book's theme and style sheet."""
    folder = tmp_path_factory.mktemp("layout")
    (folder / "conf.py").write_text(
        'extensions = ["myst_parser"]\nmyst_enable_extensions = ["dollarmath"]\n'
        'html_theme = "sphinx_book_theme"\nhtml_css_files = ["book.css"]\n'
        'html_static_path = ["static"]\n',
        encoding="utf-8",
    )
    (folder / "static").mkdir()
    shutil.copy(STATIC / "book.css", folder / "static")
    names = "\n".join(PARTS)
    (folder / "index.md").write_text(f"# Index\n\n```{{toctree}}\n{names}\n```\n")
    for name, part in PARTS.items():
        (folder / f"{name}.md").write_text(f"# {name.capitalize()}\n\nBefore.\n\n{part}\n")
    Sphinx(folder, folder, folder / "out", folder / "trees", "html", status=None).build()
    return folder / "out"


def test_no_part_is_wider_than_a_telephone(pages, driver):
    size = {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    widths = {}
    for name in PARTS:
        driver.get((pages / f"{name}.html").as_uri())
        widths[name] = driver.execute_script("return document.documentElement.scrollWidth")

    assert widths == dict.fromkeys(PARTS, 390)
