"""A vector store on a Chroma server, over HTTP. Its search is HNSW.

Start one with ``chroma run --path FOLDER``, which comes with the package chromadb. Whoever reaches
the port can read and write: keep it on loopback, or behind a proxy that asks for a password.
"""

import gc
import json
import warnings
from typing import Any, ClassVar
from urllib.parse import urlsplit

import numpy as np

from companion._extras import require
from companion.errors import VectorStoreError
from companion.rag.documents import Document, Hit
from companion.rag.neighbors import IndexConfig
from companion.rag.vector_stores.store import Entry, VectorStore

SYNC = 20_000
"""Rows after which Chroma writes its graph anew. With its own 1,000, filling takes much longer."""


class ChromaStore(VectorStore):
    """A collection of a Chroma server. Taught in :doc:`/book/applications/vector-stores`.

    Args:
        url: Such as ``"http://127.0.0.1:8000"``.
        name: The collection; made if it does not exist.
        model_id: What makes the vectors.
        dimension: Numbers of a vector, ``d``.
        config: ``IndexConfig("hnsw", ...)``; settings count when the collection is made.

    Raises:
        ValueError: If an argument is wrong.
        VectorStoreError: If no Chroma server answers, or the collection is not one for this model.
        MissingExtraError: If chromadb is not installed.
    """

    kinds: ClassVar = ("hnsw",)

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
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"url must be like 'http://127.0.0.1:8000', got {url!r:.80}")
        self.place = f"the Chroma server at {url}"
        self._errors = require("chromadb.errors", extra="stores")
        self._httpx = require("httpx", extra="stores")
        self._client = self._connect(parts.hostname, parts.port or 8000, parts.scheme == "https")
        with self._speaking():
            self._collection = self._open()
        self._check_label(self._collection.metadata)

    def close(self) -> None:
        """Close the connection. What was added stays."""
        self._client.close()
        with warnings.catch_warnings():  # its HTTP client leaves sockets to the collector
            warnings.simplefilter("ignore", ResourceWarning)
            del self._client, self._collection
            gc.collect()

    def _connect(self, host: str, port: int, ssl: bool) -> Any:
        chromadb = require("chromadb", extra="stores")
        settings = require("chromadb.config", extra="stores").Settings(anonymized_telemetry=False)
        try:
            return chromadb.HttpClient(host=host, port=port, ssl=ssl, settings=settings)
        except (ValueError, KeyError, *self._failures()) as error:
            words = " ".join(str(error).split())
            raise VectorStoreError(
                f"{self.place} does not answer as one ({words:.200}). Is it running, and is the "
                f"port right? To start one: chroma run --path FOLDER --host {host} --port {port}"
            ) from error

    def _open(self) -> Any:
        try:
            return self._client.get_collection(self.name, embedding_function=None)
        except self._errors.NotFoundError:
            hnsw = {
                "space": "cosine",
                "max_neighbors": self.config.m,
                "ef_construction": self.config.ef_construction,
                "ef_search": self.config.ef_search,
                "sync_threshold": SYNC,
            }
            return self._client.create_collection(
                self.name,
                metadata=self._label(),
                configuration={"hnsw": hnsw},
                embedding_function=None,
            )

    def _failures(self) -> tuple[type[Exception], ...]:
        return (self._errors.ChromaError, self._httpx.HTTPError)

    def _put(self, entries: list[Entry]) -> None:
        most = self._client.get_max_batch_size()
        for start in range(0, len(entries), most):
            part = entries[start : start + most]
            self._collection.upsert(
                ids=[one.id for one in part],
                embeddings=np.stack([one.vector for one in part]),
                documents=[one.document.text for one in part],
                metadatas=[{"json": json.dumps(one.document.metadata)} for one in part],
            )

    def _known(self, ids: list[str]) -> set[str]:
        return set(self._collection.get(ids=ids, include=[])["ids"])

    def _nearest(self, vector: np.ndarray, k: int) -> list[Hit]:
        found = self._collection.query(
            query_embeddings=vector[None],
            n_results=k,
            include=["documents", "metadatas", "distances"],
        )
        rows = zip(*(found[key][0] for key in ("documents", "metadatas", "distances")), strict=True)
        return [
            Hit(Document(text, json.loads(metadata["json"])), 1 - distance)
            for text, metadata, distance in rows
        ]

    def _remove(self, ids: list[str]) -> None:
        self._collection.delete(ids=ids)

    def _count(self) -> int:
        return self._collection.count()
