"""A run of an experiment in a process of its own, and the memory that it takes there."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

BOOK = Path(__file__).parents[1]


def peak_bytes() -> int:
    """Return the largest memory that this process has held so far, resident set size."""
    if sys.platform == "win32":
        return psutil.Process().memory_info().peak_wset
    import resource  # not on Windows

    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes * (1 if sys.platform == "darwin" else 1024)  # macOS counts bytes


def in_its_own_process(run: Callable[..., Any], name: str, **numbers: Any) -> dict[str, Any]:
    """Call ``run(name, **numbers)`` in a new Python process with one thread.

    Args:
        run: A function of a module.
        name: Its first argument.
        numbers: The others, as far as JSON can hold them.

    Returns:
        What ``run`` found.

    Raises:
        CalledProcessError: If the process fails.
    """
    code = (
        f"import json, sys; sys.path.insert(0, {str(BOOK)!r}); "
        "import torch; torch.set_num_threads(1); "
        f"from {run.__module__} import {run.__name__} as run; "
        "print(json.dumps(run(sys.argv[1], **json.loads(sys.argv[2]))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, name, json.dumps(numbers)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        cwd=BOOK.parent,
    )
    return json.loads(done.stdout.splitlines()[-1])
