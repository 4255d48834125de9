"""``companion chat``: a chat in a terminal, or over piped lines.

Answers appear while they are written. Ctrl-C stops one, and what was written stays in the
conversation. What the model writes is shown without control characters: they could change the
window's title, or hide text. Taught in :doc:`/book/applications/chatbot`.
"""

import contextlib
import difflib
import shlex
import sys
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from companion.chatbot import storage
from companion.errors import CompanionError

if TYPE_CHECKING:
    from companion.backends.backend import Backend
    from companion.chatbot.bot import Chatbot
    from companion.tools import ToolCall

HELP = """\
/help          show this list
/reset         forget the conversation and begin a new one
/save FILE     write the conversation to a file
/load FILE     go on with a conversation from a file
/tools         list the tools that the model may call
/sources       show the passages behind the last answer
/model NAME    go on with another model
/quit          leave; so does Ctrl-D
Ctrl-C stops an answer. To send a message that begins with a slash, write two of them.
"""


class Terminal:
    """A chat over text streams.

    Args:
        load_backend: Returns the backend for the name of a model, for ``/model``.
        title: What the first line calls the model.
        stdin: Where lines are read from. If it is a terminal, lines can be edited.
        stdout: Where answers go.
        stderr: Where errors go, one line each.
    """

    def __init__(
        self,
        load_backend: "Callable[[str], Backend]",
        *,
        title: str = "chat",
        stdin: TextIO | None = None,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
    ) -> None:
        """Take the streams of the process where none is given."""
        self.load_backend, self.title = load_backend, title
        self.stdin, self.stdout = stdin or sys.stdin, stdout or sys.stdout
        self.stderr = stderr or sys.stderr
        self.interactive = self.stdin.isatty()
        self.failed = False

    def run(self, bot: "Chatbot") -> int:
        """Chat until the input ends. Who sits here approves of tools, unless the bot asks others.

        Args:
            bot: The chatbot.

        Returns:
            The exit status, 1 if lines were piped in and one of them failed, else 0.
        """
        self.bot = bot
        bot.settings = replace(bot.settings, approve=bot.settings.approve or self.approve)
        for stream in (self.stdin, self.stdout):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="replace")  # an odd byte must not end the chat
        if self.interactive:
            self._line(f"{self.title}. /help lists the commands, Ctrl-D quits.")
        for line in self._lines():
            try:
                if not self._handle(line):
                    break
            except KeyboardInterrupt:
                self._line("[stopped]")
            except (CompanionError, ValueError) as error:
                self._error(error)
        return int(self.failed and not self.interactive)

    def approve(self, call: "ToolCall") -> bool:
        """Ask whether a tool may run, if it is one of those that need an approval.

        Without a terminal nobody can be asked, so such a tool may not run.
        """
        if not self.bot.tools[call.name].needs_approval:
            return True
        if not self.interactive:
            return False
        try:
            said = input(printable(f"May the model call {call.text()}? [y/N] "))
        except EOFError:
            return False
        return said.strip().lower() in ("y", "yes")

    def _lines(self) -> Iterator[str]:
        """Yield what the user writes, without blank lines."""
        if self.interactive:
            with contextlib.suppress(ImportError):
                import readline  # noqa: F401  editing and history for input()
        while True:
            try:
                line = input("> ") if self.interactive else self.stdin.readline()
            except EOFError:
                self._line()
                return
            except KeyboardInterrupt:
                self._line()
                if self.interactive:
                    continue  # as in a shell: the line is given up
                raise
            if not line and not self.interactive:
                return
            if line.strip():
                yield line.strip()

    def _handle(self, line: str) -> bool:
        """Answer a message or obey a command. Returns False to leave."""
        if not line.startswith("/") or line.startswith("//"):
            self._answer(line[1:] if line.startswith("//") else line)
            return True
        name, _, argument = line[1:].partition(" ")
        commands: dict[str, tuple[Callable[..., None] | None, str]] = {
            "help": (lambda: self._write(HELP), ""),
            "reset": (self._reset, ""),
            "save": (self._save, "FILE"),
            "load": (self._load, "FILE"),
            "tools": (self._tools, ""),
            "sources": (self._sources, ""),
            "model": (self._model, "NAME"),
            "quit": (None, ""),
        }
        if name not in commands:
            close = difflib.get_close_matches(name, commands, n=1)
            hint = f"did you mean /{close[0]}?" if close else "/help lists the commands"
            raise ValueError(f"there is no command /{name}; {hint}")
        run, wanted = commands[name]
        argument = argument.strip()
        if bool(argument) != bool(wanted):
            raise ValueError(
                f"/{name} needs a {wanted}" if wanted else f"/{name} takes nothing after it"
            )
        if run is None:
            return False
        run(*([_unquoted(argument)] if wanted else []))
        return True

    def _answer(self, text: str) -> None:
        answer = self.bot.stream(text)
        written = ""
        try:
            with contextlib.closing(answer):
                for piece in answer:
                    self._write(piece)
                    written = piece
        except KeyboardInterrupt:
            self._line(" [stopped]")
            return
        except CompanionError:
            if written:
                self._line()
            raise
        self._line()
        if self.bot.reply.note:
            self._line(f"[{self.bot.reply.note}]")
        if self.bot.reply.sources:
            self._line(f"Sources: {', '.join(self._origins())}")

    def _reset(self) -> None:
        self.bot.reset()
        self._line("A new conversation.")

    def _save(self, file: str) -> None:
        self.bot.save(Path(file).expanduser())
        self._line(f"Saved {self._turns()} to {file}.")

    def _load(self, file: str) -> None:
        self.bot.conversation = storage.load(Path(file).expanduser())
        self.bot.reply = None
        self._line(f"Loaded {self._turns()} from {file}.")

    def _tools(self) -> None:
        if not self.bot.tools:
            self._line("There are no tools. Start with --tools to have some.")
        elif self.bot.settings.past_turns == 0:
            self._line("With tools, this model reads the newest message only.")
        for tool in self.bot.tools or ():
            arguments = ", ".join(tool.parameters["properties"])
            asks = " (asks you first)" if tool.needs_approval else ""
            self._line(f"{tool.name}({arguments}): {tool.description}{asks}")

    def _sources(self) -> None:
        if self.bot.reply is None or not self.bot.reply.sources:
            self._line("The last answer has no sources.")
            return
        for origin, source in zip(self._origins(), self.bot.reply.sources, strict=True):
            self._line(f"{origin}: {' '.join(source.text.split())}")

    def _model(self, name: str) -> None:
        self.bot.backend = self.load_backend(name)
        self._line(f"Now talking to {name}.")

    def _origins(self) -> list[str]:
        return [f"[{i}] {one.origin}".strip() for i, one in enumerate(self.bot.reply.sources, 1)]

    def _turns(self) -> str:
        count = len(self.bot.conversation.turns)
        return f"{count} turn{'s' if count != 1 else ''}"

    def _error(self, error: Exception) -> None:
        self.failed = True
        self.stderr.write(f"companion: {printable(' '.join(str(error).split()))}\n")
        self.stderr.flush()

    def _line(self, text: str = "") -> None:
        self._write(f"{text}\n")

    def _write(self, text: str) -> None:
        self.stdout.write(printable(text))
        self.stdout.flush()


def printable(text: str) -> str:
    r"""Remove control characters but line breaks and tabs, and what reverses the direction.

    Example:
        >>> printable("one\x1b]0;title\x07 two\n")
        'one]0;title two\n'
    """
    return "".join(
        character
        for character in text
        if character in "\n\t"
        or (unicodedata.category(character) != "Cc" and character not in _REVERSING)
    )


_REVERSING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def _unquoted(text: str) -> str:
    """Return a name without quotes around it; backslashes stay, as Windows needs them."""
    if text[:1] not in "'\"":
        return text
    with contextlib.suppress(ValueError):
        parts = shlex.split(text)
        if len(parts) == 1:
            return parts[0]
    return text
