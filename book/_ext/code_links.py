"""Links in code, fast: names are looked for in the lines of the blocks that have any.

By itself, sphinx-codeautolink parses every page and compares every block with every other, a third
of the time that Sphinx takes. What links where stays its own, and so do the patterns of names.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sphinx.application import Sphinx
from sphinx_codeautolink import extension
from sphinx_codeautolink.extension.block import construct_name_pattern

_BLOCK = re.compile(
    r'<div class="(?:highlight-[\w.+-]+|doctest)[^"]*"><div class="highlight">'
    r".*?</pre></div>\s*</div>",
    re.DOTALL,
)
_PRE = re.compile(r"<pre>.*</pre>", re.DOTALL)
_TAG = re.compile(r"<[^>]*>")


def in_lines(link_html: Callable[..., str]) -> Callable[..., str]:
    """Return codeautolink's function such that no page is parsed.

    Args:
        link_html: Takes a page's name, its HTML, what is to be linked in each block of code, the
            address of each name, and more; returns the HTML with links. It is asked where a block
            or a name is not found, and says so.
    """

    def linked(
        page: str,
        body: str,
        transforms: Sequence[Any],
        inventory: Mapping[str, str],
        *rest: Any,
        **options: Any,
    ) -> str:
        wanted = [transform for transform in transforms if transform.names]
        places: dict[str, list[re.Match[str]]] = {}
        for block in _BLOCK.finditer(body) if wanted else ():
            places.setdefault(_code(block[0]), []).append(block)
        new = {}
        for transform in wanted:
            same = places.get(transform.source.strip("\n").rstrip())
            block = same.pop(0) if same else None
            text = with_links(block[0], transform.names, page, inventory) if block else None
            if text is None:
                return link_html(page, body, transforms, inventory, *rest, **options)
            new[block.span()] = text
        for (start, end), text in sorted(new.items(), reverse=True):
            body = body[:start] + text + body[end:]
        return body

    return linked


def with_links(
    block: str, names: Sequence[Any], page: str, inventory: Mapping[str, str]
) -> str | None:
    """Return a block of code with links at its names, or None if one of them is not there.

    Args:
        block: HTML.
        names: With their lines, counted from 1, and what each stands for.
        page: Its name, such as ``book/gpt/sampling``.
        inventory: Address of each name of the package.
    """
    code = _PRE.search(block)
    if code is None:
        return None
    to_root = "../" * page.count("/")
    lines = code[0].split("\n")
    for name in names:
        span = slice(name.lineno - 1, name.end_lineno)
        text = "\n".join(lines[span])
        found = list(re.finditer(construct_name_pattern(name), text))
        if not found:
            return None
        last = found[-1]  # of a.b = a.b, the right one comes first
        start, end = last.start() + len(last[1]), last.end()
        address = inventory[name.resolved_location]
        address = address if address.startswith(("http://", "https://")) else to_root + address
        link = f'<a href="{address}" class="sphinx-codeautolink-a">{text[start:end]}</a>'
        lines[span] = f"{text[:start]}{link}{text[end:]}".split("\n")
    return block[: code.start()] + "\n".join(lines) + block[code.end() :]


def _code(block: str) -> str:
    return html.unescape(_TAG.sub("", block)).strip("\n").rstrip()


def setup_code_links(app: Sphinx) -> None:
    """Put the fast way in place of codeautolink's own."""
    if not hasattr(extension.link_html, "__wrapped__"):
        fast = in_lines(extension.link_html)
        fast.__wrapped__ = extension.link_html
        extension.link_html = fast
