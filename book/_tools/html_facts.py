"""What one HTML page links to, loads and shows, as far as the checks need to know it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source"}
_VOID |= {"param", "track", "wbr"}
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
        faults: Pictures without a description, formulas that failed, tables that are raw text.
    """

    ids: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    resources: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def read_html(text: str) -> HtmlFacts:
    """Collect the facts of a page's source."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return reader.facts


def css_addresses(text: str) -> list[str]:
    """Addresses that a style sheet loads; data URLs and fragments are left out."""
    found = (match[1] or match[2] for match in _CSS_URL.finditer(text))
    return [url.strip() for url in found if not url.startswith(("data:", "#"))]


def script_addresses(text: str) -> list[str]:
    """Addresses outside the site that a script plainly requests."""
    return ["".join(groups) for groups in _SCRIPT_REQUEST.findall(text)]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.facts = HtmlFacts()
        self._open: list[tuple[str, bool]] = []  # tag, hidden from screen readers
        self._untitled_svg: dict[str, str] | None = None

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        at = {name: value or "" for name, value in attributes}
        has_alt = any(name == "alt" for name, _ in attributes)
        hidden = at.get("aria-hidden") == "true" or (bool(self._open) and self._open[-1][1])
        self.facts.ids |= {at[name] for name in ("id", "name") if at.get(name)}
        self._note_addresses(tag, at)
        if "katex-error" in at.get("class", "").split() or tag == "merror":
            self.facts.faults.append(f"a formula failed: {at.get('title', tag)[:200]}")
        if tag == "img" and not hidden:
            self._check_picture(at, has_alt)
        if tag == "svg" and not (hidden or at.get("aria-label") or at.get("aria-labelledby")):
            self._untitled_svg = at
        if tag == "title":
            self._untitled_svg = None
        if tag not in _VOID:
            self._open.append((tag, hidden))

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag == "svg" and self._untitled_svg is not None:
            name = self._untitled_svg.get("class", "")
            self.facts.faults.append(f"an svg has no aria-label, title or aria-hidden: {name}")
            self._untitled_svg = None
        if any(name == tag for name, _ in self._open):
            while self._open.pop()[0] != tag:
                pass

    def handle_data(self, data: str) -> None:
        tag = self._open[-1][0] if self._open else ""
        if tag == "p" and _RAW_ROW.match(data):
            self.facts.faults.append(f"a table is shown as raw text: {data.strip()[:60]}")
        if tag == "style":
            self.facts.resources += css_addresses(data)
        elif tag == "script":
            self.facts.resources += script_addresses(data)

    def _note_addresses(self, tag: str, at: dict[str, str]) -> None:
        if tag == "a" and at.get("href"):
            self.facts.links.append(at["href"])
        if tag == "link" and at.get("href") and not _NOT_LOADED & set(at.get("rel", "").split()):
            self.facts.resources.append(at["href"])
        if tag in _LOADING_TAGS:
            found = [at[name] for name in ("src", "data", "poster") if at.get(name)]
            found += [part.split()[0] for part in at.get("srcset", "").split(",") if part.strip()]
            self.facts.resources += found
        self.facts.resources += css_addresses(at.get("style", ""))

    def _check_picture(self, at: dict[str, str], has_alt: bool) -> None:
        source, alt = at.get("src", ""), at.get("alt", "").strip()
        in_figure = any(tag == "figure" for tag, _ in self._open)
        if not has_alt or alt == source or (in_figure and not alt):
            self.facts.faults.append(f"a picture has no description: {source[:120]}")
