"""Retrieval-augmented generation: find passages that bear on a question, and answer from them.

==============  =====================================================================
`documents`     load files of many kinds, and what stands above a text; `readers` does one file
`chunking`      cut documents into passages, by tokens or at paragraphs and sentences
`embeddings`    vectors from all-MiniLM-L6-v2, cached on disk
`index`         nearest vectors by faiss: exact, HNSW, IVF; saved without pickle
`bm25`          ranking by shared words
`fusion`        one ranking out of several
`retriever`     dense, hybrid and reranked search; bridges to and from LangChain
`grounding`     passages put before a question, as many of the best as fit
`pipeline`      retrieve, then answer; `answers` holds the result and its sources
`evaluation`    recall, MRR, nDCG, accuracy, faithfulness
==============  =====================================================================

The names below are looked up on first use, so that BM25 does not wait for faiss. The pipeline,
which asks a model, is one layer further up: ``from companion.rag.pipeline import RagPipeline``.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from companion.rag.answers import RagAnswer
    from companion.rag.bm25 import BM25Retriever
    from companion.rag.chunking import split_by_tokens, split_recursively
    from companion.rag.documents import Document, Hit, load_documents, passage
    from companion.rag.embeddings import Embedder
    from companion.rag.index import IndexConfig, VectorIndex
    from companion.rag.retriever import (
        DenseRetriever,
        HybridRetriever,
        RerankedRetriever,
        VectorStoreRetriever,
        as_langchain,
    )

__all__ = [
    "BM25Retriever",
    "DenseRetriever",
    "Document",
    "Embedder",
    "Hit",
    "HybridRetriever",
    "IndexConfig",
    "RagAnswer",
    "RerankedRetriever",
    "VectorIndex",
    "VectorStoreRetriever",
    "as_langchain",
    "load_documents",
    "passage",
    "split_by_tokens",
    "split_recursively",
]

_HOMES = {
    "BM25Retriever": "bm25",
    "DenseRetriever": "retriever",
    "Document": "documents",
    "Embedder": "embeddings",
    "Hit": "documents",
    "HybridRetriever": "retriever",
    "IndexConfig": "index",
    "RagAnswer": "answers",
    "RerankedRetriever": "retriever",
    "VectorIndex": "index",
    "VectorStoreRetriever": "retriever",
    "as_langchain": "retriever",
    "load_documents": "documents",
    "passage": "documents",
    "split_by_tokens": "chunking",
    "split_recursively": "chunking",
}


def __getattr__(name: str) -> object:
    """Import a public name from its module the first time it is asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module 'companion.rag' has no attribute {name!r}")
    return getattr(import_module(f"companion.rag.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """List the lazy names too, so that tab completion finds them."""
    return sorted({*globals(), *_HOMES})
