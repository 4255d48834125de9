"""A library: the documents of a folder, searchable at once after a restart, and never stale.

What was read and embedded is kept in a file (`companion.rag.library_file`) in the user's cache,
never in the folder itself. Before each search the folder is looked through: names, sizes and times
say which files may have changed, and the sha256 of the content says which have. Only what is new is
embedded. Taught in :doc:`/book/applications/chatbot`.
"""

import hashlib
import os
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from tqdm import tqdm

from companion.errors import CompanionError, DocumentError, IndexFileError
from companion.rag.chunking import split_recursively
from companion.rag.close import ClosePassages
from companion.rag.documents import (
    Document,
    Hit,
    file_bytes,
    folder_files,
    headings,
    passage,
    read_documents,
)
from companion.rag.library_file import FileReading, FileRecord, LibraryFile
from companion.rag.sentences import split_sentences

BATCH = 64
"""Passages that are embedded before they are kept: what Ctrl-C may cost."""

MAX_CACHE_BYTES = 2**30
"""Size up to which files of libraries are kept; those unused for longest go first. 1 GiB."""

_RECENT_NS = 2_000_000_000
"""A file that changed less than 2 s before it was read may change again and look the same."""


class Library:
    """The documents of a folder. It can be searched from several threads.

    Args:
        folder: Where the documents are.
        embedder: An `companion.rag.Embedder`, or any object with its ``embed`` and ``model_id``.
        length: Characters of a passage at most, the headings before its text included. Of very
            long headings at least half is left for the text.
        sentences: Whether the passages are single sentences, one of which is to be the answer.
        cache: Folder for the file with passages and vectors, made with mode 0700. None keeps them
            in memory only.
        tell: Is given a line about each file that can't be read, and about work that takes time.

    Raises:
        DocumentError: If the folder does not exist, or none of its files can be read.
    """

    def __init__(
        self,
        folder: str | Path,
        embedder: Any,
        *,
        length: int = 1000,
        sentences: bool = False,
        cache: str | Path | None = None,
        tell: Callable[[str], None] = lambda line: None,
    ) -> None:
        """Read and embed what has changed since the last time."""
        self.folder = Path(folder).expanduser()
        self.embedder, self.length, self.tell = embedder, length, tell
        self.sentences = sentences
        self._lock, self._seen = threading.Lock(), -1
        root = self.folder.resolve()
        self._label = f"{root}\0{embedder.model_id}\0{length}" + "\0sentences" * sentences
        folder_files(self.folder)  # a folder without files is a mistake now, and not later
        self._file = self._open(Path(cache).expanduser() if cache else None)
        self.passages = ClosePassages([], None, embedder, sentences=sentences)
        for record in self._file.files().values():
            if record.error:
                self.tell(f"left out: {record.error}")
        self._keep_up()
        if len(self.passages) == 0:
            failures = len(self._file.files())
            raise DocumentError(f"{self.folder}: none of its {failures} files could be read")

    def __len__(self) -> int:
        """Return the number of passages: 0 if all files are gone, until there are others."""
        return len(self.passages)

    def search(self, query: str, k: int) -> list[Hit]:
        """Return at most ``k`` passages that are close to the question, the best first."""
        return self.current().search(query, k)

    def current(self) -> ClosePassages:
        """Return the passages of the folder as it is now.

        While another thread reads what has changed, those of before.
        """
        if self._lock.acquire(blocking=False):
            try:
                self._keep_up()
            finally:
                self._lock.release()
        return self.passages

    def _keep_up(self) -> None:
        """Bring file and passages up to date. A file that can't be used is replaced, and told."""
        try:
            self._refresh()
        except (IndexFileError, sqlite3.OperationalError) as error:
            path = self._file.path
            self._file.close()
            self._file = self._reopened(path, error)
            self._seen = -1
            self._refresh()

    def _refresh(self) -> None:
        changed = self._read_changes()
        changed = self._embed() or changed
        changes = self._file.changes()
        if changed or changes != self._seen:
            documents, vectors = self._file.load()
            self.passages = ClosePassages(
                documents, vectors, self.embedder, sentences=self.sentences
            )
            self._seen = changes

    def _read_changes(self) -> bool:
        """Read what is new in the folder, forget what is gone; tell whether there was anything."""
        try:
            stamp = folder_files(self.folder)
            files = {file.relative_to(self._base).as_posix(): file for file in stamp}
        except DocumentError:  # emptied, or gone since the start
            files = {}
        known = self._file.files()
        suspects = {
            source: (file, signature)
            for source, file in files.items()
            if (signature := _signature(file)) is not None
            and (source not in known or known[source].signature != signature)
        }
        if len(suspects) > 2 * BATCH:
            self.tell(f"reading {len(suspects):,} files")
        changed = False
        readings: list[FileReading] = []
        for source, stamp in tqdm(suspects.items(), disable=None, unit="file", leave=False):
            readings.append(self._read(source, *stamp, known.get(source)))
            changed = changed or readings[-1].passages is not None
            if len(readings) == BATCH:
                self._file.put(readings)
                readings.clear()
        self._file.put(readings)
        gone = known.keys() - files.keys()
        if gone:
            self._file.remove(gone)
        return changed or bool(gone)

    def _read(
        self, source: str, file: Path, signature: str, known: FileRecord | None
    ) -> FileReading:
        digest = ""
        try:
            data = file_bytes(file, self._base)
            digest = hashlib.sha256(data).hexdigest()
            if known is not None and known.digest == digest:
                return FileReading(source, known._replace(signature=signature), None)
            documents = read_documents(data, source, str(file))
            chunks = cut(documents, self.length, sentences=self.sentences)
            error = ""
        except CompanionError as problem:
            chunks, error = [], " ".join(str(problem).split())
            if known is None or known.error != error:
                self.tell(f"left out: {error}")
        keyed = [(chunk, _key(chunk)) for chunk in chunks]
        return FileReading(source, FileRecord(signature, digest, error), keyed)

    def _embed(self) -> bool:
        """Embed passages without vectors; tell whether there were any.

        Batches are taken in random order. So two programs that begin together share the work.
        """
        missing = self._file.missing()
        if not missing:
            return False
        many = len(missing) > 2 * BATCH
        if many:
            self.tell(f"embedding {len(missing):,} passages; what is done is kept if you stop it")
        began = time.monotonic()
        with tqdm(total=len(missing), disable=None, unit="passage", leave=False) as bar:
            for batch in batches(list(missing), missing):
                left = self._file.without_vectors(batch)
                texts = {key: passage(missing[key]) for key in left}
                if texts:
                    vectors = self.embedder.embed(list(texts.values()), progress=False)
                    self._file.put_vectors(dict(zip(texts, vectors, strict=True)))
                bar.update(len(batch))
        if many:
            self.tell(f"embedded in {time.monotonic() - began:.0f} s")
        return True

    @property
    def _base(self) -> Path:
        return self.folder if self.folder.is_dir() else self.folder.parent

    def _open(self, cache: Path | None) -> LibraryFile:
        path = None
        try:
            if cache is not None:
                cache.mkdir(mode=0o700, parents=True, exist_ok=True)
                name = hashlib.sha256(self._label.encode()).hexdigest()[:32]
                path = cache / f"{name}.sqlite"
                _make_room(cache, path)
            return LibraryFile(path, self._label)
        except (OSError, IndexFileError, sqlite3.OperationalError) as error:
            return self._reopened(path, error)

    def _reopened(self, path: Path | None, error: Exception) -> LibraryFile:
        """Begin anew after an error: in the same place, or in memory if that can't be written."""
        with suppress(OSError, IndexFileError, sqlite3.OperationalError):
            if path is not None and isinstance(error, IndexFileError):
                self.tell(f"the index {path} is built again: {error}")
                for name in (path, path.with_name(f"{path.name}-journal")):
                    name.unlink(missing_ok=True)
                return LibraryFile(path, self._label)
        self.tell(f"the index can't be kept ({error}), so it is in memory only")
        return LibraryFile(None, self._label)


