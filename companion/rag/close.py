"""Close passages: found by meaning and by words, and only those that bear on the question.

The ranking adds up the cosine of the vectors and the score of BM25, divided by that of the best
passage: a weighted sum of scores in one scale, which Bruch, Gai & Ingber 2023
(https://doi.org/10.1145/3596512) found to be better than reciprocal ranks. So it was here. Of 92
questions on the handbook and the book, the sum put the right passage first for 79, reciprocal ranks
for 76: no difference that means much. For 42 numbers among 2,000 notes that differ in little else
it was 42 against 10. Numbers that are years as well stay harder: 47 of 70. The weights and
thresholds below were chosen on these very questions, so other questions may do worse.

A ranking always has a first place, whether the documents speak of the matter or not. So there is a
threshold, on two numbers that mean the same for every question: the cosine, and the share of the
question's words that a passage has, a rare word weighing more than a common one. A passage with the
very number that was asked for is close, however its vector lies. Taught in
:doc:`/book/applications/chatbot`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from companion.rag.bm25 import BM25Retriever
from companion.rag.documents import Document, Hit, passage

MIN_COSINE = 0.3
"""Cosine from which on a passage is close by its meaning."""

MIN_SHARE = 0.75
"""Share of the question's words from which on a passage is close by them."""

WORDS_WEIGHT = 0.4
"""What the words count in the ranking, beside the cosine."""

DEPTH = 50
"""Candidates taken from each search."""


class ClosePassages:
    """Passages with their vectors, searched by meaning and by words.

    Args:
        documents: The passages.
        vectors: Their vectors of length 1, shape ``(N, d)``.
        embedder: What made the vectors.
    """

    def __init__(self, documents: Sequence[Document], vectors: np.ndarray, embedder: Any) -> None:
        self.documents, self.vectors, self.embedder = list(documents), vectors, embedder
        self._words = BM25Retriever(self.documents) if self.documents else None

    def __len__(self) -> int:
        return len(self.documents)

    def search(self, query: str, k: int) -> list[Hit]:
        """Return at most ``k`` passages that are close to the question, the best first.

        The score is the cosine. A passage that is close by its words may have a low one.
        """
        if self._words is None:
            return []
        cosines = self.vectors @ self.embedder.embed([query], progress=False)[0]  # (N,)
        nearest = np.argsort(-cosines, kind="stable")[:DEPTH].tolist()
        by_words = dict(self._words.places(query, DEPTH))
        places = list(dict.fromkeys([*nearest, *by_words]))
        texts = [passage(self.documents[place]) for place in places]
        close = (cosines[places] >= MIN_COSINE) | (self._words.shares(query, texts) >= MIN_SHARE)
        best = max(by_words.values(), default=1.0)
        words = np.array([by_words.get(place, 0.0) for place in places]) / best
        order = np.argsort(-(cosines[places] + WORDS_WEIGHT * words), kind="stable")
        best_places = [places[at] for at in order if close[at]][:k]
        return [Hit(self.documents[place], float(cosines[place])) for place in best_places]
