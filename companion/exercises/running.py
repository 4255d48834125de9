"""Run a learner's answer on a case: a copy of the arguments, a time limit, and what came of it.

The limit stops endless loops of Python code, in the main thread of a Unix system by a timer signal,
elsewhere by an exception sent into the thread. Code in C that never returns is not stopped here;
``companion grade`` runs each submission in a process of its own, and stops that. Where there are
neither timers nor threads, as in a browser, nothing is stopped.
"""

import contextlib
import copy
import random
import signal
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any, Literal

from companion.exercises.source import NOT_ATTEMPTED
from companion.exercises.values import freeze, type_name

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
        seconds: Time limit, for the call, for taking its result apart, and for the text of its
            exception: all three can run a learner's code.

    Returns:
        What came of it. Only `KeyboardInterrupt` passes through.

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
                return _outcome(call, answer, args)
            finally:
                limit.stop()
        except _TimeIsUp:
            return Outcome("timeout")


def _outcome(call: Callable[..., Any], answer: Any, args: tuple[Any, ...]) -> Outcome:
    try:
        return Outcome("value", freeze(call(answer, *args)))
    except (_TimeIsUp, KeyboardInterrupt):
        raise
    except BaseException as error:  # whatever a learner's code may raise
        said = _said(error)
        if isinstance(error, NotImplementedError) and NOT_ATTEMPTED in said:
            return Outcome("not attempted")
        name, kinds = type_name(type(error)), type.mro(type(error))
        text = f"{name}: {said}" if said else name
        return Outcome("error", None, text[:500], _place(error), tuple(map(type_name, kinds)))


def _said(error: BaseException) -> str:
    """Return the message of an exception; some can't be asked for it."""
    try:
        return str.__str__(str(error))
    except (_TimeIsUp, KeyboardInterrupt):
        raise
    except BaseException:
        return ""


def _place(error: BaseException) -> str:
    """Return the deepest line of a traceback that is not ours or a library's."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "/companion/exercises/" not in frame.filename.replace("\\", "/")
        and "site-packages" not in frame.filename
    ]
    if not frames:
        return ""
    line = f": {frames[-1].line}" if frames[-1].line else ""
    return f"line {frames[-1].lineno} in {frames[-1].name}{line}"[:200]


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
        with contextlib.suppress(OSError):  # no timers here, though the function is there
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
        with contextlib.suppress(OSError):
            signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self.before)


class _Timer:
    """Raises `_TimeIsUp` in the learner's code from another thread, once."""

    def __enter__(self) -> None:
        self.thread, self.timer = threading.get_ident(), None
        self.lock, self.active = threading.Lock(), False

    def start(self, seconds: float) -> None:
        """Set the time."""
        self.active = True
        timer = threading.Timer(seconds, self._raise)
        timer.daemon = True
        with contextlib.suppress(RuntimeError):  # no threads here
            timer.start()
            self.timer = timer

    def stop(self) -> None:
        """Raise nothing from here on, also nothing that is on its way."""
        with self.lock:
            self.active = False
            if self.timer is not None:
                self._send(None)

    def _raise(self) -> None:
        with self.lock:
            if self.active:
                self._send(_TimeIsUp)

    def _send(self, kind: type[BaseException] | None) -> None:
        import ctypes

        target = ctypes.c_ulong(self.thread)
        exception = None if kind is None else ctypes.py_object(kind)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(target, exception)

    def __exit__(self, *_: object) -> None:
        if self.timer is not None:
            self.timer.cancel()
