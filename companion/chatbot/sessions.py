"""The conversations behind the web page: one per browser tab, a bounded number."""

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from companion.chatbot.bot import Chatbot


class Session:
    """The conversation of one browser tab."""

    def __init__(self, bot: "Chatbot") -> None:
        """Start idle."""
        self.bot = bot
        self.busy = threading.Lock()
        self.stop = threading.Event()


class Sessions:
    """A bounded number of conversations; the one unused for longest goes first.

    Args:
        make_bot: Makes a chatbot with an empty conversation.
        limit: Conversations at most.
    """

    def __init__(self, make_bot: "Callable[[], Chatbot]", limit: int = 32) -> None:
        """Start with none."""
        self.make_bot, self.limit = make_bot, limit
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    def __len__(self) -> int:
        """Return the number of conversations."""
        return len(self._sessions)

    def new(self) -> tuple[str, Session] | None:
        """Begin a conversation under a name that can't be guessed; None if all are busy."""
        if len(self) >= self.limit:
            idle = next((k for k, one in self._sessions.items() if not one.busy.locked()), None)
            if idle is None:
                return None
            del self._sessions[idle]
        name, session = secrets.token_urlsafe(32), Session(self.make_bot())
        self._sessions[name] = session
        return name, session

    def find(self, name: object) -> Session | None:
        """Return a conversation by its name; None if it is not there."""
        if not isinstance(name, str) or name not in self._sessions:
            return None
        self._sessions.move_to_end(name)
        return self._sessions[name]
