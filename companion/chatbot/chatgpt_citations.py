r"""Citations in the answers of ChatGPT's export: marks in the text, and what they stand for.

A mark names results of a search between characters that no font has, such as
``\ue200cite\ue202turn0search0\ue201``; in older answers it looks like ``【4†source】``. What it
stands for is in the metadata of the message: in ``content_references``, by the mark itself, and in
``citations``, by its place. Taught in :doc:`/book/applications/chatbot`.

Left out: pictures, videos and maps that a mark shows beside the text.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from companion.chatbot.openai_messages import whole

_MARK = re.compile("([ \t]*)(\ue200[^\ue200\ue201]*\ue201|【\\d+(?::\\d+)?†[^】\n]*】)")
_HALF = re.compile("\ue200\\w*(?:\ue202turn\\d\\w*)*|[\ue201-\ue206]")
"""What is left of a mark that was cut, and the characters around words that a mark refers to."""


def with_links(text: str, metadata: Any) -> str:
    r"""Write the citations of an answer as links in Markdown. A mark of something else goes.

    Args:
        text: The answer, as it stands in the export.
        metadata: That of its message, or anything else.

    Example:
        >>> mark = "\ue200cite\ue202turn0search0\ue201"
        >>> page = {"title": "Tea", "url": "https://example.org/tea"}
        >>> reference = {"matched_text": mark, "items": [page]}
        >>> with_links(f"It is 4 {mark}.", {"content_references": [reference]})
        'It is 4 ([Tea](https://example.org/tea)).'
        >>> with_links(f"It is 4 {mark}.", {})
        'It is 4.'
    """
    written = _by_mark(text, metadata if isinstance(metadata, Mapping) else {})

    def replace(found: re.Match[str]) -> str:
        blanks, mark = found.groups()
        instead = written.get(mark) or _words(mark)
        return (blanks or " " * instead.startswith("(")) + instead if instead else ""

    return _HALF.sub("", _MARK.sub(replace, text))


def _by_mark(text: str, metadata: Mapping[str, Any]) -> dict[str, str]:
    """Return what to write for each mark."""
    written = {}
    for citation in _objects(metadata.get("citations")):
        start, end, page = (citation.get(name) for name in ("start_ix", "end_ix", "metadata"))
        if type(start) is int and type(end) is int:
            written[text[start:end]] = _links([page])
    for reference in _objects(metadata.get("content_references")):
        mark, alt = reference.get("matched_text"), reference.get("alt")
        if isinstance(mark, str):  # "alt" is what ChatGPT itself writes into a copy of the answer
            words = whole(alt) if isinstance(alt, str) else ""
            written[mark] = words or _links(reference.get("items") or [reference])
    return written


def _links(pages: Any) -> str:
    links = dict.fromkeys(filter(None, map(_link, _objects(pages))))
    return f"({', '.join(links)})" if links else ""


def _link(page: Mapping[str, Any]) -> str:
    """Return a page as a link; only its name if it has no address in the web, as files have."""
    url = page.get("url")
    names = (page.get(key) for key in ("attribution", "title", "name"))
    name = next((name for name in names if isinstance(name, str) and name.strip()), "")
    name = re.sub(r"([\\\[\]])", r"\\\1", " ".join(whole(name).split()))
    if not isinstance(url, str) or not re.match(r"https?://\S+\Z", url):
        return name
    return f"[{name or url}]({whole(url).replace('(', '%28').replace(')', '%29')})"


def _words(mark: str) -> str:
    r"""Return the words of the answer that stand within a mark; mostly there are none.

    Example:
        >>> _words('\ue200entity\ue202["company","Acme","maker of anvils"]\ue201')
        'Acme'
    """
    kind, *fields = mark[1:-1].split("\ue202")
    if kind == "url" and fields:
        return fields[0]
    if kind != "entity" or not fields:
        return ""
    try:
        name = json.loads(fields[0])[1]
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""
    return name if isinstance(name, str) else ""


def _objects(values: Any) -> Iterable[Mapping[str, Any]]:
    return [one for one in values if isinstance(one, Mapping)] if isinstance(values, list) else []
