"""Write highlighted code with few elements: those that give a token a look of its own.

Pygments puts an element around each name and each comma, most of them in the colour of the text
around. On a long page of code that is every third element, which a phone has to lay out.
"""

from __future__ import annotations

import re

from pygments.token import STANDARD_TYPES

_RULE = re.compile(r"([^{}]*\.highlight(?: \.(\w+))?)\{([^{}]*)\}")
_COLOR = re.compile(r"(?:^|;)color:([^;]+)")
_CODE = re.compile(r"<pre>(?:(?!</pre>).)*</pre>", re.DOTALL)
_EMPTY = "<span></span>"
_TOKEN = re.compile(r'<span class="(\w+)">([^<]*)</span>')
_NEIGHBOUR = re.compile(r'<span class="(\w+)">([^<]*)</span>(\s*)<span class="\1">')


def plain_tokens(styles: str) -> set[str]:
    """Return the classes of tokens that look like the code around them, in every theme.

    Args:
        styles: The style sheet of Pygments.
    """
    base: dict[str, str] = {}
    own = set()
    for selector, token, declarations in _RULE.findall(styles):
        theme = selector.partition(".highlight")[0]
        if not token:
            base[theme] = "".join(f"color:{color}" for color in _COLOR.findall(declarations))
        elif declarations.strip(";") != base.get(theme):
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
