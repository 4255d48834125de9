"""Starts the kernels of nbval one at a time.

Kernels that start at the same moment in several pytest-xdist workers can pick the same TCP port;
about one start in 180 then fails with "Kernel didn't respond". nbval has no setting for this.
They get the arguments of the kernels that made the notebooks, so that plots are of the same kind.
"""

import getpass
import sys
import tempfile
from pathlib import Path

import nbval.kernel
from filelock import FileLock

sys.path.insert(0, str(Path(__file__).parent / "_tools"))

from execution import KERNEL_ARGUMENTS

_start_new_kernel = nbval.kernel.start_new_kernel
_lock = FileLock(Path(tempfile.gettempdir()) / f"nbval-kernel-start-{getpass.getuser()}.lock")


def _start_alone(*args: object, **kwargs: object) -> object:
    with _lock:
        return _start_new_kernel(*args, extra_arguments=KERNEL_ARGUMENTS, **kwargs)


nbval.kernel.start_new_kernel = _start_alone
