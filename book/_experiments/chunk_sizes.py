"""Chunk size and kind of search: how often the first three passages hold the page that answers.

On this book's own pages and the questions about them. Half of the questions are there to choose
by, the other half to report. Taught in :doc:`/book/applications/retrieval`.
"""

from companion.rag.bm25 import BM25Retriever
from companion.rag.book import load_book, load_questions
from companion.rag.chunking import split_recursively
from companion.rag.documents import Document
from companion.rag.embeddings import Embedder
from companion.rag.evaluation import evaluate_retrieval
from companion.rag.retriever import DenseRetriever, HybridRetriever

SIZES = (32, 64, 128, 200)
K = 3


def page(passage: Document) -> str:
    """Return the page that a passage is of."""
    return passage.metadata["source"]


def measure(*, scale: float = 1.0) -> dict[str, object]:
    """Cut the book into chunks of several sizes and ask all questions.

    Args:
        scale: Share of the sections to use, for a quick try.

    Returns:
        For each size the number of ``chunks``, and for each kind of search the hits on the
        questions to choose by and on those to report, with the numbers of questions.
    """
    book = load_book()
    book = book[: max(1, round(len(book) * scale))]
    asked = [(question.text, question.pages) for question in load_questions()]
    embedder = Embedder()
    sizes = {}
    for size in SIZES:
        chunks = split_recursively(book, embedder.tokenizer, chunk_size=size, overlap=0)
        dense, words = DenseRetriever.from_documents(chunks, embedder), BM25Retriever(chunks)
        searches = {"dense": dense, "BM25": words, "hybrid": HybridRetriever([dense, words])}
        row: dict[str, object] = {"chunks": len(chunks)}
        for name, retriever in searches.items():
            hits = evaluate_retrieval(retriever, asked, key=page, depth=K).found(K)
            row[name] = {"choose": sum(hits[::2]), "report": sum(hits[1::2])}
        sizes[str(size)] = row
    return {
        "questions": {"choose": len(asked[::2]), "report": len(asked[1::2])},
        "k": K,
        "sizes": sizes,
    }
