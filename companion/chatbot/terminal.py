"""``companion chat``: a chat in a terminal, or over piped lines.

Answers appear while they are written. With ``-p``, and where the output is no terminal, they appear
when they are done: a model may reason and say so at the end of it only. Ctrl-C stops an answer, and
what was written stays in the conversation. With ``-p``, and from a pipe to a pipe, it ends the
program: half an answer must not pass for one. What the model writes is shown without control
characters: they could change the window's title, or hide text. Where messages come from is the
business of `companion.chatbot.keyboard`, what follows a slash that of `companion.chatbot.commands`.
Taught in :doc:`/book/applications/chatbot`.
"""

import contextlib
import io
import sys
from collections.abc import Callable, Generator
from dataclasses import replace
from typing import TYPE_CHECKING, TextIO

from companion.chatbot import keyboard
from companion.chatbot.attachments import attach
from companion.chatbot.commands import Commands
from companion.chatbot.screen import ShownCalls, place, printable
from companion.errors import CompanionError
from companion.reasoning import TakenBack

if TYPE_CHECKING:
    from companion.chatbot.bot import Chatbot
    from companion.chatbot.reply import Reply
    from companion.tools import ToolCall

Switch = Callable[["Chatbot", str], None]


class Terminal:
    """A chat over text streams.

    Args:
        switch: Lets a chatbot go on with the model of a name, for ``/model``.
        title: What the first line calls the model.
        stdin: Where messages are read from. If it is a terminal, they can be edited.
        stdout: Where answers go.
        stderr: Where errors go, one line each.
    """

    def __init__(
        self,
        switch: Switch | None = None,
        *,
        title: str = "chat",
        stdin: TextIO | None = None,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
    ) -> None:
        """Take the streams of the process where none is given."""
        self.switch, self.title = switch, title
        self.stdin = stdin or sys.stdin or io.StringIO()  # a process can be without one
        self.stdout = stdout or sys.stdout
        self.stderr = stderr or sys.stderr
        self.interactive = self.stdin.isatty()
        self.source = keyboard.source(self.stdin, self.stdout)
        self.failed = False
        self._aside = self.stdout
        self._in_line = False
        self._holds = not self.stdout.isatty()
        self._watched = self.interactive or not self._holds
        self._held: list[str] = []
        self._left_out = 0
        self._always: set[str] = set()

    def run(self, bot: "Chatbot") -> int:
        """Chat until the input ends. Who sits here approves of tools, unless the bot asks others.

        Args:
            bot: The chatbot.

        Returns:
            The exit status, 1 if lines were piped in and one of them failed, else 0.

        Raises:
            KeyboardInterrupt: If lines are piped in, the output is no terminal, and Ctrl-C comes.
        """
        self._take(bot)
        commands = Commands(self)
        if self.interactive:
            self.line(f"{self.title}. /help lists the commands, Ctrl-D quits.")
        while (message := self._next()) is not None:
            try:
                if not keyboard.is_command(message):
                    self.answer(message.removeprefix("/") if message[:2] == "//" else message)
                elif not commands.run(message):
                    break
            except KeyboardInterrupt:
                if not self._watched:
                    raise
                self.line("[stopped]")
            except BrokenPipeError:
                raise
            except (CompanionError, ValueError, OSError) as error:
                self._error(error)
        return int(self.failed and not self.interactive)

    def once(self, bot: "Chatbot", prompt: str) -> int:
        """Answer one message. The answer alone goes to the output, all else to the errors.

        Args:
            bot: The chatbot.
            prompt: The message; what is piped in follows it. ``"-"`` stands for that alone.

        Returns:
            Exit status, 0 for success, 1 for an empty answer.

        Raises:
            CompanionError: If it can't be answered.
            ValueError: If there is no message.
            KeyboardInterrupt: If Ctrl-C comes.
        """
        self._take(bot)
        self._aside, self._holds, self._watched = self.stderr, True, False
        piped = "" if self.interactive and prompt != "-" else self.stdin.read().strip("\n")
        words = "" if prompt == "-" else self._with_files(prompt)
        self._show(bot.stream("\n\n".join(filter(None, (words, piped)))))
        return int(not bot.reply.text.strip())

    def answer(self, message: str) -> None:
        """Answer a message, with the files that it names."""
        self._show(self.bot.stream(self._with_files(message)))

    def go_on(self) -> None:
        """Go on with the last answer."""
        self._show(self.bot.resume())

    def approve(self, call: "ToolCall") -> bool:
        """Ask whether a tool may run, if it is one of those that need an approval.

        Without a terminal nobody can be asked, so such a tool may not run.
        """
        if not self.bot.tools[call.name].needs_approval or call.name in self._always:
            return True
        if not self.interactive:
            self._tell(f"[{call.name} was not run: it needs an approval; --allow {call.name}]")
            return False
        asked = f"May the model call {call.text()}? [y]es, [a]lways, [N]o "
        self.stderr.write(printable(asked))
        self.stderr.flush()
        said = self.stdin.readline().strip().lower()
        if said in ("a", "always"):
            self._always.add(call.name)
        return said in ("y", "yes", "a", "always")

    def line(self, text: str = "") -> None:
        """Write a line to the output."""
        self._write(self.stdout, f"{text}\n")

    def _take(self, bot: "Chatbot") -> None:
        """Let a chatbot ask and tell this terminal."""
        self.bot = bot
        bot.settings = replace(
            bot.settings,
            approve=bot.settings.approve or self.approve,
            log=ShownCalls(lambda text: self._tell(text), bot.settings.log),
        )
        for stream in (self.stdin, self.stdout):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="replace")  # an odd byte must not end the chat

    def _next(self) -> str | None:
        """Return the next message that is not blank; None at the end."""
        while True:
            try:
                if message := self.source.read().strip():
                    return message
            except EOFError:
                if self.interactive:
                    self.line()
                return None
            except KeyboardInterrupt:
                self.line()
                if not self.interactive:
                    raise  # else as in a shell: the line is given up

    def _with_files(self, message: str) -> str:
        attached = attach(message)
        for name, length in attached.files.items():
            self._tell(f"[{name}: {length:,} characters]")
        for name in attached.missing:
            self._write(self.stderr, f"companion: there is no file {name!r}; sent as it stands\n")
        return attached.text

    def _show(self, answer: "Generator[str, None, Reply]") -> None:
        """Write an answer as it comes, and then what is to be said about it."""
        try:
            with contextlib.ExitStack() as ending:
                ending.callback(self._release)
                ending.enter_context(contextlib.closing(answer))
                for piece in answer:
                    self._show_piece(piece)
        except KeyboardInterrupt:
            if self._watched:
                self.line(" [stopped]")
                return
            self._end_line()
            self._write(self.stderr, "[stopped]\n")
            raise
        except CompanionError:
            self._end_line()
            raise
        self.line()
        for text in self._remarks(self.bot.reply):
            self._tell(text)

    def _show_piece(self, piece: str) -> None:
        if not self._holds:
            if isinstance(piece, TakenBack):
                self._tell("[what stands above was reasoning; the answer is below]")
            self._write(self.stdout, piece)
        elif isinstance(piece, TakenBack):
            self._held.clear()
        else:
            self._held.append(piece)

    def _release(self) -> None:
        """Write what was held back of an answer: no more is to come that could take it back."""
        held, self._held = "".join(self._held), []
        if held:
            self._write(self.stdout, held)

    def _remarks(self, reply: "Reply") -> list[str]:
        """Return what is to be said about an answer, a line for each."""
        said = [f"[{reply.note}]"] if reply.note else []
        if reply.left_out != self._left_out and self.bot.settings.past_turns is None:
            turns = f"{reply.left_out} old turn{'s' if reply.left_out != 1 else ''}"
            said += [f"[{turns} left out: the context is full]"] if reply.left_out else []
        self._left_out = reply.left_out
        if reply.unread and not reply.passages:
            said.append("[the documents were not read: no room in the context for a passage]")
        if reply.unknown_citations:
            numbers = ", ".join(map(str, reply.unknown_citations))
            said.append(f"[cites passages that do not exist: {numbers}]")
        if cited := self.origins(only_cited=True):
            said.append(f"Sources: {', '.join(cited)}")
        elif reply.passages and reply.found:
            said.append(f"Read: {', '.join(self.origins())}")
        return said

    def origins(self, *, only_cited: bool = False) -> list[str]:
        """Return the number and the place of each passage that the model read."""
        reply = self.bot.reply
        return [
            f"[{number}] {place(passage)}".strip()
            for number, passage in enumerate(reply.passages, 1)
            if passage in reply.sources or not only_cited
        ]

    def _tell(self, text: str) -> None:
        """Write a line that is no part of an answer."""
        self._release()
        self._end_line()
        self._write(self._aside, f"{text}\n")

    def _end_line(self) -> None:
        if self._in_line:
            self.line()

    def _error(self, error: Exception) -> None:
        self.failed = True
        self._write(self.stderr, f"companion: {' '.join(str(error).split())}\n")

    def _write(self, stream: TextIO, text: str) -> None:
        if stream is self.stdout:
            self._in_line = bool(text) and not text.endswith("\n")
        stream.write(printable(text))
        stream.flush()
