"""Close passages: found by meaning and by words, and only those that bear on the question.

Two numbers say how close a passage is: the cosine of its vector and the question's, and the share
of the question's words that it has, a rare word weighing more than a common one. Both mean the same
for every question, which the ranks and the scores of BM25 do not. So they can be added, and there
can be a threshold: a ranking always has a first place, whether the documents speak of the matter or
not. A passage with the very number that was asked for is close, however its vector lies.

The weight was chosen on 134 questions about three collections, and is not critical: hits were the
same from 0.3 to 0.5. Reciprocal ranks were as good on prose and failed for numbers in 2,000 notes
that differ in nothing else. Taught in :doc:`/book/applications/chatbot`.
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

SHARE_WEIGHT = 0.4
"""What the share counts in the ranking, beside the cosine."""

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
        by_words = [place for place, _ in self._words.places(query, DEPTH)]
        places = np.array(list(dict.fromkeys(nearest + by_words)))
        near = cosines[places]
        shares = self._words.shares(query, [passage(self.documents[place]) for place in places])
        close = (near >= MIN_COSINE) | (shares >= MIN_SHARE)
        order = np.argsort(-(near + SHARE_WEIGHT * shares), kind="stable")
        best = [at for at in order if close[at]][:k]
        return [Hit(self.documents[places[at]], float(near[at])) for at in best]
