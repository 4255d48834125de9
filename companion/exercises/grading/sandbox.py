"""Run a submission in a process that can do little.

With bubblewrap (``bwrap``, on Linux) the process has its own name spaces: no network, no processes
of others, a file system that holds the system's programs and libraries, Python with its packages,
a copy of the submission's folder, and a folder in memory to write to. It runs as an unprivileged
user. A filter of system calls keeps it to one process with some threads; its memory, files and time
are limited. That stops what student code does by accident or by mischief. It does not stop an
attack on the kernel itself, and two submissions share the machine's processors and memory
bandwidth. For code by people you distrust, grade on a machine of its own.

Without bubblewrap, Linux still filters system calls and files (see `seccomp`, `landlock`), where
its kernel can. Where it can't, and on macOS, a hook of Python refuses sockets, processes and files
(see `guard`). Code that knows Python well gets around such a hook. `isolation` says whether there
is bubblewrap, and `Sandbox.held` what is in force; ``companion grade`` warns.
"""

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from companion.exercises import arguments, attempts, values
from companion.exercises.grading import (
    bubblewrap,
    guard,
    history,
    landlock,
    limits,
    seccomp,
    session,
    shell,
    stand_in,
    watch,
    worker,
    workplace,
)
from companion.exercises.grading.bubblewrap import isolation, library_path
from companion.exercises.grading.cells import Cell
from companion.exercises.grading.members import Parts, copy_files
from companion.exercises.grading.options import GradeOptions
from companion.exercises.grading.transcript import TooMuch, Transcript

_FIRST_USER = 64_000  # what root becomes: each slot a user of its own, far from real ones
_THREADS = 16  # of such a user
_MORE_THREADS = 256  # of an ordinary user, beside those that the user has
_LATE = 1.25, 2.0  # how late an answer may come by the grader's clock: a factor, and seconds
_MOST_PATIENCE = 8.0


@dataclass(frozen=True)
class WorkerTask:
    """What the worker is told.

    Args:
        cells: Code of the submission.
        exercises: For each one its id, variable, source of ``run``, encoded cases, seconds.
        load_seconds: Time limit for each statement of the submission; four times that for all.
        patience: How many times as long anything may take while it waits for a processor, from 1.
        memory: Limit of address space in bytes; importing torch alone takes about 2 GiB.
        file: Bytes of the largest file.
        disk: Bytes of all files together.
        files: How many files and folders there may be.
        skip: Exercises to leave out at the front, after a worker had to be killed.
        path: Folders of installed packages.
    """

    cells: tuple[Cell, ...]
    exercises: tuple[dict[str, Any], ...]
    load_seconds: float = 15.0
    patience: float = 1.0
    memory: int = GradeOptions.memory * 2**20
    file: int = 10 * 2**20
    disk: int = 64 * 2**20
    files: int = 4096
    skip: int = 0
    path: tuple[str, ...] = field(default_factory=lambda: library_path())

    def cell_seconds(self) -> float:
        """Return the time after which a worker is killed that has not come to an exercise."""
        return self.patience * _late(4 * self.load_seconds)

    def exercise_seconds(self, number: int) -> float:
        """Return the time after which a worker is killed that has begun an exercise."""
        return self.patience * _late(self.exercises[number]["seconds"])

    def seconds(self) -> float:
        """Return the time that a submission may take in all, however often it is started."""
        return self.cell_seconds() + sum(map(self.exercise_seconds, range(len(self.exercises))))


def patience() -> float:
    """Return how many times as long things may take here, since the machine is busy with others.

    The load, how many processes run or wait to run, over the number of processors. So a grade does
    not depend on what else the machine does, and one that is idle waits for nobody.
    """
    try:
        load = os.getloadavg()[0]
    except OSError:  # not known here
        return 1.0
    return min(max(1.0, load / (os.cpu_count() or 1)), _MOST_PATIENCE)


def _late(seconds: float) -> float:
    factor, more = _LATE
    return factor * seconds + more


