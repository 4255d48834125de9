"""Retrievers: from a question to the documents that may answer it.

A retriever is any object with ``search(query, k) -> list[Hit]``. Those here search by meaning
(`DenseRetriever`), by meaning and words (`HybridRetriever`), look twice (`RerankedRetriever`), or
ask a store of LangChain (`VectorStoreRetriever`), which may be a server with more documents than
one machine holds. In the other direction, `as_langchain` makes any of them a LangChain retriever.

All of them look at the `passage` of a document: its text with title and headings in front.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from companion._checks import check_whole
from companion._extras import require
from companion.errors import IndexFileError
from companion.rag.documents import Document, Hit, passage
from companion.rag.fusion import K, reciprocal_rank_fusion
from companion.rag.index import VectorIndex
from companion.rag.neighbors import IndexConfig

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

Reranker = Callable[[str, list[str]], Any]
"""From a query and texts to one score per text, higher is better."""


class Retriever(Protocol):
    """What can be searched."""

    def search(self, query: str, k: int) -> list[Hit]:
        """Return at most ``k`` documents, best first."""


class DenseRetriever:
    """Search by meaning: the documents whose vectors are nearest to the question's.

    The score of a hit is the cosine. Taught in :doc:`/book/applications/retrieval`.

    Args:
        index: Documents with their vectors: a `VectorIndex`, or a store of
            `companion.rag.vector_stores`, which may be a server.
        embedder: What made the vectors: an `Embedder`, or any object with ``embed(texts)`` and
            ``model_id``.

    Raises:
        IndexFileError: If the index holds vectors of another model.
    """

    def __init__(self, index: VectorIndex, embedder: Any) -> None:
        if index.model_id != embedder.model_id:
            raise IndexFileError(
                f"the index holds vectors of {index.model_id!r}, and the embedder is "
                f"{embedder.model_id!r}. Vectors of different models can't be compared."
            )
        self.index = index
        self.embedder = embedder

    @classmethod
    def from_documents(
        cls, documents: Sequence[Document], embedder: Any, config: IndexConfig | None = None
    ) -> "DenseRetriever":
        """Embed documents and index them.

        Args:
            documents: At least one.
            embedder: As above.
            config: Kind of index; exact if None.

        Raises:
            ValueError: If there are no documents.
        """
        if not documents:
            raise ValueError("there are no documents to search")
        vectors = embedder.embed([passage(document) for document in documents])
        index = VectorIndex(vectors.shape[1], embedder.model_id, config)
        index.add(vectors, documents)
        return cls(index, embedder)

    def add(self, documents: Sequence[Document]) -> list[int]:
        """Embed and add documents; returns their ids, by which ``index.delete`` removes them."""
        return self.index.add(self.embedder.embed([passage(d) for d in documents]), documents)

    def search(self, query: str, k: int) -> list[Hit]:
        """Return the ``k`` nearest documents, nearest first."""
        return self.index.search(self.embedder.embed([query]), k)[0]


class HybridRetriever:
    """Several retrievers, their rankings merged by reciprocal rank fusion.

    The score of a hit is the RRF score, which says nothing about closeness: with this retriever
    no fixed threshold makes sense. Taught in :doc:`/book/applications/retrieval`.

    Args:
        retrievers: At least two, such as a `DenseRetriever` and a `BM25Retriever`.
        depth: Hits taken from each; more if more are asked for.
        k: Constant of the fusion.

    Raises:
        ValueError: If there is only one retriever, or ``depth`` is below 1.
    """

    def __init__(self, retrievers: Sequence[Retriever], *, depth: int = 50, k: float = K) -> None:
        if len(retrievers) < 2:
            raise ValueError(f"retrievers must be at least two, got {len(retrievers)}")
        check_whole(depth=depth)
        self.retrievers = list(retrievers)
        self.depth = depth
        self.k = k

    def search(self, query: str, k: int) -> list[Hit]:
        """Return the ``k`` best documents of the merged ranking, best first."""
        rankings = [
            [hit.document for hit in retriever.search(query, max(k, self.depth))]
            for retriever in self.retrievers
        ]
        return [Hit(*pair) for pair in reciprocal_rank_fusion(rankings, k=self.k)[:k]]


class RerankedRetriever:
    """A second look: a slower, better judge orders what a fast retriever found.

    Such a judge is a cross-encoder (Nogueira & Cho 2019, https://arxiv.org/abs/1901.04085), which
    reads question and passage together: see `cross_encoder`. The score of a hit is the judge's.
    Taught in :doc:`/book/applications/retrieval`.

    Args:
        retriever: Finds the candidates.
        rerank: Returns one score per text for a query and a list of texts.
        depth: How many candidates; more if more are asked for.

    Raises:
        ValueError: If ``depth`` is below 1.

    Example:
        >>> from companion.rag.bm25 import BM25Retriever
        >>> found = BM25Retriever([Document("a cat and a cat"), Document("one cat")])
        >>> shortest = RerankedRetriever(found, lambda query, texts: [-len(text) for text in texts])
        >>> shortest.search("cat", 1)[0].document.text
        'one cat'
    """

    def __init__(self, retriever: Retriever, rerank: Reranker, *, depth: int = 20) -> None:
        check_whole(depth=depth)
        self.retriever = retriever
        self.rerank = rerank
        self.depth = depth

    def search(self, query: str, k: int) -> list[Hit]:
        """Return the ``k`` documents that the judge likes best, best first."""
        hits = self.retriever.search(query, max(k, self.depth))
        if not hits:
            return []
        scores = np.asarray(
            self.rerank(query, [passage(hit.document) for hit in hits]), dtype=float
        )
        if scores.shape != (len(hits),) or np.isnan(scores).any():
            raise ValueError(
                f"rerank must return one number for each of {len(hits)} texts, got an array of "
                f"shape {scores.shape}{', with NaN' if np.isnan(scores).any() else ''}"
            )
        order = np.argsort(-scores, kind="stable")[:k]
        return [Hit(hits[at].document, float(scores[at])) for at in order]


def cross_encoder(model: "CrossEncoder", *, batch_size: int = 32) -> Reranker:
    """Make a reranker of a ``CrossEncoder`` of sentence-transformers.

    Args:
        model: Has ``predict(pairs)``.
        batch_size: Pairs per pass through the model.

    Returns:
        What `RerankedRetriever` takes.
    """

    def rerank(query: str, texts: list[str]) -> Any:
        pairs = [(query, text) for text in texts]
        return model.predict(pairs, batch_size=batch_size, show_progress_bar=False)

    return rerank


class VectorStoreRetriever:
    """Search in any ``VectorStore`` of LangChain: Chroma, pgvector, Qdrant, Milvus and others.

    Taught in :doc:`/book/applications/retrieval`.

    Args:
        store: The store, made with `langchain_embeddings` so that its vectors are ours.
        similarity: From the store's own number to a similarity, higher is closer. Stores differ:
            Chroma with cosine space returns a distance, ``lambda distance: 1 - distance``;
            ``InMemoryVectorStore`` returns the cosine, ``lambda cosine: cosine``.
    """

    def __init__(self, store: Any, *, similarity: Callable[[float], float]) -> None:
        self.store = store
        self.similarity = similarity

    def add(self, documents: Sequence[Document]) -> list[str]:
        """Add documents; returns their ids, by which ``store.delete`` removes them.

        A store embeds what it keeps. So it keeps the `passage`, and finds that as text.
        """
        lc = require("langchain_core.documents", extra="rag")
        return self.store.add_documents(
            [lc.Document(page_content=passage(d), metadata=d.metadata) for d in documents]
        )

    def search(self, query: str, k: int) -> list[Hit]:
        """Return the ``k`` nearest documents, nearest first.

        Raises:
            ValueError: If ``k`` is below 1.
        """
        check_whole(k=k)
        return [
            Hit(Document(document.page_content, document.metadata), float(self.similarity(number)))
            for document, number in self.store.similarity_search_with_score(query, k=k)
        ]


def as_langchain(retriever: Retriever, *, k: int = 4) -> Any:
    """Make a ``BaseRetriever`` of LangChain out of one of ours.

    Taught in :doc:`/book/applications/retrieval`.

    Args:
        retriever: What to search.
        k: Documents to return.

    Returns:
        A retriever with ``invoke(query)``, ready for a chain. The content of a document is its
        `passage`; its metadata carry the score.

    Raises:
        ValueError: If ``k`` is below 1.
        MissingExtraError: If langchain-core is not installed.
    """
    check_whole(k=k)
    return _langchain_class()(retriever=retriever, k=k)


@cache
def _langchain_class() -> type:
    base = require("langchain_core.retrievers", extra="rag").BaseRetriever
    lc = require("langchain_core.documents", extra="rag")

    class CompanionRetriever(base):
        """One of our retrievers behind LangChain's interface."""

        retriever: Any
        k: int

        def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Any]:
            return [
                lc.Document(
                    page_content=passage(hit.document),
                    metadata={**hit.document.metadata, "score": hit.score},
                )
                for hit in self.retriever.search(query, self.k)
            ]

    return CompanionRetriever


def langchain_embeddings(embedder: Any) -> Any:
    """Make an ``Embeddings`` object of LangChain out of our embedder."""
    base = require("langchain_core.embeddings", extra="rag").Embeddings

    class CompanionEmbeddings(base):
        """Our embedder behind LangChain's interface."""

        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return embedder.embed(texts).tolist()

        def embed_query(self, text: str) -> list[float]:
            return embedder.embed([text])[0].tolist()

    return CompanionEmbeddings()
