"""From MyST to plain Markdown: every directive and role that the book may use."""

import pytest
from myst_blocks import RENDERERS, convert
from myst_inline import Context, PageError
from references import read_references

OTHER = """\
# Other `page`

(sec-here)=
## A section

$$
a = b
$$ (eq-first)

```{figure} fig.png
:name: fig-one
:alt: A line
A caption
```
"""
SITE = "https://ada.github.io/engine/"


@pytest.fixture
def context(book):
    book.add("gpt/other", OTHER)
    book.add("gpt/page", "# This page\n\n$$\nc = d\n$$ (eq-own)\n")
    return Context("gpt/page", SITE, read_references(book.project))


PLAIN = {
    "note": ("```{note}\nText\n```", "> **Note**\n>\n> Text"),
    "tip": ("```{tip}\nText\n```", "> **Tip**\n>\n> Text"),
    "warning": ("```{warning}\nText\n```", "> **Warning**\n>\n> Text"),
    "important": (":::{important}\nText\n:::", "> **Important**\n>\n> Text"),
    "admonition": (
        "```{admonition} Why\n:class: tip\nOne\n\nTwo\n```",
        "> **Why**\n>\n> One\n>\n> Two",
    ),
    "figure": (
        "```{figure} img/fig.png\n:alt: A line\nIt rises.\n```",
        f"![A line]({SITE}_images/fig.png)\n\n*It rises.*",
    ),
    "image": ("```{image} fig.png\n:alt: A line\n```", f"![A line]({SITE}_images/fig.png)"),
    "math": ("```{math}\n:label: eq-own\nc = d\n```", "$$\nc = d \\tag{1}\n$$"),
    "table": ("```{table} Sizes\n| a |\n|---|\n| 1 |\n```", "**Sizes**\n\n| a |\n|---|\n| 1 |"),
    "list-table": (
        "```{list-table}\n:header-rows: 1\n* - a\n  - b\n* - 1|2\n  - 3\n```",
        "| a | b |\n| --- | --- |\n| 1\\|2 | 3 |",
    ),
    "dot": (
        "```{dot}\n:alt: a leads to b\ndigraph { a -> b }\n```",
        f"> *Diagram, drawn on the [web page]({SITE}book/gpt/page.html):* a leads to b",
    ),
    "live": (
        "```{live} temperature\n:tokens: a,b\n:logits: 1,2\nStatic text\n```",
        f"> **Interactive on the [web page]({SITE}book/gpt/page.html)**\n>\n> Static text",
    ),
    "glossary": ("```{glossary}\nword\n  Its meaning.\n```", "**word**\nIts meaning."),
    "quiz": (
        "```{quiz} other-one\nWhich `x`?\n\n- [ ] A\n\n  No.\n- [x] B\n\n  Yes.\n"
        "- [ ] C\n\n  Neither.\n```",
        "**Question**: Which `x`?\n\n- **a**: A\n- **b**: B\n- **c**: C\n\n"
        "<details><summary>Answer</summary>\n\n- **a** is wrong. No.\n- **b** is right. Yes.\n"
        "- **c** is wrong. Neither.\n\n</details>",
    ),
    "dropdown": (
        "```{dropdown} More\nText\n```",
        "<details><summary>More</summary>\n\nText\n\n</details>",
    ),
    "code-block": ("```{code-block} bash\nmake {x}\n```", "```bash\nmake {x}\n```"),
    "bibliography": ("a\n\n```{bibliography}\n```", "a"),
    "tab-set": (
        "::::{tab-set}\n:::{tab-item} Linux\nfirst\n:::\n:::{tab-item} Mac\nsecond\n:::\n::::",
        "**Linux**\n\nfirst\n**Mac**\n\nsecond",
    ),
    "tensor": (
        "```{tensor} head-split\n:alt: A grid\n:caption: One color is one head.\n```",
        f"![A grid]({SITE}_static/tensors/head-split.svg)\n\n*One color is one head.*",
    ),
    "tab-item": (":::{tab-item} Linux\nfirst\n:::", "**Linux**\n\nfirst"),
}


