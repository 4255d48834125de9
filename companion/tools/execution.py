"""Run one call with a time limit, and turn what comes of it into a result for the model.

The time limit has limits itself. The function runs in a thread, and Python can't stop a thread: a
call that is given up goes on in the background, and its effects may still happen. Code in C that
holds the interpreter (a huge regular expression, a huge number) even delays the limit. Give a tool
that waits (for a network, a lock) a time limit of its own, and run what must be stopped in a
process. Taught in :doc:`/book/applications/function-calling`.
"""

import contextlib
import contextvars
import copy
import inspect
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from companion.errors import ToolError
from companion.tools.call import ToolCall

Outcome = Literal[
    "ok", "unknown tool", "bad arguments", "refused", "repeated", "unreadable", "timeout", "failed"
]


@dataclass(frozen=True)
class ToolResult:
    """What came of a call.

    Args:
        call: The call.
        outcome: ``"ok"``, or what kept it from being so.
        value: What the tool returned; None unless the outcome is ``"ok"``.
        error: What the model is told; empty if the outcome is ``"ok"``.
        seconds: Time that it took.
        exception: What the tool raised, for the developer. Never shown to the model.
    """

    call: ToolCall
    outcome: Outcome
    value: Any = None
    error: str = ""
    seconds: float = 0.0
    exception: BaseException | None = field(default=None, repr=False, compare=False)

    def content(self) -> str:
        """Return the result as the model reads it: one line of JSON.

        Example:
            >>> ToolResult(ToolCall("calculator"), "ok", {"value": 84}).content()
            '{"value": 84}'
        """
        return json.dumps(self.value if self.outcome == "ok" else {"error": self.error})


class RunningCall:
    """One call at work: in a thread that ends with the program, or at once without a time limit.

    Args:
        function: The function of the tool.
        call: The call, checked.
        timeout: Seconds it may take, or None.
    """

    def __init__(self, function: Callable[..., Any], call: ToolCall, timeout: float | None) -> None:
        self.function, self.call, self.timeout = function, call, timeout
        self.value: Any = None
        self.exception: BaseException | None = None
        self.seconds = 0.0
        self.began = time.perf_counter()
        context = contextvars.copy_context()
        self.thread = threading.Thread(target=context.run, args=(self._work,), daemon=True)
        if timeout is None:
            self._work()
        else:
            self.thread.start()

    def _work(self) -> None:
        try:
            self.value = self.function(**copy.deepcopy(self.call.arguments))
            if inspect.iscoroutine(self.value):
                self.value.close()
                raise TypeError(f"{self.call.name} returned a coroutine; nothing here awaits it")
        except BaseException as error:  # a tool must not end the program, whatever it raises
            if isinstance(error, KeyboardInterrupt) and self.timeout is None:
                raise  # this one comes from the keyboard
            self.exception = error
        self.seconds = time.perf_counter() - self.began

    def wait(self, max_output: int) -> ToolResult:
        """Wait for the end, or for the time limit, and return the result.

        Args:
            max_output: Longest result, in characters of JSON.
        """
        if self.timeout is not None:
            self.thread.join(max(0.0, self.began + self.timeout - time.perf_counter()))
            if self.thread.is_alive():
                failure = f"{self.call.name} did not finish within {self.timeout:g} seconds"
                return ToolResult(self.call, "timeout", error=failure, seconds=self.timeout)
        if self.exception is not None:
            return self._failure(self._excuse(self.exception)[:max_output])
        try:
            text = json.dumps(self.value, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            self.exception = error
            return self._failure(f"{self.call.name} returned something that is not JSON")
        if len(text) > max_output:
            return self._failure(
                f"the result of {self.call.name} is too long: {len(text)} characters; at most "
                f"{max_output} are allowed. Ask for less."
            )
        return ToolResult(self.call, "ok", json.loads(text), seconds=self.seconds)

    def _excuse(self, error: BaseException) -> str:
        """Tell the model what went wrong, without what is for developers: paths and addresses."""
        if isinstance(error, ToolError):
            with contextlib.suppress(Exception):  # a message that can't be written is no message
                return str(error)
        return f"{self.call.name} failed with an internal error ({type(error).__name__})"

    def _failure(self, failure: str) -> ToolResult:
        return ToolResult(
            self.call, "failed", error=failure, seconds=self.seconds, exception=self.exception
        )
