"""A desk: what one conversation answers from, a library and the files that were added to it.

Others who search the same library do not find what lies on this desk. It is kept in memory, as
long as the desk is.
"""

import threading
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from companion.errors import DocumentError
from companion.rag.close import ClosePassages
from companion.rag.documents import Document, Hit, passage, read_documents
from companion.rag.library import Library, cut

MAX_FILE_BYTES = 20_000_000
"""Size of the largest file that is added."""

MAX_PASSAGES = 2000
"""Passages on a desk at most: some 2 MB of text, and a minute or two of work to embed them."""

MAX_NAME = 200
"""Characters of a name at most."""


class Desk:
    """The documents of one conversation. A `Chatbot` takes it as its retriever.

    Args:
        library: The documents that all conversations share; None if there are none.
        make_embedder: Returns what makes vectors. It is called with the first file that is added,
            if there is no library.
        length: Characters of a passage at most.
        sentences: Whether the passages are single sentences, as those of the library are then.

    Example:
        A chat page adds a file that a user has chosen, and shows what was wrong with it:

        >>> desk = Desk(None, make_embedder=None)
        >>> desk.names(), len(desk)
        ([], 0)
        >>> desk.add("photo.png", b"...")
        Traceback (most recent call last):
        companion.errors.DocumentError: photo.png is a picture. Words on it need text recognition.
    """

    def __init__(
        self,
        library: Library | None,
        make_embedder: Callable[[], Any],
        length: int = 1000,
        *,
        sentences: bool = False,
    ) -> None:
        self.library, self.make_embedder, self.length = library, make_embedder, length
        self.sentences = sentences
        self._lock = threading.Lock()
        self._added: dict[str, tuple[list[Document], np.ndarray]] = {}
        self._merged: tuple[ClosePassages | None, ClosePassages] | None = None

    def __len__(self) -> int:
        """Return the number of passages that there are now. See also `given`."""
        return (0 if self.library is None else len(self.library)) + self._size()

    @property
    def given(self) -> bool:
        """Whether there are documents to answer from, even if nothing stands in them now."""
        return self.library is not None or bool(self._added)

    def names(self) -> list[str]:
        """Return the names of the files that were added, in the order in which they came."""
        return list(self._added)

    def add(self, name: str, data: bytes) -> str:
        """Add a file, such as one that was uploaded. It takes the place of one of the same name.

        It is read and embedded before the method returns: milliseconds for a note, a minute for
        1 MB of text. Searches go on meanwhile. It may be called from any thread.

        Args:
            name: Name of the file. Its suffix says how it is read; see `companion.rag.readers`.
                Folders before it are left out.
            data: What the file holds, at most `MAX_FILE_BYTES`.

        Returns:
            The name under which it is listed and cited.

        Raises:
            DocumentError: If the name is none, the file is too large, of a kind that is not read,
                damaged or empty, or holds more than the desk has room for. It says what to do, in
                words that can be shown to the user.
            MissingExtraError: If a library that reads or searches documents is not installed.
        """
        name = checked_name(name)
        if len(data) > MAX_FILE_BYTES:
            raise DocumentError(
                f"{name} has {len(data):,} bytes, and at most {MAX_FILE_BYTES:,} are read. "
                "Split it."
            )
        documents = cut(read_documents(data, name, name), self.length, sentences=self.sentences)
        others = self._size() - len(self._added.get(name, ((), None))[0])
        if others + len(documents) > MAX_PASSAGES:
            raise DocumentError(
                f"{name} has {len(documents):,} passages, and there is room for "
                f"{MAX_PASSAGES - others:,} beside the other files that were added. Add a part of "
                "it, or put it into the folder of documents."
            )
        vectors = self._embedder().embed(
            [passage(document) for document in documents], progress=False
        )
        with self._lock:
            self._added[name] = (documents, vectors)
            self._merged = None
        return name

    def remove(self, name: str) -> None:
        """Take a file off the desk.

        Raises:
            DocumentError: If there is none of this name.
        """
        with self._lock:
            if self._added.pop(name, None) is None:
                raise DocumentError(f"no file {name!r:.80} was added")
            self._merged = None

    def search(self, query: str, k: int) -> list[Hit]:
        """Return at most ``k`` passages that are close to the question, the best first."""
        return self._current().search(query, k)

    def _current(self) -> ClosePassages:
        shared = None if self.library is None else self.library.current()
        with self._lock:
            if not self._added:
                return self._passages([], np.empty((0, 0)), None) if shared is None else shared
            if self._merged is None or self._merged[0] is not shared:
                self._merged = (shared, self._merge(shared))
            return self._merged[1]

    def _merge(self, shared: ClosePassages | None) -> ClosePassages:
        added = list(self._added.values())
        documents = [document for some, _ in added for document in some]
        vectors = [some for _, some in added]
        if shared is not None and len(shared) > 0:  # of no passages there are no vectors to join
            documents, vectors = [*shared.documents, *documents], [shared.vectors, *vectors]
        return self._passages(documents, np.concatenate(vectors), self._embedder())

    def _embedder(self) -> Any:
        return self.make_embedder() if self.library is None else self.library.embedder

    def _passages(
        self, documents: list[Document], vectors: np.ndarray, embedder: Any
    ) -> ClosePassages:
        return ClosePassages(documents, vectors, embedder, sentences=self.sentences)

    def _size(self) -> int:
        return sum(len(documents) for documents, _ in self._added.values())


def checked_name(name: str) -> str:
    r"""Return the name of an uploaded file, without folders.

    Raises:
        DocumentError: If it is no name of a file.

    Example:
        >>> checked_name("C:\\notes\\ferry.md"), checked_name("a/b.txt")
        ('ferry.md', 'b.txt')
    """
    last = PurePosixPath(str(name).replace("\\", "/")).name.strip()
    if not last.strip(".") or len(last) > MAX_NAME or not last.isprintable():
        raise DocumentError(
            f"{last!r:.80} can't be the name of a document: it must be printable and have 1 to "
            f"{MAX_NAME} characters"
        )
    return last
