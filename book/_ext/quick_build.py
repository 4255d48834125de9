"""What Sphinx, its theme and its bibliography do again for each page, done once.

What they write stays the same. Leaves out: links in code (`code_links`).
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from multiprocessing.util import Finalize
from pathlib import Path

from bs4 import BeautifulSoup
from docutils import nodes
from pybtex import plugin
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinxcontrib import katex


def only_titles(toc: nodes.bullet_list) -> nodes.bullet_list:
    """Return a page's contents without its sections, as the sidebar lists them in the end.

    Args:
        toc: Titles and sections of one page, and the lists of the pages below it.
    """
    titles = toc.deepcopy()
    for item in titles.children:
        if len(item) > 1:
            if below := list(item.findall(addnodes.toctree)):
                item[1][:] = below
            else:
                item.pop(1)
    return titles


def list_titles(app: Sphinx, env: BuildEnvironment) -> None:
    """Keep the contents of all pages without their sections."""
    env.page_titles = {name: only_titles(toc) for name, toc in env.tocs.items()}


def from_titles(
    generate: Callable[..., BeautifulSoup], env: BuildEnvironment
) -> Callable[..., BeautifulSoup]:
    """Let the theme make the sidebar from the titles: else it copies each section for each page."""

    def generate_quickly(*args: object, **options: object) -> BeautifulSoup:
        if not options.get("titles_only"):
            return generate(*args, **options)
        complete, env.tocs = env.tocs, env.page_titles
        try:
            return generate(*args, **options)
        finally:
            env.tocs = complete

    return generate_quickly


def use_titles(
    app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object
) -> None:
    """Make the sidebar of a page quickly."""
    context["generate_toctree_html"] = from_titles(context["generate_toctree_html"], app.env)


def remember_plugins() -> None:
    """Let pybtex look for a plugin once: else it asks all installed packages at each citation."""
    if not hasattr(plugin._load_entry_point, "cache_info"):
        plugin._load_entry_point = functools.cache(plugin._load_entry_point)


def start_katex(rundir: Path, timeout: float) -> tuple[subprocess.Popen, socket.socket]:
    """Start what draws the formulas and connect to it, by a socket in the file system.

    sphinxcontrib-katex 0.9.11 connects once, to a socket that may not listen yet. Its other way, by
    the network, waits 40 ms in each direction for each formula, since it writes each message in two
    pieces, of which the second waits until the first is confirmed.

    Args:
        rundir: Folder for the socket.
        timeout: Seconds until it must listen.

    Raises:
        katex.KaTeXError: If it does not.
    """
    path = rundir / "katex.sock"
    command = katex.KaTeXServer.build_command(socket=path)
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, cwd=rundir)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    end = time.monotonic() + timeout
    while True:
        try:
            connection.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            if process.poll() is not None or time.monotonic() > end:
                connection.close()
                with process:  # and its pipes
                    process.kill()
                raise katex.KaTeXServer.timeout_error(timeout) from None
            time.sleep(0.01)
        else:
            if multiprocessing.parent_process():  # which ends without what Python does at its exit
                Finalize(process, _end_katex, (process, rundir), exitpriority=1)
            return process, connection


def _end_katex(process: subprocess.Popen, rundir: Path) -> None:
    process.kill()
    process.wait()
    shutil.rmtree(rundir, ignore_errors=True)


def _forget_katex() -> None:
    """Start another KaTeX at the next formula: answers on a line that is shared would be mixed."""
    katex.KaTeXServer.katex_server = None


def allow_processes(app: Sphinx) -> None:
    """Let Sphinx read and write pages in several processes, as JOBS of the build asks for.

    Two extensions of Jupyter Book do not say whether that is safe. One numbers the sections when
    all are read, the other is for LaTeX.
    """
    os.register_at_fork(after_in_child=_forget_katex)
    for name in ("sphinx_multitoc_numbering", "sphinx_jupyterbook_latex"):
        app.extensions[name].parallel_read_safe = True


def setup_quick_build(app: Sphinx) -> None:
    """Register all of it with Sphinx."""
    remember_plugins()
    app.connect("builder-inited", allow_processes)
    app.connect("env-updated", list_titles)
    app.connect("html-page-context", use_titles, priority=940)
