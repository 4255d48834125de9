"""What is done once for all pages gives what was done for each."""

import multiprocessing
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from docutils import nodes
from pybtex import plugin
from quick_build import (
    allow_processes,
    from_titles,
    only_titles,
    remember_plugins,
    start_katex,
)
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


STAYS = LATE.replace("server.accept()", "time.sleep(1000)#")


def tell_server(pipe):
    server = katex.KaTeXServer.get()
    pipe.send((server.process.pid, str(server.rundir)))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such sockets")
def test_a_process_that_sphinx_forks_has_formulas_drawn_by_a_server_of_its_own(monkeypatch):
    command = classmethod(lambda cls, socket: [sys.executable, "-c", STAYS, str(socket)])
    monkeypatch.setattr(katex.KaTeXServer, "build_command", command)
    monkeypatch.setattr(katex.KaTeXServer, "start_server_process", start_katex)
    monkeypatch.setattr(katex.KaTeXServer, "katex_server", None)
    names = ("sphinx_multitoc_numbering", "sphinx_jupyterbook_latex")
    app = SimpleNamespace(extensions={name: SimpleNamespace() for name in names})
    allow_processes(app)
    mine = katex.KaTeXServer.get()
    here, there = multiprocessing.Pipe()

    child = multiprocessing.get_context("fork").Process(target=tell_server, args=(there,))
    child.start()
    number, folder = here.recv()
    child.join()

    assert number != mine.process.pid
    assert not psutil.pid_exists(number)
    assert not Path(folder).exists()
    assert katex.KaTeXServer.get() is mine
    assert Path(mine.rundir).is_dir()
    assert all(one.parallel_read_safe for one in app.extensions.values())
    for stream in (mine.process.stdin, mine.process.stdout):
        stream.close()
    mine.process.kill()
    mine.process.wait()
    for end in (here, there, mine.sock):
        end.close()
