"""Retrieval-augmented generation: find passages that bear on a question, and answer from them.

==============  =====================================================================
`documents`     load files of many kinds; `sections`: their parts, with the headings above
`readers`       reads one file, with `encodings` and a module for each kind: `markdown`,
                `web_page`, `rst`, `pdf`, `formats`; `layout` makes them plain text,
                `normalization` gives it one form
`chunking`      cut documents into passages, by tokens or at paragraphs and sentences;
                `sentences`: into single sentences, items and rows
`embeddings`    vectors from all-MiniLM-L6-v2; `vector_cache` keeps them on disk
`index`         vectors with their documents: `neighbors` by faiss, saved in a `store`
                `vector_stores`: the same on a server, or in a file with a log
`bm25`          ranking by shared words
`fusion`        one ranking out of several
`retriever`     dense, hybrid and reranked search; bridges to and from LangChain;
                `late_interaction` reranks token by token
`close`         meaning and words together, and only what is close
`library`       the documents of a folder, kept in a `library_file`; `desk`: one conversation's
`grounding`     passages put before a question, as many of the best as fit
`pipeline`      retrieve, then answer; `answers` holds the result and its sources,
                `citations` finds the numbers that it cites, `refusals` says that it is none
`evaluation`    recall and MRR of a search; is an answer right, and does it stand there?
`book`          what the pages search: this book; `handbook`: an ordinary text
==============  =====================================================================

The pipeline, which asks a model, is one layer further up: ``from companion.rag.pipeline import
RagPipeline``.
"""

from typing import TYPE_CHECKING

from companion._faces import lazy

if TYPE_CHECKING:
    from companion.rag.answers import RagAnswer
    from companion.rag.bm25 import BM25Retriever
    from companion.rag.chunking import split_by_tokens, split_recursively
    from companion.rag.documents import Document, Hit, load_documents, passage
    from companion.rag.embeddings import Embedder
    from companion.rag.index import VectorIndex
    from companion.rag.neighbors import IndexConfig
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

__getattr__, __dir__ = lazy(
    __name__,
    {
        "answers": "RagAnswer",
        "bm25": "BM25Retriever",
        "chunking": "split_by_tokens split_recursively",
        "documents": "Document Hit load_documents passage",
        "embeddings": "Embedder",
        "index": "VectorIndex",
        "neighbors": "IndexConfig",
        "retriever": "DenseRetriever HybridRetriever RerankedRetriever VectorStoreRetriever "
        "as_langchain",
    },
)
