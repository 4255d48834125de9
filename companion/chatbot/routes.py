"""What the page can ask for, by name.

A method of `Routes` gets the JSON object that was sent and returns one, a text, or what begins an
answer. It knows nothing of HTTP but the status of a refusal. It runs in a thread, so it may read
files and load models. Taught in :doc:`/book/applications/chatbot`.
"""

import base64
import binascii
from collections.abc import Callable
from typing import Any

from companion.chatbot.answering import Answering, Request
from companion.chatbot.archive import title_of
from companion.chatbot.choices import Choices
from companion.chatbot.exchange import export, import_all
from companion.chatbot.sessions import NO_ROOM, Session, Sessions
from companion.chatbot.turn_view import shown, version
from companion.errors import ConversationError

MAX_FILE_BYTES = 20_000_000
"""Size of the largest document that is taken, as for the files of a folder."""

MAX_IMPORT_BYTES = 64 * 2**20
"""Size of the largest file with conversations that is taken."""

RELOAD_SECONDS = 2.0
"""How long a page waits for an answer to end that it has stopped by being loaded again."""

LIMITS = {"/upload": MAX_FILE_BYTES * 7 // 5, "/import": MAX_IMPORT_BYTES * 5 // 4}
"""Sizes of requests: a file in base64 takes a third more, a text in JSON mostly a tenth."""

Asked = dict[str, Any]


Stream = Callable[[], Answering]
"""Begins an answer, whose events are then sent."""


class RefusedError(ConversationError):
    """Why a request is refused.

    Args:
        status: Of HTTP.
        message: What the user is told.
        more: What the page is told beside it.
    """

    def __init__(self, status: int, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status, self.more = status, more


class Routes:
    """The requests of the page, by name.

    Args:
        sessions: The conversations.
        title: What the page calls the model.
        choices: What of it can be set.
    """

    def __init__(self, sessions: Sessions, title: str, choices: Choices) -> None:
        self.sessions, self.title, self.choices = sessions, title, choices

    def enter(self, asked: Asked) -> dict[str, Any]:
        """Return a conversation, or begin one. ``copy`` gives a tab one of its own, like that."""
        name, session = asked.get("session"), self.sessions.find(asked.get("session"))
        if session is not None and session.busy.acquire(timeout=RELOAD_SECONDS):
            session.busy.release()
        if session is None or asked.get("copy"):
            talk = session.bot.conversation if session is not None else None
            begun = self.sessions.new(talk if talk is not None and talk.turns else None)
            if begun is None:
                raise RefusedError(503, NO_ROOM)
            name, session = begun
        bot = session.bot
        return {
            "session": name,
            "title": title_of(bot.conversation),
            "model": session.model or self.title,
            "tools": [tool.name for tool in bot.tools or ()],
            "documents": _desk(session).names() if _desk(session) is not None else None,
            "kept": self.sessions.archive is not None,
            "turns": [shown(turn) for turn in bot.conversation.turns],
            "version": version(bot.conversation.turns),
        }

    def chat(self, asked: Asked) -> Stream:
        """Stream the answer to a message: a new one, or in the place of the turn ``at``."""
        session, text, at = self._session(asked), asked.get("text"), asked.get("at")
        if not isinstance(text, str) or not text.strip():
            raise RefusedError(400, "write a message first")
        begin = self._stream(asked, Request(text, at))
        turns = len(session.bot.conversation.turns)
        if at is not None and (type(at) is not int or not 0 <= at < turns):
            raise RefusedError(400, "there is no such message any more; reload the page")
        return begin

    def resume(self, asked: Asked) -> Stream:
        """Stream the rest of the last answer, which was stopped or cut."""
        return self._stream(asked, Request(None))

    def stop(self, asked: Asked) -> dict[str, Any]:
        """Stop the answer that is being written. Its stream then ends."""
        answering = self._session(asked).answering
        if answering is not None:
            answering.stop()
        return {}

    def decide(self, asked: Asked) -> dict[str, Any]:
        """Say whether a tool may run."""
        answering = self._session(asked).answering
        allow = asked.get("allow") is True
        if answering is None or not answering.decide(asked.get("question"), allow):
            raise RefusedError(409, "this question is not open any more; the tool was not run")
        return {}

    def conversations(self, asked: Asked) -> dict[str, Any]:
        """List the saved conversations."""
        if self.sessions.archive is None:
            return {"conversations": [], "problems": []}
        entries, problems = self.sessions.archive.entries()
        return {"conversations": [entry._asdict() for entry in entries], "problems": problems}

    def rename(self, asked: Asked) -> dict[str, Any]:
        """Give a conversation another title."""
        session, title = self._idle(asked), asked.get("title")
        if not isinstance(title, str) or not title.strip():
            raise RefusedError(400, "write a title first")
        session.bot.conversation.title = " ".join(title.split())[:200]
        self.sessions.save(asked["session"], session)
        return {"title": title_of(session.bot.conversation)}

    def delete(self, asked: Asked) -> dict[str, Any]:
        """Delete a conversation."""
        name = asked.get("session")
        if isinstance(name, str):
            self.sessions.delete(name)
        return {}

    def export(self, asked: Asked) -> str:
        """Return a conversation as the text of a file."""
        talk = self._session(asked).bot.conversation
        return export(talk, str(asked.get("format", "companion")))

    def import_file(self, asked: Asked) -> dict[str, Any]:
        """Read the conversations of a file, and keep them."""
        text = asked.get("text")
        if not isinstance(text, str):
            raise RefusedError(400, "choose a file first")
        imported = import_all(text.encode("utf-8", "replace"))
        names = [self.sessions.add(talk) for talk in imported.conversations]
        return {"sessions": names, "problems": imported.problems}

    def settings(self, asked: Asked) -> dict[str, Any]:
        """Return what is set, after it was changed if ``set`` says how."""
        session = self._session(asked) if asked.get("set") is None else self._idle(asked)
        if asked.get("set") is not None:
            self.choices.apply(session, asked["set"])
            self.sessions.save(asked["session"], session)
        return self.choices.shown(session)

    def upload(self, asked: Asked) -> dict[str, Any]:
        """Add a file to the documents of a conversation."""
        session, desk = self._session(asked), self._desk(asked)
        try:
            data = base64.b64decode(asked.get("data", ""), validate=True)
        except (binascii.Error, ValueError, TypeError):
            raise RefusedError(400, "the file has not arrived whole; try again") from None
        desk.add(str(asked.get("name", "")), data)
        session.own = True
        return {"documents": desk.names()}

    def remove(self, asked: Asked) -> dict[str, Any]:
        """Take a file away that was added."""
        desk = self._desk(asked)
        desk.remove(str(asked.get("name", "")))
        return {"documents": desk.names()}

    def _desk(self, asked: Asked) -> Any:
        desk = _desk(self._session(asked))
        if desk is None:
            raise RefusedError(400, "this chat takes no documents")
        return desk

    def _session(self, asked: Asked) -> Session:
        session = self.sessions.find(asked.get("session"))
        if session is None:
            raise RefusedError(404, "this conversation is no longer here; begin a new one")
        return session

    def _idle(self, asked: Asked) -> Session:
        session = self._session(asked)
        if session.busy.locked():
            raise RefusedError(409, BUSY)
        return session

    def _stream(self, asked: Asked, ask: Request) -> Stream:
        """Return what begins an answer, if the page knows the conversation as it is."""
        session, name = self._idle(asked), asked["session"]
        now = version(session.bot.conversation.turns)
        if asked.get("version", now) != now:
            message = "this conversation was changed elsewhere; here it is as it is now"
            raise RefusedError(409, message, stale=True)
        desk, documents = _desk(session), asked.get("documents")
        known = desk.names() if desk is not None and isinstance(documents, list) else documents
        if known != documents:
            message = "the documents that were added are gone: companion chat has been started anew"
            raise RefusedError(409, f"{message}. Add them again", stale=True)

        def begin() -> Answering:
            if not session.busy.acquire(blocking=False):
                raise RefusedError(409, BUSY)
            return Answering(session, ask, lambda: self.sessions.save(name, session))

        return begin


BUSY = "an answer is still being written; stop it first"


def _desk(session: Session) -> Any:
    """Return what takes documents for a conversation; None if its retriever does not."""
    retriever = session.bot.retriever
    return retriever if callable(getattr(retriever, "names", None)) else None
