"""Diagrams are drawn once and kept beside the pages."""

import shutil

import diagrams
import pytest

DOT = "```{dot}\n:alt: a leads to b\n:caption: Two\n\ndigraph { a -> b }\n```\n"
needs_graphviz = pytest.mark.skipif(shutil.which("dot") is None, reason="needs graphviz")


@pytest.fixture
def page(book):
    """The page gpt/one, still without a diagram."""
    book.add("gpt/one", "# One\n")
    return book.project.page("gpt/one")


@pytest.mark.parametrize(
    "text",
    [
        DOT,
        f":::{{note}}\n{DOT}:::\n",
        f"````{{admonition}} Look\n{DOT}````\n",
        "- an item\n\n" + "".join(f"  {line}\n" for line in DOT.splitlines()),
        DOT.replace("```", "~~~~"),
    ],
    ids=["plain", "in a colon fence", "in a fence", "in a list", "tildes"],
)
def test_a_diagram_is_found_wherever_it_stands(text):
    assert list(diagrams.sources(text)) == ["digraph { a -> b }"]


def test_only_diagrams_are_found():
    text = "```python\ndigraph = 1\n```\n\n    ```{dot}\n    digraph {}\n    ```\n\n"
    text += "```{math}\nx\n```\n"

    assert list(diagrams.sources(text)) == []


@needs_graphviz
def test_a_diagram_is_drawn_once_and_goes_with_its_page(book, page, capsys):
    before = page.text()
    page.source.write_text(before + "\n" + DOT, encoding="utf-8")

    assert diagrams.main(["--check"], book.project) == 1
    assert "gpt/one is not drawn" in capsys.readouterr().err
    assert diagrams.main([], book.project) == 0
    assert "1 diagrams: 1 drawn, 0 deleted" in capsys.readouterr().out
    assert diagrams.main(["--check"], book.project) == 0

    page.source.write_text(before + "\n" + DOT.replace("a ->", "c ->"), encoding="utf-8")
    assert diagrams.main(["--check"], book.project) == 1
    assert "no page has this diagram" in capsys.readouterr().err

    page.source.write_text(before, encoding="utf-8")
    assert diagrams.main([], book.project) == 0
    assert not list((book.project.book / diagrams.FOLDER).iterdir())


@needs_graphviz
def test_a_mistake_in_a_diagram_names_the_page(book, page, capsys):
    page.source.write_text(page.text() + "\n" + DOT.replace("->", "-> ->"), encoding="utf-8")

    assert diagrams.main([], book.project) == 1
    assert "gpt/one: dot: Error" in capsys.readouterr().err


def test_without_graphviz_a_new_diagram_says_what_to_install(book, page, capsys, monkeypatch):
    page.source.write_text(page.text() + "\n" + DOT, encoding="utf-8")
    monkeypatch.setenv("PATH", "")

    assert diagrams.main([], book.project) == 1
    assert "a diagram of gpt/one is new or changed" in capsys.readouterr().err


def test_a_drawing_follows_the_colors_of_the_page():
    drawn = '<?xml?><svg width="300pt"><title>G</title><g id="n1"><path stroke="black"/>'
    drawn += '<text x="1">a</text></g></svg>'

    svg = diagrams.themed(drawn)

    assert svg.startswith('<svg style="min-width: 280px"')
    assert 'stroke="currentColor"' in svg
    assert '<text x="1" fill="currentColor">' in svg
    assert "id=" not in svg
    assert "<title>" not in svg


def test_a_wide_drawing_is_never_held_wider_than_the_page():
    assert 'style="min-width: 640px"' in diagrams.themed('<svg width="900pt"></svg>')


WIDE = "digraph { rankdir=LR; " + " -> ".join(f"station_{number}" for number in range(8)) + " }"


@needs_graphviz
def test_a_diagram_too_wide_for_a_phone_is_drawn_upright_too(page):
    across, upright = diagrams.draw(WIDE, page).split("</svg>\n")[:2]

    assert across.startswith('<svg class="across" style="min-width: 640px"')
    assert upright.startswith('<svg class="upright" ')
    assert int(upright.split("min-width: ")[1].split("px")[0]) < 350


@needs_graphviz
def test_a_diagram_that_fits_is_drawn_once(page):
    assert diagrams.draw("digraph { rankdir=LR; a -> b }", page).count("<svg ") == 1


@needs_graphviz
def test_a_diagram_that_no_phone_can_show_is_refused_with_what_to_do(page):
    flat = "; ".join(f"station_{number}" for number in range(8))

    with pytest.raises(diagrams.BookError, match=r"gpt/one: on a phone, .*// upright:"):
        diagrams.draw(f"digraph {{ {flat} }}", page)

    chain = flat.replace(";", " ->")
    drawn = diagrams.draw(f"digraph {{ {flat}\n// upright: {chain}\n}}", page)
    assert 'class="upright"' in drawn


@needs_graphviz
def test_all_diagrams_have_letters_of_the_same_sizes(page):
    sizes = "node [shape=box, fontsize=30]; edge [fontsize=5]; a -> b [label=c]"

    drawn = diagrams.draw(f"digraph {{ {sizes} }}", page)

    assert drawn.count('font-size="12.00"') == 2
    assert drawn.count('font-size="11.00"') == 1
