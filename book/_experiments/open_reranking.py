"""Search with a language model: passages judged by likelihood, questions rewritten and answered.

On this book's own pages and the questions about them. SmolLM2-135M-Instruct says how probable each
question is after each of the first passages (Sachan et al. 2022), writes a passage that might
answer it (Gao et al. 2022), puts it in other words, and rewrites follow-up questions. What it wrote
is recorded, and the page searches with it. Taught in :doc:`/book/applications/reranking`.

Left out: sampling. Everything is decoded greedily.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

from companion.models.loading import LoadedModel
from companion.pocket.studies.reranking import follow_ups, question_nats, write
from companion.rag.bm25 import BM25Retriever
from companion.rag.book import load_book, load_questions
from companion.rag.chunking import split_recursively
from companion.rag.documents import Document, passage
from companion.rag.embeddings import Embedder
from companion.rag.retriever import DenseRetriever, HybridRetriever

from ._side_by_side import ORIGIN, load_columns, part

SIZE = 128
DEPTH = 10
HYDE = (
    "Question: Why do we see lightning before we hear thunder?\n"
    "Textbook: Light travels nearly a million times faster than sound. So the flash of a storm "
    "reaches us at once, and the sound follows some seconds later.\n"
    "Question: What does yeast do in bread?\n"
    "Textbook: Yeast eats the sugar in the dough and gives off carbon dioxide. The gas is caught "
    "in the dough and makes it rise.\n"
    "Question about language models: {question}\nTextbook:"
)
OTHER = (
    "Question: Why do we see lightning before we hear thunder?\n"
    "In other words: What makes thunder arrive later than the flash?\n"
    "Question: How long does bread have to rise?\n"
    "In other words: What time does dough need before it is baked?\n"
    "Question: {question}\nIn other words:"
)
REWRITE = (
    "First question: Who wrote Emma?\nThen: And when was she born?\n"
    "In full: When was the author of Emma born?\n"
    "First question: What is a compiler?\nThen: Is it fast?\n"
    "In full: Is a compiler fast?\n"
    "First question: How tall is Mont Blanc?\nThen: And the Eiger?\n"
    "In full: How tall is the Eiger?\n"
    "First question: {before}\nThen: {question}\nIn full:"
)


def measure(*, scale: float = 1.0, column: str = "open") -> dict[str, Any]:
    """Judge, answer and rewrite all questions.

    Args:
        scale: Share of the questions and candidates to use, for a quick try.
        column: "open" or "pocket".

    Returns:
        ``likelihood`` with the ``places`` of each question's candidates among the chunks, best
        first, and the ``nats`` of the question after each; the texts ``hyde``, ``other`` words and
        ``follow_ups``; and the processor's ``cost``, seconds per question.
    """
    loaded = load_columns([column])[column].chat
    questions = [one.text for one in part(load_questions(), scale)]
    pairs = part(follow_ups(), scale)
    depth = max(2, round(DEPTH * min(1.0, scale)))
    cost: dict[str, float] = {}
    places, nats = _timed(cost, "likelihood", len(questions), _judge, loaded, questions, depth)
    texts = {
        name: _timed(cost, name, len(prompts), write, loaded, prompts, length)
        for name, prompts, length in (
            ("hyde", [HYDE.format(question=one) for one in questions], 64),
            ("other", [OTHER.format(question=one) for one in questions], 32),
            ("follow_ups", [REWRITE.format(before=b, question=q) for b, q, _ in pairs], 32),
        )
    }
    return {
        "origin": ORIGIN,
        "size": SIZE,
        "likelihood": {"places": places, "nats": nats},
        **texts,
        "cost": cost,
    }


def hybrid_search(embedder: Embedder) -> tuple[list[Document], HybridRetriever]:
    """Return the chunks of the book, and the search by meaning and words in them."""
    chunks = split_recursively(load_book(), embedder.tokenizer, chunk_size=SIZE, overlap=0)
    dense = DenseRetriever.from_documents(chunks, embedder)
    return chunks, HybridRetriever([dense, BM25Retriever(chunks)])


def _judge(
    loaded: LoadedModel, questions: Sequence[str], depth: int
) -> tuple[list[list[int]], list[list[float]]]:
    chunks, search = hybrid_search(Embedder())
    place = {id(chunk): number for number, chunk in enumerate(chunks)}
    places, nats = [], []
    for question in questions:
        found = [hit.document for hit in search.search(question, depth)]
        places.append([place[id(one)] for one in found])
        scores = question_nats(loaded, question, [passage(one) for one in found])
        nats.append([round(score, 2) for score in scores])
    return places, nats


def _timed(
    cost: dict[str, float], name: str, count: int, work: Callable[..., Any], *given: Any
) -> Any:
    """Do some work, and note the processor's seconds for each of ``count`` items."""
    begun = time.process_time()
    done = work(*given)
    cost[name] = round((time.process_time() - begun) / count, 2)
    return done
