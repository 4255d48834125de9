"""Run a learner's answer on a case: a copy of the arguments, a time limit, and what came of it.

The limit stops endless loops of Python code, in the main thread of a Unix system by a timer signal,
elsewhere by an exception sent into the thread. Code in C that never returns is not stopped here;
``companion grade`` runs each submission in a process of its own, and stops that.
"""

import copy
import ctypes
import random
import signal
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
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
        place: Where the learner's code raised it: ``"line 3 in f: return 1 / 0"``.
        kinds: Names of the exception's class and of those it derives from.
    """

    state: State
    value: Any = None
    error: str = ""
    place: str = ""
    kinds: tuple[str, ...] = ()


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
    main = threading.current_thread() is threading.main_thread()
    limit = _Signal() if main and hasattr(signal, "setitimer") else _Timer()
    with limit:
        try:
            limit.start(seconds)
            try:
                result = call(answer, *args)
            finally:
                limit.stop()
            return Outcome("value", freeze(result))
        except _TimeIsUp:
            return Outcome("timeout")
        except NotImplementedError as error:
            return Outcome("not attempted") if NOT_ATTEMPTED in str(error) else _failure(error)
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
    kinds = tuple(kind.__name__ for kind in type(error).__mro__)
    return Outcome("error", error=text[:500], place=place[:200], kinds=kinds)


class _Signal:
    """Raises `_TimeIsUp` in the learner's code by a timer signal.

    Code that catches everything, ``except BaseException`` in a loop, catches the first ones too.
    So the next signals follow within microseconds: one of them arrives where nothing catches it.
    Signals that arrive in this module or after `stop` are ignored, so that none escapes from here.
    """

    def __enter__(self) -> None:
        self.active = False
        self.before = signal.signal(signal.SIGALRM, self._raise)

    def start(self, seconds: float) -> None:
        """Set the time."""
        self.active = True
        signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001), _AGAIN)

    def stop(self) -> None:
        """Raise nothing from here on."""
        self.active = False

    def _raise(self, number: int, frame: FrameType | None) -> None:
        if not self.active or frame is None or frame.f_code.co_filename == __file__:
            return
        signal.setitimer(signal.ITIMER_REAL, random.uniform(2e-6, 1e-4), _AGAIN)
        raise _TimeIsUp

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self.before)


class _Timer:
    """Raises `_TimeIsUp` in the learner's code from another thread, once."""

    def __enter__(self) -> None:
        self.target = ctypes.c_ulong(threading.get_ident())
        self.lock, self.active = threading.Lock(), False

    def start(self, seconds: float) -> None:
        """Set the time."""
        self.active = True
        self.timer = threading.Timer(seconds, self._raise)
        self.timer.daemon = True
        self.timer.start()

    def stop(self) -> None:
        """Raise nothing from here on, also nothing that is on its way."""
        with self.lock:
            self.active = False
            ctypes.pythonapi.PyThreadState_SetAsyncExc(self.target, None)

    def _raise(self) -> None:
        with self.lock:
            if self.active:
                exception = ctypes.py_object(_TimeIsUp)
                ctypes.pythonapi.PyThreadState_SetAsyncExc(self.target, exception)

    def __exit__(self, *_: object) -> None:
        self.timer.cancel()
