"""What follows a slash in the terminal: commands about the conversation and the model.

Taught in :doc:`/book/applications/chatbot`.
"""

import contextlib
import difflib
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from companion._files import resolved, write_whole
from companion.chatbot import exchange
from companion.errors import ConversationError

if TYPE_CHECKING:
    from companion.chatbot.terminal import Terminal

HELP = """\
/help           show this list
/edit [TEXT]    change the last message and ask again
/retry          ask the last message again
/continue       go on with an answer that was stopped or cut
/reset          forget the conversation and begin a new one
/save FILE      write the conversation to a file: .json, .messages.json for OpenAI, .md
/load FILE      go on with a conversation from a file, also of OpenAI's or ChatGPT's export
/tools          list the tools that the model may call
/sources        show the passages behind the last answer
/model NAME     go on with another model
/quit           leave; so does Ctrl-D
Ctrl-C stops an answer. For a line break, press Alt+Enter, or end a line with a backslash; what is
pasted is one message. @notes.md puts that file into a message; @@ stands for an @. To send a
message that begins with a slash, write two of them.
"""


class Command(NamedTuple):
    """A command: what it does, and what follows its name."""

    run: Callable[[str], None] | None
    """Does it; None leaves."""
    argument: str = ""
    """What has to follow; in brackets what can follow; empty if nothing may."""


class Commands:
    """The commands of a terminal.

    Args:
        terminal: The terminal.
    """

    def __init__(self, terminal: "Terminal") -> None:
        self.terminal, self.bot = terminal, terminal.bot
        self.commands = {
            "help": Command(lambda _: terminal.line(HELP.rstrip("\n"))),
            "edit": Command(self._edit, "[TEXT]"),
            "retry": Command(lambda _: self._again(self._last_words())),
            "continue": Command(lambda _: terminal.go_on()),
            "reset": Command(self._reset),
            "save": Command(self._save, "FILE"),
            "load": Command(self._load, "FILE"),
            "tools": Command(self._tools),
            "sources": Command(self._sources),
            "model": Command(self._model, "NAME"),
            "quit": Command(None),
        }

    def run(self, line: str) -> bool:
        """Obey a command.

        Args:
            line: It begins with a slash.

        Returns:
            False to leave.

        Raises:
            ValueError: If there is no such command, or something else has to follow it.
            CompanionError: If it can't be obeyed.
        """
        name, _, argument = line[1:].partition(" ")
        if name not in self.commands:
            close = difflib.get_close_matches(name, self.commands, n=1)
            hint = f"did you mean /{close[0]}?" if close else "/help lists the commands"
            raise ValueError(f"there is no command /{name}; {hint}")
        command, argument = self.commands[name], argument.strip()
        if argument and not command.argument:
            raise ValueError(f"/{name} takes nothing after it")
        if not argument and command.argument and not command.argument.startswith("["):
            raise ValueError(f"/{name} needs a {command.argument}")
        if command.run is None:
            return False
        command.run(unquoted(argument) if command.argument.isupper() else argument)
        return True

    def _last_words(self) -> str:
        if not self.bot.conversation.turns:
            raise ConversationError("there is no message yet that could be asked again")
        return self.bot.conversation.turns[-1].messages[0]["content"]

    def _edit(self, text: str) -> None:
        words = self._last_words()
        if not text and not self.terminal.interactive:
            raise ValueError("over a pipe, /edit needs the new words")
        text = text or self.terminal.source.read(words).strip()
        if not text:
            raise ValueError("the message is blank, so the last one stays")
        self._again(text)

    def _again(self, text: str) -> None:
        """Ask in the place of the last turn, which stays if the question can't be asked."""
        turns = self.bot.conversation.turns
        last, count = turns[-1], len(turns)
        self.bot.retract()
        try:
            self.terminal.answer(text)
        finally:
            if len(turns) < count:
                turns.append(last)

    def _reset(self, _: str) -> None:
        self.bot.reset()
        self.terminal.line("A new conversation.")

    def _save(self, file: str) -> None:
        path, kind = Path(file).expanduser(), exchange.format_of(file)
        if kind == "companion":
            self.bot.save(path)
        else:
            write_export(path, exchange.export(self.bot.conversation, kind))
        self.terminal.line(f"Saved {self._turns()} to {file}.")

    def _load(self, argument: str) -> None:
        file, title = file_and_title(argument)
        path = Path(file).expanduser()
        try:
            self.bot.conversation = exchange.import_conversation(path, title=title)
        except ConversationError as error:
            known = str(path) in str(error)
            raise ConversationError(f"{'' if known else f'{file}: '}{error}") from None
        self.bot.reply = None
        self.terminal.line(f"Loaded {self._turns()} from {file}.")

    def _tools(self, _: str) -> None:
        if not self.bot.tools:
            self.terminal.line("There are no tools. Start with --tools, --tool or --mcp for some.")
        elif self.bot.settings.past_turns == 0:
            self.terminal.line("With tools, this model reads the newest message only.")
        for tool in self.bot.tools or ():
            arguments = ", ".join(tool.parameters["properties"])
            asks = " (asks you first)" if tool.needs_approval else ""
            described = tool.description.strip().split("\n")[0]
            self.terminal.line(f"{tool.name}({arguments}): {described}{asks}")

    def _sources(self, _: str) -> None:
        reply = self.bot.reply
        if reply is None or not reply.passages:
            self.terminal.line("The last answer has no sources.")
            return
        for origin, passage in zip(self.terminal.origins(), reply.passages, strict=True):
            self.terminal.line(f"{origin}: {' '.join(passage.text.split())}")

    def _model(self, name: str) -> None:
        if self.terminal.switch is None:
            raise ValueError("there is no other model here")
        self.terminal.switch(self.bot, name)
        self.terminal.line(f"Now talking to {name}.")

    def _turns(self) -> str:
        count = len(self.bot.conversation.turns)
        return f"{count} turn{'s' if count != 1 else ''}"


def write_export(path: Path, text: str) -> None:
    """Write a conversation in the format of another program to a new file for its owner only.

    Raises:
        ConversationError: If there is such a file, or it can't be written.
    """
    try:
        if resolved(path).exists():
            raise ConversationError(f"{path} exists, and is left as it is. Choose another name.")
        write_whole(path, text, mode=0o600)
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        if isinstance(error, ConversationError):
            raise
        why = getattr(error, "strerror", None) or error
        raise ConversationError(f"can't write {path}: {why}") from None


def file_and_title(argument: str) -> tuple[str, str | None]:
    """Split what follows ``/load``: a file, and after it a part of a title if it holds several.

    A name with blanks needs quotes only if such words follow it.

    Example:
        >>> file_and_title("'my talks.json' Oslo"), file_and_title("my talks.json")
        (('my talks.json', 'Oslo'), ('my talks.json', None))
    """
    with contextlib.suppress(ValueError):
        first, *rest = shlex.split(argument)
        if rest and (argument[0] in "'\"" or Path(first).expanduser().is_file()):
            return first, " ".join(rest)
    return unquoted(argument), None


def unquoted(text: str) -> str:
    """Return a name without quotes around it; backslashes stay, as Windows needs them."""
    if text[:1] not in "'\"":
        return text
    with contextlib.suppress(ValueError):
        parts = shlex.split(text)
        if len(parts) == 1:
            return parts[0]
    return text
