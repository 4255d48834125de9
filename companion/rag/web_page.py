"""HTML as prose: what a reader of the page sees, section by section.

The page's main parts are read, all of them; without any, the whole body is. Left out: what is no
text (scripts, styles, menus), and what the page itself hides. Style sheets are not looked at.
"""

import re
import warnings
from typing import Any

from companion._extras import require
from companion.errors import DocumentError
from companion.rag.layout import LINE_BREAK, Layout
from companion.rag.sections import Section, SectionList

HEADINGS = {f"h{level}": level for level in range(1, 7)}
# fmt: off
UNREAD = frozenset({
    "annotation", "annotation-xml", "audio", "canvas", "iframe", "nav", "noscript", "object",
    "rp", "rt", "script", "style", "svg", "template", "title", "video",
})
# display: block in the style sheet of the standard, and the parts of tables and menus
# (https://html.spec.whatwg.org/multipage/rendering.html)
BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "body", "button", "caption", "center", "col",
    "colgroup", "dd", "details", "dialog", "dir", "div", "dl", "dt", "fieldset", "figcaption",
    "figure", "footer", "form", "frameset", "header", "hgroup", "hr", "html", "legend", "li",
    "listing", "main", "menu", "ol", "optgroup", "option", "p", "plaintext", "pre", "search",
    "section", "select", "summary", "table", "tbody", "td", "textarea", "tfoot", "th", "thead",
    "tr", "ul", "xmp",
})
# fmt: on
ITEMS = ("li", "dt", "dd")
LISTS = ("ul", "ol", "menu", "dir", "dl")
NOT_SHOWN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
XHTML = "http://www.w3.org/1999/xhtml"
ANCHORS = frozenset("¶#§🔗")
"""Links to a heading itself, which generators of documentation put behind it."""


def html_sections(
    text: str, name: str, *, default_title: str = "", code: bool = False
) -> list[Section]:
    r"""Read a page.

    Args:
        text: The page, or a part of one.
        name: Name of the file, for messages.
        default_title: Title of a page that has neither a title nor a heading of level 1.
        code: Keep preformatted blocks, which are program code nearly always.

    Returns:
        The sections.

    Raises:
        DocumentError: If the page can't be parsed.

    Example:
        >>> html_sections("<h1>Trees</h1><ul><li>an <b>oak</b><li>a lime</ul>", "a.html")[0].text
        '- an oak\n- a lime'
    """
    bs4 = require("bs4", extra="rag")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it guesses whether a short text is a file name
            soup = bs4.BeautifulSoup(text, "html.parser")
        named = soup.find(lambda tag: tag.name == "title" and not tag.find_parent("svg"))
        title = " ".join(named.get_text().split()) if named else ""
        for roots in (_main_parts(soup), [soup]):
            sections = SectionList()
            walk = _Walk(Layout(sections), code=code, cdata=_is_xhtml(soup))
            for root in roots:
                walk.read(root)
            parts = sections.sections(title, default_title)
            if parts:
                break
    except (bs4.ParserRejectedMarkup, RecursionError) as error:
        raise DocumentError(f"{name} is not readable HTML: {error!s:.200}") from error
    return parts


def _is_xhtml(soup: Any) -> bool:
    """Tell whether CDATA is text, as in XHTML; in HTML it is a comment."""
    return soup.html is not None and soup.html.get("xmlns") == XHTML


def _main_parts(soup: Any) -> list[Any]:
    """Return the parts that a page calls its main ones, and articles beside them."""
    mains = [main for main in soup.select("main, [role=main]") if not _hidden(main)]
    if not mains:
        return [soup]
    chosen = {id(main) for main in mains}
    beside = [
        article for article in soup.find_all("article") if not article.find_parent(["aside", "nav"])
    ]
    chosen |= {id(element) for element in beside}
    parts = soup.find_all(lambda tag: id(tag) in chosen)  # in the order of the page
    return [part for part in parts if not any(id(above) in chosen for above in part.parents)]


