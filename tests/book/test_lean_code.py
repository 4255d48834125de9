import pytest
from bs4 import BeautifulSoup
from lean_code import lean_code, plain_tokens
from lean_styles import lean_styles, words
from pydata_sphinx_theme.pygments import get_pygments_stylesheet
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

STYLES = (
    '[data-theme="light"] .highlight{background:#fff;color:#000}'
    '[data-theme="light"] .highlight .n{color:#000}[data-theme="light"] .highlight .kn{color:#000}'
    '[data-theme="light"] .highlight .k{color:#00f}'
    '[data-theme="light"] .highlight .p{font-weight:bold}'
    '[data-theme="dark"] .highlight{background:#000;color:#fff}'
    '[data-theme="dark"] .highlight .n{color:#fff}[data-theme="dark"] .highlight .kn{color:#f0f}'
    '[data-theme="dark"] .highlight .k{color:#0ff}[data-theme="dark"] .highlight .p{color:#fff}'
)


def test_what_the_theme_gives_a_color_keeps_its_element():
    styles = get_pygments_stylesheet("a11y-high-contrast-light", "a11y-high-contrast-dark")

    plain = plain_tokens(styles)
    assert {"n", "p", "w"} < plain
    assert not {"k", "kn", "nb", "nf", "c1", "s2", "mi", "o", "ow"} & plain
    assert plain_tokens(lean_styles(styles, words([styles]))) == plain


def test_a_token_is_plain_if_it_looks_like_the_code_around_in_each_theme():
    plain = plain_tokens(STYLES)

    assert {"n", "w"} < plain
    assert not {"kn", "k", "p"} & plain


@pytest.mark.parametrize(
    ("code", "lean"),
    [
        ('<span></span><span class="n">a</span>', "a"),
        ('<span class="k">if</span> <span class="n">a</span>', '<span class="k">if</span> a'),
        (
            '<span class="s">"a</span>\n  <span class="s">b"</span><span class="k">if</span>',
            '<span class="s">"a\n  b"</span><span class="k">if</span>',
        ),
        ('<a href="x"><span class="n">a</span></a>', '<a href="x">a</a>'),
        ('<span class="ansi-red-fg">a</span>', '<span class="ansi-red-fg">a</span>'),
        ('<span class="n" id="x">a</span>', '<span class="n" id="x">a</span>'),
    ],
)
def test_elements_without_a_look_go_and_neighbours_are_joined(code, lean):
    page = f'<p><span class="n">a</span></p><pre>{code}</pre>'

    expected = f'<p><span class="n">a</span></p><pre>{lean}</pre>'
    assert lean_code(page, {"n", "w"}) == expected
    assert lean_code(expected, {"n", "w"}) == expected


def test_the_text_of_code_stays_as_it_is():
    source = 'def f(a, *, b="<&>"):\n    """Text."""\n\n    return a  # why\n\n\nf(1, b="x\\n")\n'
    made = highlight(source, PythonLexer(), HtmlFormatter(style="a11y-light"))

    page = lean_code(made, plain_tokens(STYLES))

    assert text(page) == text(made)
    assert page.count("<span") < made.count("<span") / 2


def text(page: str) -> str:
    return BeautifulSoup(page, "html.parser").get_text()
