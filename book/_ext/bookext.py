"""The book's Sphinx extension: addresses, diagrams, widgets, the line below a page's title.

The files that Sphinx writes are made smaller afterwards, by ``book/_tools/lean_site.py``.
"""

from __future__ import annotations

import functools
import html
import re
import shutil
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util import logging
from sphinxcontrib import katex

_HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(_HERE), str(_HERE.parent / "_tools")]

from api_reference import setup_reference  # noqa: E402
from bibliography import setup_bibliography  # noqa: E402
from book_directives import Dot, QuizQuestion, Tensor  # noqa: E402
from cells import setup_cells  # noqa: E402
from code_links import setup_code_links  # noqa: E402
from gpu_record import page_line, read_record  # noqa: E402
from live_widget import Live  # noqa: E402
from parts import Parts, exercises_by_page, place  # noqa: E402
from plots import setup_plots  # noqa: E402
from project import BRANCH, NOTEBOOKS_BRANCH, Page, Project, find_project  # noqa: E402
from quick_build import setup_quick_build, start_katex  # noqa: E402
from search_index import setup_search  # noqa: E402
from theme import setup_theme  # noqa: E402
from timings import read_timings  # noqa: E402

_log = logging.getLogger(__name__)
_NOT_FOUND = """\
<h1>Page not found</h1>
<p>There is no page at this address. Pages may have moved: try the
<a href="{0}search.html">search</a>, the <a href="{0}index.html">title page</a>, which lists all
parts, or the
<a href="{0}genindex.html">index of terms</a>.</p>
"""
_NEEDED_FOR = {  # what a page needs if it has such words
    'class="math': ["katex"],
    r'class="(?:[^"]* )?sd-': ["sphinx-design", "design-tabs"],
    r'class="(?:[^"]* )?(?:toggle|dropdown)': ["togglebutton"],
}
_COLAB_LOGO = "_static/images/logo_colab.png"  # the theme's own copy


def set_addresses(app: Sphinx, config: Config) -> None:
    """Fill in everything that depends on who publishes the book, so that a fork needs no edit."""
    project = find_project(Path(app.srcdir))
    config.html_baseurl = project.site_url
    config.ogp_site_url = project.site_url
    prefix = project.site_path
    config.notfound_urls_prefix = prefix
    config.notfound_context = {"title": "Page not found", "body": _NOT_FOUND.format(prefix)}
    if project.repository:  # otherwise nothing leads to one that may become a stranger's
        options = config.html_theme_options
        options["repository_url"] = f"https://github.com/{project.repository}"
        options["repository_branch"] = BRANCH
        for button in ("repository", "issues", "edit_page"):
            options[f"use_{button}_button"] = True


def choose_math(app: Sphinx, config: Config) -> None:
    """Without node, leave the formulas to the local KaTeX script in the reader's browser."""
    if config.katex_prerender and not shutil.which("node"):
        _log.info("node is not installed: formulas are drawn in the reader's browser")
        config.katex_prerender = False
    if hasattr(socket, "AF_UNIX"):  # Python on Windows lacks it
        katex.KaTeXServer.start_server_process = start_katex
    katex.STARTUP_TIMEOUT = katex.RENDER_TIMEOUT = 60.0  # seconds; 5 is short on a busy machine


def drop_thebe(app: Sphinx, config: Config) -> None:
    """Disconnect sphinx-thebe, which Jupyter Book always loads and which needs a third party."""
    for listeners in app.events.listeners.values():
        listeners[:] = [
            listener
            for listener in listeners
            if not getattr(listener.handler, "__module__", "").startswith("sphinx_thebe")
        ]


