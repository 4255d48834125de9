"""MyST inline markup (roles, links to labels and pages) as plain Markdown.

Code spans and formulas are left alone; an unknown role, label, term, page or citation is an
error that names the page and the line.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from myst import Mark, read_marks
from project import BookError
from references import References, Target, plain_title

_TITLED = re.compile(r"(?P<text>.*?)\s*<(?P<key>[^<>]+)>$", re.DOTALL)


class PageError(BookError):
    """A mistake in a page, with the place where it is."""

    def __init__(self, page: str, line: int, problem: str) -> None:
        """Say that ``problem`` is on ``line`` of the page called ``page``."""
        super().__init__(f"book/{page}.md, line {line}: {problem}")


@dataclass(frozen=True)
class Context:
    """What the conversion of one page needs to know.

    Attributes:
        page: Name of the page, such as ``gpt/sampling``.
        site: Address of the published site, with a final slash. If it is empty, links lead to
            files beside the notebook in the repository.
        references: Index of the whole book.
    """

    page: str
    site: str
    references: References

    def link(self, target: Target, text: str | None = None) -> str:
        """A Markdown link to a page."""
        return f"[{text or target.title}]({self.address(target.url)})"

    def address(self, url: str) -> str:
        """Where the page is that the site has at ``url``: on the site, or its source."""
        if self.site:
            return self.site + url
        path, mark, fragment = url.partition("#")
        return self._beside(f"{path.removesuffix('.html') or 'index'}.md") + mark + fragment

    def picture(self, path: str) -> str:
        """The address of a picture that the page shows, whose path starts at the page."""
        if self.site:
            return f"{self.site}_images/{posixpath.basename(path)}"
        return self._beside(posixpath.join("book", posixpath.dirname(self.page), path))

    def tensor(self, name: str) -> str:
        """The address of a picture of tensors."""
        path = f"_static/tensors/{name}.svg"
        return f"{self.site}{path}" if self.site else self._beside(f"book/{path}")

    def _beside(self, path: str) -> str:
        return posixpath.relpath(path, posixpath.dirname(f"book/notebooks/{self.page}"))

    def error(self, line: int, problem: str) -> PageError:
        """An error at ``line`` of this page."""
        return PageError(self.page, line, problem)


def convert_inline(text: str, line: int, context: Context) -> str:
    """Replace the roles and links in a paragraph.

    Args:
        text: One or more lines of MyST without block markup.
        line: Number of the first line in the page, counted from 1.
        context: The page and the book.

    Raises:
        PageError: If a role is unknown or points at nothing.
    """
    out, done = [], 0
    for mark in read_marks(text):
        here, source = line + text.count("\n", 0, mark.start), text[mark.start : mark.end]
        if mark.kind == "myst_role":
            source = _role(mark.name, " ".join(mark.text.split()), here, context)
        elif mark.kind in ("link", "image"):
            source = _link(mark, source, here, context)
        out += [text[done : mark.start], source]
        done = mark.end
    return "".join([*out, text[done:]])


def _role(role: str, content: str, line: int, context: Context) -> str:
    handler = _ROLES.get(role)
    if handler is None:
        known = ", ".join(sorted(_ROLES))
        raise context.error(line, f"unknown role {{{role}}}; a notebook can show: {known}")
    titled = _TITLED.match(content)
    text, key = (titled["text"], titled["key"]) if titled else (None, content)
    return handler(key, text, line, context)


def _label(key: str, text: str | None, line: int, context: Context) -> str:
    target = context.references.labels.get(key) or context.references.equations.get(key)
    if target is None:
        raise context.error(line, f"no page defines the label {key!r}")
    return context.link(target, text.replace("%s", "").strip() if text else None)


def _equation(key: str, text: str | None, line: int, context: Context) -> str:
    target = context.references.equations.get(key)
    if target is None:
        raise context.error(line, f"no page defines the equation {key!r}")
    return target.title if target.page == context.page else context.link(target, text)


def _page(key: str, text: str | None, line: int, context: Context) -> str:
    if key.startswith("/"):
        name = key.removeprefix("/book/")
    else:
        name = posixpath.normpath(posixpath.join(posixpath.dirname(context.page), key))
    if name in ("../index", "/index"):
        return f"[{text or 'the title page'}]({context.address('')})"
    target = context.references.pages.get(name)
    if target is None:
        raise context.error(line, f"_toc.yml lists no page {name!r}")
    return context.link(target, text)


def _term(key: str, text: str | None, line: int, context: Context) -> str:
    url = context.references.terms.get(key.lower())
    if url is None:
        raise context.error(line, f"the glossary does not define {key!r}")
    return f"[{text or key}]({context.address(url)})"


def _cited(key: str, line: int, context: Context) -> list[tuple[str, str]]:
    """Authors and year for each of the keys in a citation."""
    keys = [part.strip() for part in key.split(",")]
    for part in keys:
        if part not in context.references.citations:
            raise context.error(line, f"book/references.bib has no entry {part!r}")
    return [context.references.citations[part] for part in keys]


def _cite_in_parentheses(key: str, text: str | None, line: int, context: Context) -> str:
    url = context.address("book/back/references.html")
    cited = _cited(key, line, context)
    return "(" + "; ".join(f"[{authors}, {year}]({url})" for authors, year in cited) + ")"


def _cite_in_text(key: str, text: str | None, line: int, context: Context) -> str:
    url = context.address("book/back/references.html")
    cited = _cited(key, line, context)
    return ", ".join(f"[{authors} ({year})]({url})" for authors, year in cited)


def _plain(key: str, text: str | None, line: int, context: Context) -> str:
    return f"{text} <{key}>" if text else key


def _key(key: str, text: str | None, line: int, context: Context) -> str:
    return f"<kbd>{key}</kbd>"


_ROLES = {
    "abbr": _plain,
    "cite": _cite_in_parentheses,
    "cite:p": _cite_in_parentheses,
    "cite:t": _cite_in_text,
    "doc": _page,
    "eq": _equation,
    "kbd": _key,
    "numref": _label,
    "ref": _label,
    "term": _term,
}


def _link(mark: Mark, source: str, line: int, context: Context) -> str:
    """A Markdown link or picture whose address is a label, a page or a file of the book."""
    if urlsplit(mark.name).scheme:
        return source
    if mark.kind == "image":
        return f"![{mark.text}]({context.picture(mark.name)})"
    text = convert_inline(mark.text, line, context) or None
    if mark.name.startswith("#"):
        label = mark.name[1:]
        known = label in context.references.labels or label in context.references.equations
        if known:
            return _label(label, text, line, context)
        page = context.references.pages[context.page]  # an automatic heading anchor
        return f"[{text or plain_title(label)}]({context.address(page.url + mark.name)})"
    path, _, fragment = mark.name.partition("#")
    link = _page(path.removesuffix(".md"), text, line, context)
    return f"{link[:-1]}#{fragment})" if fragment else link
