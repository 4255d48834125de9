"""A folder that one process writes at a time.

The operating system keeps the lock and frees it when its owner ends, however it ends. The file
``.lock`` stays in the folder; what stands in it is for the message only.
"""

import contextlib
import os
import platform
from collections.abc import Iterator
from pathlib import Path

from companion.errors import CompanionError

NAME = ".lock"


@contextlib.contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Keep others from writing to a folder, as long as the block lasts.

    Args:
        folder: The folder, which must exist. On several machines it must be one that all share,
            on a file system that shares locks.

    Raises:
        CompanionError: If another process has claimed it.
        OSError: If no lock can be written there.
    """
    import filelock

    path = folder / NAME
    owner = _owner(path)  # read before: older releases of filelock empty the file
    lock = filelock.FileLock(path)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise CompanionError(
            f"{folder} is being written by {owner}. Wait until it has ended, or name another folder"
        ) from None
    try:
        with contextlib.suppress(OSError):  # a full disk: the lock holds without its owner's name
            path.write_text(f"process {os.getpid()} on {platform.node()}\n", encoding="utf-8")
        yield
    finally:
        lock.release()


def _owner(path: Path) -> str:
    """Return who has claimed a folder, or did so last."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()[:200] or _SOMEBODY
    except OSError:
        return _SOMEBODY


_SOMEBODY = "another process"
