"""Markdown to prose."""

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


@given(st.text(alphabet="#`~:{}[]()<>!%+-\n ab", max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_text_is_read(text) -> None:
    _, sections = markdown_sections(text, code=True)

    assert all(part.strip() for _, part in sections)


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
