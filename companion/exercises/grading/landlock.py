"""Landlock: the kernel refuses files outside of some folders, without any rights needed.

Since Linux 5.13, where it is switched on. It stands in for the file system of bubblewrap: a
process says which folders it wants to read and to write, and everything else is out of reach for
the rest of its life. The manual: landlock(7).
"""

import ctypes
import os
import struct
import sys

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446  # numbers of the calls, the same on every machine
_VERSION, _BENEATH = 1, 1

_EXECUTE, _WRITE, _READ, _LIST = 1, 2, 4, 8
_ALL_BITS = (0, 13, 14, 15, 15, 16)  # how many rights on files each version knows, from 1 on
_TRUNCATE, _IOCTL = 1 << 14, 1 << 15
_ON_FILES = _EXECUTE | _WRITE | _READ | _TRUNCATE | _IOCTL  # the rest makes sense for folders only
_TCP, _SCOPES = 3, 3  # connect and bind; abstract sockets and signals


def restrict(readable: list[str], writable: list[str], listable: list[str]) -> bool:
    """Refuse this process every file but some, from now on.

    Args:
        readable: Folders and files that may be read.
        writable: Those that may be read, changed and filled.
        listable: Folders of which the names may be read, but no file below.

    Returns:
        Whether it is in force; False on other systems and older kernels.
    """
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_CREATE, None, 0, _VERSION)
    if version < 1:
        return False
    rights = (1 << _ALL_BITS[min(version, 5)]) - 1
    attributes = struct.pack("=QQQ", rights, _TCP, _SCOPES)[
        : 8 if version < 4 else 16 if version < 6 else 24
    ]
    rules = libc.syscall(_CREATE, attributes, len(attributes), 0)
    if rules < 0:
        return False
    for path in listable:
        _allow(libc, rules, path, _LIST)
    for path in readable:
        _allow(libc, rules, path, rights & (_EXECUTE | _READ | _LIST))
    for path in writable:
        _allow(libc, rules, path, rights)
    no_new_rights = 38
    done = libc.prctl(no_new_rights, 1, 0, 0, 0) == 0 and libc.syscall(_RESTRICT, rules, 0) == 0
    os.close(rules)
    return done


def _allow(libc: ctypes.CDLL, rules: int, path: str, rights: int) -> None:
    """Add one rule; a path that is not there needs none."""
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    if not os.path.isdir(path):
        rights &= _ON_FILES
    libc.syscall(_ADD_RULE, rules, _BENEATH, struct.pack("=Qi", rights, place), 0)
    os.close(place)
