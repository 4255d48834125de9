"""Starts the kernels of nbval: one at a time, and on Linux with their libraries loaded.

Kernels that start at the same moment in several pytest-xdist workers can pick the same TCP port;
about one start in 180 then fails with "Kernel didn't respond". nbval has no setting for this.
They get the arguments of the kernels that made the notebooks, so that plots are of the same kind.
Each worker forks its kernels from one process that has imported what all pages import
(`_tools/warm_kernels.py`). WARM_KERNELS=0 starts them as Jupyter does.
"""

import atexit
import functools
import getpass
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbval.kernel
from filelock import FileLock
from jupyter_client.kernelspec import KernelSpec

sys.path.insert(0, str(Path(__file__).parent / "_tools"))

from execution import KERNEL_ARGUMENTS

PROGRAM = Path(__file__).parent / "_tools" / "warm_kernels.py"
IS_WARM = sys.platform == "linux" and os.environ.get("WARM_KERNELS") != "0"
SECONDS_TO_IMPORT = 120

_start_new_kernel = nbval.kernel.start_new_kernel
_get_kernel_spec = nbval.kernel.NbvalKernelspecManager.get_kernel_spec
_lock = FileLock(Path(tempfile.gettempdir()) / f"nbval-kernel-start-{getpass.getuser()}.lock")


@functools.cache
def _warm() -> Path:
    """Start the process that kernels are forked from, once for each worker; returns its socket."""
    folder = tempfile.TemporaryDirectory(prefix="warm-kernels-")
    path = Path(folder.name) / "socket"
    command = [sys.executable, PROGRAM, "serve", path]
    serving = subprocess.Popen(command, stdin=subprocess.PIPE)
    for end in (folder.cleanup, serving.wait, serving.stdin.close):  # the last comes first
        atexit.register(end)
    until = time.monotonic() + SECONDS_TO_IMPORT
    while not path.exists():
        if serving.poll() is not None or time.monotonic() > until:
            raise RuntimeError("kernels can't be forked; run with WARM_KERNELS=0 to do without")
        time.sleep(0.05)
    return path


def _warm_spec(self: object, name: str) -> KernelSpec:
    spec = _get_kernel_spec(self, name)
    if IS_WARM and name == nbval.kernel.CURRENT_ENV_KERNEL_NAME:
        start = spec.argv.index("ipykernel_launcher") + 1
        spec.argv = [sys.executable, "-IS", str(PROGRAM), "start", str(_warm()), *spec.argv[start:]]
    return spec


def _start_alone(*args: object, **kwargs: object) -> object:
    with _lock:
        return _start_new_kernel(*args, extra_arguments=KERNEL_ARGUMENTS, **kwargs)


nbval.kernel.NbvalKernelspecManager.get_kernel_spec = _warm_spec
nbval.kernel.start_new_kernel = _start_alone
