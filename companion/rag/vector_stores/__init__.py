"""Vector stores that outlive the program: on a server, or in a file with a log of its writes.

===========  ========================================================================
`store`      what all have in common: ids from content, a table bound to one model
`chroma`     a collection of a Chroma server
`postgres`   a table of Postgres with pgvector
`milvus`     a collection of Milvus Lite or of a Milvus server
`filling`    many documents in batches, each kept at once
`servers`    Chroma and Postgres on this machine, for a try
===========  ========================================================================

Each takes the place of a `companion.rag.VectorIndex` in a `companion.rag.DenseRetriever`. For any
other store there is LangChain's interface: `companion.rag.VectorStoreRetriever`.
"""

from typing import TYPE_CHECKING

from companion._faces import lazy

if TYPE_CHECKING:
    from companion.rag.vector_stores.chroma import ChromaStore
    from companion.rag.vector_stores.filling import fill
    from companion.rag.vector_stores.milvus import MilvusStore
    from companion.rag.vector_stores.postgres import PostgresStore
    from companion.rag.vector_stores.servers import chroma_server, postgres_server
    from companion.rag.vector_stores.store import VectorStore, document_id

__all__ = [
    "ChromaStore",
    "MilvusStore",
    "PostgresStore",
    "VectorStore",
    "chroma_server",
    "document_id",
    "fill",
    "postgres_server",
]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "chroma": "ChromaStore",
        "filling": "fill",
        "milvus": "MilvusStore",
        "postgres": "PostgresStore",
        "servers": "chroma_server postgres_server",
        "store": "VectorStore document_id",
    },
)
