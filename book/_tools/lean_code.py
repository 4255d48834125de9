"""Write highlighted code with few elements: those that give a token a look of its own.

Pygments puts an element around each name and each comma, most of them in the colour of the text
around. On a long page that is every third element, which a phone has to lay out.
"""

from __future__ import annotations

import re

import tinycss2
from pygments.token import STANDARD_TYPES

_SELECTOR = re.compile(r"(.*)\.highlight(?: \.(\w+))?")
_CODE = re.compile(r"<pre>(?:(?!</pre>).)*</pre>", re.DOTALL)
_EMPTY = "<span></span>"
_TOKEN = re.compile(r'<span class="(\w+)">([^<]*)</span>')
_NEIGHBOUR = re.compile(r'<span class="(\w+)">([^<]*)</span>(\s*)<span class="\1">')


def plain_tokens(styles: str) -> set[str]:
    """Return the classes of tokens that look like the code around them, in every theme.

    Args:
        styles: The style sheet of Pygments.
    """
    base: dict[str, dict[str, str]] = {}
    own = set()
    for rule in tinycss2.parse_stylesheet(styles, skip_comments=True, skip_whitespace=True):
        selector = _SELECTOR.fullmatch(tinycss2.serialize(rule.prelude).strip())
        if selector is None:
            continue
        theme, token = selector.groups()
        look = {
            one.name: tinycss2.serialize(one.value).strip()
            for one in tinycss2.parse_blocks_contents(rule.content, True, True)
        }
        if token is None:
            base[theme] = {"color": look.get("color", "")}
        elif look != base.get(theme):
            own.add(token)
    return set(STANDARD_TYPES.values()) - own


def lean_code(page: str, plain: set[str]) -> str:
    """Remove the elements of plain tokens, and join neighbours that look the same.

    Args:
        page: HTML.
        plain: As `plain_tokens` returns them.

    Example:
        >>> line = '<pre><span class="k">def</span><span class="w"> </span><span class="n">f</span>'
        >>> lean_code(line + "</pre>", {"n", "w"})
        '<pre><span class="k">def</span> f</pre>'
    """

    def bare(token: re.Match) -> str:
        return token[2] if token[1] in plain else token[0]

    def lean(code: re.Match) -> str:
        text = _TOKEN.sub(bare, code[0].replace(_EMPTY, ""))
        while (joined := _NEIGHBOUR.sub(r'<span class="\1">\2\3', text)) != text:
            text = joined
        return text

    return _CODE.sub(lean, page)
