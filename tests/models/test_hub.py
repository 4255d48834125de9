"""The Hub, played by a server on this machine: success, refusals, damage, no connection."""

import contextlib
import hashlib
import json
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
import transformers
from huggingface_hub import constants

from companion.errors import HubError, NotEnoughMemoryError, WeightsError
from companion.models import PINNED_REVISIONS, load, loading
from companion.models.hub import announce, fetch_snapshot

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class HubServer:
    """Serves a checkpoint at the addresses of the Hub.

    With `error`, every request fails with this status and error code. Change `files` to serve
    other bytes than `announced`; set `cut` to leave out that many last bytes of every answer that
    has them, `cuts` times at most.
    """

    def __init__(self, files: dict[str, bytes], *, error: tuple[int, str] | None = None) -> None:
        self.files, self.error = files, error
        self.announced = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
        self.cut = 0
        self.requests: list[str] = []
        self.fetched: list[str] = []
        self.resumed: list[tuple[str, int]] = []
        self.cuts = 1000
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
        asked = re.search(r"[0-9a-f]{40}", path)
        commit = asked[0] if asked else COMMIT
        if self.error:
            status, code = self.error
            headers["X-Error-Code"] = code
        elif "/tree/" in path:
            data = json.dumps([self.entry(name) for name in self.files]).encode()
        elif path.startswith("/api/"):
            siblings = [{"rfilename": n, "size": len(d)} for n, d in self.files.items()]
            data = json.dumps({"id": "tiny/llama", "sha": commit, "siblings": siblings}).encode()
        elif name in self.files:
            data = self.files[name]
            headers |= {"X-Repo-Commit": commit, "ETag": f'"{self.announced[name]}"'}
        else:
            status, headers["X-Error-Code"] = 404, "EntryNotFound"
        if body and name in self.files:
            self.fetched.append(name)
        begun = re.match(r"bytes=(\d+)-", request.headers.get("Range") or "")
        if begun and status == 200:
            self.resumed.append((name, int(begun[1])))
            status, data = 206, data[int(begun[1]) :]
        self.reply(request, status, headers, data, body=body)

    def reply(self, request, status: int, headers: dict, data: bytes, *, body: bool) -> None:
        request.send_response(status)
        for key, value in headers.items():
            request.send_header(key, value)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        if body:
            cut = self.cut if self.cut < len(data) and self.cuts else 0
            self.cuts -= bool(cut)
            request.wfile.write(data[: len(data) - cut])
            request.close_connection = bool(cut)

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

        def start(folder: Path | None = None, **settings: object) -> HubServer:
            served = {f.name: f.read_bytes() for f in folder.iterdir()} if folder else dict(files)
            server = HubServer(served, **settings)
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


@pytest.fixture
def tiny_qwen3(tmp_path: Path, tokenizer) -> Path:
    """A checkpoint of the architecture of Qwen3, with a chat template."""
    config = transformers.Qwen3Config(
        vocab_size=259,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        tie_word_embeddings=True,
    )
    torch.manual_seed(0)
    transformers.Qwen3ForCausalLM(config).to(torch.bfloat16).save_pretrained(tmp_path / "qwen")
    tokenizer.save_pretrained(tmp_path / "qwen")
    return tmp_path / "qwen"


@pytest.mark.parametrize("name", ["chat", "Qwen/Qwen3-0.6B"])
def test_the_chat_model_of_the_hub_loads_by_role_and_by_id(
    hub, tiny_qwen3: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    server = hub(tiny_qwen3)
    monkeypatch.setenv("COMPANION_MODELS", "hub")

    model, _ = load(name, device="cpu")

    assert type(model).__name__ == "Qwen3ForCausalLM"
    asked = [path for path in server.requests if "Qwen/Qwen3-0.6B" in path]
    assert any(PINNED_REVISIONS["Qwen/Qwen3-0.6B"] in path for path in asked)


def test_a_hub_model_can_be_quantized(hub, tiny_qwen3: Path) -> None:
    pytest.importorskip("bitsandbytes")
    hub(tiny_qwen3)

    model, tokenizer = load("Qwen/Qwen3-0.6B", device="cpu", quantization="nf4")

    with torch.no_grad():
        logits = model(**tokenizer("Hello", return_tensors="pt")).logits
    assert torch.isfinite(logits).all()


def test_the_size_is_known_before_the_download(hub, checkpoint: Path, llama) -> None:
    server = hub()

    found = announce("tiny/llama", COMMIT)

    total = sum(file.stat().st_size for file in checkpoint.iterdir())
    assert found.download_bytes == total
    assert found.parameters == pytest.approx(llama.num_parameters(), rel=0.1)
    assert not [path for path in server.requests if path.endswith(".safetensors")]


def test_what_is_in_the_cache_need_not_be_downloaded(hub) -> None:
    hub()
    fetch_snapshot("tiny/llama", COMMIT)

    assert announce("tiny/llama", COMMIT).download_bytes == 0


def test_a_model_too_large_for_memory_is_not_downloaded(
    hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = hub()
    monkeypatch.setattr(loading, "available_memory", lambda device: 1000)

    with pytest.raises(NotEnoughMemoryError, match="tiny/llama needs"):
        load("tiny/llama", device="cpu")

    assert not [path for path in server.requests if path.endswith(".safetensors")]


def test_a_model_too_large_for_the_disk_is_not_downloaded(
    hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = hub()
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))

    with pytest.raises(HubError, match=r"a download of 0.00 GB, but the disk.*HF_HUB_CACHE"):
        load("tiny/llama", device="cpu")

    assert not [path for path in server.requests if path.endswith(".safetensors")]


def test_a_download_that_breaks_off_goes_on_where_it_stopped(
    hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1024)  # whole chunks are kept
    server = hub()
    size = len(server.files["model.safetensors"])
    server.cut, server.cuts = size // 2, 1

    model, _ = load("tiny/llama", device="cpu", revision=COMMIT)

    assert model is not None
    assert server.resumed == [("model.safetensors", (size - size // 2) // 1024 * 1024)]


def test_after_a_broken_download_only_the_missing_files_are_fetched(hub) -> None:
    server = hub()
    server.cut = len(server.files["model.safetensors"]) // 2
    with pytest.raises(HubError, match="did not arrive completely"):
        fetch_snapshot("tiny/llama", COMMIT)
    server.cut = 0

    model, _ = load("tiny/llama", device="cpu", revision=COMMIT)

    assert model is not None
    assert server.fetched.count("tokenizer.json") == 1
