"""A vector index: documents beside their vectors, saved to a folder and loaded safely.

The search itself is in `companion.rag.neighbors`. Left out: several programs writing at a time.

Shape letters: ``N`` documents, ``B`` queries, ``d`` numbers of a vector.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any

from companion._checks import check_whole
from companion.errors import IndexFileError
from companion.rag.documents import Document, Hit
from companion.rag.neighbors import IndexConfig, Neighbors, unit_vectors
from companion.rag.store import read_store, write_store

FORMAT, VERSION = "companion vector index", 1


class VectorIndex:
    """Documents with their vectors. Taught in :doc:`/book/applications/approximate-search`.

    Args:
        dimension: Numbers of a vector, ``d``.
        model_id: What makes the vectors; a saved index is loaded for the same model only.
        config: Kind and settings of the search; exact if None.

    Raises:
        ValueError: If ``dimension`` is below 1.

    Example:
        >>> index = VectorIndex(2, "by hand")
        >>> index.add([[1, 0], [0, 1]], [Document("east"), Document("north")])
        [0, 1]
        >>> [hit.document.text for hit in index.search([[0.8, 0.6]], 2)[0]]
        ['east', 'north']
        >>> index.delete([0]), len(index)
        (1, 1)
    """

    def __init__(self, dimension: int, model_id: str, config: IndexConfig | None = None) -> None:
        check_whole(dimension=dimension)
        self.dimension = dimension
        self.model_id = model_id
        self._neighbors = Neighbors(dimension, config or IndexConfig())
        self._documents: dict[int, Document] = {}
        self._next_id = 0

    def __len__(self) -> int:
        return len(self._documents)

    @property
    def config(self) -> IndexConfig:
        """Kind and settings of the search."""
        return self._neighbors.config

    @property
    def documents(self) -> Mapping[int, Document]:
        """The documents by id, in the order in which they came. It can't be written to."""
        return MappingProxyType(self._documents)

    @property
    def deleted(self) -> int:
        """Deleted vectors that still take room and time: HNSW only, none after `rebuild`."""
        return self._neighbors.stored - len(self)

    def add(self, vectors: Any, documents: Sequence[Document]) -> list[int]:
        """Add documents.

        Args:
            vectors: One vector of length 1 per document, shape ``(N, d)``.
            documents: As many documents.

        Returns:
            The ids of the documents. They count from 0 over the index's life; none is given twice.

        Raises:
            ValueError: If the numbers differ, or a vector is not finite or not of length 1.
        """
        matrix = unit_vectors(vectors, self.dimension)
        if len(matrix) != len(documents):
            raise ValueError(
                f"there must be one vector per document, got {len(matrix)} vectors and "
                f"{len(documents)} documents"
            )
        ids = list(range(self._next_id, self._next_id + len(documents)))
        self._neighbors.add(matrix, ids)
        self._documents.update(zip(ids, documents, strict=True))
        self._next_id += len(documents)
        return ids

    def delete(self, ids: Iterable[int]) -> int:
        """Delete documents by id.

        The ids of a file that has changed:
        ``[i for i, d in index.documents.items() if d.metadata["source"] == "guide.md"]``.

        Args:
            ids: Ids that `add` returned, each of a document that is there.

        Returns:
            How many were deleted.

        Raises:
            ValueError: If an id is unknown. Nothing is deleted then.
        """
        gone = set(ids)
        unknown = gone - self._documents.keys()
        if unknown:
            raise ValueError(f"no document has the id {min(unknown)}. Is it deleted already?")
        self._neighbors.remove(gone)
        for index_id in gone:
            del self._documents[index_id]
        return len(gone)

    def search(self, vectors: Any, k: int) -> list[list[Hit]]:
        """Find the ``k`` nearest documents of each query.

        Args:
            vectors: Queries of length 1, shape ``(B, d)``.
            k: How many to find, at least 1.

        Returns:
            One list per query, the nearest first, with cosines as scores; all documents if there
            are fewer than ``k``. HNSW and IVF may miss some of the nearest.

        Raises:
            ValueError: If ``k`` is below 1 or the vectors do not fit.
        """
        check_whole(k=k)
        return [
            [Hit(self._documents[number], score) for number, score in row]
            for row in self._neighbors.search(unit_vectors(vectors, self.dimension), k)
        ]

    def rebuild(self, config: IndexConfig | None = None) -> None:
        """Rebuild the search from the vectors that are left. Ids stay.

        Do it after many deletions (HNSW) or when the documents have changed (IVF: its clusters are
        those of the vectors that were added first).

        Args:
            config: Kind and settings from now on; as before if None.
        """
        self._neighbors = self._neighbors.rebuilt(config or self.config)

    def save(self, folder: str | Path) -> str:
        """Save the index. A program that dies meanwhile leaves the version before it.

        The vectors are in faiss's own format, the documents in JSON lines, both under a manifest
        with sha256 sums. Nothing is pickled.

        Args:
            folder: Where to; made if it does not exist.

        Returns:
            A digest of all that was saved. Keep it elsewhere, and `load` can make sure that nobody
            has exchanged the files.
        """
        lines = [
            json.dumps({"id": number, "text": document.text, "metadata": document.metadata})
            for number, document in self._documents.items()
        ]
        header = {
            "format": FORMAT,
            "version": VERSION,
            "model_id": self.model_id,
            "dimension": self.dimension,
            "config": asdict(self.config),
            "next_id": self._next_id,
        }
        files = {
            "documents.jsonl": "\n".join(lines).encode(),
            "vectors.faiss": self._neighbors.to_bytes(),
        }
        return write_store(folder, header, files)

    @classmethod
    def load(cls, folder: str | Path, *, model_id: str, digest: str | None = None) -> "VectorIndex":
        """Load a saved index.

        Load what you or somebody you trust has saved: the checksums find damage, but who can write
        to the folder can write new checksums, too. ``digest`` closes this gap.

        Args:
            folder: Where it is.
            model_id: The model whose vectors will be searched, such as ``embedder.model_id``.
            digest: What `save` returned.

        Returns:
            The index.

        Raises:
            IndexFileError: If a file is missing, truncated or changed, if the format has another
                version, or if the vectors are those of another model.
        """
        header, files = read_store(folder, kind=FORMAT, version=VERSION, digest=digest)
        if header.get("model_id") != model_id:
            raise IndexFileError(
                f"{folder} holds vectors of {header.get('model_id')!r:.120}, and the queries come "
                f"from {model_id!r}. Vectors of different models can't be compared: build the "
                "index again, or use its model."
            )
        try:
            index = cls(header["dimension"], model_id, IndexConfig(**header["config"]))
            index._documents = _parse_documents(files["documents.jsonl"])
            index._next_id = header["next_id"]
            if type(index._next_id) is not int or index._next_id <= max(
                index._documents, default=-1
            ):
                raise ValueError(f"next_id is {index._next_id!r:.40}")
            index._neighbors = Neighbors.from_bytes(
                files["vectors.faiss"], index.dimension, index.config, list(index._documents)
            )
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            raise IndexFileError(
                f"{folder} contradicts itself: {error!s:.200}. Build the index again."
            ) from error
        return index


def _parse_documents(data: bytes) -> dict[int, Document]:
    documents: dict[int, Document] = {}
    for line in data.decode().split("\n") if data else []:
        entry = json.loads(line)
        number = entry["id"]
        if type(number) is not int or not 0 <= number < 2**63 or number in documents:
            raise ValueError(f"a document has the id {number!r:.40}")
        documents[number] = Document(entry["text"], entry["metadata"])
    return documents
