"""Markdown to prose."""

import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion.errors import DocumentError
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


def parts(text: str, **options: bool) -> list[tuple[str, str]]:
    """Return pairs of heading and text."""
    return [(one.heading, one.text) for one in markdown_sections(text, **options)]


def prose(text: str) -> str:
    """Return the text of the only section."""
    (section,) = markdown_sections(text)
    return section.text


def test_a_page_becomes_its_prose() -> None:
    found = markdown_sections(PAGE)

    assert {one.title for one in found} == {"The title"}
    assert [(one.heading, one.text) for one in found] == [
        ("The title", "Before. See the other page and and token."),
        ("Second", "A cat and a link.\n\nTake care\n\nInside the note.\n\nThe caption."),
    ]


def test_code_is_kept_on_request() -> None:
    first, second = markdown_sections(PAGE, code=True)

    assert "# not a heading\nx = 1" in first.text
    assert "Inside the note.\n\ny = 2" in second.text


def test_the_front_matter_gives_the_title_if_no_heading_does() -> None:
    (section,) = markdown_sections("---\ntitle: 'Trees: a guide'\n---\n\n## Oaks\n\nTall.")

    assert (section.title, section.heading, section.text) == ("Trees: a guide", "Oaks", "Tall.")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\n\n---\n\nb", "a\n\nb"),
        ("---\nnever closed", "never closed"),
        ("---\n\ntext\n\n---\n\nmore", "text\n\nmore"),  # two rules
        ("---\nbroken: [yaml\n---\nmore", "more"),
    ],
)
def test_a_rule_is_no_front_matter(text, expected) -> None:
    assert prose(text) == expected


@pytest.mark.parametrize("fence", ["```", "~~~", "````"])
def test_headings_in_code_are_code(fence) -> None:
    assert parts(f"# A\n\n{fence}\n# no\n{fence}\n\ntext") == [("A", "text")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("````\n```\nstill code\n````\nprose", "prose"),
        ("prose\n```\ncode", "prose"),
        ("> ```\n> code\n> ```\n> quoted", "> quoted"),
        ("    ```\n    code\n    ```\n\nprose", "prose"),
        ("    x = 1\n\nprose", "prose"),
        ("- item\n\n  ~~~\n  code\n  ~~~\n\n  more", "- item\n\n  more"),
        ("1. Install\n\n   ```sh\n   pip install x\n    ```\n\n2. Run.", "1. Install\n\n2. Run."),
        ("```{r setup, echo=FALSE}\nx <- 1\n```\n\nprose", "prose"),
    ],
)
def test_code_ends_where_commonmark_ends_it(text, expected) -> None:
    assert prose(text) == expected


def test_inline_code_with_three_backticks_is_no_fence() -> None:
    assert prose("```x``` is *code* with `*args`") == "x is code with *args"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("```{math}\n:label: eq\nE = mc^2\n```", "E = mc^2"),
        ("before\n\n$$\na = b\nc = d\n$$\n\nafter", "before\n\n$$\na = b\nc = d\n$$\n\nafter"),
        ("before\n$$\na = b\nc = d\n$$\nafter", "before\n$$\na = b\nc = d\n$$\nafter"),
        ("$a_b c_d < e$ is *one*", "$a_b c_d < e$ is one"),
        ("It costs $5 and $10.", "It costs $5 and $10."),
    ],
)
def test_formulas_stay(text, expected) -> None:
    assert prose(text) == expected


def test_the_lines_of_a_paragraph_become_one() -> None:
    wrapped = "An oak\nis a tall\n  tree.\n\nIt is\nold."

    assert prose(wrapped) == "An oak is a tall tree.\n\nIt is old."


def test_marks_that_are_broken_by_a_line_break_are_whole_again() -> None:
    wrapped = "See [the\npage](x.md) and {doc}`another\n</b>` and {cite:p}`a,\nb`."

    assert prose(wrapped) == "See the page and another and ."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- an oak\n- a beech\n  - a copper beech\n* a lime", None),
        ("1. first\n2. second\n10. tenth", None),
        ("| a | b |\n|---|---|\n| 1 | 2 |", None),
        ("| a | b |\n|:--|--:|\n| x *y* | |", "| a | b |\n|---|---|\n| x y |  |"),
        ("> quoted\n> twice\n>\n> again", "> quoted twice\n\n> again"),
        ("term\n: what it\n  means", "term\n: what it means"),
        ("- [x] done\n- [ ] open", None),
        ("say:\n1. first", "say:\n\n1. first"),
        ("- an oak\n  is tall\n- a beech\nis too", "- an oak is tall\n- a beech is too"),
        ("1. first\n\n    2. second\n       half", "1. first\n\n   2. second half"),
        ("It was in\n1998. Then\n2. came", "It was in 1998. Then 2. came"),
        ("roses  \nviolets\\\nthe end", "roses\nviolets\nthe end"),
    ],
)
def test_lists_tables_quotes_and_line_breaks_stay(text: str, expected: str | None) -> None:
    assert prose(text).replace("* a lime", "- a lime") == (expected or text).replace("* a", "- a")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("한국어는 띄어쓰기를\n합니다.", "한국어는 띄어쓰기를 합니다."),
        ("한국어와\n漢字", "한국어와 漢字"),
        ("今日は\n晴れ。\nGood\nです", "今日は晴れ。 Good です"),
        ("他说：\n“你好。”", "他说： “你好。”"),  # these quotes are also western ones
        ("ｶﾀｶﾅ\nです", "ｶﾀｶﾅです"),
        ("well 😀\n😀 done", "well 😀 😀 done"),
    ],
)
def test_lines_are_joined_as_their_language_is_written(text, expected) -> None:
    assert prose(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "# A\n\n<!-- Ask Bob:\n# draft of a heading\n-->\n\nText.",
        "# A\n\nText<!-- Bob -->.",
        "# A\n\n<!-- Bob --> Text.",
        "# A\n\n- <!-- # Bob -->\n\nText.",
        "A\n=\n\n> <!-- Bob -->\n\nText.",
    ],
)
def test_comments_are_no_text(text) -> None:
    found = parts(text)

    assert [heading for heading, _ in found] == ["A"]
    assert "Text" in found[0][1]
    assert "Bob" not in found[0][1]


