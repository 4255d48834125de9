"""What stands in for the kernel's rules where there are none, as on macOS: a hook of Python.

Python calls the hook before it opens a file, connects, starts a program, and so on. The hook
refuses to

- read files outside of Python, its packages, the system's libraries and the working folder,
- write, make, rename or delete anything outside of the working folder, or to fill that folder,
- list other folders or enter them, connect, look up hosts,
- start processes, send signals,
- look for the hook itself: objects of the garbage collector, code of functions.

It sees Python's own calls only. C code is not asked (``ctypes``, ``os.mkfifo``, the libraries'
own files), so code that knows Python well gets around it.
"""

import os
import sys

_REFUSED = (
    "subprocess.", "os.system", "os.exec", "os.spawn", "os.posix_spawn", "os.fork", "os.kill",
    "os.startfile", "pty.spawn", "socket.", "syslog.", "signal.pthread_kill", "gc.get_",
)  # fmt: skip
_CHANGES = {  # events that change files, and how many of their first arguments are paths
    "os.remove": 1, "os.rmdir": 1, "os.mkdir": 1, "os.rename": 2, "os.link": 2, "os.symlink": 2,
    "os.truncate": 1, "os.chmod": 1, "os.chown": 1, "os.lchown": 1, "os.lchmod": 1, "os.utime": 1,
    "os.chflags": 1, "os.setxattr": 1, "os.removexattr": 1, "sqlite3.connect": 1,
}  # fmt: skip
_LISTS = ("os.listdir", "os.scandir", "os.chdir", "glob.glob")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_HARMLESS = ("/dev/null", "/dev/urandom", "/dev/random", "/dev/zero")


def install(readable: list[str], listable: list[str], work: str, size: int, files: int) -> None:
    """Start to guard this process, for the rest of its life.

    Args:
        readable: Folders and files that may be read.
        listable: Folders of which the names may be read.
        work: The folder that may be changed.
        size: Bytes that it may hold; checked when a file is opened.
        files: Files that it may hold.
    """
    may_change = (os.path.realpath(work),)
    may_read = tuple({os.path.realpath(path) for path in [*readable, work, *_HARMLESS]})
    may_list = (*may_read, *{os.path.realpath(path) for path in listable})

    def hook(event: str, args: tuple) -> None:
        if event == "open":
            _check_open(args, may_read, may_change, (size, files))
        elif event in _CHANGES:
            for path in args[: _CHANGES[event]]:
                _check(event, path, may_change)
        elif event in _LISTS:
            _check(event, args[0], may_list)
        elif event == "socket.__new__":
            if int(args[1]) != 1:  # pairs inside the process have the family AF_UNIX
                raise PermissionError(1, "sockets are not allowed while grading")
        elif event.startswith(_REFUSED) or (
            event == "object.__setattr__" and args[1] in ("__code__", "__closure__")
        ):
            raise PermissionError(1, f"{event} is not allowed while grading")

    sys.addaudithook(hook)


def _check_open(
    args: tuple, may_read: tuple[str, ...], may_change: tuple[str, ...], room: tuple[int, int]
) -> None:
    path, _, flags = args
    writes = isinstance(flags, int) and flags & _WRITING
    if not writes:
        _check("reading", path, may_read)
    elif path not in _HARMLESS:
        _check("writing", path, may_change)
        size, files = room
        held = [entry for folder in may_change for entry in sizes(folder)]
        if sum(held) > size or len(held) > files:
            raise OSError(28, "no space left in the working folder")


def _check(event: str, path: object, allowed: tuple[str, ...]) -> None:
    if path is None or isinstance(path, int):  # the working folder; a file that is open already
        return
    real = os.path.realpath(os.fsdecode(path))
    if not any(
        real == folder or real.startswith(folder.rstrip(os.sep) + os.sep) for folder in allowed
    ):
        raise PermissionError(1, f"{event} is not allowed here while grading", os.fsdecode(path))


def sizes(folder: str) -> list[int]:
    """Return the bytes of each file in a folder, and 0 for each folder in it."""
    bytes_in = []
    for parent, folders, names in os.walk(folder):
        bytes_in += [0] * len(folders)
        for name in names:
            try:
                bytes_in.append(os.lstat(os.path.join(parent, name)).st_size)
            except OSError:  # it has just gone
                continue
    return bytes_in
