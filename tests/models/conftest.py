"""The Hub, played by a server on this machine; tiny models of the architectures it serves; a tiny
model as a GGUF file, in the form that llama.cpp's converter gives it."""

import contextlib
import hashlib
import json
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest
import torch
import transformers
from transformers import LlamaConfig, LlamaForCausalLM

from companion.models.checkpoint import sha256

COMMIT = "0123456789abcdef0123456789abcdef01234567"
ADDRESS = re.compile(
    r"/(?:api/models/)?(?P<repo>[^/]+/[^/]+)"
    r"(?:/(?P<kind>tree|revision|resolve)/(?P<revision>[^/]+)(?:/(?P<name>.+))?)?"
)


def git_oid(data: bytes) -> str:
    """Return the hash that git gives a file."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def digest(name: str, data: bytes) -> str:
    """Return the hash that the Hub announces: sha256 for weights, git's for small files."""
    return hashlib.sha256(data).hexdigest() if name.endswith(".safetensors") else git_oid(data)


class HubServer:
    """Serves one repository at the addresses of the Hub.

    Change `files` after the start to serve other bytes than announced, and `sizes` to announce
    another size. `cut` maps a file to the bytes after which the connection drops, once. With
    `error`, every request fails with this status and error code.
    """

    def __init__(
        self, repo: str, files: dict[str, bytes], *, error: tuple[int, str] | None = None
    ) -> None:
        self.repo, self.files, self.error = repo, files, error
        self.commits = {"main": COMMIT}
        self.announced = {name: digest(name, data) for name, data in files.items()}
        self.sizes = {name: len(data) for name, data in files.items()}
        self.cut: dict[str, int] = {}
        self.refuse_to_resume = False
        self.requests: list[str] = []
        self.fetched: list[str] = []
        self.resumed: list[tuple[str, int]] = []
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
        path = unquote(request.path.split("?")[0])
        self.requests.append(path)
        asked = ADDRESS.fullmatch(path)
        revision = (asked and asked["revision"]) or "main"
        commit = self.commits.get(revision, revision)
        if self.error:
            self.reply(request, self.error[0], {"X-Error-Code": self.error[1]})
        elif asked is None or asked["repo"] != self.repo:
            self.reply(request, 404, {"X-Error-Code": "RepoNotFound"})
        elif commit not in self.commits.values():
            self.reply(request, 404, {"X-Error-Code": "RevisionNotFound"})
        elif asked["kind"] == "resolve":
            self.send_file(request, asked["name"], commit, body=body)
        elif asked["kind"] == "tree":
            self.send_json(request, [self.entry(name) for name in self.files])
        else:
            siblings = [{"rfilename": name} for name in self.files]
            self.send_json(request, {"id": self.repo, "sha": commit, "siblings": siblings})

    def send_json(self, request: BaseHTTPRequestHandler, found: object) -> None:
        data = json.dumps(found).encode()
        self.reply(request, 200, {"Content-Length": str(len(data))}, data)

    def send_file(
        self, request: BaseHTTPRequestHandler, name: str, commit: str, *, body: bool
    ) -> None:
        if name not in self.files:
            self.reply(request, 404, {"X-Error-Code": "EntryNotFound"})
            return
        data, status = self.files[name], 200
        begin = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range") or "")
        if begin and self.refuse_to_resume:
            self.reply(request, 503, {"X-Error-Code": ""})
            return
        if begin:
            self.resumed.append((name, int(begin[1])))
            data, status = data[int(begin[1]) :], 206
        elif body:
            self.fetched.append(name)
        size = len(data) if body else self.sizes[name]
        headers = {"X-Repo-Commit": commit, "ETag": f'"{self.announced[name]}"'}
        sent = data[: self.cut.pop(name, len(data))] if body else b""
        request.close_connection = body and len(sent) < len(data)
        self.reply(request, status, headers | {"Content-Length": str(size)}, sent)

    def reply(
        self, request: BaseHTTPRequestHandler, status: int, headers: dict, data: bytes = b""
    ) -> None:
        request.send_response(status)
        for key, value in ({"Content-Length": "0"} | headers).items():
            request.send_header(key, value)
        request.end_headers()
        request.wfile.write(data)

    def entry(self, name: str) -> dict:
        announced = self.announced[name]
        entry = {"type": "file", "path": name, "size": self.sizes[name], "oid": announced}
        if name.endswith(".safetensors"):
            pointer = (
                f"version https://git-lfs.github.com/spec/v1\noid sha256:{announced}\n"
                f"size {entry['size']}\n"
            )
            entry["oid"] = git_oid(pointer.encode())
            entry["lfs"] = {"oid": self.announced[name], "size": entry["size"], "pointerSize": 1}
        return entry


