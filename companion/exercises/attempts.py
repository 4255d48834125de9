"""Run a call that may never end or may raise anything, and say what came of it.

For ``ex.check`` in a learner's session, and for the sandbox of ``companion grade``, which reads
this very file: so it uses the standard library only.

The limit stops endless loops of Python code: in the main thread of a Unix system by a timer signal,
elsewhere by an exception sent into the thread. Code in C that never returns is not stopped here;
the grader ends the whole process. Where there are neither timers nor threads, as in a browser,
nothing is stopped.
"""

import contextlib
import linecache
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

NOT_ATTEMPTED = "your code goes here"
"""What the error of an untouched stub says."""
_TEXT, _PLACE = 500, 200  # characters
_SHORT = 1.0  # seconds for what takes no time, unless a learner's code wants it to
_AGAIN = 0.1  # seconds until the next signal, if a bare except caught the first
_PATIENCE = 2  # signals after which there is no more time to clean up

# Kept here, out of reach of a submission that replaces them.
_set_handler, _set_timer = signal.signal, getattr(signal, "setitimer", None)
_clock, _spread = time.monotonic, random.Random().uniform
name_of = type.__dict__["__name__"].__get__
"""The name of a class, whatever its metaclass says."""


class TimeIsUp(BaseException):
    """Raised in code that runs too long; no ``except Exception`` catches it."""


def attempt(
    call: Callable[[], Any],
    seconds: float,
    *,
    theirs: Callable[[str], bool],
    through: tuple[type[BaseException], ...] = (),
    most: float = 0.0,
) -> dict[str, Any]:
    """Call a learner's function and say what came of it.

    Args:
        call: The call. It takes its result apart as well: that can run a learner's code too.
        seconds: Time limit.
        theirs: Whether the file of this name holds the learner's code.
        through: Exceptions that are none of the call's business and pass through.
        most: As in `within`.

    Returns:
        ``state``: ``"value"``, ``"error"``, ``"timeout"`` or ``"not attempted"``; and ``value``, or
        what `description` says.

    Example:
        >>> attempt(lambda: 1 / 0, 1.0, theirs=lambda file: False)["error"]
        'ZeroDivisionError: division by zero'
    """
    value, error = within(seconds, call, most=most)
    if error is None:
        return {"state": "value", "value": value}
    kind = type(error)
    if issubclass(kind, through):
        raise error
    if issubclass(kind, TimeIsUp):
        return {"state": "timeout"}
    report, trouble = within(_SHORT, description, error, theirs)
    if issubclass(type(trouble), through):
        raise trouble
    if issubclass(type(trouble), TimeIsUp):  # its text never ends
        return {"state": "timeout"}
    report = report or {"error": name_of(kind), "place": "", "kinds": ()}
    if issubclass(kind, NotImplementedError) and NOT_ATTEMPTED in report["error"]:
        return {"state": "not attempted"}
    return {"state": "error", **report}


def description(error: BaseException, theirs: Callable[[str], bool]) -> dict[str, Any]:
    """Describe an exception.

    Args:
        error: The exception. It may be of a learner's class, with methods that do anything.
        theirs: Whether the file of this name holds the learner's code.

    Returns:
        ``error``, `error_text`; ``place``, where the learner's code raised it, such as
        ``"line 3 in f: return 1 / 0"``, or empty; ``kinds``, the names of its class and of those
        that it derives from.
    """
    kinds = tuple(name_of(kind)[:100] for kind in type.mro(type(error)))
    return {"error": error_text(error), "place": _place(error, theirs), "kinds": kinds}


def error_text(error: BaseException) -> str:
    """Return type and message of an exception; some can't be asked for the message.

    Example:
        >>> error_text(KeyError("x"))
        "KeyError: 'x'"
    """
    try:
        message = str.__getitem__(str(error), slice(_TEXT))
    except Exception:
        message = ""
    name = name_of(type(error))
    return (f"{name}: {message}" if message else name)[:_TEXT]


def _place(error: BaseException, theirs: Callable[[str], bool]) -> str:
    """Return the deepest line of a learner's code in a traceback."""
    place, trace = "", error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if theirs(code.co_filename):
            line = linecache.getline(code.co_filename, trace.tb_lineno).strip()
            place = f"line {trace.tb_lineno} in {code.co_name}" + (f": {line}" if line else "")
        trace = trace.tb_next
    return place[:_PLACE]


def within(
    seconds: float, call: Callable[..., Any], *args: Any, most: float = 0.0
) -> tuple[Any, BaseException | None]:
    """Call a function, and interrupt it after some time, again and again if it catches that.

    Args:
        seconds: How long it may take.
        call: The function.
        *args: Its arguments.
        most: How long it may take where the machine is busy with others; the time that it has
            `waited` for a processor does not count as long as that is not over.

    Returns:
        Its result and None, or None and what it raised: a `TimeIsUp` if it took too long.

    Example:
        >>> within(1.0, abs, -3)
        (3, None)
    """
    result, error, alarm = None, None, _Alarm(seconds, most)
    try:
        alarm = alarm if alarm.begin() else _Timer(seconds)
        try:
            result = _run(call, args)
        finally:
            alarm.stop()
    except BaseException as caught:  # whatever a learner's code may raise
        error = caught
    alarm.end()
    return result, error


