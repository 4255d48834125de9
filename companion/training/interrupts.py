"""Ctrl-C during training: finish what has begun, then stop.

Half an update is worth nothing: some weights have moved, others have not.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event


@contextmanager
def held_interrupts() -> Iterator[Event]:
    """Turn Ctrl-C into a request, for as long as the block lasts; a second one stops at once.

    Outside of the main thread Python delivers no signals, so nothing is changed there.

    Yields:
        An event that is set when somebody has pressed Ctrl-C.
    """
    asked = Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return

    def handle(*_: object) -> None:
        asked.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield asked
    finally:
        # None: the handler was not installed from Python and can't be put back.
        signal.signal(signal.SIGINT, signal.default_int_handler if before is None else before)
