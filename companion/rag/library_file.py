"""The file of a library: passages and their vectors in one SQLite database.

SQLite gives what an index on disk needs: a change is there as a whole or not at all, two programs
can work on the same file, and nothing is unpickled. It does not notice a flipped bit in a value, so
each row carries a checksum; what is damaged is built again. The file holds the text of the
documents, so only its owner can read it, and what is deleted is overwritten.
"""

import json
import os
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple
from weakref import finalize

import numpy as np

from companion.errors import IndexFileError
from companion.rag.documents import Document

APPLICATION = 0x636D706E  # "cmpn": whose file it is, as SQLite keeps it in the header
VERSION = 1
WAIT_S = 60.0
"""Seconds to wait for another program that is writing."""

_PRAGMAS = (
    "trusted_schema = OFF",
    "secure_delete = ON",
    "auto_vacuum = FULL",
    "synchronous = OFF",  # a power cut may damage the file, and then it is built again
)
_TABLES = (
    "CREATE TABLE label (text TEXT NOT NULL)",
    "CREATE TABLE files (source TEXT PRIMARY KEY, signature TEXT NOT NULL, digest TEXT NOT NULL,"
    " error TEXT NOT NULL)",
    "CREATE TABLE passages (source TEXT NOT NULL, place INTEGER NOT NULL, text TEXT NOT NULL,"
    " metadata TEXT NOT NULL, key BLOB NOT NULL, sum INTEGER NOT NULL,"
    " PRIMARY KEY (source, place))",
    "CREATE TABLE vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL, sum INTEGER NOT NULL)",
)
_ROWS = (
    "SELECT p.text, p.metadata, p.key, p.sum, v.vector, v.sum FROM passages p"
    " JOIN vectors v ON v.key = p.key ORDER BY p.source, p.place"
)
_MISSING = "SELECT DISTINCT key FROM passages WHERE key NOT IN (SELECT key FROM vectors)"


class FileRecord(NamedTuple):
    """What is known of a file of the folder."""

    signature: str
    """Size and times when it was read; see `companion.rag.library`."""
    digest: str
    """The sha256 of its content."""
    error: str
    """Why it could not be read; empty if it was."""


class FileReading(NamedTuple):
    """What reading a file has brought."""

    source: str
    """Its path below the folder."""
    record: FileRecord
    passages: Sequence[tuple[Document, bytes]] | None
    """Its documents, each with the key of its vector. None: as before."""


