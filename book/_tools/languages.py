"""Say in the pages which words are Japanese, so that screen readers and fonts take them as such.

The pages are in English (``<html lang="en">``). Han characters alone look the same in Chinese and
Japanese, and a browser has to be told which shapes to show.
"""

from __future__ import annotations

import re

from bs4 import BeautifulSoup, Comment, NavigableString

_SCRIPTS = (
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f"
)
_MARKS = "\u3000-\u3004\u3008-\u303f\uff01-\uff65"  # ideographic punctuation, full-width forms
_JAPANESE = re.compile(f"[{_MARKS}]*[{_SCRIPTS}][{_SCRIPTS}{_MARKS}]*")
_PLAIN_TEXT = ("script", "style", "title", "textarea", "option", "annotation")


def mark_japanese(page: str) -> str:
    """Put each run of Japanese in the body of a page into ``<span lang="ja">``.

    Args:
        page: A page's HTML. What is marked already is left alone.

    Example:
        >>> mark_japanese("<body><p>Tokyo is 東京。</p></body>")
        '<body><p>Tokyo is <span lang="ja">東京。</span></p></body>'
    """
    if not re.search(f"[{_SCRIPTS}]", page):
        return page
    soup = BeautifulSoup(page, "html.parser")
    for text in soup.body.find_all(string=_JAPANESE):
        around = [parent for parent in text.parents if parent.name != "html"]
        if isinstance(text, Comment) or any(parent.name in _PLAIN_TEXT for parent in around):
            continue
        if any(parent.get("lang") for parent in around):
            continue
        text.replace_with(*_pieces(soup, text))
    return str(soup)


def _pieces(soup: BeautifulSoup, text: str) -> list:
    pieces, done = [], 0
    for match in _JAPANESE.finditer(text):
        if before := text[done : match.start()]:
            pieces.append(NavigableString(before))
        span = soup.new_tag("span", lang="ja")
        span.string = match[0]
        pieces.append(span)
        done = match.end()
    return [*pieces, *([NavigableString(text[done:])] if text[done:] else [])]
