"""Links in code: what codeautolink writes is the oracle, and the rest of the page stays."""

import pytest
from bs4 import BeautifulSoup
from code_links import in_lines, with_links
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from sphinx_codeautolink.extension.block import SourceTransform, link_html
from sphinx_codeautolink.parse import LinkContext, Name

BLOCK = '<div class="highlight-python notranslate">{}</div>'
PAGE = "<p>A <svg viewBox='0 0 1 1'></svg></p>{}<p>between</p>{}"
INVENTORY = {"companion.load": "book/package/models.html#companion.load", "far": "https://far/#x"}
CODE = "from companion import load\n\nmodel = load('base')\nload = load(\n    1 < 2)\n"
NAMES = [
    ("companion", 1, 1, LinkContext.import_from, "far"),
    ("load", 1, 1, LinkContext.import_target, "companion.load"),
    ("load", 3, 3, LinkContext.none, "companion.load"),
    ("load", 4, 5, LinkContext.none, "companion.load"),
]


def block(code: str) -> str:
    """A block of code as it stands on a page."""
    return BLOCK.format(highlight(code, PythonLexer(), HtmlFormatter()).strip() + "\n")


def transform(source: str, *names: tuple) -> SourceTransform:
    found = [
        Name(["companion"], code, first, last, context, to)
        for code, first, last, context, to in names
    ]
    return SourceTransform(source, found, None, 0)


def asked_again(*arguments, **options):
    """In place of codeautolink, which is asked only where something is not found."""
    return "asked"


def test_the_links_are_those_of_codeautolink():
    theirs = link_html(
        "book/gpt/x",
        block(CODE),
        [transform(CODE, *NAMES)],
        INVENTORY,
        {},
        [],
        disable_link_titles=True,
    )

    ours = with_links(block(CODE), transform(CODE, *NAMES).names, "book/gpt/x", INVENTORY)

    assert ours.count("<a ") == 4
    assert str(BeautifulSoup(ours, "html.parser")) == theirs


def test_of_two_equal_blocks_each_has_its_own_links_and_the_rest_stays_to_the_letter():
    page = PAGE.format(block(CODE), block(CODE))
    transforms = [transform(CODE), transform(CODE, NAMES[0]), transform(CODE, NAMES[2])]

    linked = in_lines(asked_again)("gpt", page, transforms, INVENTORY)

    before, after = linked.split("<p>between</p>")
    assert '<a href="https://far/#x"' in before
    assert "package/models" not in before
    assert '<a href="book/package/models.html#companion.load"' in after
    assert "<svg viewBox='0 0 1 1'></svg>" in before


def test_a_page_without_links_is_not_touched():
    assert in_lines(asked_again)("gpt", "<p>", [transform("save")], INVENTORY) == "<p>"


@pytest.mark.parametrize(
    "lost", [transform("other", NAMES[2]), transform(CODE, ("save", *NAMES[2][1:]))]
)
def test_what_is_not_found_is_left_to_codeautolink_which_says_so(lost):
    assert in_lines(asked_again)("gpt", block(CODE), [lost], INVENTORY) == "asked"
