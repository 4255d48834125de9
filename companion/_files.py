"""Files that are written whole or not at all.

The content goes into a new file beside the old one, which it then replaces in one move. A crash, a
full disk or Ctrl-C leaves the old file as it was. Of two programs that write at the same time, the
later one wins; nobody sees half of a file.

A program that is killed while it writes leaves the new file, ``.name-....tmp``; the next one that
writes there an hour later, or more, removes it.

A link is followed. What is no regular file, such as /dev/null or a folder, is never replaced.

Left out: folders (who calls makes them), taking turns.

What can be made again lies in the user's cache: see `user_cache`.
"""

import contextlib
import errno
import glob
import os
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import platformdirs

CACHE_VARIABLE = "COMPANION_CACHE"

_FULL = (errno.ENOSPC, errno.EDQUOT)
_HOUR = 3600
_TOKEN = "-" + "[0-9a-f]" * 16  # as a pattern; secrets.token_hex(8) makes one


def user_cache(name: str) -> Path:
    """Return a folder for what can be made again and may be deleted at any time.

    It is the folder ``name`` in the one that the environment variable COMPANION_CACHE names, or in
    the user's cache (``~/.cache/companion`` on Linux). It may not exist yet.
    """
    named = os.environ.get(CACHE_VARIABLE)
    cache = Path(named).expanduser() if named else platformdirs.user_cache_path("companion", False)
    return cache / name


def resolved(path: str | Path) -> Path:
    """Return the file that a path leads to, whether it exists or not.

    Raises:
        OSError: If what is there is no regular file, or a circle of links.
    """
    target = Path(os.path.realpath(path))
    if target.is_symlink() or (target.exists() and not target.is_file()):
        raise OSError(errno.EINVAL, "this is not a regular file", str(target))
    return target


@contextlib.contextmanager
def replacing(
    path: str | Path, *, mode: int | None = None, sync: bool = True, tidy: bool = True
) -> Iterator[Path]:
    """Give the path of a new, empty file; when the block ends well, it takes the place of ``path``.

    Args:
        path: The file to write.
        mode: Its permissions, such as 0o600. None keeps those of the old file, and gives a new one
            the usual ones.
        sync: Whether to wait until the disk has the content. Without it, a power cut may leave an
            empty file: right only for what is checked when it is read.
        tidy: Whether to look through the folder for what killed programs have left of this file.
            Who writes many files to one folder calls `remove_leftovers` once instead.

    Yields:
        The path to write to, in the same folder.

    Raises:
        OSError: If the file can't be written. It names ``path``, not the file beside it.
    """
    target = resolved(path)
    if mode is None and target.exists():
        mode = stat.S_IMODE(target.stat().st_mode)
    stem = f".{target.name[:40]}"
    new = target.with_name(f"{stem}-{secrets.token_hex(8)}.tmp")
    try:
        if tidy:
            remove_leftovers(target.parent, stem)
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
        os.close(os.open(new, flags, 0o666 if mode is None else 0o600))
        yield new
        if sync:
            _sync(new)
        if mode is not None:
            new.chmod(mode)
        os.replace(new, target)
    except OSError as error:
        if error.errno and error.filename in (None, str(new)):
            raise OSError(error.errno, error.strerror, str(target)) from None
        raise
    finally:
        with contextlib.suppress(OSError):
            new.unlink()


@contextlib.contextmanager
def in_words(path: Path) -> Iterator[None]:
    """Say what could not be written, and how much room there is, where a disk is full.

    Libraries say how many bytes were not written, or raise errors of their own.

    Args:
        path: What the block writes, a file or a folder.

    Raises:
        OSError: With a sentence for a full disk; any other as it is.
    """
    from safetensors import SafetensorError

    try:
        yield
    except (SafetensorError, OSError) as error:
        number = getattr(error, "errno", None)
        if number and number not in _FULL:
            raise
        reason = error.strerror if number else error
        free = shutil.disk_usage(path.parent).free / 1e6
        raise OSError(
            f"{path} can't be written ({free:.1f} MB of its disk are free): {reason}. Make room, "
            "or choose another place"
        ) from error


def write_whole(
    path: str | Path,
    content: str | bytes,
    *,
    encoding: str = "utf-8",
    mode: int | None = None,
    sync: bool = True,
    tidy: bool = True,
) -> None:
    """Write a file as a whole, or leave the one that is there.

    Args:
        path: The file. Its folder must exist.
        content: Text, whose line ends stay as they are, or bytes.
        encoding: Of the text.
        mode: As in `replacing`.
        sync: As in `replacing`.
        tidy: As in `replacing`.

    Raises:
        OSError: If the file can't be written.
        UnicodeEncodeError: If the encoding has no such character. Nothing is touched.
    """
    data = content.encode(encoding) if isinstance(content, str) else content
    with replacing(path, mode=mode, sync=sync, tidy=tidy) as new:
        new.write_bytes(data)


def remove_leftovers(folder: Path, stem: str = ".") -> None:
    """Remove what programs that were killed an hour ago, or earlier, have left in a folder.

    Args:
        folder: The folder.
        stem: How the names begin; those of all files if it is not given.
    """
    for left in folder.glob(f"{glob.escape(stem)}*{_TOKEN}.tmp"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > _HOUR:
                left.unlink()


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