def test_what_is_for_the_site_only_is_not_in_the_notebook(context):
    source = "a\n\n````{dropdown} Solution\n:class-container: site-only\n\n```python\nx\n```\n````"

    assert convert(source, 1, context) == "a"


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("- [x] A\n\n  Yes.\n- [ ] B\n\n  No.\n- [ ] C\n\n  No.", "no question above"),
        ("Q\n\n- [x] A\n\n  Yes.\n- [ ] B\n\n  No.", "2 options"),
        ("Q\n\n- [ ] A\n\n  x\n- [ ] B\n\n  x\n- [ ] C\n\n  x", "no option is marked"),
        ("Q\n\n- [x] A\n- [ ] B\n\n  x\n- [ ] C\n\n  x", "'A' has no explanation"),
        ("Q\n\n- [x] A\n\nx\n- [ ] B\n\n  x\n- [ ] C\n\n  x", "indent this line"),
    ],
)
def test_a_broken_quiz_says_what_is_wrong(source, problem, context):
    with pytest.raises(PageError, match=problem):
        convert(f"```{{quiz}} other-one\n{source}\n```", 1, context)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{doc}`other`", "[Other page](../../gpt/other.md)"),
        ("{doc}`/index`", "[the title page](../../../index.md)"),
        ("{ref}`sec-here`", "[A section](../../gpt/other.md#sec-here)"),
        ("{term}`top-k`", "[top-k](../../back/glossary.md#term-top-k)"),
        ("{cite:p}`one2020`", "([Lovelace, 2020](../../back/references.md))"),
        ("![A line](img/fig.png)", "![A line](../../gpt/img/fig.png)"),
        (
            "```{tensor} head-split\n:alt: A grid\n:caption: One.\n```",
            "![A grid](../../_static/tensors/head-split.svg)\n\n*One.*",
        ),
    ],
)
def test_in_the_repository_links_lead_to_the_files_beside_the_notebook(source, expected, context):
    """There no owner is named: a name that nobody has can be registered by anybody."""
    unowned = Context(context.page, "", context.references)

    assert convert(source, 1, unowned) == expected


def test_the_cases_cover_every_allowed_directive():
    assert set(PLAIN) == set(RENDERERS)


@pytest.mark.parametrize("name", PLAIN)
def test_a_directive_becomes_plain_markdown(name, context):
    source, expected = PLAIN[name]

    assert convert(source, 1, context) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{cite}`one2020`", f"([Lovelace, 2020]({SITE}book/back/references.html))"),
        ("{cite:p}`many2022`", f"([Hopper et al., 2022]({SITE}book/back/references.html))"),
        ("{cite:t}`two2021`", f"[Gödel and Church (2021)]({SITE}book/back/references.html)"),
        ("{doc}`other`", f"[Other page]({SITE}book/gpt/other.html)"),
        ("{doc}`that </book/gpt/other>`", f"[that]({SITE}book/gpt/other.html)"),
        ("{doc}`/index`", f"[the title page]({SITE})"),
        ("{ref}`sec-here`", f"[A section]({SITE}book/gpt/other.html#sec-here)"),
        ("{numref}`Figure %s <fig-one>`", f"[Figure]({SITE}book/gpt/other.html#fig-one)"),
        ("{eq}`eq-first`", f"[(1)]({SITE}book/gpt/other.html#equation-eq-first)"),
        ("{eq}`eq-own`", "(1)"),
        ("{term}`top-k`", f"[top-k]({SITE}book/back/glossary.html#term-top-k)"),
        ("{term}`the\nunits <Token>`", f"[the units]({SITE}book/back/glossary.html#term-token)"),
        ("{abbr}`KV (key-value)`", "KV (key-value)"),
        ("{kbd}`Ctrl+K`", "<kbd>Ctrl+K</kbd>"),
        ("[](#sec-here)", f"[A section]({SITE}book/gpt/other.html#sec-here)"),
        ("[see](other.md)", f"[see]({SITE}book/gpt/other.html)"),
        ("[out](https://example.org/a)", "[out](https://example.org/a)"),
        ("![A line](img/fig.png)", f"![A line]({SITE}_images/fig.png)"),
    ],
)
def test_a_role_or_link_becomes_plain_markdown(source, expected, context):
    assert convert(source, 1, context) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("- ```{note}\n  Text\n  ```", "- > **Note**\n  >\n  > Text"),
        ("> ```{note}\n> Text\n> ```", "> > **Note**\n> >\n> > Text"),
        ("1. a\n\n   $$\n   c = d\n   $$ (eq-own)", "1. a\n\n   $$\n   c = d \\tag{1}\n   $$"),
        ("~~~{note}\n```\n{nope}`x`\n```\n~~~", "> **Note**\n>\n> ```\n> {nope}`x`\n> ```"),
        ("[see](other.md 'the title')", f"[see]({SITE}book/gpt/other.html)"),
        (
            "[{term}`top-k`!](other.md)",
            "[[top-k](S/back/glossary.html#term-top-k)!](S/gpt/other.html)",
        ),
        ("[a `]` b](other.md#here)", f"[a `]` b]({SITE}book/gpt/other.html#here)"),
        ("% one\n% two\na", "a"),
    ],
)
def test_myst_is_read_as_its_parser_reads_it(source, expected, context):
    expected = expected.replace("(S/", f"({SITE}book/")

    assert convert(source, 1, context) == expected


@pytest.mark.parametrize(
    "source",
    [
        "- ```python\n  {nope}`x`\n  ```",
        "> ```python\n> {nope}`x`\n> ```",
        "    {nope}`x`\n    [a](b.md)",
        r"\[see](other.md)",
        "`[see](other.md)`",
        "[out](https://example.org/a_(b))",
        "[mail](mailto:ada@example.org)",
        '<a href="[x](other.md)">y</a>',
    ],
)
def test_what_only_looks_like_myst_stays_as_it_is(source, context):
    assert convert(source, 1, context) == source


@pytest.mark.parametrize(
    "source",
    ["`` {nope}`x` ``", "```python\n{nope}`x`\n```", "$a_{nope}$ and $b$", "| a |\n|---|\n| `x` |"],
)
def test_code_and_formulas_stay_as_they_are(source, context):
    assert convert(source, 1, context) == source


