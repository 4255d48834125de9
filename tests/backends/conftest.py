"""A real server for the tests of backends."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import HTTPServer
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import pytest


@contextmanager
def serving(server: HTTPServer) -> Iterator[HTTPServer]:
    """Let a server answer in a thread of its own while the block runs."""
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Callable:
    """Run ``transformers serve`` with the model in a folder, on loopback; gives its address."""
    pytest.importorskip("fastapi")

    @contextmanager
    def run(folder: Path) -> Iterator[str]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [Path(sys.executable).with_name("transformers"), "serve", "--host", "127.0.0.1"]
        log = tmp_path_factory.mktemp("serve") / "log"
        with log.open("w") as output:
            process = subprocess.Popen(
                [*command, "--port", str(port), "--device", "cpu", str(folder)],
                stdout=output,
                stderr=output,
                env=os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
            )
            try:
                opener = build_opener(ProxyHandler({}))
                for _ in range(240):
                    assert process.poll() is None, log.read_text()
                    try:
                        opener.open(f"http://127.0.0.1:{port}/health", timeout=5).close()
                        break
                    except OSError:
                        time.sleep(0.5)
                yield f"http://127.0.0.1:{port}/v1"
            finally:
                process.kill()
                process.wait()

    return run
