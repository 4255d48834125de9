"""What the site's HTML lacks and no template can give: names, roles, scripts that wait.

The rest is in ``book/_templates``. ``book/_tools/check_site.py`` looks at the result of both, so
that a new version of the theme or of Sphinx cannot undo them unnoticed.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable

from bs4 import BeautifulSoup, Tag
from docutils import nodes
from docutils.writers.html5_polyglot import HTMLTranslator
from myst_nb.sphinx_ import HideCodeCellNode, depart_HideCellInput
from sphinx.application import Sphinx

_EMPTY_HEADER = re.compile(r"<th( [^>]*)?>(?:\s|&nbsp;|&#160;|\u00a0)*</th>")
_HALIGN = ' halign="left"'  # of pandas, where a header spans columns
_SCOPED = re.compile(r"<style scoped.*?</style>\s*", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")  # what a model writes may have some
_AT_ONCE = "documentation_options"  # a script that inline scripts need


def mend_page(
    app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object
) -> None:
    """Change what the templates are filled with."""
    metatags = BeautifulSoup(context.get("metatags") or "", "html.parser")
    for viewport in metatags.select("meta[name=viewport]"):  # the theme has its own
        viewport.decompose()
    context["metatags"] = str(metatags)
    if body := context.get("body"):
        context["body"] = plain_outputs(plain_corners(body))
    context["generate_toctree_html"] = named_toggles(context["generate_toctree_html"])
    context["script_files"][:] = [_deferred(script) for script in context["script_files"]]


def plain_corners(body: str) -> str:
    """Make ordinary cells of empty header cells, such as the corner of a table of pandas.

    A screen reader would announce a header without a word.
    """
    return _EMPTY_HEADER.sub(r"<td\1></td>", body)


def plain_outputs(body: str) -> str:
    r"""Take out of outputs what HTML does not allow: pandas's styles, control characters.

    Example:
        >>> plain_outputs("<div><style scoped>td {}</style>a\x05</div>")
        '<div>a\ufffd</div>'
    """
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", _SCOPED.sub("", body).replace(_HALIGN, ""))


def named_toggles(generate: Callable[..., BeautifulSoup]) -> Callable[..., BeautifulSoup]:
    """Give the arrows beside the parts of the contents a name for screen readers."""

    def generate_named(*args: object, **options: object) -> BeautifulSoup:
        contents = generate(*args, **options)
        fold_parts(contents)
        for summary in contents.select("summary") if contents else []:
            if not summary.get_text(strip=True):
                summary["aria-label"] = "Show or hide its pages"
        return contents

    return generate_named


def fold_parts(contents: BeautifulSoup | None) -> None:
    """Let each part of the contents be folded, in place; the one of the page stands open.

    On a page of no part, such as the title page, all parts stand open.
    """
    captions = contents.select("p.caption") if contents else []
    is_in_a_part = any(_is_current(caption) for caption in captions)
    for caption in captions:
        pages = caption.find_next_sibling("ul")
        part = contents.new_tag("details", attrs={"class": "toc-part"})
        if not is_in_a_part or _is_current(caption):
            part["open"] = ""
        caption.name = "summary"
        del caption["role"], caption["aria-level"]
        caption.wrap(part)
        part.append(pages.extract())


def _is_current(caption: Tag) -> bool:
    pages = caption.find_next_sibling("ul")
    return pages is not None and pages.select_one("li.current") is not None


def _deferred(script: object) -> object:
    """A script file that a page loads without waiting for it."""
    is_module = script.attributes.get("type") == "module"  # which waits by itself
    if not script.filename or is_module or _AT_ONCE in str(script.filename):
        return script
    attributes = {**script.attributes, "defer": "defer"}
    return type(script)(script.filename, priority=script.priority, **attributes)


def visit_citation(self: HTMLTranslator, node: nodes.citation) -> None:
    """Open an entry of the bibliography, without the roles that screen readers reject."""
    if not isinstance(node.previous_sibling(), nodes.citation):
        self.body.append('<div class="citation-list">\n')
    self.body.append(self.starttag(node, "div", classes=["citation"]))


def visit_hidden_cell(self: HTMLTranslator, node: HideCodeCellNode) -> None:
    """Open a folded cell. The text of its summary is its name, so it has no other."""
    classes = html.escape(" ".join(node["classes"]))
    self.body.append(f'<details class="admonition hide {classes}">\n<summary>\n')
    prompts = {"collapsed": node["prompt_show"], "expanded": node["prompt_hide"]}
    if len(set(prompts.values())) == 1:
        prompts = {"either": node["prompt_show"]}
    for state, text in prompts.items():
        self.body.append(f'<span class="{state} admonition-title">{html.escape(text)}</span>\n')
    self.body.append("</summary>\n")


def setup_theme(app: Sphinx) -> None:
    """Register the changes with Sphinx."""
    depart = HTMLTranslator.depart_citation
    app.add_node(nodes.citation, override=True, html=(visit_citation, depart))
    cell = (visit_hidden_cell, depart_HideCellInput)
    app.add_node(HideCodeCellNode, override=True, html=cell)
    app.connect("html-page-context", mend_page, priority=950)
