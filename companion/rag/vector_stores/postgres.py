"""A vector store in Postgres with the extension pgvector, exact or HNSW.

The table is an ordinary one: id, text, metadata as jsonb, vector. Other programs may join it with
theirs, back it up and read it in SQL. A batch is one transaction.
"""

import json
import threading
from typing import Any, ClassVar

import numpy as np

from companion._extras import require
from companion.rag.documents import Document, Hit
from companion.rag.neighbors import IndexConfig
from companion.rag.vector_stores.store import Entry, VectorStore

MOST_DIMENSIONS = 2000
"""Numbers of a vector that pgvector can put into an HNSW index."""

MOST_CANDIDATES = 1000
"""The largest ``ef_search`` of pgvector."""


class PostgresStore(VectorStore):
    """A table of a Postgres database. Taught in :doc:`/book/applications/vector-stores`.

    Args:
        url: Such as ``"postgresql://user:password@host:5432/database"``, as in libpq.
        name: The table; made if it does not exist, and with it the extension ``vector``.
        model_id: What makes the vectors.
        dimension: Numbers of a vector, ``d``.
        config: ``IndexConfig("flat")``, which is exact, or ``IndexConfig("hnsw", ...)``. A table
            can be opened either way; with HNSW, the index is made if there is none.

    Raises:
        ValueError: If an argument is wrong.
        VectorStoreError: If Postgres can't be reached or has no pgvector, or the table is not one
            for this model.
        MissingExtraError: If psycopg or pgvector is not installed.
    """

    kinds: ClassVar = ("flat", "hnsw")

    def __init__(
        self,
        url: str,
        name: str,
        *,
        model_id: str,
        dimension: int,
        config: IndexConfig | None = None,
    ) -> None:
        super().__init__(name, model_id=model_id, dimension=dimension, config=config)
        if self.config.kind == "hnsw" and dimension > MOST_DIMENSIONS:
            raise ValueError(
                f"dimension must be at most {MOST_DIMENSIONS} for HNSW in pgvector, got "
                f"{dimension}: use IndexConfig('flat')"
            )
        self._psycopg = require("psycopg", extra="stores")
        self._sql = require("psycopg.sql", extra="stores")
        self._register = require("pgvector.psycopg", extra="stores").register_vector
        self._url, self._lock = url, threading.RLock()
        self.place = _described(self._psycopg, url)
        self._connection: Any = None
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection. What was added stays."""
        if self._connection is not None:
            self._connection.close()

    def _open(self) -> None:
        with self._speaking():
            self._connection = self._psycopg.connect(self._url, autocommit=True)
            run = self._connection.execute
            with self._connection.transaction():  # two programs that begin at once take turns
                run("SELECT pg_advisory_xact_lock(hashtext(%s))", [self.name])
                run("CREATE EXTENSION IF NOT EXISTS vector")
                found = run("SELECT to_regclass(%s)::oid", [self.name]).fetchone()[0]
                if found is None:
                    self._create()
            label = run(
                "SELECT obj_description(to_regclass(%s), 'pg_class')", [self.name]
            ).fetchone()[0]
        self._check_label(_parsed(label))
        with self._speaking():
            self._register(self._connection)
            self._prepare_search()

    def _create(self) -> None:
        # MAIN keeps a vector in its row. Postgres would put it elsewhere once a row has 2 kB, and
        # an exact search would have to fetch each one.
        self._run(
            "CREATE TABLE {name} (id text PRIMARY KEY, text text NOT NULL, "
            "metadata jsonb NOT NULL, vector vector({dimension}) STORAGE MAIN NOT NULL)",
            dimension=self.dimension,
        )
        self._run("COMMENT ON TABLE {name} IS {label}", label=json.dumps(self._label()))

    def _prepare_search(self) -> None:
        if self.config.kind == "flat":  # another program's HNSW index would make it approximate
            self._connection.execute("SET enable_indexscan = off")
            return
        self._run(
            "CREATE INDEX IF NOT EXISTS {index} ON {name} USING hnsw (vector vector_cosine_ops) "
            "WITH (m = {m}, ef_construction = {ef})",
            m=self.config.m,
            ef=max(self.config.ef_construction, 2 * self.config.m),  # what pgvector requires
        )

    def _run(self, text: str, arguments: Any = None, **literals: Any) -> Any:
        """Execute SQL in which ``{name}`` is the table; connect again if the connection broke."""
        with self._lock:
            if self._connection.closed:
                self._open()
            query = self._sql.SQL(text).format(
                name=self._sql.Identifier(self.name),
                index=self._sql.Identifier(f"{self.name}_vector_hnsw"),
                **{key: self._sql.Literal(value) for key, value in literals.items()},
            )
            return self._connection.execute(query, arguments)

    def _failures(self) -> tuple[type[Exception], ...]:
        return (self._psycopg.Error,)

    def _put(self, entries: list[Entry]) -> None:
        rows = [
            (one.id, one.document.text, json.dumps(one.document.metadata), one.vector)
            for one in entries
        ]
        query = self._sql.SQL("INSERT INTO {} VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING")
        with self._lock:
            if self._connection.closed:
                self._open()
            with self._connection.transaction(), self._connection.cursor() as cursor:
                cursor.executemany(query.format(self._sql.Identifier(self.name)), rows)

    def _known(self, ids: list[str]) -> set[str]:
        return {id_ for (id_,) in self._run("SELECT id FROM {name} WHERE id = ANY(%s)", [ids])}

    def _nearest(self, vector: np.ndarray, k: int) -> list[Hit]:
        with self._lock:
            if self.config.kind == "hnsw":
                effort = min(max(self.config.ef_search, k), MOST_CANDIDATES)
                self._run("SET hnsw.ef_search = {effort}", effort=effort)
            rows = self._run(
                "SELECT text, metadata, 1 - (vector <=> %s) FROM {name} ORDER BY vector <=> %s "
                "LIMIT %s",
                [vector, vector, k],
            ).fetchall()
        return [Hit(Document(text, metadata), score) for text, metadata, score in rows]

    def _remove(self, ids: list[str]) -> None:
        self._run("DELETE FROM {name} WHERE id = ANY(%s)", [ids])

    def _count(self) -> int:
        return self._run("SELECT count(*) FROM {name}").fetchone()[0]


def _described(psycopg: Any, url: str) -> str:
    """Say in words where a database is; without the password."""
    try:
        parts = psycopg.conninfo.conninfo_to_dict(url)
    except psycopg.Error as error:
        raise ValueError(
            "url must be like 'postgresql://user:password@host:5432/database', got one that "
            f"libpq can't read: {error!s:.100}"
        ) from None
    host, port = parts.get("host", "localhost"), parts.get("port", 5432)
    return f"Postgres at {host}:{port} (database {parts.get('dbname', '')!r})"


def _parsed(label: str | None) -> dict[str, Any] | None:
    try:
        parsed = json.loads(label or "null")
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) else None
