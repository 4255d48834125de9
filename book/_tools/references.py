"""What a page may point at: headings, equations, figures, terms and citations of the whole book.

The index is read from the MyST sources, so a notebook can link to the website for everything
that plain Markdown cannot do itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from myst import Directive, walk
from project import Page, Project
from pybtex.database import Entry, parse_file
from pybtex.richtext import Text


@dataclass(frozen=True)
class Target:
    """One thing that can be linked to.

    Attributes:
        url: Address below the site's root.
        title: Text of a link that has none of its own.
        page: Name of the page that holds it.
    """

    url: str
    title: str
    page: str


@dataclass
class References:
    """Everything in the book that has a name."""

    pages: dict[str, Target] = field(default_factory=dict)
    labels: dict[str, Target] = field(default_factory=dict)
    equations: dict[str, Target] = field(default_factory=dict)
    terms: dict[str, str] = field(default_factory=dict)
    citations: dict[str, tuple[str, str]] = field(default_factory=dict)


def read_references(project: Project) -> References:
    """Index all pages that ``_toc.yml`` lists, and ``book/references.bib``."""
    index = References()
    for page in project.pages():
        _index_page(page, index)
    bibliography = project.book / "references.bib"
    if bibliography.is_file():
        index.citations = _read_citations(bibliography)
    return index


def anchor(label: str) -> str:
    """The HTML id that Sphinx makes from a label."""
    return re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-")


def term_anchor(term: str) -> str:
    """The HTML id that Sphinx gives a term of the glossary."""
    return "term-" + re.sub(r"[^a-zA-Z0-9._]+", "-", term).strip("-._")


def plain_title(title: str) -> str:
    """A heading without roles and code marks."""
    return re.sub(r"\{[\w:]+\}`([^`<]+)(?:<[^`]*>)?`", r"\1", title).replace("`", "").strip()


def _index_page(page: Page, index: References) -> None:
    blocks = list(walk(page.text()))
    titles = (block.content for block, _ in blocks if block.is_title)
    title = plain_title(next(titles, page.name))
    index.pages[page.name] = Target(page.url, title, page.name)
    pending: list[str] = []  # labels that wait for their heading
    for block, directive in blocks:
        if block.kind == "myst_target":
            pending.append(block.content)
        elif block.kind == "heading_open":
            _index_labels(page, pending, plain_title(block.content), index)
        elif block.kind != "myst_line_comment":  # a label above a paragraph or a figure
            _index_labels(page, pending, title, index)
        if block.is_formula and block.info:
            _index_equation(page, block.info, index)
        if directive is not None:
            _index_directive(page, directive, index)


def _index_labels(page: Page, pending: list[str], title: str, index: References) -> None:
    for label in pending:
        index.labels[label] = Target(f"{page.url}#{anchor(label)}", title, page.name)
    pending.clear()


def _index_directive(page: Page, directive: Directive, index: References) -> None:
    name, title = directive.name, directive.argument
    if name == "glossary":
        for term in (line.strip() for line in directive.body if line[:1].strip(" \t:")):
            index.terms[term.lower()] = f"{page.url}#{term_anchor(term)}"
    for label in (directive.options[key] for key in ("label", "name") if key in directive.options):
        if name == "math":
            _index_equation(page, label, index)
            continue
        if not title or name in ("figure", "image"):
            title = name.removesuffix("-start").capitalize()
        index.labels[label] = Target(f"{page.url}#{anchor(label)}", title, page.name)


def _index_equation(page: Page, label: str, index: References) -> None:
    number = 1 + sum(target.page == page.name for target in index.equations.values())
    url = f"{page.url}#equation-{anchor(label)}"
    index.equations[label] = Target(url, f"({number})", page.name)


def _read_citations(bibliography: Path) -> dict[str, tuple[str, str]]:
    """Authors and year of each entry, such as ``("Brown et al.", "2020")``."""
    entries = parse_file(str(bibliography), bib_format="bibtex").entries
    return {key: cited_as(entry) for key, entry in entries.items()}


def cited_as(entry: Entry) -> tuple[str, str]:
    """Authors and year of an entry as the text names them, such as ``("Brown et al.", "2020")``."""
    return _authors(entry), entry.fields.get("year", "n.d.")


def _authors(entry: Entry) -> str:
    people = entry.persons.get("author") or entry.persons.get("editor") or []
    names = [" ".join(person.prelast_names + person.last_names) for person in people]
    names = [str(Text.from_latex(name)) for name in names]
    if not names:
        return entry.key
    if len(names) > 2 or names[-1] == "others":
        return f"{names[0]} et al."
    return " and ".join(names)
