"""Run a submission in a process that can do little.

With bubblewrap (``bwrap``, on Linux) the process has its own name spaces: no network, no processes
of others, a file system that holds the system's programs and libraries, Python with its packages,
a copy of the submission's folder, and an empty folder in memory to write to. It runs as an
unprivileged user, can start at most 16 processes or threads, and is limited in memory, file size
and time. It stops what student code does by accident or by mischief. It does not stop an attack on
the kernel itself, and two submissions share the machine's processors and memory bandwidth. For
code by people you distrust, grade on a machine of its own.

Without bubblewrap the limits remain, and an audit hook refuses sockets, processes and writing
outside the working folder. Code that knows Python well gets around such a hook, and can read your
files: `isolation` says which of the two it is, and ``companion grade`` warns.
"""

import contextlib
import json
import os
import select
import shutil
import signal
import site
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from companion.exercises import arguments, values
from companion.exercises.grading import guard, limits, worker

_MOST_OUTPUT = 30 * 2**20  # bytes of results
_DISK = 64 * 2**20  # bytes that a submission may write in all
_LARGEST_COPY = 20 * 2**20
_FIRST_USER = 64_000  # what root becomes: each slot a user of its own, far from real ones
_SYSTEM = ("/usr", "/bin", "/lib", "/lib32", "/lib64", "/sbin", "/etc/ld.so.cache")


@dataclass(frozen=True)
class Job:
    """What the worker is told.

    Args:
        cells: Code of the submission.
        exercises: For each one its id, variable, source of ``run``, encoded cases, seconds.
        load_seconds: Time limit for each statement of the submission.
        memory: Limit of address space in bytes; importing torch alone takes about 2 GiB.
        skip: Exercises to leave out at the front, after a worker had to be killed.
    """

    cells: tuple[str, ...]
    exercises: tuple[dict[str, Any], ...]
    load_seconds: float = 15.0
    memory: int = 4 * 2**30
    file: int = 10 * 2**20
    skip: int = 0
    path: tuple[str, ...] = field(default_factory=lambda: _library_path())
    user: int | None = None
    guard: bool = False

    def seconds(self) -> float:
        """Return the time after which the worker is killed."""
        return 4 * self.load_seconds + 1.5 * sum(one["seconds"] for one in self.exercises)


def _library_path() -> tuple[str, ...]:
    """Return the folders of installed packages; not those of editable ones, such as this."""
    folders = [*site.getsitepackages(), sysconfig.get_path("platlib")]
    return tuple(dict.fromkeys(folder for folder in folders if os.path.isdir(folder)))


@cache
def isolation() -> str:
    """Return ``"bubblewrap"`` if it is installed and works here, else ``"limits only"``."""
    program = shutil.which("bwrap")
    if program is None:
        return "limits only"
    trial = subprocess.run(
        [program, *_namespaces(), "--ro-bind", "/", "/", "true"], capture_output=True, check=False
    )
    return "bubblewrap" if trial.returncode == 0 else "limits only"


