"""The conversations behind the web page: those in memory, and through them those on disk.

Each tab of the browser has a session, under the name of its conversation. A bounded number is in
memory. What is not, is read again from the archive when it is asked for, so nothing gets lost when
one makes room. Without an archive only sessions that are still empty make room.
"""

import copy
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

from companion.chatbot.archive import Archive, Stamp, new_name
from companion.chatbot.history import Conversation
from companion.errors import ConversationError

if TYPE_CHECKING:
    from companion.chatbot.answering import Answering
    from companion.chatbot.bot import Chatbot


class Session:
    """The conversation of one browser tab.

    Attributes:
        bot: Answers in it.
        busy: Held while an answer is written.
        stop: Set to stop it.
        defaults: Backend and settings of the start, or of the last change of the model.
        model: The model that was chosen in the page; empty for that of the start.
        stamp: The file that the conversation was read from or written to last.
        own: Whether it has settings or documents of its own. No file holds them, so it stays in
            memory.
        answering: What writes the answer, while one is written.
    """

    def __init__(self, bot: "Chatbot", stamp: Stamp | None = None) -> None:
        self.bot, self.stamp = bot, stamp
        self.busy, self.stop = threading.Lock(), threading.Event()
        self.defaults = (bot.backend, bot.settings)
        self.own, self.model = False, ""
        self.answering: Answering | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing was said yet."""
        return not self.bot.conversation.turns


class Sessions:
    """A bounded number of conversations in memory. May be used from several threads.

    Args:
        make_bot: Makes a chatbot with an empty conversation.
        limit: Conversations in memory at most.
        archive: Where conversations are kept; None for nowhere.
    """

    def __init__(
        self, make_bot: "Callable[[], Chatbot]", limit: int = 256, archive: Archive | None = None
    ) -> None:
        self.make_bot, self.limit, self.archive = make_bot, limit, archive
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._lock = threading.RLock()

    def __len__(self) -> int:
        """Return the number of conversations in memory."""
        return len(self._sessions)

    def new(self, conversation: Conversation | None = None) -> tuple[str, Session] | None:
        """Begin a conversation, or a copy of one, under a new name; None if there is no room."""
        session = Session(self.make_bot())
        if conversation is not None:
            session.bot.conversation = copy.deepcopy(conversation)
        name = new_name()
        return (name, session) if self._put(name, session) else None

    def find(self, name: object) -> Session | None:
        """Return a conversation by its name; None if there is none.

        Raises:
            ConversationError: If its file can't be read, or there is no room.
        """
        if not isinstance(name, str):
            return None
        with self._lock:
            session = self._sessions.get(name)
            if session is None:
                return self._open(name)
            self._sessions.move_to_end(name)
            if self.archive is None or session.busy.locked():
                return session
            stamp = self.archive.stamp(name)
            if stamp not in (None, session.stamp):  # another server has changed it
                session.bot.conversation = self.archive.read(name)
                session.stamp = stamp
            return session

    def save(self, name: str, session: Session) -> None:
        """Write a conversation to the archive, if there is one and something was said.

        Raises:
            ConversationError: If it can't be written.
        """
        if self.archive is not None and not session.empty:
            talk = session.bot.conversation
            session.stamp = self.archive.write(name, talk, session.stamp)

    def add(self, conversation: Conversation) -> str:
        """Keep a conversation that comes from elsewhere, and return its name.

        Raises:
            ConversationError: If there is no room, or it can't be written.
        """
        if self.archive is not None:
            name = new_name()
            self.archive.write(name, conversation)
            return name
        begun = self.new(conversation)
        if begun is None:
            raise ConversationError(NO_ROOM)
        return begun[0]

    def delete(self, name: str) -> None:
        """Forget a conversation, in memory and on disk.

        Raises:
            ConversationError: If its answer is being written, or the file can't be deleted.
        """
        with self._lock:
            session = self._sessions.get(name)
            if session is not None and session.busy.locked():
                raise ConversationError("an answer is still being written in it; stop it first")
            if self.archive is not None:
                self.archive.delete(name)
            self._sessions.pop(name, None)

    def _open(self, name: str) -> Session | None:
        """Read a conversation from the archive."""
        stamp = None if self.archive is None else self.archive.stamp(name)
        if stamp is None:
            return None
        session = Session(self.make_bot(), stamp)
        session.bot.conversation = self.archive.read(name)
        if not self._put(name, session):
            raise ConversationError(NO_ROOM)
        return session

    def _put(self, name: str, session: Session) -> bool:
        with self._lock:
            if len(self) >= self.limit:
                names = (k for k, held in self._sessions.items() if self._may_go(held))
                idle = next(names, None)
                if idle is None:
                    return False
                del self._sessions[idle]
            self._sessions[name] = session
            return True

    def _may_go(self, session: Session) -> bool:
        """Tell whether a session can leave the memory, and nothing of it is lost."""
        kept = session.empty or session.stamp is not None
        return kept and not session.own and not session.busy.locked()


NO_ROOM = "too many conversations are in memory; start companion chat again to make room"
