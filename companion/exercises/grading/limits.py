"""What the worker gives up before it runs a submission.

Memory, file size, threads and processor time are limits of the operating system. What else can be
had depends on the system: see `workplace`, `seccomp`, `landlock` and, where these are missing,
`guard`. `confine` says what is in force. Seconds by the clock are limited by `attempts`.
"""

import os
import signal
import sys

_OPEN_FILES = 256
_JOIN_KEYRING = {"x86_64": 250, "aarch64": 219}  # keyctl(2)


def confine(job: dict) -> list[str]:
    """Give up what no answer needs, for the rest of this process.

    Args:
        job: What the worker is told, see `companion.exercises.grading.sandbox.WorkerTask`.

    Returns:
        What is in force: ``"sized folder"``, ``"call filter"``, ``"file rules"`` or ``"guard"``.
    """
    import attempts
    import guard
    import landlock
    import seccomp
    import workplace

    signal.signal(signal.SIGALRM, signal.SIG_IGN)  # between two pieces of code, none is waited for
    attempts.open_queue()
    _leave_keyring()
    in_memory = workplace.enter(job["work"], job["given"], job["disk"], job["files"])
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