def test_a_numbered_equation_gets_a_tag_and_labels_and_comments_vanish(context):
    source = "% a remark\n(sec-x)=\n## Head\n\n$$\nc = d\n$$ (eq-own)"

    assert convert(source, 1, context) == "## Head\n\n$$\nc = d \\tag{1}\n$$"


def test_a_directive_in_a_list_keeps_its_indent(context):
    source = "1. One\n\n   ```{note}\n   Text\n   ```\n2. Two"

    assert convert(source, 1, context) == "1. One\n\n   > **Note**\n   >\n   > Text\n2. Two"


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("a\n\n```{nope} x\n```", r"book/gpt/page\.md, line 12: unknown directive \{nope\}"),
        ("```{note}\n\n```python\n{x}\n", r"line 10: the fence .* never closed"),
        ("a\nb {nope}`x`", r"book/gpt/page\.md, line 11: unknown role \{nope\}"),
        ("::::{note}\na\n\n:::{tip}\n{nope}`x`\n:::\n::::", r"line 14: unknown role"),
        ("{ref}`nope`", r"line 10: no page defines the label 'nope'"),
        ("{eq}`nope`", r"line 10: no page defines the equation 'nope'"),
        ("{doc}`nope`", r"line 10: _toc\.yml lists no page 'gpt/nope'"),
        ("{term}`nope`", r"line 10: the glossary does not define 'nope'"),
        ("{cite:p}`one2020,nope`", r"line 10: book/references\.bib has no entry 'nope'"),
        ("$$\na = b", r"line 10: the formula that starts with \$\$ is never closed"),
        ("```{dot}\ndigraph {}\n```", r"line 10: \{dot\} needs an :alt: text"),
        ("```{tensor} a\n:alt: A\n```", r"line 10: \{tensor\} needs an :alt: text and a :caption:"),
        ("```{figure} a.png\nText\n```", r"line 10: \{figure\} needs an :alt: text"),
        ("```{list-table}\n* - a\n  - b\n* - c\n```", r"line 10: the rows .* differ"),
        ("```{note}\n---\na: [\n---\n```", r"line 10: the options .* are not YAML"),
        (":::\ntext\n:::", r"line 10: a colon fence needs a directive"),
    ],
)
def test_a_mistake_is_reported_with_page_and_line(source, problem, context):
    with pytest.raises(PageError, match=problem):
        convert(source, 10, context)


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("a\n\nBees fly.[^1]\n\n[^1]: Mostly.", r"line 12: .* footnote"),
        ("Bees fly.[^1]", r"line 10: .* footnote"),  # its text stands in another cell
        ("[^1]: Mostly.", r"line 10: .* footnote"),
        ("a\nb [text]{.note}", r"line 11: .* attribute"),
        ("![a](https://x.org/b.png){width=50%}", r"line 10: .* attribute"),
        ("[a](https://x.org){.button}", r"line 10: .* attribute"),
        ("`x`{.python}", r"line 10: .* attribute"),
        ("a\n\n{.lead}\nb", r"line 1[123]: .* attribute"),
        ("It costs $5, then $10.", r"line 10: .* dollar signs"),
        ("a\n\nIt costs $5 and $x$ is right.", r"line 12: .* dollar signs"),
        ("| a |\n|---|\n| $5 and $6 |", r"line 1\d: .* dollar signs"),
        ("so $$a = b$$ (eq-own)", r"line 10: .* displayed formula inside"),
        ("Term\n: what it means", r"line 10: .* definition list"),
        (":name: value\n:other: value", r"line 10: .* field list"),
        ("- [ ] one\n- [x] two", r"line 10: .* task list"),
        ("a\nb {{ name }}", r"line 11: .* substitution"),
        ("{{ name }}", r"line 10: .* substitution"),
        ("a\n\n+++\n\nb", r"line 10: .* cell break"),
        ("(a label)=\n# Head", r"line 10: .* label"),
        ("```{note}\nBees fly.[^1]\n```", r"line 11: .* footnote"),
        ("```{list-table}\n* - It costs $5, then $6\n  - b\n```", r"line 10: .* (dollar|notebook)"),
    ],
)
def test_what_a_notebook_can_not_show_is_a_mistake(source, problem, context):
    with pytest.raises(PageError, match=problem):
        convert(source, 10, context)


@pytest.mark.parametrize(
    "source",
    [
        "It costs $5.",
        "`{{ name }}`, `[^1]` and `[a]{.b}`",
        "$a_{{1}}$ and $b$, then $5 + x$.",
        "```text\n[^1]: {{ a }}\n- [ ] $5, $6\n```",
        "3. three\n4. four",
        "| a | b |\n|:-:|--:|\n| 1 | `{x}` |",
        "{a, b} and [1] and (see x) and a: b",
        '<div class="a">x</div>',
        "~~old~~ **new** *x* [l](https://x.org 'title')",
    ],
)
def test_plain_markdown_stays_as_it_is(source, context):
    assert convert(source, 10, context) == source
