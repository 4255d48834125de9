"""Links in code, fast: sphinx-codeautolink gets the blocks that have a link, not whole pages.

By itself it parses every page and compares every block with every other, a third of the time that
Sphinx takes. What links where stays its own.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence
from typing import Any

from sphinx.application import Sphinx
from sphinx_codeautolink import extension

_BLOCK = re.compile(
    r'<div class="(?:highlight-[\w.+-]+|doctest)[^"]*"><div class="highlight">'
    r".*?</pre></div>\s*</div>",
    re.DOTALL,
)
_TAG = re.compile(r"<[^>]*>")


def by_block(link_html: Callable[..., str]) -> Callable[..., str]:
    """Return codeautolink's function such that it sees the blocks with links alone.

    Args:
        link_html: Takes a page's name, its HTML, what is to be linked in each block of code, and
            more that is passed on; returns the HTML with links.
    """

    def linked(page: str, body: str, transforms: Sequence[Any], *rest: Any, **options: Any) -> str:
        wanted = [transform for transform in transforms if transform.names]
        places: dict[str, list[re.Match[str]]] = {}
        for block in _BLOCK.finditer(body) if wanted else ():
            places.setdefault(_code(block[0]), []).append(block)
        new = {}
        for transform in wanted:
            same = places.get(transform.source.strip("\n").rstrip())
            if not same:  # then let it say so
                return link_html(page, body, transforms, *rest, **options)
            block = same.pop(0)
            new[block.span()] = link_html(page, block[0], [transform], *rest, **options)
        for (start, end), text in sorted(new.items(), reverse=True):
            body = body[:start] + text + body[end:]
        return body

    return linked


def _code(block: str) -> str:
    return html.unescape(_TAG.sub("", block)).strip("\n").rstrip()


def setup_code_links(app: Sphinx) -> None:
    """Put the fast way in place of codeautolink's own."""
    if not hasattr(extension.link_html, "__wrapped__"):
        fast = by_block(extension.link_html)
        fast.__wrapped__ = extension.link_html
        extension.link_html = fast
