"""The Hub, played by a server on this machine: success, refusals, damage, no connection."""

import contextlib
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch

from companion.errors import HubError, WeightsError
from companion.models import PINNED_REVISIONS, load
from companion.models.hub import fetch_snapshot

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class HubServer:
    """Serves a checkpoint at the addresses of the Hub.

    With `error`, every request fails with this status and error code. Change `files` to serve
    other bytes than `announced`; set `cut` to leave out the last bytes of every answer.
    """

    def __init__(self, files: dict[str, bytes], *, error: tuple[int, str] | None = None) -> None:
        self.files, self.error = files, error
        self.announced = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
        self.cut = 0
        self.requests: list[str] = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                hub.serve(self, body=True)

            def do_HEAD(self) -> None:
                hub.serve(self, body=False)

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"

    def serve(self, request: BaseHTTPRequestHandler, *, body: bool) -> None:
        path = request.path.split("?")[0]
        self.requests.append(path)
        name = path.rsplit("/", 1)[-1]
        headers, data, status = {}, b"", 200
        if self.error:
            status, code = self.error
            headers["X-Error-Code"] = code
        elif "/tree/" in path:
            data = json.dumps([self.entry(name) for name in self.files]).encode()
        elif path.startswith("/api/"):
            siblings = [{"rfilename": name} for name in self.files]
            data = json.dumps({"id": "tiny/llama", "sha": COMMIT, "siblings": siblings}).encode()
        elif name in self.files:
            data = self.files[name]
            headers |= {"X-Repo-Commit": COMMIT, "ETag": f'"{self.announced[name]}"'}
        else:
            status, headers["X-Error-Code"] = 404, "EntryNotFound"
        self.reply(request, status, headers, data, body=body)

    def reply(self, request, status: int, headers: dict, data: bytes, *, body: bool) -> None:
        request.send_response(status)
        for key, value in headers.items():
            request.send_header(key, value)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        if body:
            request.wfile.write(data[: len(data) - self.cut] if self.cut < len(data) else b"")
            request.close_connection = bool(self.cut)

    def entry(self, name: str) -> dict:
        size = len(self.files[name])
        lfs = {"oid": self.announced[name], "size": size, "pointerSize": 1}
        return {"type": "file", "path": name, "size": size, "oid": "0" * 40, "lfs": lfs}


@pytest.fixture
def hub(
    tmp_path: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., HubServer]]:
    """Start a stand-in of the Hub, with an empty cache in front of it."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    files = {file.name: file.read_bytes() for file in checkpoint.iterdir()}
    with contextlib.ExitStack() as stack:

        def start(**settings: object) -> HubServer:
            server = HubServer(dict(files), **settings)
            monkeypatch.setenv("HF_ENDPOINT", server.url)
            threading.Thread(target=server.http.serve_forever, args=(0.01,), daemon=True).start()
            stack.callback(server.http.server_close)
            stack.callback(server.http.shutdown)
            return server

        yield start


def test_a_hub_id_loads(hub, llama) -> None:
    server = hub()

    model, tokenizer = load("tiny/llama", dtype="float32", device="cpu")

    assert torch.equal(model.lm_head.weight, llama.lm_head.weight.half().float())
    assert tokenizer.padding_side == "left"
    assert server.requests


def test_a_pinned_commit_in_the_cache_needs_no_network(
    hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = hub()
    fetch_snapshot("tiny/llama", COMMIT)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")

    before = len(server.requests)
    assert (fetch_snapshot("tiny/llama", COMMIT) / "config.json").is_file()
    assert len(server.requests) == before


def test_only_the_files_that_are_needed_are_fetched(hub) -> None:
    server = hub()
    server.files |= {"pytorch_model.bin": b"pickle", "modeling.py": b"code"}
    server.announced |= {"pytorch_model.bin": "0" * 64, "modeling.py": "0" * 64}

    folder = fetch_snapshot("tiny/llama", COMMIT)

    assert not list(folder.glob("*.bin")) + list(folder.glob("*.py"))


def test_the_pinned_commit_is_asked_for(hub) -> None:
    server = hub(error=(404, "RepoNotFound"))

    with pytest.raises(HubError):
        load("base", source="hub")

    assert any(PINNED_REVISIONS["openai-community/gpt2"] in path for path in server.requests)


def test_a_revision_can_be_chosen(hub) -> None:
    server = hub(error=(404, "RepoNotFound"))

    with pytest.raises(HubError):
        load("base", source="hub", revision="refs-of-mine")

    assert any("refs-of-mine" in path for path in server.requests)


@pytest.mark.parametrize(
    ("status", "code", "match"),
    [
        (404, "RepoNotFound", "the Hub has no model 'tiny/llama', or it is private"),
        (401, "", "the Hub has no model 'tiny/llama', or it is private"),
        (401, "GatedRepo", "tiny/llama is gated: its owner wants you to accept the license"),
        (403, "GatedRepo", "tiny/llama is gated"),
        (404, "RevisionNotFound", "tiny/llama has no revision 'main'"),
        (403, "", r"the Hub refused tiny/llama \(status 403\)"),
    ],
)
def test_a_refusal_of_the_hub_is_explained(hub, status: int, code: str, match: str) -> None:
    hub(error=(status, code))

    with pytest.raises(HubError, match=match):
        load("tiny/llama")


def test_no_server_is_explained_with_a_way_out(hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")

    with pytest.raises(HubError, match=r"can't reach the Hub.*source='pocket'"):
        load("tiny/llama")


def test_a_file_other_than_announced_is_refused(hub) -> None:
    server = hub()
    data = bytearray(server.files["model.safetensors"])
    data[-1] ^= 1
    server.files["model.safetensors"] = bytes(data)

    with pytest.raises(HubError, match=r"model.safetensors of tiny/llama is damaged.*Delete"):
        load("tiny/llama")


def test_a_broken_off_download_is_refused(hub) -> None:
    hub().cut = 10

    with pytest.raises(HubError, match="tiny/llama did not arrive completely"):
        fetch_snapshot("tiny/llama", COMMIT)


def test_a_repository_without_safetensors_is_refused(hub) -> None:
    del hub().files["model.safetensors"]

    with pytest.raises(WeightsError, match=r"lacks a .safetensors file"):
        load("tiny/llama")


def test_what_is_no_hub_id_is_explained(hub) -> None:
    hub()

    with pytest.raises(HubError, match="is not a Hub id: write owner/name"):
        load("ti ny/llama")
