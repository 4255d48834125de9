"""Addresses that are no Chroma server."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from companion.errors import VectorStoreError
from companion.rag.neighbors import IndexConfig
from companion.rag.vector_stores import ChromaStore, chroma_server

pytest.importorskip("chromadb")


class NotFound(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def another_server() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), NotFound)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_server_of_another_kind_is_not_taken_for_chroma(another_server):
    with pytest.raises(VectorStoreError, match="does not answer as one"):
        ChromaStore(another_server, "facts", model_id="fake", dimension=2)


def test_where_nothing_listens_the_command_that_starts_one_is_named():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    with pytest.raises(VectorStoreError, match=f"chroma run --path FOLDER .* --port {port}"):
        ChromaStore(f"http://127.0.0.1:{port}", "facts", model_id="fake", dimension=2)


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "postgresql://host/base", "http://", ""])
def test_an_address_of_another_kind_is_refused(url):
    with pytest.raises(ValueError, match=r"url must be like 'http://127\.0\.0\.1:8000'"):
        ChromaStore(url, "facts", model_id="fake", dimension=2)


def test_chroma_has_no_exact_search():
    with pytest.raises(ValueError, match=r"config\.kind must be 'hnsw': ChromaStore has no other"):
        ChromaStore(
            "http://127.0.0.1:1", "facts", model_id="fake", dimension=2, config=IndexConfig()
        )


def test_a_port_in_use_is_named_before_anything_starts(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with (
            pytest.raises(VectorStoreError, match=f"port {port} of 127.0.0.1 can't be had"),
            chroma_server(tmp_path / "data", port=port),
        ):
            pass

    assert not (tmp_path / "data").exists()
