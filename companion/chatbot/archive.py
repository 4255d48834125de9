"""Saved conversations of the page: a folder with a file for each, which only its owner can read.

A file is what `companion.chatbot.storage` writes, under a name that can't be guessed. They outlive
the server, and may be used by several servers at once. Taught in :doc:`/book/applications/chatbot`.

Left out: a search in what was said; who deletes a conversation is not asked twice here.
"""

import contextlib
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from companion._files import write_whole
from companion.chatbot import storage
from companion.chatbot.history import Conversation
from companion.errors import ConversationError

VARIABLE = "COMPANION_CONVERSATIONS"
"""Names the folder in the place of ``~/.companion/conversations``."""

NAME = re.compile(r"[A-Za-z0-9_-]{43}")
"""Names of conversations, and keys: 256 random bits."""

TITLE_LENGTH = 80

Stamp = tuple[int, int]
"""Time of the last change in nanoseconds, and size: another one means another content."""


class ArchiveEntry(NamedTuple):
    """What a list of conversations shows of one."""

    name: str
    title: str
    turns: int
    changed: float
    """Seconds since 1970."""


def new_name() -> str:
    """Return a name that can't be guessed."""
    return secrets.token_urlsafe(32)


def default_folder(environment: Mapping[str, str]) -> Path:
    """Return the folder that the user has chosen, or the usual one.

    Example:
        >>> default_folder({"COMPANION_CONVERSATIONS": "/data/talks"}).as_posix()
        '/data/talks'
    """
    chosen = environment.get(VARIABLE)
    return Path(chosen or "~/.companion/conversations").expanduser()


def title_of(conversation: Conversation) -> str:
    r"""Return the name of a conversation; that of one without is how it begins.

    Example:
        >>> from companion.chatbot.history import Turn
        >>> title_of(Conversation(None, [Turn([{"role": "user", "content": "Tea?\nHow long?"}])]))
        'Tea? How long?'
    """
    first = conversation.turns[0].messages[0]["content"] if conversation.turns else ""
    title = " ".join((conversation.title or first[: 4 * TITLE_LENGTH]).split())
    return title if len(title) <= TITLE_LENGTH else f"{title[: TITLE_LENGTH - 1].rstrip()}…"


class Archive:
    """A folder of conversations.

    Args:
        folder: Where they are. It is made with the first one, for its owner alone.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._entries: dict[str, tuple[Stamp, ArchiveEntry | str]] = {}

    def entries(self) -> tuple[list[ArchiveEntry], list[str]]:
        """Return the conversations, the one changed last first, and what is wrong with the others.

        A file is only read if it is new or has changed.

        Raises:
            ConversationError: If the folder can't be read.
        """
        known, self._entries = self._entries, {}
        for path in self._paths():
            name = path.stem
            stamp = self.stamp(name)
            if stamp is None:
                continue  # deleted just now
            at_hand = known.get(name)
            fresh = at_hand is not None and at_hand[0] == stamp
            self._entries[name] = at_hand if fresh else (stamp, self._entry(name, stamp))
        listed = [entry for _, entry in self._entries.values()]
        entries = [entry for entry in listed if isinstance(entry, ArchiveEntry)]
        entries.sort(key=lambda entry: -entry.changed)
        return entries, [entry for entry in listed if isinstance(entry, str)]

    def stamp(self, name: str) -> Stamp | None:
        """Return what tells a changed file from the same; None if there is no such file."""
        with contextlib.suppress(OSError):
            status = self._path(name).stat()
            return status.st_mtime_ns, status.st_size
        return None

    def read(self, name: str) -> Conversation:
        """Return a conversation.

        Raises:
            ConversationError: If it can't be read.
        """
        return storage.load(self._path(name))

    def write(self, name: str, conversation: Conversation, seen: Stamp | None = None) -> Stamp:
        """Write a conversation, and return the stamp of its file.

        Args:
            name: Its name.
            conversation: What to write.
            seen: The stamp of the file that this conversation grew out of. If another server has
                changed it since then, its version is kept as a conversation of its own.

        Raises:
            ConversationError: If it can't be written.
        """
        path = self._path(name)
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self.stamp(name) not in (None, seen):
                os.replace(path, self._path(new_name()))
        except OSError as error:
            raise ConversationError(f"can't write {path}: {error.strerror or error}") from None
        storage.save(conversation, path)
        return self.stamp(name)

    def delete(self, name: str) -> None:
        """Delete a conversation. It is no error if it is gone already.

        Raises:
            ConversationError: If it can't be deleted.
        """
        try:
            self._path(name).unlink(missing_ok=True)
        except OSError as error:
            raise ConversationError(f"can't delete it: {error.strerror or error}") from None

    def key(self) -> str:
        """Return the key of the page that shows this folder: the same one at every start.

        Raises:
            ConversationError: If the folder can't be written.
        """
        path = self.folder / "key"
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                kept = path.read_text(encoding="ascii", errors="replace").strip()
                if NAME.fullmatch(kept) and _private(path):
                    return kept
            key = new_name()
            write_whole(path, key + "\n", mode=0o600)
        except OSError as error:
            raise ConversationError(
                f"can't keep conversations in {self.folder}: {error.strerror or error}"
            ) from None
        return key

    def _path(self, name: str) -> Path:
        if not NAME.fullmatch(name):  # no name leads out of the folder
            raise ConversationError(f"{name[:60]!r} is no name of a conversation")
        return self.folder / f"{name}.json"

    def _paths(self) -> list[Path]:
        try:
            paths = list(self.folder.glob("*.json"))
        except OSError as error:
            raise ConversationError(
                f"can't read {self.folder}: {error.strerror or error}"
            ) from None
        return [path for path in paths if NAME.fullmatch(path.stem)]

    def _entry(self, name: str, stamp: Stamp) -> ArchiveEntry | str:
        try:
            talk = self.read(name)
        except ConversationError as error:
            return str(error)
        return ArchiveEntry(name, title_of(talk), len(talk.turns), stamp[0] / 1e9)


def _private(path: Path) -> bool:
    return os.name != "posix" or not path.stat().st_mode & 0o077
