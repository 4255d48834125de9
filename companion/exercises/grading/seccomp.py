"""A filter for system calls: what no answer to an exercise needs, the kernel refuses.

The filter is a program for the kernel's packet filter (BPF): it looks at the number of a call and
at its first arguments, and says "allowed" or an error number. Once in force it can't be taken off,
and every thread has it. It leaves one process, without any other one's help:

- no new process and no other program, so that the limit of memory holds for the submission as a
  whole; threads are allowed;
- no sockets but pairs inside the process, which ``asyncio`` needs;
- no keys, no shared memory of System V, no files in memory, no name spaces and mounts, no tracing,
  no BPF, no io_uring;
- no signals to others, and no call that is newer than this list.

Linux on x86-64 and on 64-bit ARM. The manual: seccomp(2); the numbers: ``asm/unistd_64.h`` and
``asm-generic/unistd.h`` of the kernel.
"""

import ctypes
import os
import struct

_NEWEST = 462  # the last call that was looked at: mseal
_NO, _UNKNOWN = 1, 38  # EPERM, ENOSYS

# Refused whatever their arguments are: (x86-64, ARM), None where there is none.
REFUSED = {
    "fork": (57, None), "vfork": (58, None), "execve": (59, 221), "execveat": (322, 281),
    "socket": (41, 198), "tkill": (200, 130), "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240), "setpriority": (141, 140), "ptrace": (101, 117),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "process_madvise": (440, 440), "kcmp": (312, 272), "move_pages": (279, 239),
    "migrate_pages": (256, 238), "add_key": (248, 217), "request_key": (249, 218),
    "keyctl": (250, 219), "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195),
    "msgget": (68, 186), "msgsnd": (69, 189), "msgctl": (71, 187), "semget": (64, 190),
    "semctl": (66, 191), "mq_open": (240, 180), "memfd_create": (319, 279),
    "memfd_secret": (447, 447), "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40),
    "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "open_tree": (428, 428),
    "move_mount": (429, 429), "fsopen": (430, 430), "fsconfig": (431, 431),
    "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265), "bpf": (321, 280),
    "perf_event_open": (298, 241), "userfaultfd": (323, 282), "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "fanotify_init": (300, 262),
    "vmsplice": (278, 75), "personality": (135, 92), "init_module": (175, 105),
    "finit_module": (313, 273), "kexec_load": (246, 104), "quotactl": (179, 60),
    "syslog": (103, 116), "iopl": (172, None), "ioperm": (173, None), "modify_ldt": (154, None),
}  # fmt: skip
# Allowed with some arguments only; see `_conditions`.
CHECKED = {
    "clone": (56, 220), "clone3": (435, 435), "socketpair": (53, 199), "kill": (62, 129),
    "tgkill": (234, 131), "prlimit64": (302, 261),
}  # fmt: skip

# The machine's name, its number in the kernel's audit header, the column of the tables.
MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}

# Operations of the packet filter: load a word, compare, compute, return.
_LOAD, _EQUAL, _ABOVE, _ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x25, 0x45, 0x54, 0x06
_NUMBER, _MACHINE, _ARGUMENTS = 0, 4, 16  # offsets in what the filter is shown
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000
_OTHER_ABI = 0x3FFFFFFF  # numbers above belong to the x32 interface of x86-64


def _op(code: int, value: int, then: int = 0, otherwise: int = 0) -> bytes:
    """Return one instruction; ``then`` and ``otherwise`` count the instructions to skip."""
    return struct.pack("=HBBI", code, then, otherwise, value)


def _allow_if(*checks: bytes) -> bytes:
    """Return instructions that allow the call if the last check skips nothing, else refuse it."""
    return b"".join(checks) + _op(_RETURN, _ALLOW) + _op(_RETURN, _ERROR | _NO)


def _argument(number: int) -> bytes:
    return _op(_LOAD, _ARGUMENTS + 8 * number)  # the lower half: both machines are little-endian


def _conditions(process: int) -> dict[str, bytes]:
    """Return what is asked of the arguments of the calls in `CHECKED`."""
    mine = _allow_if(_argument(0), _op(_EQUAL, process, 0, 1))
    return {
        "clone": _allow_if(_argument(0), _op(_ANY_BIT, 0x10000, 0, 1)),  # CLONE_THREAD
        "clone3": _op(_RETURN, _ERROR | _UNKNOWN),  # its flags can't be seen; libc then uses clone
        "kill": mine,
        "tgkill": mine,
        "prlimit64": _allow_if(_argument(0), _op(_EQUAL, 0, 0, 1)),
        "socketpair": _allow_if(
            _argument(0), _op(_EQUAL, 1, 0, 4),  # AF_UNIX
            _argument(1), _op(_AND, 0xF), _op(_EQUAL, 1, 0, 1),  # SOCK_STREAM: connected for good
        ),
    }  # fmt: skip


def program(machine: str, process: int) -> bytes:
    """Return the filter as the kernel reads it.

    Args:
        machine: A key of `MACHINES`.
        process: Number of the process that may get signals: the one that will be filtered.
    """
    audit, column = MACHINES[machine]
    parts = [
        _op(_LOAD, _MACHINE), _op(_EQUAL, audit, 1, 0), _op(_RETURN, _ERROR | _NO),
        _op(_LOAD, _NUMBER), _op(_ABOVE, _OTHER_ABI, 0, 1), _op(_RETURN, _ERROR | _NO),
        _op(_ABOVE, _NEWEST, 0, 1), _op(_RETURN, _ERROR | _UNKNOWN),
    ]  # fmt: skip
    for name, body in _conditions(process).items():
        parts += [_op(_EQUAL, CHECKED[name][column], 0, len(body) // 8), body]
    for numbers in REFUSED.values():
        if numbers[column] is not None:
            parts += [_op(_EQUAL, numbers[column], 0, 1), _op(_RETURN, _ERROR | _NO)]
    return b"".join([*parts, _op(_RETURN, _ALLOW)])


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def install() -> bool:
    """Filter this process from now on.

    Returns:
        Whether it is in force; False on other systems, machines and in places that forbid it.
    """
    system = os.uname()
    if (
        system.sysname != "Linux"
        or system.machine not in MACHINES
        or ctypes.sizeof(ctypes.c_void_p) != 8
    ):
        return False
    code = program(system.machine, os.getpid())
    libc = ctypes.CDLL(None, use_errno=True)
    bytecode = _Program(len(code) // 8, code)
    no_new_rights, set_filter, mode = 38, 22, 2
    if libc.prctl(no_new_rights, 1, 0, 0, 0) != 0:
        return False
    return libc.prctl(set_filter, mode, ctypes.byref(bytecode), 0, 0) == 0
