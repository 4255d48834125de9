"""Close passages: found by meaning and by words, and only those that bear on the question.

A ranking always has a first place, whether the documents speak of the matter or not. Reciprocal
ranks tell nothing about closeness. So what decides is what each search can say for itself: the
cosine of the vectors, and which of the question's words a passage has. A rare word weighs more than
a common one, so a passage with the very number that was asked for is close, however its vector
lies. Taught in :doc:`/book/applications/chatbot`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from companion.rag.bm25 import BM25Retriever
from companion.rag.documents import Document, Hit, passage
from companion.rag.fusion import reciprocal_rank_fusion

MIN_COSINE = 0.3
"""Cosine from which on a passage is close by its meaning."""

MIN_SHARE = 0.75
"""Share of the question's words, weighed by rarity, from which on a passage is close by them."""

DEPTH = 50
"""Hits taken from each search before the rankings are merged."""


class ClosePassages:
    """Passages with their vectors, searched by meaning and by words.

    Args:
        documents: The passages.
        vectors: Their vectors of length 1, shape ``(N, d)``.
        embedder: What made the vectors.
        min_cosine: See `MIN_COSINE`.
        min_share: See `MIN_SHARE`.
    """

    def __init__(
        self,
        documents: Sequence[Document],
        vectors: np.ndarray,
        embedder: Any,
        *,
        min_cosine: float = MIN_COSINE,
        min_share: float = MIN_SHARE,
    ) -> None:
        """Count the words."""
        self.documents, self.vectors, self.embedder = list(documents), vectors, embedder
        self.min_cosine, self.min_share = min_cosine, min_share
        self._words = BM25Retriever(self.documents) if self.documents else None

    def __len__(self) -> int:
        return len(self.documents)

    def search(self, query: str, k: int) -> list[Hit]:
        """Return at most ``k`` passages that are close to the question, the best first.

        The order is that of reciprocal rank fusion, the score is the cosine.
        """
        if self._words is None or not query.strip():
            return []
        cosines = self.vectors @ self.embedder.embed([query], progress=False)[0]  # (N,)
        nearest = np.argsort(-cosines, kind="stable")[:DEPTH].tolist()
        places = self._words.places(query, DEPTH)
        by_words = [place for place, _ in places]
        merged = reciprocal_rank_fusion([nearest, by_words])
        close = [
            place
            for place, _ in merged
            if cosines[place] >= self.min_cosine
            or self._words.share(query, passage(self.documents[place])) >= self.min_share
        ]
        return [Hit(self.documents[place], float(cosines[place])) for place in close[:k]]
