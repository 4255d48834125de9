"""One answer on its way to the page: written in a thread, read as events.

The thread runs the chatbot and puts events into a queue: pieces of text, calls of tools, a question
whether a tool may run, and at the end the whole turn or an error. It waits while the queue is full,
so a model never runs far ahead of a slow reader, and it ends when nobody reads any more.
"""

import contextvars
import queue
import threading
from collections.abc import Callable, Generator
from contextlib import closing, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from companion.chatbot.sessions import Session
from companion.chatbot.turn_view import shown, version
from companion.errors import CompanionError

if TYPE_CHECKING:
    from companion.chatbot.reply import Reply
    from companion.tools import ToolCall

APPROVAL_SECONDS = 120.0
"""How long a tool waits to be allowed. Then it is refused."""


class Event(NamedTuple):
    """What the page is told."""

    kind: str
    """``piece``, ``call``, ``approval``, ``decided``, ``done`` or ``error``."""
    values: dict[str, Any]


class Request(NamedTuple):
    """What is to be answered.

    Attributes:
        text: The user's words; None goes on with the last answer.
        at: The turn whose place the new one takes, and that of all after it; None for a new turn.
    """

    text: str | None
    at: int | None = None


class StoppedError(Exception):
    """The user has pressed Stop, or the browser has gone."""


class Answering:
    """An answer while it is being written. Its session must be busy, and is not any more after it.

    Args:
        session: Where it belongs.
        ask: What is to be answered.
        save: Keeps the conversation afterwards.
        approval_seconds: How long a tool waits to be allowed.
    """

    def __init__(
        self,
        session: Session,
        ask: Request,
        save: Callable[[], None],
        *,
        approval_seconds: float = APPROVAL_SECONDS,
    ) -> None:
        self.session, self.ask, self.save = session, ask, save
        self.approval_seconds = approval_seconds
        self._events: queue.Queue[Event | None] = queue.Queue(maxsize=64)
        self._decisions: queue.SimpleQueue[bool | None] = queue.SimpleQueue()
        self._waiting: int | None = None
        self._questions = 0
        self._gone = False
        session.stop.clear()
        session.answering = self
        work = contextvars.copy_context().run
        self.thread = threading.Thread(target=work, args=(self._run,), daemon=True)
        self.thread.start()

    def next_event(self) -> Event | None:
        """Wait for the next event and return it; None if there is none any more."""
        return self._events.get()

    def leave(self) -> None:
        """Stop, since nobody reads any more; wait a moment for the end."""
        self._gone = True
        self.stop()
        self.thread.join(5)
        with suppress(queue.Empty):
            while True:
                self._events.get_nowait()
        self._events.put(None)  # for a reader that was left waiting

    def stop(self) -> None:
        """Stop at the next piece. A tool that waits to be allowed is refused."""
        self.session.stop.set()
        self._decisions.put(None)

    def decide(self, question: object, allow: bool) -> bool:
        """Answer the question whether a tool may run; return False if it is not open any more."""
        if question != self._waiting or self._waiting is None:
            return False
        self._waiting = None
        self._decisions.put(allow)
        return True

    def _run(self) -> None:
        try:
            last = self._answer()
        except (CompanionError, ValueError) as error:
            last = Event("error", {"message": " ".join(str(error).split())})
        except Exception as error:  # a fault of ours or of a tool: say so, and serve the others
            last = Event("error", {"message": f"this should not happen: {error!r:.300}"})
            raise
        finally:
            self.session.answering = None
            self.session.busy.release()
            self._put(last)
            self._put(None)

    def _answer(self) -> Event:
        """Write the answer, put the turns back that it did not replace, and save."""
        bot, settings = self.session.bot, self.session.bot.settings
        turns = bot.conversation.turns
        removed = [] if self.ask.at is None else turns[self.ask.at :]
        for _ in removed:
            bot.retract()
        kept = len(turns)
        approve = settings.approve or self._approve
        bot.settings = replace(settings, approve=lambda call: self._told(call, approve))
        try:
            self._write(bot.stream(self.ask.text) if self.ask.text is not None else bot.resume())
        except StoppedError:
            pass
        except BaseException:
            if turns[kept:] and not turns[-1].answered:
                bot.retract()  # the page has the words still
            raise
        finally:
            bot.settings = settings
            restored = bool(removed) and not any(turn.answered for turn in turns[kept:])
            if restored:
                turns[kept:] = removed
            problem = self._saved()
        if restored:
            return Event("done", {"restored": True})
        told = {"version": version(turns), "unsaved": problem}
        return Event("done", {**shown(turns[-1], bot.reply), **told})

    def _write(self, answer: "Generator[str, None, Reply]") -> None:
        with closing(answer):
            for piece in answer:
                self._tell("piece", text=piece)

    def _saved(self) -> str:
        """Save, and return what is wrong if it can't be done."""
        try:
            self.save()
        except CompanionError as error:
            return str(error)
        return ""

    def _told(self, call: "ToolCall", approve: "Callable[[ToolCall], bool]") -> bool:
        """Say whether a call may run, and show it if it does."""
        allowed = approve(call)
        if allowed:
            self._tell("call", name=call.name, arguments=call.arguments)
        return allowed

    def _approve(self, call: "ToolCall") -> bool:
        """Ask the user, if the tool is one that needs it, and wait for an answer."""
        if not self.session.bot.tools[call.name].needs_approval:
            return True
        self._questions += 1
        self._waiting = number = self._questions
        self._tell(
            "approval",
            question=number,
            name=call.name,
            arguments=call.arguments,
            seconds=self.approval_seconds,
        )
        try:
            allowed = self._decisions.get(timeout=self.approval_seconds)
        except queue.Empty:
            allowed = False
        self._waiting = None
        if allowed is None:
            raise StoppedError
        self._tell("decided", question=number, allowed=allowed)
        return allowed

    def _tell(self, kind: str, **values: Any) -> None:
        """Put an event into the queue, unless the answer is to stop."""
        if self.session.stop.is_set():
            raise StoppedError
        self._put(Event(kind, values))

    def _put(self, event: Event | None) -> None:
        while not self._gone:
            try:
                self._events.put(event, timeout=0.5)
            except queue.Full:
                continue
            return