class LibraryFile:
    """Passages with their vectors in a database on disk, or in memory.

    Args:
        path: Where to; made with mode 0600 if it does not exist. None keeps all in memory.
        label: What the file must have been made for: another label is another library.

    Raises:
        IndexFileError: If the file is damaged, another program's, or has another label.
        OSError: If the file can't be made.
        sqlite3.OperationalError: If it can't be written, here as in all methods.
    """

    def __init__(self, path: Path | None, label: str) -> None:
        """Open the file, or begin one."""
        self.path = path
        if path is not None:
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            os.utime(path)  # the one unused for longest goes first
        self._database = sqlite3.connect(
            ":memory:" if path is None else path,
            timeout=WAIT_S,
            isolation_level=None,
            check_same_thread=False,
        )
        self._closing = finalize(self, self._database.close)
        try:
            self._prepare(label)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file. It is closed, too, when nobody holds it any more."""
        self._closing()

    def changes(self) -> int:
        """Return a number that is another one after another program has changed the file."""
        with self._sound():
            return self._database.execute("PRAGMA data_version").fetchone()[0]

    def files(self) -> dict[str, FileRecord]:
        """Return what is known of each file, by its source."""
        with self._sound():
            rows = self._database.execute("SELECT * FROM files").fetchall()
        return {source: FileRecord(*rest) for source, *rest in rows}

    def put(self, readings: Iterable["FileReading"]) -> None:
        """Keep what was read of some files, in the place of what was there."""
        with self._transaction() as database:
            for source, record, passages in readings:
                row = (source, *record)
                database.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", row)
                if passages is None:
                    continue
                database.execute("DELETE FROM passages WHERE source = ?", (source,))
                database.executemany(
                    "INSERT INTO passages VALUES (?, ?, ?, ?, ?, ?)",
                    [(source, place, *_row(*passage)) for place, passage in enumerate(passages)],
                )

    def remove(self, sources: Iterable[str]) -> None:
        """Forget files, and the vectors that no passage has any more."""
        with self._transaction() as database:
            for source in sources:
                database.execute("DELETE FROM passages WHERE source = ?", (source,))
                database.execute("DELETE FROM files WHERE source = ?", (source,))
            database.execute("DELETE FROM vectors WHERE key NOT IN (SELECT key FROM passages)")

    def missing(self) -> dict[bytes, Document]:
        """Return the passages without a vector, by key."""
        with self._sound():
            rows = self._database.execute(
                f"SELECT key, text, metadata FROM passages WHERE key IN ({_MISSING})"
            ).fetchall()
        return {key: Document(text, json.loads(metadata)) for key, text, metadata in rows}

    def without_vectors(self, keys: Iterable[bytes]) -> list[bytes]:
        """Return those of the keys that have no vector yet."""
        query = "SELECT 1 FROM vectors WHERE key = ?"
        with self._sound():
            return [key for key in keys if not self._database.execute(query, (key,)).fetchone()]

    def put_vectors(self, vectors: Mapping[bytes, np.ndarray]) -> None:
        """Keep vectors, shape ``(d,)`` each, by key."""
        rows = [(key, vector.astype("<f4").tobytes()) for key, vector in vectors.items()]
        with self._transaction() as database:
            database.executemany(
                "INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)",
                [(key, data, zlib.crc32(key + data)) for key, data in rows],
            )

    def load(self) -> tuple[list[Document], np.ndarray]:
        """Return all passages that have vectors, and the vectors, shape ``(N, d)``.

        Raises:
            IndexFileError: If the file is damaged.
        """
        documents: list[Document] = []
        vectors: list[np.ndarray] = []
        with self._sound():
            for text, metadata, key, text_sum, vector, vector_sum in self._database.execute(_ROWS):
                sums = _text_sum(text, metadata, key), zlib.crc32(key + vector)
                if sums != (text_sum, vector_sum):
                    raise IndexFileError("a checksum is wrong")
                documents.append(Document(text, json.loads(metadata)))
                vectors.append(np.frombuffer(vector, "<f4"))
            return documents, np.stack(vectors) if vectors else np.empty((0, 0), np.float32)

    def _prepare(self, label: str) -> None:
        with self._sound():
            database = self._database
            for name in (
                "trusted_schema = OFF",
                "secure_delete = ON",
                "auto_vacuum = FULL",
                "synchronous = OFF",
            ):
                database.execute(f"PRAGMA {name}")
            with self._transaction():
                if not database.execute("SELECT 1 FROM sqlite_master").fetchone():
                    self._create(label)
            number = database.execute("PRAGMA application_id").fetchone()[0]
            version = database.execute("PRAGMA user_version").fetchone()[0]
            tables = database.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
            if number != APPLICATION or {row[0] for row in tables} != set(_TABLES):
                raise IndexFileError("it is a file of another program")
            if version != VERSION:
                raise IndexFileError(f"it has the version {version}, not {VERSION}")
            labels = database.execute("SELECT text FROM label").fetchall()
            if labels != [(label,)]:
                raise IndexFileError("it belongs to other documents or another model")
            if database.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
                raise IndexFileError("it is damaged")

    def _create(self, label: str) -> None:
        for table in _TABLES:
            self._database.execute(table)
        self._database.execute("INSERT INTO label VALUES (?)", (label,))
        self._database.execute(f"PRAGMA application_id = {APPLICATION}")
        self._database.execute(f"PRAGMA user_version = {VERSION}")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Make a change as a whole, or not at all."""
        with self._sound():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
                self._database.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._database.execute("ROLLBACK")
                raise

    @contextmanager
    def _sound(self) -> Iterator[None]:
        """Turn what a damaged file brings up into our error; a full disk is no damage."""
        try:
            yield
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_ERROR:  # no such table, odd format
                raise IndexFileError(f"it is damaged ({error})") from error
            raise  # such as a full disk
        except (sqlite3.DatabaseError, ValueError, TypeError, RecursionError) as error:
            raise IndexFileError(f"it is damaged ({error})") from error


def _row(document: Document, key: bytes) -> Sequence[object]:
    metadata = json.dumps(document.metadata)
    return document.text, metadata, key, _text_sum(document.text, metadata, key)


def _text_sum(text: str, metadata: str, key: bytes) -> int:
    return zlib.crc32(f"{text}\0{metadata}".encode() + key)
