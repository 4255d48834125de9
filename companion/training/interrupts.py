"""Ctrl-C during training: finish what has begun, then stop.

Half an update is worth nothing: some weights have moved, others have not.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event


@contextmanager
def held_interrupts(*others: signal.Signals) -> Iterator[Event]:
    """Turn Ctrl-C into a request, for as long as the block lasts; a second one stops at once.

    Outside of the main thread Python delivers no signals, so nothing is changed there.

    Args:
        others: Further signals to take for Ctrl-C, such as ``signal.SIGTERM``, by which launchers
            and schedulers end a program.

    Yields:
        An event that is set when somebody has pressed Ctrl-C.
    """
    asked = Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return

    def handle(*_: object) -> None:
        asked.set()
        for number in signals:
            signal.signal(number, signal.default_int_handler)

    signals = (signal.SIGINT, *others)
    before = {number: signal.signal(number, handle) for number in signals}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            # None: the handler was not installed from Python and can't be put back.
            usual = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            signal.signal(number, usual if handler is None else handler)
