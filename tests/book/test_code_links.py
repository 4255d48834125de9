"""codeautolink sees the blocks with links alone, and finds in them what it found in whole pages."""

from types import SimpleNamespace

from code_links import by_block

BLOCK = (
    '<div class="highlight-python notranslate"><div class="highlight"><pre><span></span>{}\n'
    "</pre></div>\n</div>"
)
PAGE = "<p>A <svg viewBox='0 0 1 1'></svg></p>{}<p>between</p>{}{}"
ONE, TWO = '<span class="n">load</span>(&lt;1)', '<span class="n">save</span>'


def transform(source: str, *names: str) -> SimpleNamespace:
    return SimpleNamespace(source=source, names=names)


def shouting(page, body, transforms, *, seen):
    """In place of codeautolink: notes what it gets, and writes the names in capitals."""
    seen.append(body)
    for name in (name for one in transforms for name in one.names):
        body = body.replace(name, name.upper(), 1)
    return body


def test_only_blocks_with_a_link_are_parsed_and_the_rest_stays_to_the_letter():
    first, second = BLOCK.format(ONE), BLOCK.format(TWO)
    seen = []

    body = by_block(shouting)(
        "page",
        PAGE.format(first, second, second),
        [transform("load(<1)\n", "load"), transform("save"), transform("save", "save")],
        seen=seen,
    )

    assert seen == [first, second]
    assert body == PAGE.format(
        first.replace("load", "LOAD"), second.replace("save", "SAVE"), second
    )


def test_a_page_without_links_is_not_touched():
    seen = []

    assert by_block(shouting)("page", "<p>", [transform("save")], seen=seen) == "<p>"
    assert seen == []


def test_a_block_that_is_not_found_is_left_to_codeautolink_which_says_so():
    seen = []

    by_block(shouting)("page", "<p>", [transform("save", "save")], seen=seen)

    assert seen == ["<p>"]
