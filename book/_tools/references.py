"""What a page may point at: headings, equations, figures, terms and citations of the whole book.

The index is read from the MyST sources, so a notebook can link to the website for everything
that plain Markdown cannot do itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from project import Page, Project
from pybtex.database import Entry, parse_file
from pybtex.richtext import Text

_HEADING = re.compile(r"^#{1,6} +(?P<title>.+?)\s*$")
_TARGET = re.compile(r"^\((?P<label>[\w.:-]+)\)=\s*$")
_EQUATION_END = re.compile(r"\$\$\s*\((?P<label>[\w.:-]+)\)\s*$")
_DIRECTIVE = re.compile(r"^\s*(?:`{3,}|:{3,})\{(?P<name>[\w:-]+)\}\s*(?P<argument>.*?)\s*$")
_OPTION = re.compile(r"^\s*:?(?:label|name):\s*(?P<label>[\w.:-]+)\s*$")


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


def first_heading(text: str) -> str | None:
    """The title of a page, or None if it has no heading."""
    match = re.search(r"^# +(.+?)\s*$", text, re.MULTILINE)
    return plain_title(match[1]) if match else None


def plain_title(title: str) -> str:
    """A heading without roles and code marks."""
    return re.sub(r"\{[\w:]+\}`([^`<]+)(?:<[^`]*>)?`", r"\1", title).replace("`", "").strip()


def _index_page(page: Page, index: References) -> None:
    text = page.text()
    title = first_heading(text) or page.name
    index.pages[page.name] = Target(page.url, title, page.name)
    pending: list[str] = []  # labels that wait for their heading
    directive = ("", "")
    in_glossary = False
    for line in text.split("\n"):
        match = _HEADING.match(line)
        if pending and line.strip() and not match and not _TARGET.match(line):
            _index_labels(page, pending, title, index)  # a label above a paragraph or a figure
        if match:
            _index_labels(page, pending, plain_title(match["title"]), index)
        elif match := _TARGET.match(line):
            pending.append(match["label"])
        elif match := _DIRECTIVE.match(line):
            directive = (match["name"], match["argument"])
            in_glossary = match["name"] == "glossary"
        elif match := _OPTION.match(line):
            _index_option(page, match["label"], directive, index)
        elif match := _EQUATION_END.search(line):
            _index_equation(page, match["label"], index)
        elif in_glossary:
            in_glossary = _index_term(page, line, index)


def _index_labels(page: Page, pending: list[str], title: str, index: References) -> None:
    for label in pending:
        index.labels[label] = Target(f"{page.url}#{anchor(label)}", title, page.name)
    pending.clear()


def _index_option(page: Page, label: str, directive: tuple[str, str], index: References) -> None:
    name, argument = directive
    if name == "math":
        _index_equation(page, label, index)
        return
    kind = name.removesuffix("-start").capitalize()
    title = argument if argument and name not in ("figure", "image") else kind
    index.labels[label] = Target(f"{page.url}#{anchor(label)}", title, page.name)


def _index_equation(page: Page, label: str, index: References) -> None:
    number = 1 + sum(target.page == page.name for target in index.equations.values())
    url = f"{page.url}#equation-{anchor(label)}"
    index.equations[label] = Target(url, f"({number})", page.name)


def _index_term(page: Page, line: str, index: References) -> bool:
    """Note the term on this line of a glossary; False when the glossary ends here."""
    if re.match(r"\s*(`{3,}|:{3,})\s*$", line):
        return False
    if line.strip() and not line.startswith((" ", "\t", ":")):
        term = line.strip()
        index.terms[term.lower()] = f"{page.url}#{term_anchor(term)}"
    return True


def _read_citations(bibliography: Path) -> dict[str, tuple[str, str]]:
    """Authors and year of each entry, such as ``("Brown et al.", "2020")``."""
    entries = parse_file(str(bibliography), bib_format="bibtex").entries
    return {
        key: (_authors(entry), entry.fields.get("year", "n.d.")) for key, entry in entries.items()
    }


def _authors(entry: Entry) -> str:
    people = entry.persons.get("author") or entry.persons.get("editor") or []
    names = [" ".join(person.prelast_names + person.last_names) for person in people]
    names = [str(Text.from_latex(name)) for name in names]
    if not names:
        return entry.key
    if len(names) > 2 or names[-1] == "others":
        return f"{names[0]} et al."
    return " and ".join(names)
