r"""Messages as they come in: typed, pasted, or over a pipe.

A message may have several lines. What is pasted is one message, however many lines it has; by hand
a line break is Alt+Enter, or a backslash at the end of a line. With `prompt_toolkit` a message is
edited as a whole, and there is a history (Up, Ctrl-R), which is kept in memory only. Without it,
or in a terminal that can't move its cursor, the lines are read by ``input()``. Taught in
:doc:`/book/applications/chatbot`.
"""

import contextlib
import os
import select
import time
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any, Protocol, TextIO

PROMPT = "> "
MORE = "... "

PAUSE = 0.1
"""Seconds within which the lines of a paste arrive. A hand takes longer for a line."""


class Source(Protocol):
    """Where messages come from."""

    def read(self, prefilled: str = "") -> str:
        """Return the next message, perhaps blank.

        Args:
            prefilled: Words that stand there already and can be edited.

        Raises:
            EOFError: If there are no more.
            KeyboardInterrupt: If the message was given up.
        """


def source(stdin: TextIO, stdout: TextIO) -> Source:
    """Return the best source that these streams allow."""
    if not stdin.isatty():
        return Pipe(stdin)
    able = os.environ.get("TERM", "xterm") not in ("dumb", "unknown", "") and stdout.isatty()
    return Editor() if able and find_spec("prompt_toolkit") else Lines(stdin)


def goes_on(line: str) -> bool:
    r"""Tell whether a line ends in a backslash that stands for a line break; two stand for one.

    Example:
        >>> goes_on("a\\"), goes_on("a\\\\"), goes_on("a")
        (True, False, False)
    """
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1


def is_command(text: str) -> bool:
    """Tell whether a message is a command: one line that begins with a single slash."""
    return text.startswith("/") and not text.startswith("//") and "\n" not in text


class Pipe:
    """Lines of a pipe or a file, each of them a message."""

    def __init__(self, stdin: TextIO) -> None:
        self.stdin = stdin

    def read(self, prefilled: str = "") -> str:
        """Return the next line, with those that it goes on in."""
        lines = [self._line()]
        while goes_on(lines[-1]):
            lines[-1] = lines[-1][:-1]
            with contextlib.suppress(EOFError):
                lines.append(self._line())
        return "\n".join(lines)

    def _line(self) -> str:
        line = self.stdin.readline()
        if not line:
            raise EOFError
        return line.rstrip("\n")


class Lines:
    """A terminal, line by line.

    Lines that arrive at once were pasted: they are one message, which Enter sends.
    """

    def __init__(self, stdin: TextIO) -> None:
        """Prepare editing and history, where Python has them."""
        self.stdin, self._readline = stdin, None
        with contextlib.suppress(ImportError):
            import readline

            self._readline = readline

    def read(self, prefilled: str = "") -> str:
        """Return the next message."""
        if self._readline is not None:
            self._readline.set_startup_hook(lambda: self._readline.insert_text(prefilled))
        try:
            lines = [input(PROMPT)]
        finally:
            if self._readline is not None:
                self._readline.set_startup_hook()
        if is_command(lines[0]):
            return lines[0]
        while goes_on(lines[-1]):
            lines[-1] = lines[-1][:-1]
            lines.append(input(MORE))
        return "\n".join([*lines, *self._pasted()]).rstrip("\n")

    def _pasted(self) -> Iterator[str]:
        """Yield the lines that came with the first one, and the one that Enter then ends."""
        pasted = False
        while self._waiting():
            pasted, began = True, time.monotonic()
            yield input()
            if time.monotonic() - began > PAUSE:  # it was ended by hand
                return
        if pasted:
            yield input(MORE)

    def _waiting(self) -> bool:
        """Tell whether another line is there already."""
        with contextlib.suppress(OSError, ValueError):  # Windows can't say
            return bool(select.select([self.stdin], [], [], 0.02)[0])
        return False


class Editor:
    """A terminal with an editor for messages of several lines, by `prompt_toolkit`."""

    def __init__(self) -> None:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.filters import has_focus
        from prompt_toolkit.history import InMemoryHistory
        from prompt_toolkit.key_binding import KeyBindings

        keys = KeyBindings()
        typing = has_focus("DEFAULT_BUFFER")  # not in the search of Ctrl-R
        keys.add("enter", filter=typing)(self._enter)
        keys.add("escape", "enter", filter=typing)(lambda event: _break(event.current_buffer))
        self._session = PromptSession(
            history=InMemoryHistory(),
            multiline=True,
            key_bindings=keys,
            prompt_continuation=lambda width, number, wrapped: " " * width,
        )

    def read(self, prefilled: str = "") -> str:
        """Return the next message."""
        return self._session.prompt(PROMPT, default=prefilled)

    def _enter(self, event: Any) -> None:
        """Send the message, or break the line: after a backslash, and in the midst of a paste."""
        buffer = event.current_buffer
        pasting = bool(event.app.key_processor.input_queue)  # from a terminal that does not say so
        if goes_on(buffer.document.current_line_before_cursor):
            buffer.delete_before_cursor(1)
            _break(buffer)
        elif pasting and not is_command(buffer.text):
            _break(buffer)
        else:
            buffer.validate_and_handle()


def _break(buffer: Any) -> None:
    buffer.insert_text("\n")
