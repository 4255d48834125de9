"""Servers on this machine for a block: ``companion serve``, ``transformers serve``, llama.cpp.

They speak the protocol of OpenAI on loopback, and are ended with the block. Left out: vLLM,
which is started by hand (`_experiments.engines`).
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

LLAMA = """
import sys, time
from xllamacpp import CommonParams, Server, ggml_type, llama_flash_attn_type
params = CommonParams()
params.model.path, params.port = sys.argv[1], int(sys.argv[2])
params.n_ctx, params.n_parallel, params.use_jinja = 512, 1, True
params.cpuparams.n_threads = 1
if sys.argv[3] == "exact":
    params.cache_type_k = params.cache_type_v = ggml_type.GGML_TYPE_F32
    params.flash_attn_type = llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
server = Server(params)
time.sleep(1e6)
"""
"""``llama-server -m FILE --port PORT -c 512 -np 1 -t 1``, from the wheel of xllamacpp.

Exact: and ``-ctk f32 -ctv f32 -fa off``, so that the cache and attention are not in 16 bits.
"""


@contextmanager
def companion_serve(folder: Path) -> Iterator[str]:
    """Run ``companion serve`` with the checkpoint in a folder; gives its address."""
    port = free_port()
    command = [sys.executable, "-m", "companion", "serve", str(folder), "--port", str(port)]
    with _running(command, port) as address:
        yield address


@contextmanager
def transformers_serve(folder: Path) -> Iterator[str]:
    """Run ``transformers serve`` with the checkpoint in a folder; gives its address."""
    command = [Path(sys.executable).with_name("transformers"), "serve", "--host", "127.0.0.1"]
    port = free_port()
    with _running([*command, "--port", str(port), "--device", "cpu", str(folder)], port) as address:
        yield address


@contextmanager
def llama_cpp(file: Path, *, exact: bool = False) -> Iterator[str]:
    """Run llama.cpp's server with a GGUF file; gives its address. Needs the package xllamacpp.

    Args:
        file: The GGUF file.
        exact: Keep the cache and compute attention in 32 bits.
    """
    port, mode = free_port(), "exact" if exact else "default"
    with _running([sys.executable, "-c", LLAMA, str(file), str(port), mode], port) as address:
        yield address


@contextmanager
def _running(command: list[str | Path], port: int) -> Iterator[str]:
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env=os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
    )
    try:
        _wait(process, f"http://127.0.0.1:{port}/health")
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.kill()
        process.communicate()


def _wait(process: subprocess.Popen, address: str, seconds: float = 180) -> None:
    """Return when the server answers.

    Raises:
        RuntimeError: If it ends before, or takes too long.
    """
    opener, begun = build_opener(ProxyHandler({})), time.monotonic()
    while time.monotonic() - begun < seconds:
        if process.poll() is not None:
            raise RuntimeError(f"the server has ended: {process.stderr.read()[-500:]}")
        try:
            opener.open(address, timeout=5).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise RuntimeError(f"the server does not answer after {seconds:.0f} s")


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