def test_headings_of_all_kinds() -> None:
    text = (
        "Over two\nlines\n===\n\na\n\nB\n---\n\nb\n\n### C ###\n\nc\n\n<h2>D</h2>\n\nd\n\n> # no\n"
    )

    assert [(one.parents, one.heading) for one in markdown_sections(text)] == [
        ("", "Over two lines"),
        ("", "B"),
        ("B", "C"),
        ("", "D"),
    ]


def test_a_heading_without_text_is_not_lost() -> None:
    text = "# Shop\n\n## Returns\n\n### Kettles\n\n30 days.\n\n## Opening hours\n"

    assert [(one.parents, one.heading, one.text) for one in markdown_sections(text)] == [
        ("Returns", "Kettles", "30 days."),
        ("", "Opening hours", ""),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<details>\n<summary>Why?</summary>\n\nSo *that*.\n\n</details>", "Why?\n\nSo that."),
        ("a<br>b", "a\nb"),
        ("run <your-name> with List<String>", "run <your-name> with List<String>"),
        ("[text][1] &amp; ~~old~~\n\n[1]: http://x.y", "text & old"),
        ("See[^1].\n\n[^1]: A *note*.\n\nNext.", "See.\n\nA note.\n\nNext."),
        (":::warning\nMind the *gap*.\n:::", "Mind the gap."),
        ("100\n% of users\n+++ b\n(x)=", "100 % of users +++ b (x)="),
        ("```{note}\nx\n```\nbefore\n% comment\nafter\n+++\nlast", "x\n\nbefore\n\nafter\n\nlast"),
    ],
)
def test_html_notes_and_the_marks_of_myst(text, expected) -> None:
    assert prose(text) == expected


def test_a_formula_that_is_never_closed_swallows_nothing() -> None:
    assert parts("$$\na\nb\n# A\nc\nd") == [("", "$$ a b"), ("A", "c d")]


def test_kept_code_keeps_its_lines() -> None:
    code = "```\na = 1\n\n    b = 2\n```"

    assert parts(f"x\ny\n{code}\nz", code=True) == [("", "x y\n\na = 1\n\n    b = 2\n\nz")]


@given(st.text(alphabet="#`~:{}[]()<>!%+-*_$|\\1.\n\t ab晴", max_size=200))
@settings(max_examples=150)
def test_any_text_is_read(text) -> None:
    found = markdown_sections(text, code=True)

    assert all(one.text.strip() or one.heading for one in found)


def test_long_paragraphs_take_no_time() -> None:
    begun = time.process_time()

    assert len(prose("word after word\n" * 50_000)) == 16 * 50_000 - 1

    assert time.process_time() - begun < 20


def test_long_lines_take_no_time() -> None:
    begun = time.process_time()

    for unit in ("[", "![", "{a}`", "`", "(", "[](", "# ", "{a}`x <", "> ", "- ", "  "):
        with suppress(DocumentError):  # nested too deeply
            markdown_sections(unit * 5_000)

    assert time.process_time() - begun < 20


def test_the_pages_of_this_book_are_read_without_code() -> None:
    page = Path(__file__).parents[2] / "book" / "gpt" / "sampling.md"

    found = markdown_sections(page.read_text(encoding="utf-8"))

    text = "\n".join(one.text for one in found)
    assert {one.title for one in found} == {"Temperature and filters"}
    assert "Divide the logits" in text
    assert not any(mark in text for mark in ("import torch", "code-cell", "{cite", "plt."))


@pytest.mark.parametrize(
    "deep",
    [
        "\n".join(f"{'  ' * level}- level {level}" for level in range(60)) + "\nlevel 60",
        "\n".join(f"{'   ' * level}1. level {level}" for level in range(60)) + "\nlevel 60",
        "> " * 60 + "level 60",
        f"{'[' * 60}level 60{']' * 60}",
        f"{'*a ' * 60}level 60{'*' * 60}",
    ],
    ids=["list", "numbers", "quote", "brackets", "stars"],
)
def test_nothing_is_lost_because_it_is_nested_deeply(deep) -> None:
    found = markdown_sections(f"# Mail\n\nbefore\n\n{deep}\n\n# Next\n\nafter", "a.md")

    assert [one.heading for one in found] == ["Mail", "Next"]
    assert "level 60" in found[0].text
    assert found[1].text == "after"


def test_what_is_nested_beyond_the_stack_is_named() -> None:
    with pytest.raises(DocumentError, match=r"a\.md has blocks that are nested too deeply"):
        markdown_sections("> " * 3000 + "deep", "a.md")
