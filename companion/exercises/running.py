"""Run a learner's answer on a case: a copy of the arguments, a time limit, and what came of it.

The limit stops endless loops of Python code, in the main thread of a Unix system by a timer signal,
elsewhere by an exception sent into the thread. Code in C that never returns is not stopped here;
``companion grade`` runs each submission in a process of its own, and stops that.
"""

import contextlib
import copy
import ctypes
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from companion.exercises.source import NOT_ATTEMPTED
from companion.exercises.values import freeze

State = Literal["value", "error", "timeout", "not run", "not attempted"]
_AGAIN = 0.1  # seconds until the next signal, if a bare except caught the first


@dataclass(frozen=True)
class Outcome:
    """What came of one call.

    Args:
        state: ``"value"``, or why there is none.
        value: The frozen result.
        error: Type and message of the exception.
        place: Where the learner's code raised it: ``"line 3: return 1 / 0"``.
    """

    state: State
    value: Any = None
    error: str = ""
    place: str = ""


class _TimeIsUp(BaseException):
    """Raised inside a learner's code that runs too long; no ``except Exception`` catches it."""


def run_case(
    call: Callable[..., Any], answer: Any, args: tuple[Any, ...], *, seconds: float
) -> Outcome:
    """Call ``call(answer, *args)`` on copies of the arguments.

    Args:
        call: The exercise's ``run``.
        answer: The learner's function or class.
        args: Arguments of the case.
        seconds: Time limit.

    Returns:
        What came of it. Only `KeyboardInterrupt` and `SystemExit` of the caller pass through.

    Example:
        >>> run_case(lambda answer, x: answer(x), lambda x: 1 / x, (0,), seconds=1).error
        'ZeroDivisionError: division by zero'
    """
    args = copy.deepcopy(args)
    try:
        with _time_limit(seconds):
            return Outcome("value", freeze(call(answer, *args)))
    except _TimeIsUp:
        return Outcome("timeout")
    except NotImplementedError as error:
        if NOT_ATTEMPTED in str(error):
            return Outcome("not attempted")
        return _failure(error)
    except (Exception, SystemExit) as error:  # whatever a learner's code may raise
        return _failure(error)


def _failure(error: BaseException) -> Outcome:
    """Describe an exception, with the deepest line that is not ours or a library's."""
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "/companion/exercises/" not in frame.filename.replace("\\", "/")
        and "site-packages" not in frame.filename
    ]
    place = ""
    if frames:
        line = f": {frames[-1].line}" if frames[-1].line else ""
        place = f"line {frames[-1].lineno} in {frames[-1].name}{line}"
    return Outcome("error", error=text[:500], place=place[:200])


@contextlib.contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Raise `_TimeIsUp` in this thread after ``seconds``."""
    main = threading.current_thread() is threading.main_thread()
    with _by_signal(seconds) if main and hasattr(signal, "setitimer") else _by_thread(seconds):
        yield


@contextlib.contextmanager
def _by_signal(seconds: float) -> Iterator[None]:
    def stop(number: int, frame: object) -> None:
        raise _TimeIsUp

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001), _AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def _by_thread(seconds: float) -> Iterator[None]:
    target, lock, over = threading.get_ident(), threading.Lock(), threading.Event()

    def stop() -> None:
        with lock:
            if not over.is_set():
                raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
                raise_in(ctypes.c_ulong(target), ctypes.py_object(_TimeIsUp))

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        with lock:
            over.set()
        timer.cancel()
