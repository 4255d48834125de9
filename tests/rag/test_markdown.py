"""Markdown to prose."""

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion.rag.markdown import markdown_sections

PAGE = """---
jupytext:
  text_representation: {extension: .md}
title: From the front matter
---

(a-label)=
# The *title*

Before. See {doc}`the other page </book/x>` and {cite:p}`wei2022` and {term}`token`.

```{code-cell} ipython3
:tags: [hide-input]
# not a heading
x = 1
```

+++

## Second

% a comment
![A cat](cat.png) and [a link](https://example.org "title").

:::{note} Take care
:class: tip
Inside the note.
```python
y = 2
```
:::

```{figure} plot.svg
:alt: A plot
The caption.
```

```{toctree}
other
```
"""


def test_a_page_becomes_its_prose() -> None:
    title, sections = markdown_sections(PAGE)

    assert title == "The *title*"
    assert sections == [
        ("The *title*", "Before. See the other page and  and token."),
        ("Second", "A cat and a link.\n\nTake care\nInside the note.\n\nThe caption."),
    ]


def test_code_is_kept_on_request() -> None:
    _, sections = markdown_sections(PAGE, code=True)

    assert "# not a heading\nx = 1" in sections[0][1]
    assert "Inside the note.\ny = 2" in sections[1][1]


def test_the_front_matter_gives_the_title_if_no_heading_does() -> None:
    assert markdown_sections("---\ntitle: 'Trees'\n---\n\n## Oaks\n\nTall.") == (
        "Trees",
        [("Oaks", "Tall.")],
    )


def test_a_rule_is_no_front_matter() -> None:
    assert markdown_sections("a\n\n---\n\nb")[1] == [("", "a\n\n---\n\nb")]
    assert markdown_sections("---\nnever closed")[1] == [("", "---\nnever closed")]


@pytest.mark.parametrize("fence", ["```", "~~~", "````"])
def test_headings_in_code_are_code(fence) -> None:
    assert markdown_sections(f"# A\n\n{fence}\n# no\n{fence}\n\ntext")[1] == [("A", "text")]


def test_a_shorter_fence_does_not_close() -> None:
    assert markdown_sections("````\n```\nstill code\n````\nprose")[1] == [("", "prose")]


def test_a_block_that_is_never_closed_ends_with_the_file() -> None:
    assert markdown_sections("prose\n```\ncode")[1] == [("", "prose")]


def test_inline_code_with_three_backticks_is_no_fence() -> None:
    assert markdown_sections("```x``` is code")[1] == [("", "```x``` is code")]


def test_formulas_stay() -> None:
    assert markdown_sections("```{math}\n:label: eq\nE = mc^2\n```")[1] == [("", "E = mc^2")]


def prose(text: str) -> str:
    """Return the text of the only section."""
    ((_, found),) = markdown_sections(text)[1]
    return found


def test_the_lines_of_a_paragraph_become_one() -> None:
    wrapped = "An oak\nis a tall\n  tree.\n\nIt is\nold."

    assert prose(wrapped) == "An oak is a tall tree.\n\nIt is old."


def test_marks_that_are_broken_by_a_line_break_are_whole_again() -> None:
    wrapped = "See [the\npage](x.md) and {doc}`another\n</b>` and {cite:p}`a,\nb`."

    assert prose(wrapped) == "See the page and another and ."


@pytest.mark.parametrize(
    "text",
    [
        "- an oak\n- a beech\n  - a copper beech\n* a lime\n+ an ash",
        "1. first\n2. second\n10. tenth",
        "| a | b |\n|---|---|\n| 1 | 2 |\nafter",
        "> quoted\n> twice",
        "text\n---\nmore",
        "***\nmore",
        "before\n$$\na = b\nc = d\n$$\nafter",
        "before\n$$ a = b $$\nafter",
        "term\n: what it means",
        "    indented = code\n    x = 1",
        "say:\n1. first",
    ],
)
def test_what_stands_on_a_line_of_its_own_stays_there(text: str) -> None:
    assert prose(text) == text.strip()


def test_an_item_takes_up_its_further_lines() -> None:
    text = "- an oak\n  is tall\n- a beech\nis too\n\n  1. first\n     half\n  2. second"

    assert prose(text) == "- an oak is tall\n- a beech is too\n\n  1. first half\n  2. second"


def test_an_item_after_an_empty_line_may_have_any_number() -> None:
    assert prose("1. first\n\n    2. second\n       half") == "1. first\n\n    2. second half"


def test_a_number_that_happens_to_begin_a_line_begins_no_list() -> None:
    assert prose("It was in\n1998. Then\n2. came") == "It was in 1998. Then 2. came"


def test_a_line_break_that_is_meant_stays() -> None:
    assert prose("roses  \nviolets\\\nthe end") == "roses\nviolets\nthe end"
    assert prose("roses\\") == "roses"


def test_japanese_lines_are_joined_without_a_blank() -> None:
    assert prose("今日は\n晴れ。\nGood\nです") == "今日は晴れ。 Good です"


def test_blocks_end_a_paragraph() -> None:
    assert prose("before\n```\ncode\n```\nafter") == "before\nafter"
    assert prose("before\n:::{note}\ninside\n:::\nafter") == "before\ninside\nafter"
    assert prose("before\n% comment\nafter\n+++\nlast") == "before\nafter\nlast"
    assert markdown_sections("before\n# A\nafter")[1] == [("", "before"), ("A", "after")]


def test_a_formula_that_is_never_closed_ends_with_its_section() -> None:
    assert markdown_sections("$$\na\nb\n# A\nc\nd")[1] == [("", "$$\na\nb"), ("A", "c d")]


def test_kept_code_keeps_its_lines() -> None:
    code = "```\na = 1\nb = 2\n```"

    assert markdown_sections(f"x\ny\n{code}\nz", code=True)[1] == [("", "x y\na = 1\nb = 2\nz")]


@given(st.text(alphabet="#`~:{}[]()<>!%+-*_$|\\1.\n\t ab晴", max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_text_is_read(text) -> None:
    _, sections = markdown_sections(text, code=True)

    assert all(part.strip() for _, part in sections)


def test_long_paragraphs_take_no_time() -> None:
    begun = time.process_time()

    assert len(prose("word after word\n" * 200_000)) == 16 * 200_000 - 1

    assert time.process_time() - begun < 10


def test_long_lines_take_no_time() -> None:
    for unit in ("[", "![", "{a}`", "`", "(", "[](", "# ", "{a}`x <"):
        markdown_sections(unit * 20_000)


def test_the_pages_of_this_book_are_read_without_code() -> None:
    page = Path(__file__).parents[2] / "book" / "gpt" / "sampling.md"

    title, sections = markdown_sections(page.read_text(encoding="utf-8"))

    text = "\n".join(part for _, part in sections)
    assert title == "Temperature and filters"
    assert "Divide the logits" in text
    assert not any(mark in text for mark in ("import torch", "code-cell", "{cite", "plt."))