@pytest.fixture
def hub(
    tmp_path: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., HubServer]]:
    """Start a stand-in of the Hub, with an empty cache in front of it."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("COMPANION_MODELS", raising=False)
    with contextlib.ExitStack() as stack:

        def start(
            repo: str = "tiny/llama", folder: Path = checkpoint, **settings: object
        ) -> HubServer:
            files = {file.name: file.read_bytes() for file in folder.iterdir()}
            server = HubServer(repo, files, **settings)
            monkeypatch.setenv("HF_ENDPOINT", server.url)
            threading.Thread(target=server.http.serve_forever, args=(0.01,), daemon=True).start()
            stack.callback(server.http.server_close)
            stack.callback(server.http.shutdown)
            return server

        yield start


@pytest.fixture(scope="session")
def tiny_qwen3(tmp_path_factory: pytest.TempPathFactory, tokenizer) -> Path:
    """A checkpoint of the architecture of Qwen3 in bfloat16, with a chat template. Read only."""
    folder = tmp_path_factory.mktemp("qwen3")
    config = transformers.Qwen3Config(
        vocab_size=259,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        tie_word_embeddings=True,
        eos_token_id=2,
        pad_token_id=0,
        bos_token_id=1,
    )
    torch.manual_seed(0)
    transformers.Qwen3ForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "chat_template.jinja").write_text(
        "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}"
        "{% if add_generation_prompt %}[assistant]{% endif %}"
    )
    return folder


@pytest.fixture(scope="session")
def tiny_gpt2(tmp_path_factory: pytest.TempPathFactory, gpt2, tokenizer) -> Path:
    """A checkpoint of the architecture of GPT-2 in float32. Read only."""
    folder = tmp_path_factory.mktemp("gpt2")
    gpt2.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


# A GGUF file

HEADS, KV_HEADS, WIDTH, LAYERS = 4, 2, 64, 2
VOCABULARY = [
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    *"abcdefghijklmnopqrstuvwxyz0123456789",
    "ab",
    "abc",
]


@pytest.fixture(scope="session")
def tiny_llama() -> LlamaForCausalLM:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=WIDTH,
        intermediate_size=96,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=KV_HEADS,
        max_position_embeddings=128,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=2,
        tie_word_embeddings=False,
    )
    return LlamaForCausalLM(config).eval()


def rotated(weight: torch.Tensor, heads: int) -> torch.Tensor:
    """Order the rows as llama.cpp's rotary embedding wants them: pairs side by side."""
    rows = weight.shape[0] // heads // 2
    return weight.view(heads, 2, rows, -1).transpose(1, 2).reshape(weight.shape)


@pytest.fixture
def write_gguf(tiny_llama: LlamaForCausalLM) -> Callable[..., Path]:
    """Return a function that writes the tiny model as a GGUF file: path, format, architecture."""
    return partial(_write, tiny_llama)


def _write(model: LlamaForCausalLM, file: Path, kind: str = "F32", arch: str = "llama") -> Path:
    """Write a model as a GGUF file, its matrices in the format ``kind``."""
    import gguf

    config, types = model.config, gguf.GGMLQuantizationType
    writer = gguf.GGUFWriter(file, arch)
    writer.add_name("tiny")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(config.vocab_size)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(VOCABULARY)
    writer.add_token_types([3, 3, 3] + [1] * (len(VOCABULARY) - 3))
    writer.add_token_merges(["a b", "ab c"])  # transformers 5.13 takes an array of one for text
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_pad_token_id(2)
    names = {
        "model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output",
        "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down", "post_attention_layernorm": "ffn_norm",
        "input_layernorm": "attn_norm", "model.layers": "blk",
    }  # fmt: skip
    for name, tensor in model.state_dict().items():
        heads = {"q_proj": HEADS, "k_proj": KV_HEADS}.get(name.split(".")[-2])
        array = (rotated(tensor, heads) if heads else tensor).numpy()
        for long, short in names.items():
            name = name.replace(long, short)
        form = types[kind] if array.ndim > 1 else types.F32
        writer.add_tensor(name, gguf.quantize(array, form), raw_dtype=form)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


@pytest.fixture
def weights(tmp_path: Path, checkpoint: Path) -> Path:
    """A weights root as the package bundles it: base/ and SHA256SUMS."""
    shutil.copytree(checkpoint, tmp_path / "base")
    lines = [f"{sha256(file)}  base/{file.name}" for file in sorted((tmp_path / "base").iterdir())]
    (tmp_path / "SHA256SUMS").write_text("\n".join(lines) + "\n")
    return tmp_path


@pytest.fixture
def folder(tmp_path: Path, checkpoint: Path) -> Path:
    """A copy of the checkpoint that a test may damage."""
    return Path(shutil.copytree(checkpoint, tmp_path / "copy"))


@pytest.fixture
def no_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk without symbolic links, as on Windows."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError("no symbolic links here")

    monkeypatch.setattr("os.symlink", refuse)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_SYMLINKS_WARNING", True)
