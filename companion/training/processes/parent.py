"""A process that ends with the one that started it.

A launcher that is killed can't end its processes. They would go on, and the next launch would be a
second run beside them. So each looks whether its parent is still there. Taught in
:doc:`/book/training/many-processes`.

Left out: Windows, where a process keeps the number of a parent that is gone.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

GONE = "The program that started this run is gone: the run stops."


@contextmanager
def ending_with_parent(*, every: float = 0.5, tell: bool = True) -> Iterator[None]:
    """End this process by SIGTERM when its parent is gone, as long as the block lasts.

    A training that takes SIGTERM as a request saves its step before.

    Args:
        every: Seconds between two looks.
        tell: Whether this process says so on stderr; of several, one does.
    """
    parent, over = os.getppid(), threading.Event()

    def watch() -> None:
        while not over.wait(every):
            if os.getppid() != parent:
                if tell:
                    print(GONE, file=sys.stderr, flush=True)  # noqa: T201
                os.kill(os.getpid(), signal.SIGTERM)
                return

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        over.set()
