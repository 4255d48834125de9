"""What one HTML page links to, loads and shows, as far as the checks need to know it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from bs4 import BeautifulSoup, Tag
from frame_faults import frame_faults

_NOT_LOADED = {"canonical", "next", "prev", "search", "index", "author", "copyright", "alternate"}
_LOADING_TAGS = {"img", "script", "iframe", "source", "video", "audio", "embed", "object", "track"}
_CSS_URL = re.compile(r"url\(\s*[\"']?([^\"')]+)[\"']?\s*\)|@import\s+[\"']([^\"']+)[\"']")
_RAW_ROW = re.compile(r"\s*\|.*\|\s*$", re.MULTILINE)
_SCRIPT_REQUEST = re.compile(
    r"(?:\bimport|\bfetch|importScripts)\s*\(\s*[\"'`](https?://[^\"'`]+)"
    r"|\bimport\s[^;\"']*[\"'](https?://[^\"']+)"
    r"|\.src\s*=\s*[\"'`](https?://[^\"'`]+)"
)


@dataclass
class HtmlFacts:
    """Facts about one page.

    Attributes:
        ids: Anchors that a link may name.
        links: Addresses of ``<a>``.
        resources: Addresses that a browser requests while it shows the page.
        faults: Pictures without a description, formulas that failed, tables that are raw text,
            controls without a name and whatever else `frame_faults` finds.
    """

    ids: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    resources: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def read_html(text: str) -> HtmlFacts:
    """Collect the facts of a page's source."""
    soup = BeautifulSoup(text, "html.parser", multi_valued_attributes=None)
    facts = HtmlFacts(faults=frame_faults(soup))
    for tag in soup.find_all(True):
        facts.ids |= {tag[name] for name in ("id", "name") if tag.get(name)}
        if tag.name == "a" and tag.get("href"):
            facts.links.append(tag["href"])
        facts.resources += _requests(tag)
        facts.faults += _faults(tag)
    return facts


def css_addresses(text: str) -> list[str]:
    """Addresses that a style sheet loads; data URLs and fragments are left out."""
    urls = (match[1] or match[2] for match in _CSS_URL.finditer(text))
    return [url.strip() for url in urls if not url.startswith(("data:", "#"))]


def script_addresses(text: str) -> list[str]:
    """Addresses outside the site that a script plainly requests."""
    return ["".join(groups) for groups in _SCRIPT_REQUEST.findall(text)]


def _requests(tag: Tag) -> list[str]:
    """What a browser loads for an element."""
    urls = css_addresses(tag.get("style", ""))
    if tag.name == "link" and tag.get("href"):
        urls += [] if _NOT_LOADED & set(tag.get("rel", "").split()) else [tag["href"]]
    elif tag.name == "style":
        urls += css_addresses(tag.string or "")
    elif tag.name in _LOADING_TAGS:
        urls += [tag[name] for name in ("src", "data", "poster") if tag.get(name)]
        urls += [part.split()[0] for part in tag.get("srcset", "").split(",") if part.strip()]
        urls += script_addresses(tag.string or "") if tag.name == "script" else []
    return urls


def _faults(tag: Tag) -> list[str]:
    """What is wrong with one element of the content."""
    if "katex-error" in tag.get("class", "").split() or tag.name == "merror":
        return [f"a formula failed: {tag.get('title', tag.name)[:200]}"]
    if tag.name == "img" and not _is_hidden(tag):
        source, alt = tag.get("src", ""), tag.get("alt", "").strip()
        if not tag.has_attr("alt") or alt == source or (tag.find_parent("figure") and not alt):
            return [f"a picture has no description: {source[:120]}"]
    if tag.name == "svg" and not (_is_named(tag) or _is_hidden(tag)):
        return [f"an svg has no aria-label, title or aria-hidden: {tag.get('class', '')}"]
    if tag.name == "p":
        rows = tag.find_all(string=_RAW_ROW, recursive=False)
        return [f"a table is shown as raw text: {text.strip()[:60]}" for text in rows]
    return []


def _is_named(svg: Tag) -> bool:
    return bool(svg.get("aria-label") or svg.get("aria-labelledby") or svg.find("title"))


def _is_hidden(tag: Tag) -> bool:
    """Whether screen readers skip an element."""
    return any(around.get("aria-hidden") == "true" for around in [tag, *tag.parents])
