"""What all vector stores have in common: a named table of vectors, bound to one model.

A store keeps each document under an id that is computed from its content. So what is added twice is
kept once, and a program that was killed can start again. It has the methods of `VectorIndex`, so
`companion.rag.DenseRetriever`, and with it the pipeline, work over either.

Left out: filters by metadata, several vectors per document, moving from one store to another.

Shape letters: ``N`` documents, ``B`` queries, ``d`` numbers of a vector.
"""

import hashlib
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from companion._checks import check_whole
from companion.errors import VectorStoreError
from companion.rag.documents import Document, Hit
from companion.rag.neighbors import IndexConfig, unit_vectors

NAME = re.compile(r"[a-z][a-z0-9_]{2,47}")


class Entry(NamedTuple):
    """A document as a store keeps it."""

    id: str
    document: Document
    vector: np.ndarray
    """Length 1, shape ``(d,)``, float32."""


def document_id(document: Document) -> str:
    """Return the id under which stores keep a document: the sha256 of text and metadata, in part.

    Example:
        >>> document_id(Document("Bern is the capital."))
        'aad09cbda04e016aae42bdc94d9136fa'
    """
    content = json.dumps([document.text, document.metadata], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:32]


class VectorStore(ABC):
    """A store of documents with vectors. Taught in :doc:`/book/applications/vector-stores`.

    Args:
        name: The table: 3 to 48 lower-case letters, digits and underscores, a letter first.
        model_id: What makes the vectors. A store is opened for the same model only.
        dimension: Numbers of a vector, ``d``.
        config: Kind and settings of the search, with which the table is made.

    Raises:
        ValueError: If ``name`` or ``dimension`` is wrong, or the store has no such kind of search.
    """

    kinds: ClassVar[tuple[str, ...]]
    """Kinds of search that this store has."""

    place: str
    """Where it is, for messages."""

    def __init__(
        self, name: str, *, model_id: str, dimension: int, config: IndexConfig | None
    ) -> None:
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise ValueError(
                "name must be 3 to 48 lower-case letters, digits and underscores, a letter first, "
                f"got {name!r:.80}"
            )
        check_whole(dimension=dimension)
        self.name, self.model_id, self.dimension = name, model_id, dimension
        self.config = config or IndexConfig(self.kinds[0])
        if self.config.kind not in self.kinds:
            raise ValueError(
                f"config.kind must be {' or '.join(map(repr, self.kinds))}: {type(self).__name__} "
                f"has no other, got {self.config.kind!r}"
            )

    def add(self, vectors: Any, documents: Sequence[Document]) -> list[str]:
        """Add documents. When this returns, they are kept, even if the server is killed then.

        Args:
            vectors: One vector of length 1 per document, shape ``(N, d)``.
            documents: As many documents. Those that are there already stay as they are.

        Returns:
            The id of each document.

        Raises:
            ValueError: If the numbers differ, or a vector is not finite or not of length 1.
            VectorStoreError: If the store can't be reached or refuses.
        """
        matrix = unit_vectors(vectors, self.dimension)
        if len(matrix) != len(documents):
            raise ValueError(
                f"there must be one vector per document, got {len(matrix)} vectors and "
                f"{len(documents)} documents"
            )
        ids = [document_id(document) for document in documents]
        entries = {
            id_: Entry(id_, *pair) for id_, *pair in zip(ids, documents, matrix, strict=True)
        }
        if entries:
            with self._speaking():
                self._put(list(entries.values()))
        return ids

    def missing(self, documents: Sequence[Document]) -> list[Document]:
        """Return those documents that the store does not have, each once, in their order."""
        wanted = {document_id(document): document for document in documents}
        if wanted:
            with self._speaking():
                known = self._known(list(wanted))
            wanted = {id_: one for id_, one in wanted.items() if id_ not in known}
        return list(wanted.values())

    def search(self, vectors: Any, k: int) -> list[list[Hit]]:
        """Find the ``k`` nearest documents of each query.

        Args:
            vectors: Queries of length 1, shape ``(B, d)``.
            k: How many to find, at least 1.

        Returns:
            One list per query, the nearest first, with cosines as scores.

        Raises:
            ValueError: If ``k`` is below 1 or the vectors do not fit.
            VectorStoreError: If the store can't be reached or refuses.
        """
        check_whole(k=k)
        with self._speaking():
            return [self._nearest(row, k) for row in unit_vectors(vectors, self.dimension)]

    def delete(self, ids: Iterable[str]) -> int:
        """Delete documents by id, which `add` and `document_id` return; those unknown are skipped.

        Returns:
            How many were deleted.
        """
        wanted = list(dict.fromkeys(ids))
        if not wanted:
            return 0
        with self._speaking():
            known = sorted(self._known(wanted))
            if known:
                self._remove(known)
        return len(known)

    def __len__(self) -> int:
        with self._speaking():
            return self._count()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def close(self) -> None:
        """Close the connection. What was added stays."""

    @abstractmethod
    def _put(self, entries: list[Entry]) -> None: ...

    @abstractmethod
    def _known(self, ids: list[str]) -> set[str]: ...

    @abstractmethod
    def _nearest(self, vector: np.ndarray, k: int) -> list[Hit]: ...

    @abstractmethod
    def _remove(self, ids: list[str]) -> None: ...

    @abstractmethod
    def _count(self) -> int: ...

    @abstractmethod
    def _failures(self) -> tuple[type[Exception], ...]:
        """Return what the store's library raises."""

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        """Turn what the store's library raises into our error."""
        try:
            yield
        except self._failures() as error:
            words = " ".join(str(error).split()) or type(error).__name__
            raise VectorStoreError(
                f"{self.place} did not do what was asked: {words:.300}. What it has acknowledged "
                "before is kept; once it works again, run the same again."
            ) from error

    def _label(self) -> dict[str, Any]:
        """Return what a table is marked with when it is made."""
        return {"model_id": self.model_id, "dimension": self.dimension}

    def _check_label(self, found: Mapping[str, Any] | None) -> None:
        """Compare the mark of a table that was there with ours.

        Raises:
            VectorStoreError: If the table is not one of this package, or of another model.
        """
        own = f"Nothing was changed: choose another name than {self.name!r}"
        if not found or not {"model_id", "dimension"} <= found.keys():
            raise VectorStoreError(
                f"{self.place} has a table {self.name!r} that was not made by this package. {own}."
            )
        if found["model_id"] != self.model_id:
            raise VectorStoreError(
                f"{self.name!r} in {self.place} holds vectors of {found['model_id']!r:.120}, and "
                f"yours come from {self.model_id!r:.120}. Vectors of different models can't be "
                f"compared. {own}, or use its model."
            )
        if found["dimension"] != self.dimension:
            raise VectorStoreError(
                f"{self.name!r} in {self.place} holds vectors of {found['dimension']} numbers, and "
                f"yours have {self.dimension}. {own}."
            )
