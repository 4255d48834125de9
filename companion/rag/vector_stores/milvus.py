"""A vector store of Milvus: Milvus Lite in a file of this machine, or a Milvus server.

Both have the same client; this module was tried with Milvus Lite alone. That one runs inside the
program, and one program at a time may open its file.
"""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import numpy as np

from companion._extras import require
from companion.errors import VectorStoreError
from companion.rag.documents import Document, Hit
from companion.rag.neighbors import IndexConfig
from companion.rag.vector_stores.store import Entry, VectorStore

MOST_BYTES = 65_535
"""The longest text that Milvus keeps, as UTF-8."""

MARK = "companion"
"""The property of a collection that says whose it is. Milvus Lite does not keep descriptions."""

BATCH = 1000
"""Rows of one request."""


class MilvusStore(VectorStore):
    """A collection of Milvus. Taught in :doc:`/book/applications/vector-stores`.

    Args:
        where: A file whose name ends in ``.db`` for Milvus Lite, made if it does not exist, or the
            address of a server, such as ``"http://127.0.0.1:19530"``.
        name: The collection; made if it does not exist.
        model_id: What makes the vectors.
        dimension: Numbers of a vector, ``d``.
        config: ``IndexConfig("flat")``, which is exact, or ``IndexConfig("hnsw", ...)``. The kind
            is decided when the collection is made.

    Raises:
        ValueError: If an argument is wrong.
        VectorStoreError: If it can't be opened, or the collection is not one for this model.
        MissingExtraError: If pymilvus or milvus-lite is not installed.
    """

    kinds: ClassVar = ("flat", "hnsw")

    def __init__(
        self,
        where: str | Path,
        name: str,
        *,
        model_id: str,
        dimension: int,
        config: IndexConfig | None = None,
    ) -> None:
        super().__init__(name, model_id=model_id, dimension=dimension, config=config)
        self._milvus = require("pymilvus", extra="stores")
        address = str(where)
        if "://" not in address:
            require("milvus_lite", extra="stores")
            file = Path(where).expanduser().resolve()
            if file.suffix != ".db" or not file.parent.is_dir():
                raise ValueError(
                    "where must be a file in a folder that exists, its name ending in .db, or the "
                    f"address of a server, got {address!r:.120}"
                )
            address = str(file)
        self.place = f"Milvus at {address}"
        try:
            with _quiet():
                self._client = self._milvus.MilvusClient(address)
        except self._failures() as error:
            words = " ".join(str(error).split())
            raise VectorStoreError(
                f"{self.place} can't be opened: {words:.200}. Does another program have it open, "
                "or is the server down?"
            ) from error
        try:
            with self._speaking():
                self._open()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection. What was added stays."""
        self._client.close()

    def _open(self) -> None:
        if not self._client.has_collection(self.name):
            self._create()
        properties = self._client.describe_collection(self.name)["properties"]
        self._check_label(json.loads(properties.get(MARK, "null")))
        self._client.load_collection(self.name)

    def _create(self) -> None:
        types = self._milvus.DataType
        schema = self._client.create_schema()
        schema.add_field("id", types.VARCHAR, is_primary=True, max_length=64)
        schema.add_field("text", types.VARCHAR, max_length=MOST_BYTES)
        schema.add_field("metadata", types.JSON)
        schema.add_field("vector", types.FLOAT_VECTOR, dim=self.dimension)
        index = self._client.prepare_index_params()
        hnsw = {"M": self.config.m, "efConstruction": self.config.ef_construction}
        index.add_index(
            "vector",
            index_type=self.config.kind.upper(),
            metric_type="COSINE",
            params=hnsw if self.config.kind == "hnsw" else {},
        )
        self._client.create_collection(
            self.name,
            schema=schema,
            index_params=index,
            consistency_level="Strong",
            properties={MARK: json.dumps(self._label())},
        )

    def _failures(self) -> tuple[type[Exception], ...]:
        return (self._milvus.MilvusException,)

    def _put(self, entries: list[Entry]) -> None:
        for start in range(0, len(entries), BATCH):
            rows = [
                {
                    "id": one.id,
                    "text": one.document.text,
                    "metadata": one.document.metadata,
                    "vector": one.vector,
                }
                for one in entries[start : start + BATCH]
            ]
            self._client.upsert(self.name, rows)
        # Milvus Lite's log of writes survives the program and not a power cut, and it searches
        # rows that are only there slowly.
        self._client.flush(self.name)

    def _known(self, ids: list[str]) -> set[str]:
        known = set()
        for start in range(0, len(ids), BATCH):
            rows = self._client.get(self.name, ids[start : start + BATCH], output_fields=["id"])
            known |= {row["id"] for row in rows}
        return known

    def _nearest(self, vector: np.ndarray, k: int) -> list[Hit]:
        effort = {"ef": max(self.config.ef_search, k)} if self.config.kind == "hnsw" else {}
        (rows,) = self._client.search(
            self.name,
            data=[vector],
            limit=k,
            output_fields=["text", "metadata"],
            search_params={"metric_type": "COSINE", "params": effort},
        )
        return [
            Hit(Document(row["entity"]["text"], row["entity"]["metadata"]), float(row["distance"]))
            for row in rows
        ]

    def _remove(self, ids: list[str]) -> None:
        self._client.delete(self.name, ids=ids)
        self._client.flush(self.name)

    def _count(self) -> int:
        (row,) = self._client.query(self.name, filter="", output_fields=["count(*)"])
        return int(row["count(*)"])


@contextmanager
def _quiet() -> Iterator[None]:
    """Hold back the stack traces that both packages log of an error that they also raise."""
    loggers = [logging.getLogger(name) for name in ("pymilvus", "milvus_lite")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
