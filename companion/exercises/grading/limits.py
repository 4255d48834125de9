"""What the worker gives up before it runs a submission, and how it limits time.

Memory, file size, threads and processor time are limits of the operating system. What else can be
had depends on the system: see `workplace`, `seccomp`, `landlock` and, where these are missing,
`guard`. `confine` says what is in force.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

_OPEN_FILES = 256
_JOIN_KEYRING = {"x86_64": 250, "aarch64": 219}  # keyctl(2)


def confine(job: dict) -> list[str]:
    """Give up what no answer needs, for the rest of this process.

    Args:
        job: The worker's job, see `companion.exercises.grading.sandbox.Job`.

    Returns:
        What is in force: ``"sized folder"``, ``"call filter"``, ``"file rules"`` or ``"guard"``.
    """
    import guard
    import landlock
    import seccomp
    import workplace

    _queue.append(_open_queue())
    _leave_keyring()
    files = job["files"] if job["mount"] else None
    in_memory = workplace.enter(job["work"], job["given"], job["disk"], files)
    held = ["sized folder"] if job["work"] in in_memory else []
    _drop_rights(job["user"])
    _set_limits(job)
    writable = [job["work"], "/dev/null", *in_memory]
    if job["weak"] and landlock.restrict(job["readable"], writable, job["listable"]):
        held.append("file rules")
    if seccomp.install():
        held.append("call filter")
    if job["weak"] and not {"file rules", "call filter"} <= set(held):
        size = job["disk"] - job["file"]  # a file may still grow after it was opened
        guard.install(job["readable"], job["listable"], job["work"], size, job["files"])
        held.append("guard")
    return held


def _leave_keyring() -> None:
    """Start a new session keyring: the old one may hold the instructor's keys."""
    machine = os.uname().machine
    if sys.platform == "linux" and machine in _JOIN_KEYRING:
        import ctypes

        ctypes.CDLL(None).syscall(_JOIN_KEYRING[machine], 1, None)


def _drop_rights(user: int | None) -> None:
    """Become a user without rights; on Linux, die with the grader."""
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    if sys.platform == "linux":
        import ctypes
        import struct

        libc = ctypes.CDLL(None)
        version_3, nothing = struct.pack("=Ii", 0x20080522, 0), bytes(24)
        libc.capset(version_3, nothing)  # root without bubblewrap remains root, without its rights
        die_with_parent = 1
        libc.prctl(die_with_parent, signal.SIGKILL, 0, 0, 0)


def _set_limits(job: dict) -> None:
    import resource

    limits = {
        "RLIMIT_AS": job["memory"],
        "RLIMIT_FSIZE": job["file"],
        "RLIMIT_NPROC": job["threads"],
        "RLIMIT_NOFILE": _OPEN_FILES,
        "RLIMIT_CORE": 0,
        "RLIMIT_CPU": job["cpu"],
        "RLIMIT_MEMLOCK": 2**20,
    }
    for name, limit in limits.items():
        kind = getattr(resource, name, None)
        if kind is None or limit is None:
            continue
        hard = resource.getrlimit(kind)[1]
        limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        try:
            resource.setrlimit(kind, (limit, limit))
        except (ValueError, OSError):  # macOS knows some names but refuses values
            if sys.platform == "linux":
                raise


class TimeIsUp(BaseException):
    """What is raised in code that took too long."""


_queue: list[int | None] = []  # descriptor of the file that `waited` reads


def _open_queue() -> int | None:
    try:
        return os.open("/proc/self/schedstat", os.O_RDONLY)
    except OSError:  # only Linux has it, and not everywhere
        return None


def waited() -> float:
    """Return the seconds that this process was ready to run while the machine ran others."""
    try:
        return int(os.pread(_queue[0], 100, 0).split()[1]) / 1e9
    except (IndexError, OSError, TypeError, ValueError):
        return 0.0


def within(
    seconds: float, call: Callable[..., Any], *args: Any, most: float = 0.0
) -> tuple[Any, BaseException | None]:
    """Call a function, and interrupt it after some time, again and again if it catches that.

    Args:
        seconds: How long it may take.
        call: The function.
        *args: Its arguments.
        most: How long it may take where the machine is busy with others; the time that it has
            `waited` for a processor does not count as long as that is not over.

    Returns:
        Its result and None, or None and what it raised: a `TimeIsUp` if it took too long.

    Example:
        >>> within(1.0, abs, -3)
        (3, None)
    """
    live, before, start = True, waited(), _clock()

    def stop(*_: object) -> None:
        if not live:
            return
        left = start + max(seconds, min(most, seconds + waited() - before)) - _clock()
        if left <= 0:
            raise TimeIsUp
        _set_timer(signal.ITIMER_REAL, max(left, 0.05), 0.1)

    result, error = None, None
    try:
        _set_handler(signal.SIGALRM, stop)
        _set_timer(signal.ITIMER_REAL, max(seconds, 0.001), 0.1)
        result = call(*args)
        live = False
    except BaseException as caught:
        live = False
        error = caught
    _set_timer(signal.ITIMER_REAL, 0)
    _set_handler(signal.SIGALRM, signal.SIG_IGN)
    return result, error


# Kept here, out of reach of a submission that replaces them.
_set_handler, _set_timer = signal.signal, getattr(signal, "setitimer", None)
_clock = time.monotonic


class Budget:
    """Time that several pieces of code share.

    Args:
        seconds: How long they may take together.

    Example:
        >>> budget = Budget(0.0)
        >>> budget.left() > 0
        False
    """

    def __init__(self, seconds: float) -> None:
        self._end = _clock() + seconds

    def left(self) -> float:
        """Return the seconds that are left; none, or less than none, once it is used up."""
        return self._end - _clock()
