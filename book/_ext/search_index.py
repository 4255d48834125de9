"""What the search page searches: the sections of all pages, the glossary, names of the package.

Written as a script, ``_static/search/sections.js``, so that the search works from a folder, too,
where a page may not fetch files. What ranks and shows them is ``_static/search/search.js``. Code,
formulas and outputs are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

WORDS = "search_words.json"  # what readers may type, and what the book says instead
_LEFT_OUT = (nodes.literal_block, nodes.math_block, nodes.raw, nodes.image, nodes.comment)
_QUIZ = "Check yourself"  # answers are not to be found before they are thought of
_LONGEST = {"page": 1000, "exercise": 300}  # characters: of an exercise the task, not the hints
_PARTS = {"back/glossary": "glossary", "back/references": "reference"}

Section = tuple[str, str, str, str]
"""Kind, anchor, heading, text."""


def words(node: nodes.Node, titles: Mapping[str, str] = MappingProxyType({})) -> str:
    """Return the words of a node, without code blocks, formulas on lines of their own, outputs.

    Args:
        node: A node before links are resolved.
        titles: Titles of pages by name, which stand in links to them.
    """
    if isinstance(node, nodes.Text):
        return node.astext()
    if isinstance(node, addnodes.pending_xref) and node["reftype"] == "doc":
        title = titles.get(node["reftarget"].removeprefix("/"))
        if title and not node.get("refexplicit"):
            return title
    if isinstance(node, nodes.math):
        return "" if "\\" in node.astext() else node.astext()
    if isinstance(node, _LEFT_OUT) or "cell_output" in getattr(node, "attributes", {}).get(
        "classes", []
    ):
        return ""
    space = "" if isinstance(node, nodes.TextElement) else " "
    return space.join(words(child, titles) for child in node.children)


def sections(
    doctree: nodes.document, name: str, titles: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Section]:
    """Yield what can be found on a page.

    Args:
        doctree: The page.
        name: Its name below ``book``, such as ``gpt/sampling``.
        titles: Titles of pages by name.
    """
    kind = _PARTS.get(name, "exercise" if name.endswith("/exercises") else "page")
    for section in doctree.findall(nodes.section):
        heading = section.next_node(nodes.title)
        own = [child for child in section.children if not isinstance(child, nodes.section)]
        parts = [child for child in own if child is not heading and not _apart(child)]
        text = " ".join(words(part, titles) for part in parts)
        text = "" if heading.astext() == _QUIZ else _one_line(text)[: _LONGEST.get(kind)]
        yield kind, section["ids"][0], heading.astext(), text
    for item in doctree.findall(nodes.definition_list_item):
        term = item.next_node(nodes.term)
        if kind == "glossary" and term["ids"]:
            yield (
                "glossary",
                term["ids"][0],
                words(term),
                _one_line(words(item.children[-1], titles)),
            )
    for description in doctree.findall(addnodes.desc):
        signature = description.next_node(addnodes.desc_signature)
        content = description.next_node(addnodes.desc_content)
        summary = content.next_node(nodes.paragraph) if content else None
        text = _one_line(words(summary, titles)) if summary else ""
        if signature["ids"] and not text.startswith("Alias for field number"):
            yield "package", signature["ids"][0], signature["ids"][0], text


def _apart(node: nodes.Node) -> bool:
    """Whether a part of a section is found as something else."""
    return isinstance(node, addnodes.glossary | addnodes.desc)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def write_search_index(app: Sphinx, error: Exception | None) -> None:
    """Write the data of the search page."""
    if error is not None or app.builder.name != "html":
        return
    pages, found = [], []
    titles = {name: title.astext() for name, title in app.env.titles.items()}
    for document in sorted(app.env.found_docs):
        doctree = app.env.get_doctree(document)
        pages.append([document, titles[document]])
        for section in sections(doctree, document.removeprefix("book/"), titles):
            found.append([len(pages) - 1, *section])
    data = Path(app.srcdir) / "book" / "_data" / WORDS
    synonyms = json.loads(data.read_text(encoding="utf-8")) if data.is_file() else {}
    content = {"pages": pages, "sections": found, "synonyms": synonyms}
    target = Path(app.outdir) / "_static" / "search" / "sections.js"
    target.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    target.write_text(f"const bookSections = {text};\n", encoding="utf-8")


def spare_search_index(app: Sphinx) -> None:
    """Let Sphinx collect no words for its own search, which the site does not have."""
    if app.builder.name == "html":
        app.builder.index_page = lambda *_: None
        app.builder.dump_search_index = lambda: None


def setup_search(app: Sphinx) -> None:
    """Register the search with Sphinx."""
    app.connect("builder-inited", spare_search_index)
    app.connect("build-finished", write_search_index)
