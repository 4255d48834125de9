"""Kernels that start with their libraries loaded: one process imports them, then forks the kernels.

    python warm_kernels.py serve SOCKET              what imports, and forks when it is asked to
    python warm_kernels.py start SOCKET ARGUMENT...  what Jupyter starts in the place of a kernel

To import PyTorch and transformers takes each kernel 6 seconds of processor, and the book has more
than sixty notebooks. A fork has the imported modules at once. It has nothing else: each kernel has
a session, a folder, an environment and streams of its own, and runs the cells as any other would.

``start`` lives as long as its kernel. It passes signals on, and if it is killed, so is the kernel;
when ``serve`` loses its standard input, all of them end. For Linux.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Sequence

# What nearly every page imports, and what the libraries import when a page first uses them. Not
# pyplot: when it is imported, it looks for the session that will show its plots.
MODULES = (
    "ipykernel.kernelapp",
    "torch",
    "transformers.models.llama.modeling_llama",
    "transformers.generation.utils",
    "matplotlib.figure",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_svg",
)
INLINE = "module://matplotlib_inline.backend_inline"
_LARGEST_REQUEST = 2**20
_NO_ANSWER = 70  # exit status of `start` when `serve` is gone


def start(path: str, arguments: list[str]) -> int:
    """Ask for a kernel at the socket ``path`` and stay until it ends; returns its exit status."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(path)
        request = {"argv": arguments, "cwd": os.getcwd(), "env": dict(os.environ)}
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda got, _: line.sendall(bytes([got])))
        text = json.dumps(request).encode()
        socket.send_fds(line, [len(text).to_bytes(4, "big")], [0, 1, 2])
        line.sendall(text)
        status = line.recv(1)
    return status[0] if status else _NO_ANSWER


def serve(path: str, modules: Sequence[str] = MODULES) -> None:
    """Import ``modules``, then fork a kernel for each that connects, until standard input ends."""
    import gc
    import importlib

    sys.path[:] = [one for one in sys.path if one != os.path.dirname(os.path.abspath(__file__))]
    os.environ["JPY_PARENT_PID"] = "1"  # read at the import: kernels need not look after a parent
    os.environ.setdefault("MPLBACKEND", INLINE)  # as every kernel has it, read at the import
    for name in modules:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # what is here stays shared: a collection in a kernel does not touch it
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        _fork_on_request(listening)


def _fork_on_request(listening: socket.socket) -> None:
    """Answer requests, signals to pass on, and the ends of kernels."""
    ends, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(woken)
    kernels: dict[socket.socket, int] = {}  # the line to each `start`, and the kernel's process
    try:
        while True:
            for ready in select.select([0, ends, listening, *kernels], [], [])[0]:
                if ready == 0:
                    return
                if ready == ends:
                    os.read(ends, 4096)
                    _tell_who_ended(kernels)
                elif ready is listening:
                    line = listening.accept()[0]
                    kernels[line] = _fork(line, [listening, *kernels], [ends, woken])
                elif ready in kernels:
                    number = ready.recv(1)
                    os.kill(kernels[ready], number[0] if number else signal.SIGKILL)
                    if not number:  # its `start` was killed
                        os.waitpid(kernels.pop(ready), 0)
                        ready.close()
    finally:
        for kernel in kernels.values():
            os.kill(kernel, signal.SIGKILL)


def _tell_who_ended(kernels: dict[socket.socket, int]) -> None:
    for line, kernel in list(kernels.items()):
        ended, status = os.waitpid(kernel, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            del kernels[line]
            with line, contextlib.suppress(OSError):
                line.sendall(bytes([code if code >= 0 else 128 - code]))


def _fork(line: socket.socket, others: list[socket.socket], pipe: list[int]) -> int:
    """Read a request and become a kernel in a new process; returns its number."""
    head, streams, _, _ = socket.recv_fds(line, 4, 3)
    size = int.from_bytes(head, "big")
    if len(streams) != 3 or not 0 < size <= _LARGEST_REQUEST:
        raise ValueError(f"no request: {size} bytes and {len(streams)} streams")
    request = json.loads(line.recv(size, socket.MSG_WAITALL))
    kernel = os.fork()
    if kernel:
        for stream in streams:
            os.close(stream)
        return kernel
    try:
        for other in [line, *others]:
            other.close()
        for end in pipe:
            os.close(end)
        _become_kernel(request, streams)
    finally:
        os._exit(1)  # never back to the loop, which is the other process's


def _become_kernel(request: dict, streams: list[int]) -> None:
    """Run a kernel in this process, which ends with it."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    sys.argv = ["ipykernel_launcher", *request["argv"]]
    from ipykernel import kernelapp

    with contextlib.suppress(SystemExit):
        kernelapp.launch_new_instance()
    atexit._run_exitfuncs()  # temporary folders are deleted there
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    job, path, *rest = sys.argv[1:]
    sys.exit(start(path, rest) if job == "start" else serve(path))
