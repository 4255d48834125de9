"""What the grader looks at while a worker runs where the system itself sets no limit.

It comes late, by the time between two looks: a process that is fast can go beyond a limit before it
is ended.
"""

import subprocess
from pathlib import Path

from companion.exercises.grading.guard import sizes

EVERY = 0.5  # seconds


def excess(held: tuple[str, ...], process: int, work: Path, memory: int, disk: int) -> str:
    """Return what a worker has too much of: ``"memory"``, ``"files"`` or, if nothing, ``""``.

    Args:
        held: What the worker says is in force; that needs no look.
        process: Number of the process that was started.
        work: The folder it writes to.
        memory: Bytes that it and the processes it started may hold together.
        disk: Bytes that the folder may hold.
    """
    if "sized folder" not in held and sum(sizes(str(work))) > disk:
        return "files"
    if "call filter" not in held and resident(process) > memory:
        return "memory"
    return ""


def resident(process: int) -> int:
    """Return the bytes of memory that a process and its descendants hold.

    Example:
        >>> import os
        >>> resident(os.getpid()) > 2**20
        True
    """
    listing = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid=,rss="], capture_output=True, text=True, check=False
    ).stdout
    rows = [tuple(map(int, line.split())) for line in listing.splitlines()]
    family, grown = {process}, True
    while grown:
        members = {pid for pid, parent, _ in rows if parent in family}
        grown = not members <= family
        family |= members
    return sum(kib for pid, _, kib in rows if pid in family) * 1024
