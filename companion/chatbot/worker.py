"""Work in a second thread, its output handed out piece by piece.

The tool loop calls the model and returns when all is done. A chat wants the words while they are
written. So the loop runs in a thread and sends them over. What the user has to decide (may this
tool run?) is asked in the user's own thread. Taught in :doc:`/book/applications/chatbot`.
"""

import queue
import threading
from collections.abc import Callable, Generator
from typing import Any, TypeVar

T = TypeVar("T")

JOIN_SECONDS = 5.0
"""How long a stopped thread may go on, such as with a tool that is running."""


class Stopped(BaseException):
    """Ends the work when nobody listens any more. Like Ctrl-C, not an `Exception`."""


class Channel:
    """What the work sees of the one who listens."""

    def __init__(self) -> None:
        """Start with nothing sent."""
        self._outbox: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._stopped = threading.Event()

    def emit(self, item: Any) -> None:
        """Send something, such as a piece of text.

        Raises:
            Stopped: If nobody listens any more.
        """
        self.check()
        self._outbox.put(("item", item))

    def check(self) -> None:
        """Raise `Stopped` if nobody listens any more."""
        if self._stopped.is_set():
            raise Stopped

    def ask(self, function: Callable[..., T], *arguments: Any) -> T:
        """Run a function in the listener's thread and return its result.

        Raises:
            Stopped: If nobody listens any more.
        """
        self.check()
        self._outbox.put(("ask", (function, arguments)))
        kind, value = self._answers.get()
        if kind == "stop":
            raise Stopped
        if kind == "error":
            raise value
        return value

    def _answer(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        try:
            self._answers.put(("result", function(*arguments)))
        except Exception as error:
            self._answers.put(("error", error))

    def _run(self, work: Callable[["Channel"], Any]) -> None:
        try:
            self._outbox.put(("result", work(self)))
        except Stopped:
            pass
        except BaseException as error:
            self._outbox.put(("error", error))


def listen(work: Callable[[Channel], T]) -> Generator[Any, None, T]:
    """Run ``work`` in a thread and yield what it emits.

    Args:
        work: Is given a `Channel`. Its exceptions are raised here.

    Yields:
        Each item, in order.

    Returns:
        What ``work`` returned. Closing the generator stops the work at its next word.
    """
    channel = Channel()
    thread = threading.Thread(target=channel._run, args=(work,), daemon=True, name="companion-chat")
    thread.start()
    try:
        while True:
            kind, value = channel._outbox.get()
            if kind == "item":
                yield value
            elif kind == "ask":
                channel._answer(*value)
            elif kind == "error":
                raise value
            else:
                return value
    finally:
        channel._stopped.set()
        channel._answers.put(("stop", None))
        thread.join(JOIN_SECONDS)