def _namespaces() -> list[str]:
    """Return the name spaces; root keeps its own users and becomes another inside."""
    common = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
    common += ["--unshare-cgroup-try", "--die-with-parent", "--new-session", "--clearenv"]
    if os.geteuid() == 0:
        return [*common, "--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    return [*common, "--unshare-user"]


class Sandbox:
    """A place to run submissions in, one after the other; each thread needs its own.

    Args:
        tools: Folder with the worker's files, from `worker_files`.
        slot: Number of the thread.
    """

    def __init__(self, tools: Path, slot: int = 0) -> None:
        """Remember where things are."""
        self.tools, self.slot = tools, slot
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def run(self, job: Job, folder: Path | None = None) -> tuple[list[dict[str, Any]], str]:
        """Run a job.

        Args:
            job: The job.
            folder: The submission's own folder, of which the process sees a copy; None for none.

        Returns:
            The worker's messages, and how it ended: ``"done"``, ``"died"`` (it crashed or left),
            ``"timeout"`` or ``"output"`` (it said too much).
        """
        with tempfile.TemporaryDirectory(prefix="companion-grade-") as name:
            home = Path(name)
            home.chmod(0o755)
            copy = home / "submission"
            copy.mkdir()
            if folder is not None:
                _copy_files(folder, copy)
            user = _FIRST_USER + self.slot if os.geteuid() == 0 else None
            bubble = isolation() == "bubblewrap"
            settings = {**asdict(job), "user": user if bubble else None, "guard": not bubble}
            command = self._command(copy) if bubble else [*_PYTHON, str(self.tools / "worker.py")]
            return self._talk(command, json.dumps(settings).encode(), job.seconds(), copy)

    def _command(self, copy: Path) -> list[str]:
        prefixes = {sys.prefix, sys.base_prefix, *_library_path()}
        binds = [path for path in (*_SYSTEM, *sorted(prefixes)) if os.path.exists(path)]
        command = ["bwrap", *_namespaces()]
        # First, since Python itself may lie in a folder below it.
        command += ["--perms", "1777", "--size", str(_DISK), "--tmpfs", "/tmp"]
        parents = {parent for path in binds for parent in Path(path).parents if parent.name}
        for parent in sorted(
            parents - set(map(Path, (*_SYSTEM, "/tmp")))
        ):  # else they would be root's alone
            command += ["--perms", "0755", "--dir", str(parent)]
        for path in binds:
            if os.path.islink(path):
                command += ["--symlink", os.readlink(path), path]
            else:
                command += ["--ro-bind", path, path]
        for folder in _library_path():  # where the package itself is installed there
            if (Path(folder) / "companion").is_dir():
                command += ["--tmpfs", f"{folder}/companion"]
        command += ["--ro-bind", str(self.tools), "/grader", "--ro-bind", str(copy), "/submission"]
        command += ["--proc", "/proc", "--dev", "/dev", "--chdir", "/tmp"]
        for name, value in _ENVIRONMENT.items():
            command += ["--setenv", name, value]
        return [*command, *_PYTHON, "/grader/worker.py"]

    def _talk(
        self, command: list[str], job: bytes, seconds: float, folder: Path
    ) -> tuple[list[dict[str, Any]], str]:
        """Start the process, feed it, read what it says until it ends or must be ended."""
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_ENVIRONMENT,
            cwd=folder,
            start_new_session=True,
        )
        with self._lock:
            self._process = process
        try:
            with contextlib.suppress(BrokenPipeError):  # it has died; what it said tells more
                process.stdin.write(job)
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            said, ended = _read(process.stdout.fileno(), time.monotonic() + seconds)
        finally:
            _kill(process)
            process.stdout.close()
            process.wait()
        messages = list(_messages(said))
        if ended:
            return messages, ended
        return messages, "done" if messages and messages[-1].get("done") is True else "died"

    def stop(self) -> None:
        """Kill the process that is running, from another thread."""
        with self._lock:
            if self._process is not None:
                _kill(self._process)


_PYTHON = [sys.executable, "-I", "-S"]
_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/tmp",
    "LANG": "C.UTF-8",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
}


def _read(pipe: int, deadline: float) -> tuple[bytes, str]:
    """Read until the end, the deadline or the largest output; also say if it was not the end."""
    parts, size = [], 0
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([pipe], [], [], left)[0]:
            break
        part = os.read(pipe, 2**16)
        if not part:
            return b"".join(parts), ""
        parts.append(part)
        size += len(part)
        if size > _MOST_OUTPUT:
            return b"".join(parts), "output"
    return b"".join(parts), "timeout"


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the process and whatever it started; under bubblewrap the kernel does the rest."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        process.kill()


def _messages(said: bytes) -> Iterator[dict[str, Any]]:
    """Yield the lines that are JSON objects; a submission may have written anything."""
    for line in said.split(b"\n"):
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(message, dict):
            yield message


def _copy_files(folder: Path, target: Path) -> None:
    """Copy plain files, up to a limit, so that the original can't be touched."""
    left = _LARGEST_COPY
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file() or path.suffix == ".ipynb":
            continue
        left -= path.stat().st_size
        if left < 0:
            return
        copy = target / path.relative_to(folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
        copy.chmod(0o644)


@contextlib.contextmanager
def worker_files() -> Iterator[Path]:
    """Copy what the worker needs into a folder of its own: nothing else lies beside it."""
    with tempfile.TemporaryDirectory(prefix="companion-worker-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        for module in (worker, limits, guard, values, arguments):
            copy = folder / Path(module.__file__).name
            shutil.copyfile(module.__file__, copy)
            copy.chmod(0o644)
        yield folder
