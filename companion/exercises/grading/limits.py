"""Limits that the worker sets for itself before it runs a submission."""

import os
import signal

_MOST_PROCESSES = 16


def set_limits(job: dict) -> None:
    """Set the limits of this process; root becomes a user without rights.

    Args:
        job: The worker's job: ``user``, ``memory`` and ``file`` are read.
    """
    import resource

    if job["user"] is not None:
        os.setgroups([])
        os.setresgid(*[job["user"]] * 3)
        os.setresuid(*[job["user"]] * 3)
    limits = {
        resource.RLIMIT_AS: job["memory"],
        resource.RLIMIT_FSIZE: job["file"],
        resource.RLIMIT_NPROC: _MOST_PROCESSES,
        resource.RLIMIT_NOFILE: 256,
        resource.RLIMIT_CORE: 0,
    }
    for kind, limit in limits.items():
        hard = resource.getrlimit(kind)[1]
        limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (limit, limit))


class TimeIsUp(BaseException):
    """What `Alarm` raises in the code that took too long."""


class Alarm:
    """Raise `TimeIsUp` after some seconds, and again and again for code that catches it.

    Args:
        seconds: How long the code in the ``with`` block may take.
    """

    def __init__(self, seconds: float) -> None:
        """Remember the seconds."""
        self.seconds = seconds

    def __enter__(self) -> None:
        """Set the alarm."""

        def stop(*_: object) -> None:
            raise TimeIsUp

        signal.signal(signal.SIGALRM, stop)
        signal.setitimer(signal.ITIMER_REAL, max(self.seconds, 0.001), 0.1)

    def __exit__(self, *_: object) -> None:
        """Stop the alarm."""
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
