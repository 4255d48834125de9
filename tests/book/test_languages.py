"""Japanese in a page is marked as such, and nothing else changes."""

import pytest
from languages import mark_japanese


def marked(body: str) -> str:
    page = mark_japanese(f'<html lang="en"><body>{body}</body></html>')
    return page.removeprefix('<html lang="en"><body>').removesuffix("</body></html>")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            "<p>a 東京 b 重み</p>",
            '<p>a <span lang="ja">東京</span> b <span lang="ja">重み</span></p>',
        ),
        ("<pre><span>'犬は走る。'</span>\n</pre>", None),
        ("<p>カード、ひらがな</p>", '<p><span lang="ja">カード、ひらがな</span></p>'),
        ("<p>「はい」</p>", '<p><span lang="ja">「はい」</span></p>'),
    ],
    ids=["twice in a line", "in code", "with a comma", "in quotation marks"],
)
def test_runs_of_japanese_are_marked(body, expected):
    expected = expected or "<pre><span>'<span lang=\"ja\">犬は走る。</span>'</span>\n</pre>"

    assert marked(body) == expected


@pytest.mark.parametrize(
    "body",
    [
        '<p lang="ja">東京</p>',
        '<p><span lang="ja"><b>東京</b></span></p>',
        "<script>const city = '東京';</script>",
        "<!-- 東京 -->",
        "<p>naïve café “x” № ½</p>",
        "<pre>\n\n  a &lt; b &amp; c\n</pre>",
    ],
)
def test_what_is_marked_or_not_japanese_stays(body):
    assert marked(body) == body


def test_a_second_time_changes_nothing():
    once = marked("<p>東京 and 大阪</p>")

    assert marked(once) == once