class Sandbox:
    """A place to run submissions in, one after the other; each thread needs its own.

    Args:
        tools: Folder with the worker's files, from `worker_files`.
        slot: Number of the thread.

    Attributes:
        held: What is in force beside the limits of the operating system; see `limits.confine`.
    """

    def __init__(self, tools: Path, slot: int = 0) -> None:
        self.tools, self.slot = tools, slot
        self.held: tuple[str, ...] = ()
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def run(
        self, job: WorkerTask, parts: Parts = (), seconds: float | None = None
    ) -> tuple[Transcript, str]:
        """Run a job.

        Args:
            job: The job.
            parts: The submission's folder or files, of which the process sees copies.
            seconds: Time limit for all of it, `WorkerTask.seconds` if None.

        Returns:
            What the worker said, and how it ended: ``"done"``, ``"died"`` (it crashed or left),
            ``"timeout"``, ``"output"`` (it said too much), ``"memory"`` or ``"files"``.
        """
        seconds = job.seconds() if seconds is None else min(seconds, job.seconds())
        with tempfile.TemporaryDirectory(prefix="companion-grade-") as name:
            given, work = Path(name) / "submission", Path(name) / "work"
            given.mkdir()
            work.mkdir()
            copy_files(parts, given)
            settings, command = self._start(job, given, work)
            said, ended = self._talk(command, settings, job, seconds, work)
        self.held = said.held or ()
        if not ended:
            ended = "done" if said.done else "died"
        return said, ended

    def _start(self, job: WorkerTask, given: Path, work: Path) -> tuple[dict[str, Any], list[str]]:
        """Return what the worker is told and the command that starts it."""
        weak = isolation() != "bubblewrap"
        own_user = os.geteuid() == 0 and not weak
        settings = {**asdict(job), "weak": weak, "cpu": int(2 * job.seconds()) + 1}
        settings["user"] = _FIRST_USER + self.slot if own_user else None
        settings["threads"] = _THREADS if own_user else _usual_threads()
        settings["cell_seconds"] = 4 * job.load_seconds
        if not weak:
            settings |= {"work": bubblewrap.work(), "given": bubblewrap.GIVEN}
            program = [*_PYTHON, f"{bubblewrap.TOOLS}/worker.py"]
            variables = _environment(bubblewrap.work())
            return settings, bubblewrap.command(self.tools, given, job.disk, variables, program)
        readable, listable = bubblewrap.readable()
        settings |= {"readable": [*readable, str(self.tools)], "listable": listable}
        settings |= {"work": str(work), "given": str(given)}
        return settings, [*_PYTHON, str(self.tools / "worker.py")]

    def _talk(
        self,
        command: list[str],
        settings: dict[str, Any],
        job: WorkerTask,
        seconds: float,
        work: Path,
    ) -> tuple[Transcript, str]:
        """Start the process, feed it, read what it says until it ends or must be ended."""
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(str(work)),
            cwd=work,
            start_new_session=True,
        )
        with self._lock:
            self._process = process
        said = Transcript(len(job.cells), job.exercises, job.skip)
        try:
            with contextlib.suppress(BrokenPipeError):  # it has died; what it said tells more
                process.stdin.write(json.dumps(settings).encode())
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            ended = _listen(process, said, job, seconds, work)
        finally:
            _kill(process)
            process.stdout.close()
            process.wait()
        return said, ended

    def stop(self) -> None:
        """Kill the process that is running, from another thread."""
        with self._lock:
            if self._process is not None:
                _kill(self._process)


_PYTHON = [sys.executable, "-I", "-S"]


def _environment(work: str) -> dict[str, str]:
    one_thread = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    fixed = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"}
    return {**fixed, **dict.fromkeys(one_thread, "1"), "HOME": work, "TMPDIR": work}


def _usual_threads() -> int | None:
    """Return how many threads an ordinary user may have: the limit counts those outside, too."""
    if sys.platform != "linux":  # there, only processes are counted
        return None
    count, user = 0, os.getuid()
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with contextlib.suppress(OSError):  # it has just ended
                if entry.stat().st_uid == user:
                    count += len(os.listdir(f"{entry.path}/task"))
    return count + _MORE_THREADS


def _listen(
    process: subprocess.Popen[bytes], said: Transcript, job: WorkerTask, seconds: float, work: Path
) -> str:
    """Read until the end or a limit, by this process's clock; returns which limit it was."""
    pipe = process.stdout.fileno()
    end = time.monotonic() + seconds
    position, phase_end = said.position, time.monotonic() + job.cell_seconds()
    next_look = time.monotonic() + watch.EVERY
    while (left := min(end, phase_end) - time.monotonic()) > 0:
        if select.select([pipe], [], [], min(left, watch.EVERY))[0]:
            part = os.read(pipe, 2**16)
            if not part:
                return ""
            try:
                said.feed(part)
            except TooMuch:
                return "output"
        if said.held is not None and time.monotonic() >= next_look:
            much = watch.excess(said.held, process.pid, work, job.memory, job.disk)
            if much:
                return much
            next_look = time.monotonic() + watch.EVERY
        if said.position != position:
            position = said.position
            phase_end = time.monotonic() + job.exercise_seconds(position)
    return "timeout"


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the process and whatever it started; under bubblewrap the kernel does the rest."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        process.kill()


@contextlib.contextmanager
def worker_files() -> Iterator[Path]:
    """Copy what the worker needs into a folder of its own: nothing else lies beside it."""
    needed = (worker, session, history, shell, stand_in, values, arguments, attempts)
    needed += (limits, workplace, landlock, seccomp, guard)
    with tempfile.TemporaryDirectory(prefix="companion-worker-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        for module in needed:
            copy = folder / Path(module.__file__).name
            shutil.copyfile(module.__file__, copy)
            copy.chmod(0o644)
        yield folder