def _hidden(tag: Any) -> bool:
    """Tell whether the page hides an element from its readers."""
    values = tag.attrs
    return (
        tag.name in UNREAD
        or values.get("hidden", "until-found") != "until-found"
        or str(values.get("aria-hidden", "")).lower() == "true"
        or (tag.name == "dialog" and "open" not in values)
        or bool(NOT_SHOWN.search(str(values.get("style", ""))))
    )


class _Walk:
    """Walks through a tree with a stack of its own: pages may be nested deeper than calls."""

    def __init__(self, layout: Layout, *, code: bool, cdata: bool) -> None:
        self.layout = layout
        self.code = code
        bs4 = require("bs4", extra="rag")
        self.text_types = (str, bs4.NavigableString, *([bs4.CData] if cdata else []))
        self.numbers: list[int | None] = []  # next one of each list that we are in

    def read(self, root: Any) -> None:
        """Read an element and all in it."""
        stack = [(root, False)]
        while stack:
            node, leaving = stack.pop()
            if leaving:
                self._leave(node)
            elif hasattr(node, "contents"):
                if self._enter(node):
                    stack.append((node, True))
                    stack += [(child, False) for child in reversed(node.contents)]
            elif type(node) in self.text_types:  # comments and the like are subclasses
                self.layout.write(str(node).replace(LINE_BREAK, " "))
        self.layout.end_block()

    def _enter(self, tag: Any) -> bool:
        """Begin an element; returns whether its content is to be read."""
        layout, name = self.layout, tag.name
        if _hidden(tag) or (name == "a" and layout.in_heading and tag.get_text() in ANCHORS):
            return False
        if name == "br":
            layout.write(LINE_BREAK)
        elif name == "img":
            layout.write(tag.get("alt") or "")
        elif name == "pre":
            if self.code or "prose" in tag.get_attribute_list("class"):
                layout.verbatim(tag.get_text())
            layout.end_block()
            return False
        elif name in HEADINGS:
            layout.begin_heading(HEADINGS[name])
        elif name in BLOCKS:
            layout.end_block(item=tag.parent is not None and tag.parent.name in ITEMS)
            self._enter_block(tag)
        return True

    def _enter_block(self, tag: Any) -> None:
        layout, name = self.layout, tag.name
        if name == "blockquote":
            layout.open("quote", "> ", "> ")
        elif name in LISTS:
            layout.open("list", "")
            self.numbers.append(_number(tag, "start", 1) if name == "ol" else None)
        elif name == "li":
            layout.open("item", self._mark(tag))
        elif name == "dd":
            layout.open("item", ": ")
        elif name == "dt":
            layout.open("item", "")
        elif name == "table" and _is_data(tag):
            layout.begin_table()
        elif name == "tr":
            layout.begin_row()
        elif name in ("td", "th"):
            layout.begin_cell(name=name == "th")

    def _mark(self, item: Any) -> str:
        """Return what comes before an item: its number, or a dash."""
        if not self.numbers or self.numbers[-1] is None:
            return "- "
        number = _number(item, "value", self.numbers[-1])
        self.numbers[-1] = number + 1
        return f"{number}. "

    def _leave(self, tag: Any) -> None:
        layout, name = self.layout, tag.name
        if name in HEADINGS:
            layout.end_block()
        elif name in BLOCKS:
            layout.end_block(item=name in ITEMS)
            if name == "table" and _is_data(tag):
                layout.end_table()
            elif name == "blockquote":
                layout.close("quote")
            elif name in LISTS:
                layout.close("list")
                self.numbers.pop()


def _is_data(table: Any) -> bool:
    """Tell a table of data from one that arranges the page."""
    arranged = table.get("role") in ("presentation", "none")
    return not arranged and table.find(["table", *HEADINGS]) is None


def _number(tag: Any, attribute: str, default: int) -> int:
    """Return a number that an element gives to an item or a list."""
    given = str(tag.get(attribute, ""))
    return int(given) if re.fullmatch(r"-?\d{1,9}", given) else default