def _run(call: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    """Call, in a frame that may be interrupted, unlike the others of this module."""
    return call(*args)


class _Alarm:
    """Raises `TimeIsUp` by a timer signal.

    Code that catches everything, ``except BaseException`` in a loop, catches the first ones too.
    After those, which leave time to clean up, the next follow within microseconds: one of them
    arrives where nothing catches it. Signals that arrive in this module or after `stop` are
    ignored, so that none escapes from here.
    """

    def __init__(self, seconds: float, most: float) -> None:
        self.seconds, self.most = seconds, most
        self.live, self.rung, self.handler = False, 0, None
        self.waited, self.start = waited(), _clock()

    def begin(self) -> bool:
        """Set the time; False if there are no signals here."""
        if _set_timer is None:
            return False
        try:
            self.handler = _set_handler(signal.SIGALRM, self._ring)
        except ValueError:  # not the main thread
            return False
        self.live = True
        self._set(max(self.seconds, 0.001))
        return True

    def _set(self, seconds: float) -> None:
        with contextlib.suppress(OSError):  # no timers here, though the function is there
            _set_timer(signal.ITIMER_REAL, seconds, _AGAIN if seconds else 0.0)

    def _ring(self, number: int, frame: FrameType | None) -> None:
        ours = frame is None or (frame.f_globals is globals() and frame.f_code is not _run.__code__)
        if not self.live or ours:
            return
        allowed = max(self.seconds, min(self.most, self.seconds + waited() - self.waited))
        left = self.start + allowed - _clock()
        if left > 0:
            self._set(max(left, 0.05))
            return
        self.rung += 1
        if self.rung > _PATIENCE:
            self._set(_spread(2e-6, 1e-4))
        raise TimeIsUp

    def stop(self) -> None:
        """Raise nothing from here on."""
        self.live = False

    def end(self) -> None:
        """Leave the signal as it was."""
        self._set(0.0)
        _set_handler(signal.SIGALRM, signal.SIG_DFL if self.handler is None else self.handler)


class _Timer:
    """Raises `TimeIsUp` in the thread that made it, from another thread, once."""

    def __init__(self, seconds: float) -> None:
        self.thread, self.lock, self.live = threading.get_ident(), threading.Lock(), True
        self.timer: threading.Timer | None = threading.Timer(seconds, self._ring)
        self.timer.daemon = True
        try:
            self.timer.start()
        except RuntimeError:  # no threads here
            self.timer = None

    def _ring(self) -> None:
        with self.lock:
            if self.live:
                import ctypes

                target, exception = ctypes.c_ulong(self.thread), ctypes.py_object(TimeIsUp)
                ctypes.pythonapi.PyThreadState_SetAsyncExc(target, exception)

    def stop(self) -> None:
        """Raise nothing from here on; what is on its way arrives before this is over.

        It is not taken back: taking back nothing leaves Python 3.11 with a flag that is never
        cleared, and a profiler in any thread then never gets on.
        """
        with self.lock:
            self.live = False

    def end(self) -> None:
        """Stop the other thread."""
        if self.timer is not None:
            self.timer.cancel()


_queue: list[int | None] = []  # descriptor of the file that `waited` reads


def open_queue() -> None:
    """Let `waited` know the time; call it before files are out of reach."""
    with contextlib.suppress(OSError):  # only Linux has it, and not everywhere
        _queue.append(os.open("/proc/self/schedstat", os.O_RDONLY))


def waited() -> float:
    """Return the seconds that this process was ready to run while the machine ran others."""
    try:
        return int(os.pread(_queue[0], 100, 0).split()[1]) / 1e9
    except (IndexError, OSError, TypeError, ValueError):
        return 0.0


class Budget:
    """Time that several pieces of code share.

    Args:
        seconds: How long they may take together.
        most: As in `within`, for all of them.

    Example:
        >>> budget = Budget(0.0)
        >>> budget.left() > 0
        False
    """

    def __init__(self, seconds: float, most: float = 0.0) -> None:
        self._seconds, self._most = seconds, max(seconds, most)
        self._start, self._waited = _clock(), waited()

    def left(self) -> float:
        """Return the seconds that are left; none, or less than none, once it is used up."""
        allowed = min(self._most, self._seconds + waited() - self._waited)
        return self._start + allowed - _clock()

    def most_left(self) -> float:
        """Return the seconds that are left where the machine is busy with others."""
        return self._start + self._most - _clock()