def cut(documents: list[Document], length: int, *, sentences: bool = False) -> list[Document]:
    """Cut documents into passages of at most ``length`` characters, headings included.

    A heading that is cut off from its text is left out: it stands before each passage below it.
    With ``sentences`` each passage is a single one, of at most so many characters by itself.
    """
    if sentences:
        return split_sentences(documents, chunk_size=length)
    chunks = []
    for document in documents:
        room = max(length // 2, length - len(headings(document)))
        pieces = split_recursively([document], len, chunk_size=room, overlap=0)
        heading = document.metadata.get("heading")
        chunks += [piece for piece in pieces if piece.text.strip() != heading] or pieces
    return chunks


def batches(keys: list[bytes], documents: dict[bytes, Document]) -> Iterator[list[bytes]]:
    """Yield keys in batches of texts of similar length, the batches in random order."""
    keys.sort(key=lambda key: len(documents[key].text))
    starts = list(range(0, len(keys), BATCH))
    random.SystemRandom().shuffle(starts)
    for start in starts:
        yield keys[start : start + BATCH]


def _signature(file: Path) -> str | None:
    """Return what changes with a file: size, times, number; None if it is gone.

    The time of the last change of the inode can't be set back, unlike that of the content. What
    changed a moment ago gets a signature that fits nothing, so it is looked at again.
    """
    try:
        status = os.stat(file)
    except OSError:
        return "unreadable" if file.is_symlink() else None
    newest = max(status.st_mtime_ns, status.st_ctime_ns)
    parts = [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
    if time.time_ns() - newest < _RECENT_NS:
        parts.append(time.time_ns())
    return " ".join(map(str, parts))


def _key(document: Document) -> bytes:
    return hashlib.sha256(passage(document).encode()).digest()


def _make_room(cache: Path, keep: Path) -> None:
    """Remove files of libraries until the rest is small enough, those unused for longest first."""
    files = [(file.stat(), file) for file in cache.glob("*.sqlite") if file != keep]
    files.sort(key=lambda pair: pair[0].st_mtime)
    size = sum(status.st_size for status, _ in files)
    for status, file in files:
        if size <= MAX_CACHE_BYTES:
            break
        with suppress(OSError):
            file.unlink()
            size -= status.st_size
