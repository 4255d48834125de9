"""What is done once for all pages gives what was done for each."""

import sys
from types import SimpleNamespace

import pytest
from docutils import nodes
from pybtex import plugin
from quick_build import from_titles, only_titles, remember_plugins, start_katex
from sphinx import addnodes
from sphinxcontrib import katex


def entry(name: str, *below: nodes.Node) -> nodes.list_item:
    """A title in a list of contents, and what stands below it."""
    return nodes.list_item("", addnodes.compact_paragraph("", name), *below)


def sections(*below: nodes.Node) -> nodes.bullet_list:
    return nodes.bullet_list("", *below)


def test_of_the_contents_of_a_page_its_title_and_the_pages_below_it_stay():
    pages = addnodes.toctree("", entries=[])
    toc = sections(entry("page", sections(entry("section", sections(pages)), entry("another"))))
    before = toc.pformat()

    titles = only_titles(toc)

    assert titles.pformat() == sections(entry("page", sections(pages))).pformat()
    assert toc.pformat() == before
    assert only_titles(sections(entry("page", sections(entry("section"))))).astext() == "page"


def test_the_sidebar_is_made_of_titles_and_the_rest_of_sections():
    env = SimpleNamespace(tocs="sections", page_titles="titles")

    generate = from_titles(lambda **_: env.tocs, env)

    assert generate(titles_only=True) == "titles"
    assert generate() == env.tocs == "sections"


def test_contents_are_whole_again_after_a_fault():
    def fail(**_):
        raise ValueError("no contents")

    env = SimpleNamespace(tocs="sections", page_titles="titles")

    with pytest.raises(ValueError, match="no contents"):
        from_titles(fail, env)(titles_only=True)
    assert env.tocs == "sections"


def test_a_plugin_is_looked_for_once():
    remember_plugins()
    remember_plugins()
    plugin.find_plugin("pybtex.style.formatting", "plain")
    before = plugin._load_entry_point.cache_info()

    plugin.find_plugin("pybtex.style.formatting", "plain")

    after = plugin._load_entry_point.cache_info()
    assert after.hits == before.hits + 1
    assert after.misses == before.misses


LATE = """\
import socket, sys, time
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
time.sleep(0.2)
server.listen()
server.accept()[0].sendall(b"here")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such sockets")
def test_a_server_of_formulas_that_listens_late_is_waited_for(tmp_path, monkeypatch):
    command = classmethod(lambda cls, socket: [sys.executable, "-c", LATE, str(socket)])
    monkeypatch.setattr(katex.KaTeXServer, "build_command", command)

    process, connection = start_katex(tmp_path, 60)

    with process, connection:
        assert connection.recv(4) == b"here"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such sockets")
def test_a_server_of_formulas_that_ends_is_not_waited_for(tmp_path, monkeypatch):
    command = classmethod(lambda cls, socket: [sys.executable, "-c", ""])
    monkeypatch.setattr(katex.KaTeXServer, "build_command", command)

    with pytest.raises(katex.KaTeXError):
        start_katex(tmp_path, 60)