def shorten_citations(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Write "Liu et al." where a bibliography entry names one author "and others"."""
    for reference in doctree.findall(nodes.reference):
        for text in list(reference.findall(nodes.Text)):
            before, mark, after = text.partition(" and others")
            if mark:
                et_al = nodes.emphasis("", "et al.")
                text.parent.replace(text, [nodes.Text(f"{before} "), et_al, nodes.Text(after)])


def complete_page(
    app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object
) -> None:
    """Add the Colab links and the measured figures; load scripts only where they are used."""
    body = context.get("body") or ""
    unused = ["thebe"]
    for words, files in _NEEDED_FOR.items():
        if not re.search(words, body):
            unused += files
    for key in ("script_files", "css_files"):
        if key in context:
            context[key][:] = [item for item in context[key] if not _mentions(item, unused)]
    if 'class="live"' in body:
        app.add_js_file("live.js", loading_method="defer")
    if 'class="quiz"' in body:
        app.add_js_file("quiz.js", loading_method="defer")
    app.add_js_file("exercises/sidebar.js", type="module")
    app.add_js_file("reading.js", type="module")
    app.add_js_file("scrolling.js", type="module")
    app.add_js_file("offline/offline.js", type="module")
    if pagename.endswith("/exercises"):
        app.add_js_file("exercises/page.js", type="module")
        app.add_css_file("exercises/exercises.css")
    project = find_project(Path(app.srcdir))
    page = project.page(pagename.removeprefix("book/"))
    context["place"] = functools.partial(place, project=project)
    context["neighbors"] = getattr(app.builder, "relations", {}).get(pagename, [None] * 3)[1:]
    if exercises := exercises_by_page(project.exercises).get(page.name):
        context["body"] = body + exercise_links(exercises, context["pathto"])
    if doctree is None or not page.notebook.is_file():
        return
    to_root = context["pathto"]("index").removesuffix("index.html")
    figures = measured(read_timings(project.timings).get(page.name, {}))
    figures += on_gpu(page_line(read_record(project.gpu), page.name))
    line = run_line(colab_url(project, page), to_root, page.name, figures)
    context["body"] = re.sub(
        "</h1>", lambda match: match[0] + line, context.get("body") or "", count=1
    )


def _mentions(item: object, words: list[str]) -> bool:
    attributes = getattr(item, "attributes", {})
    text = f"{getattr(item, 'filename', item)} {attributes.get('body', '')}".lower()
    return any(word in text for word in words)


def colab_url(project: Project, page: Page) -> str:
    """Address at which Colab opens a page's notebook; empty if the repository is not known."""
    if not project.repository:
        return ""
    where = f"{project.repository}/blob/{NOTEBOOKS_BRANCH}/{page.name}.ipynb"
    return f"https://colab.research.google.com/github/{where}"


def run_line(url: str, to_root: str, name: str, figures: str) -> str:
    """The line below the title: open in Colab (at ``url``, if any), download, what a run costs."""
    notebook = f"{to_root}notebooks/{name}.ipynb"
    colab = (
        f'<a class="run-colab" href="{url}" target="_blank" rel="noopener">'
        f'<img src="{to_root}{_COLAB_LOGO}" alt="" width="20" height="20" class="dark-light">'
        " Open in Colab</a>"
    )
    return (
        f'<div class="run-line d-print-none">{colab if url else ""}'
        f'<a href="{notebook}" download>Download the notebook</a>'
        f"{figures}</div>"
    )


def measured(timings: dict[str, dict]) -> str:
    """One sentence per device on which the page was measured."""
    sentences = []
    for device, run in sorted(timings.items()):
        seconds = run["seconds"]
        shown = f"{seconds:.0f}" if seconds >= 10 else f"{seconds:.1f}"
        text = (
            f"Runs in {shown} s with {run['peak_mebibytes']:,} MiB of memory at its peak "
            f"({device.upper()}, {run['date']})"
        )
        title = html.escape(run["machine"], quote=True)
        sentences.append(f'<span class="run-cost" title="{title}">{html.escape(text)}</span>')
    return "".join(sentences)


def on_gpu(shown: tuple[str, str] | None) -> str:
    """The sentence on a run on a GPU, if there was one."""
    if shown is None:
        return ""
    line, details = (html.escape(words, quote=True) for words in shown)
    return f'<span class="run-cost" title="{details}">{line}</span>'


def exercise_links(exercises: list[dict[str, str]], path_to: Callable[[str], str]) -> str:
    """The last line of a page: links to its exercises."""
    links = ", ".join(
        f'<a href="{path_to("book/" + exercise["at"])}#{exercise["anchor"]}">'
        f"{html.escape(exercise['title'])}</a>"
        for exercise in exercises
    )
    return f'<p class="page-exercises"><strong>Exercises:</strong> {links}</p>'


def setup(app: Sphinx) -> dict:
    """Register everything with Sphinx."""
    setup_bibliography()
    setup_reference(app)
    setup_cells(app)
    setup_code_links(app)
    setup_plots(app)
    setup_quick_build(app)
    setup_search(app)
    setup_theme(app)
    app.add_directive("dot", Dot)
    app.add_directive("live", Live)
    app.add_directive("parts", Parts)
    app.add_directive("quiz", QuizQuestion)
    app.add_directive("tensor", Tensor)
    app.connect("config-inited", set_addresses, priority=100)
    app.connect("config-inited", drop_thebe, priority=900)
    app.connect("config-inited", choose_math, priority=900)
    app.connect("doctree-resolved", shorten_citations)
    app.connect("html-page-context", complete_page, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
