"""Web pages to prose."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion.rag.readers import read_sections
from companion.rag.sections import Section
from companion.rag.web_page import html_sections

PAGE = """<html><head><title>All
 about owls</title><style>p {}</style></head><body><nav>Menu</nav><h1>Owls</h1>
<p>They see <b>w</b>ell<br>at night.</p>after<script>alert(1)</script>
<ul><li>barn owl<li>snowy owl</ul><!-- hidden --><h2>Food <i>and</i> drink</h2>
<div><p>Mice.</p></div>
<pre>x = 1
y = 2</pre></body></html>"""


def prose(html: str) -> str:
    """Return the text of the only section."""
    (section,) = html_sections(html, "a.html")
    return section.text


def test_html_keeps_words_and_drops_marks() -> None:
    assert html_sections(PAGE, "a.html") == [
        Section(
            "They see well\nat night.\n\nafter\n\n- barn owl\n- snowy owl", "All about owls", "Owls"
        ),
        Section("Mice.", "All about owls", "Food and drink", "Owls"),
    ]


def test_html_code_is_kept_on_request() -> None:
    assert html_sections(PAGE, "a.html", code=True)[1].text == "Mice.\n\nx = 1\ny = 2"


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>Owls <![CDATA[see & <hear>]]> well</p>", "Owls see & <hear> well"),
        ("<ul><li><![CDATA[barn]]></li></ul>", "- barn"),
        ("<p>Owls</p><script>//<![CDATA[\nx = 1\n//]]></script>", "Owls"),
        ("<p>Owls</p><style><![CDATA[p {}]]></style><!-- no -->", "Owls"),
    ],
)
def test_cdata_of_xhtml_is_text(html: str, expected: str) -> None:
    root = '<html xmlns="http://www.w3.org/1999/xhtml"><head><title/></head><body>'
    data = f'<?xml version="1.0"?>{root}{html}</body></html>'.encode()

    for kind in (".xhtml", ".html"):
        assert [section.text for section in read_sections(data, kind, name="a")] == [expected]


def test_cdata_of_html_is_a_comment() -> None:
    assert prose("<p>Owls <![CDATA[hidden]]>see</p>") == "Owls see"


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<div>Cookies</div><main><p>Text</main><footer>Legal</footer>", "Text"),
        ("<main>One</main><div>Ad</div><main>Two</main>", "One\n\nTwo"),
        ("<div role=main>One</div><div>Ad</div>", "One"),
        ("<main>One</main><main hidden>Two</main>", "One"),
        (
            "<main>One</main><article>Two</article><aside><article>Ad</article></aside>",
            "One\n\nTwo",
        ),
        ("<main><article>One<main>Two</main></article></main>", "One\n\nTwo"),
        ("<main></main><p>Text</p>", "Text"),
        ("<article>Related</article><div>The text.</div>", "Related\n\nThe text."),
        ("<article>One</article><article>Two</article>", "One\n\nTwo"),
        (
            "<header>Open 9 to 5</header><p>Text<footer>Tel. 12</footer>",
            "Open 9 to 5\n\nText\n\nTel. 12",
        ),
    ],
)
def test_all_that_is_the_page_is_read(html, expected) -> None:
    assert prose(f"<body>{html}</body>") == expected


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<details><summary>Can I return it?</summary>Yes.</details>", "Can I return it?\n\nYes."),
        ("Pick <select><option>Red<option>Blue</select>", "Pick\n\nRed\n\nBlue"),
        ("<fieldset><legend>Size</legend>Small</fieldset>", "Size\n\nSmall"),
        ("<dl><dt>Tea</dt><dd>hot</dd><dt>Ice<dd>cold</dl>", "Tea\n: hot\nIce\n: cold"),
        ("<figure>A<figcaption>B</figcaption></figure>", "A\n\nB"),
        ("<optgroup label=x><option>a</option></optgroup>b<hr>c", "a\n\nb\n\nc"),
        ("<p>a<p>b<address>c</address><center>d</center>e", "a\n\nb\n\nc\n\nd\n\ne"),
        ("<ol start=3><li>a<li value=7>b<li>c</ol>", "3. a\n7. b\n8. c"),
        ("<ul><li>a<ul><li>b</ul><li><p>c</p></ul>", "- a\n  - b\n\n- c"),
        ("<blockquote><p>a<p>b</blockquote>c", "> a\n\n> b\n\nc"),
        ("un<b>believ</b>able<i> thing</i> <img alt='a cat' src=x>", "unbelievable thing a cat"),
        ("<ruby>漢<rp>(</rp><rt>かん</rt><rp>)</rp></ruby>字", "漢字"),
        ("<p>日本語の\n  文です。", "日本語の文です。"),
        ("<p>a\n\n  b&nbsp; c", "a b c"),
    ],
)
def test_blocks_are_apart_and_words_whole(html, expected) -> None:
    assert prose(f"<body>{html}</body>") == expected


@pytest.mark.parametrize(
    "hidden",
    [
        "<p hidden>x</p>",
        "<p hidden='hidden'>x</p>",
        "<div aria-hidden=true><p>x</p></div>",
        "<template><p>x</p></template>",
        "<noscript>x</noscript>",
        "<p style='color: red; display:none'>x</p>",
        "<dialog>x</dialog>",
        "<svg><title>x</title><text>x</text></svg>",
        "<script>x</script><style>x</style><iframe>x</iframe>",
    ],
)
def test_what_nobody_sees_is_not_read(hidden) -> None:
    assert prose(f"<body>seen {hidden}<p hidden=until-found>found</p></body>") == "seen\n\nfound"


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        (
            "<table><caption>Fees</caption><tr><th>Who<th>Euros<tr><td>Adults<td>12</table>",
            "Fees\n\n| Who | Euros |\n|---|---|\n| Adults | 12 |",
        ),
        (
            "<table><tbody><tr><th>Mon</th><td>10–17<br>19–21</td></tr>"
            "<tr><th>Tue</th><td><p>closed</p><p>(winter)</p></td></tr></tbody></table>",
            "| Mon | 10–17 19–21 |\n| Tue | closed (winter) |",
        ),
        ("<table><tr><td>a</td><td></td><td>c</td></tr></table>", "| a |  | c |"),
        ("<table><tr><td><ul><li>a</li><li>b</li></ul></td></tr></table>", "| a b |"),
        (
            "<table><tr><td><table><tr><td>in</td></tr></table></td><td>out</td></tr></table>",
            "| in |\n\nout",
        ),
        ("<table role=presentation><tr><td>left</td><td>right</td></tr></table>", "left\n\nright"),
    ],
)
def test_a_row_is_one_line_with_its_cells_apart(html, expected) -> None:
    assert prose(f"<body>{html}</body>") == expected


def test_headings_have_parents_and_lose_their_anchors() -> None:
    html = (
        "<h1>Shop</h1><h2>Returns<a class=headerlink>¶</a></h2><h3>Kettles</h3><p>30 days."
        "<h2>Open<p>9 to 5"
    )

    assert html_sections(html, "a.html") == [
        Section("30 days.", "Shop", "Kettles", "Returns"),
        Section("9 to 5", "Shop", "Open"),
    ]


def test_tags_that_html_lets_one_leave_out() -> None:
    assert html_sections("<head><title>T</title><p>text", "a.html") == [Section("text", "T")]
    assert html_sections("just text", "a.html") == [Section("just text")]


def test_deeply_nested_html_is_read() -> None:
    begun = time.process_time()

    assert prose("<div>" * 20_000 + "deep") == "deep"
    assert prose("<table><tr><td>" * 500 + "deep") == "| deep |"
    assert time.process_time() - begun < 20


FRAGMENTS = st.sampled_from(
    [
        *("<p>", "</p>", "<pre>", "<h1>", "</h1>", "<br>", "<!--", "-->", "<![CDATA[", "]]>", "<!"),
        *("<!DOCTYPE", "&#x110000;", "&#0;", "<table>", "text", "<script>", "<title>", "</title>"),
        *("<a href='", "<meta charset='utf-16'>", "<svg>", "<main>", "</main>", "&", "<", ">", "é"),
        *("<li>", "<ul>", "</ul>", "<ol>", "<td>", "</table>", "<tr>", "<dd>", "<blockquote>"),
    ]
)


@given(st.lists(FRAGMENTS, max_size=30).map(" ".join))
@settings(max_examples=150)
def test_broken_html_never_crashes(text) -> None:
    assert isinstance(read_sections(text.encode(), ".html", name="a"), list)
