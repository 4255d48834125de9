"""Faults in what the theme puts around a page, whose HTML may change with each new version.

``book/_templates`` and ``book/_ext/theme.py`` mend the theme. When a template no longer fits, the
page is as the theme makes it, and one of these faults tells.
"""

from __future__ import annotations

from bs4 import BeautifulSoup, NavigableString, PageElement, Tag

_LANDMARKS = "main, nav, header, footer, aside, dialog, [role=region], [role=search]"
_NOT_TEXT = "script, style, noscript, template"
_OUTSIDE = ".skip-link, #pst-back-to-top"  # seen only by who asks for them
_AT_ONCE = "documentation_options"  # a script that inline scripts need
_MEND = "(see book/_templates and book/_ext/theme.py)"


def frame_faults(soup: BeautifulSoup) -> list[str]:
    """Everything wrong with the frame of a page, each as a sentence."""
    faults = [*_head_faults(soup), *_name_faults(soup)]
    for heading in soup.select("h1, h2, h3, h4, h5, h6"):
        if not heading.get_text(strip=True) and not heading.find("img"):
            faults.append(f"an empty heading: {heading.name}")
    if soup.select("[role=doc-biblioentry], .citation-list[role=list]"):
        faults.append("the bibliography has roles that screen readers reject")
    if outside := _first_outside(soup):
        faults.append(f"text outside of every landmark: {outside[:60]}")
    return [f"{fault} {_MEND}" for fault in faults]


def _head_faults(soup: BeautifulSoup) -> list[str]:
    faults = []
    scheme = soup.html.get("data-theme") if soup.html else None
    if scheme not in ("light", "dark"):
        faults.append(f"a page without scripts has no colors: data-theme is {scheme!r}")
    viewports = soup.select("meta[name=viewport]")
    if len(viewports) != 1:
        faults.append(f"the viewport is declared {len(viewports)} times")
    asks = any("prefers-color-scheme" in (script.string or "") for script in soup("script"))
    if soup.select("link[href*=_static]") and not asks:
        faults.append("the color scheme of the reader's system is not asked for")
    for script in soup.select("head script[src]:not([defer], [async], [type=module])"):
        if _AT_ONCE not in script["src"]:
            faults.append(f"a script holds up the page: {script['src']}")
    return faults


def _name_faults(soup: BeautifulSoup) -> list[str]:
    """Controls without a name, and controls whose name is not what they show."""
    faults = []
    for control in soup.select("button, summary"):
        name, text = control.get("aria-label", ""), control.get_text(" ", strip=True)
        image = control.find("img", alt=True)
        if not (name or text or image):
            faults.append(f"a {control.name} has no name for screen readers: {str(control)[:80]}")
        elif name and text and text.casefold() not in name.casefold():
            faults.append(f"the name {name!r} of a {control.name} is not its text: {text[:60]}")
    return faults


def _first_outside(soup: BeautifulSoup) -> str | None:
    """Text of the body that no landmark holds, which screen readers then do not offer."""
    held = {id(tag) for tag in soup.select(f"{_LANDMARKS}, {_NOT_TEXT}, {_OUTSIDE}")}
    waiting: list[PageElement] = list(soup.body.children) if soup.body else []
    while waiting:
        element = waiting.pop(0)
        if isinstance(element, Tag):
            waiting[:0] = [] if id(element) in held else list(element.children)
        elif type(element) is NavigableString and element.strip():  # comments are subclasses
            return element.strip()
    return None
