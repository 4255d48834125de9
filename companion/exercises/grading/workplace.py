"""The folder that a submission works in: sized, and with a copy of the student's files.

On Linux it is a file system in memory, of a fixed size and a fixed number of files, which only this
process sees. Mounting it takes the right to, which root has, and every user in a name space of
their own; some systems forbid these. Elsewhere it is an ordinary folder, and the grader looks at
its size from time to time (see `companion.exercises.grading.watch`).
"""

import contextlib
import os
import shutil
import sys

_SHARED, _SHARED_BYTES = "/dev/shm", 2**20  # locks between threads of libraries lie there
_NEW_MOUNTS, _NEW_USERS = 0x00020000, 0x10000000  # CLONE_NEWNS, CLONE_NEWUSER
_NO_SUID, _NO_DEVICES, _ALL_BELOW, _SLAVE = 2, 4, 0x4000, 0x80000  # MS_...


def enter(work: str, given: str, size: int, files: int) -> list[str]:
    """Make the folder, copy the student's files into it and go there.

    Args:
        work: The folder, which is empty.
        given: The student's files.
        size: Bytes that can be written in all.
        files: Files and folders that there can be.

    Returns:
        The folders in memory that were made, with sizes: none if that is not possible here.
    """
    made = []
    if sys.platform == "linux":
        made = _mount({work: (size - _SHARED_BYTES, files), _SHARED: (_SHARED_BYTES, 64)})
    with contextlib.suppress(OSError):  # what does not fit is not there
        shutil.copytree(given, work, dirs_exist_ok=True, copy_function=shutil.copyfile)
    for folder, _, names in os.walk(given):
        copy = os.path.join(work, os.path.relpath(folder, given))
        for name, rights in [("", 0o777), *((name, 0o666) for name in names)]:
            with contextlib.suppress(OSError):
                os.chmod(os.path.join(copy, name), rights)  # root gives up its own afterwards
    os.chdir(work)
    return made


def _mount(rooms: dict[str, tuple[int, int]]) -> list[str]:
    """Mount file systems in memory, of some bytes and number of files, for this process only."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_NEW_MOUNTS) != 0 and not _as_own_root(libc):
        return []
    if libc.mount(None, b"/", None, _ALL_BELOW | _SLAVE, None) != 0:  # nobody else sees it
        return []
    made, kind = [], b"tmpfs"
    for place, (size, files) in rooms.items():
        options = f"size={size},nr_inodes={files},mode=1777".encode()
        if libc.mount(kind, os.fsencode(place), kind, _NO_SUID | _NO_DEVICES, options) == 0:
            made.append(place)
    return made


def _as_own_root(libc: object) -> bool:
    """Enter a name space in which this user has the rights of root, and no more than before."""
    user, group = os.geteuid(), os.getegid()
    if libc.unshare(_NEW_MOUNTS | _NEW_USERS) != 0:
        return False
    maps = {"setgroups": "deny", "uid_map": f"{user} {user} 1", "gid_map": f"{group} {group} 1"}
    try:
        for name, text in maps.items():
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
                file.write(text)
    except OSError:
        return False
    return True
