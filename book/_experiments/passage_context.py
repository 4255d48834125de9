"""What stands before a chunk, and around it: how often a search finds it, and whether it answers.

First on this book's own pages and the questions about them: chunks with nothing, their heading,
their title or both in front. Then on the handbook and the eight documents whose questions have
known answers: a search among very short chunks, of which the chunk alone, the chunk with its
neighbors or the whole section is shown. Taught in :doc:`/book/applications/reranking`.
"""

from collections.abc import Callable, Sequence
from importlib.resources import as_file, files
from pathlib import PurePath
from typing import Any

from companion.rag.bm25 import BM25Retriever
from companion.rag.book import load_book, load_questions
from companion.rag.chunking import split_recursively
from companion.rag.documents import Document, body, load_documents, passage
from companion.rag.embeddings import Embedder
from companion.rag.evaluation import contains_answer, evaluate_retrieval
from companion.rag.handbook import load_handbook, load_handbook_questions
from companion.rag.retriever import DenseRetriever, HybridRetriever, Retriever

from ._side_by_side import SPLITS, load_items, part

SIZE = 128
SMALL = 24

FRONTS: dict[str, Sequence[str]] = {
    "nothing": (),
    "heading": ("heading",),
    "title": ("title",),
    "title and headings": ("title", "parents", "heading"),
}
"""The metadata that stand before a chunk."""


def measure(*, scale: float = 1.0) -> dict[str, Any]:
    """Search with each context in front, and show each surrounding of what was found.

    Args:
        scale: Share of the sections and questions to use, for a quick try.

    Returns:
        ``fronts``: for each, by search, the rank of the first chunk of a right page for every
        question, or None. ``shown``: for each surrounding, whether the text shown for a question
        holds the answer, and the mean ``tokens`` of one text.
    """
    embedder = Embedder()
    book = part(load_book(), scale)
    chunks = split_recursively(book, embedder.tokenizer, chunk_size=SIZE, overlap=0)
    asked = [(one.text, one.pages) for one in load_questions()]
    fronts = {}
    for name, keys in FRONTS.items():
        put = [in_front(chunk, keys) for chunk in chunks]
        fronts[name] = {
            search: list(evaluate_retrieval(retriever, asked, key=_page).ranks)
            for search, retriever in searches(put, embedder).items()
        }
    return {"size": SIZE, "small": SMALL, "fronts": fronts, "shown": _shown(embedder, scale)}


def in_front(chunk: Document, keys: Sequence[str]) -> Document:
    """Return a chunk whose text begins with these of its metadata, and says nothing else."""
    parts = [str(chunk.metadata[key]) for key in keys if chunk.metadata.get(key)]
    text = " ".join([*(f"{one}." for one in parts), body(chunk)])
    return Document(text, {"source": chunk.metadata["source"]})


def searches(documents: Sequence[Document], embedder: Embedder) -> dict[str, Retriever]:
    """Return the three searches of the page on retrieval."""
    dense, words = DenseRetriever.from_documents(documents, embedder), BM25Retriever(documents)
    return {"by meaning": dense, "BM25": words, "both": HybridRetriever([dense, words])}


def with_neighbors(chunks: Sequence[Document], place: int, reach: int = 1) -> str:
    """Return a chunk with those before and after it in its own section, as one text."""
    around = range(max(0, place - reach), min(len(chunks), place + reach + 1))
    mine = chunks[place].metadata
    same = [chunks[at] for at in around if chunks[at].metadata["section"] == mine["section"]]
    return " ".join([passage(same[0]), *(body(one) for one in same[1:])])


def _page(chunk: Document) -> str:
    return chunk.metadata["source"]


def _shown(embedder: Embedder, scale: float) -> dict[str, Any]:
    sections, questions = _answered()
    sections = [
        Document(one.text, {**one.metadata, "section": number})
        for number, one in enumerate(sections)
    ]
    small = split_recursively(sections, embedder.tokenizer, chunk_size=SMALL, overlap=0)
    place = {id(chunk): number for number, chunk in enumerate(small)}
    search = searches(small, embedder)["both"]
    ways: dict[str, Callable[[int], str]] = {
        "the chunk": lambda at: passage(small[at]),
        "with its neighbors": lambda at: with_neighbors(small, at),
        "its section": lambda at: passage(sections[small[at].metadata["section"]]),
    }
    held: dict[str, list[bool]] = {name: [] for name in ways}
    tokens: dict[str, list[int]] = {name: [] for name in ways}
    for question, source, answers in part(questions, scale):
        hit = search.search(question, 1)[0].document
        right = PurePath(hit.metadata["source"]).name == source
        for name, text_of in ways.items():
            text = text_of(place[id(hit)])
            held[name].append(right and any(contains_answer(text, one) for one in answers))
            tokens[name].append(len(embedder.tokenizer(text).input_ids))
    return {
        name: {"held": held[name], "tokens": round(sum(tokens[name]) / len(tokens[name]), 1)}
        for name in ways
    }


def _answered() -> tuple[list[Document], list[tuple[str, str, Sequence[str]]]]:
    """Return documents, and questions with the file and the words that answer them."""
    with as_file(files(__package__) / "items" / "documents") as folder:
        documents = load_documents(folder)
    stored = load_items("document_questions")
    questions = [
        (one["question"], one["file"], one["answers"])
        for split in SPLITS
        for one in stored[split]["documents"]["answered"]
    ]
    questions += [(one.text, one.source, one.answers) for one in load_handbook_questions()]
    return [*load_handbook(), *documents], questions
