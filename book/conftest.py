"""Starts the kernels of nbval one at a time.

Kernels that start at the same moment in several pytest-xdist workers can pick the same TCP port;
about one start in 180 then fails with "Kernel didn't respond". nbval has no setting for this.
"""

import getpass
import tempfile
from pathlib import Path

import nbval.kernel
from filelock import FileLock

_start_new_kernel = nbval.kernel.start_new_kernel
_lock = FileLock(Path(tempfile.gettempdir()) / f"nbval-kernel-start-{getpass.getuser()}.lock")


def _start_alone(*args: object, **kwargs: object) -> object:
    with _lock:
        return _start_new_kernel(*args, **kwargs)


nbval.kernel.start_new_kernel = _start_alone
