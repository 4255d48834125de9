"""BM25: rank documents by the words that they share with the query (Robertson & Zaragoza 2009).

Finds what embeddings miss: names, part numbers, rare words. Misses what they find: other words for
the same thing. The work is done by bm25s (https://arxiv.org/abs/2407.03618).

Documents are indexed with their headings (`passage`), in the form that `search_form` gives them.

Left out: stemming, and languages written without blanks, such as Japanese: words are what stands
between blanks and punctuation.
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from companion._checks import check_whole
from companion._extras import require
from companion.rag.documents import Document, Hit, passage
from companion.rag.normalization import search_form

# fmt: off
ASKING = frozenset({
    "about", "am", "any", "been", "can", "could", "did", "do", "does", "find", "give", "had", "has",
    "have", "he", "her", "his", "how", "i", "its", "many", "may", "me", "much", "my", "our",
    "please", "say", "says", "shall", "she", "should", "show", "tell", "there", "they", "us", "was",
    "we", "were", "what", "when", "where", "which", "who", "whom", "whose", "why", "will", "would",
    "you", "your",
})
# fmt: on
"""Words that ask, and say nothing of the matter."""


class BM25Retriever:
    r"""Search by words. Taught in :doc:`/book/applications/retrieval`.

    .. math:: \sum_{w \in q} \ln\left(1 + \frac{N - n_w + 0.5}{n_w + 0.5}\right)
              \frac{f_w}{f_w + k_1 (1 - b + b\,|d| / \overline{|d|})}

    with :math:`f_w` occurrences of word w in the document, :math:`n_w` documents that have it,
    :math:`|d|` words of the document. The form is Lucene's: the original has no 1 in the logarithm,
    which turns negative for a word in more than half of the documents, and a constant factor
    :math:`k_1 + 1`. Words have at least one letter or digit; upper and lower case are
    the same; the most frequent English words are skipped.

    Args:
        documents: What to search. To add or delete, make a new one: it takes milliseconds for a
            thousand documents.
        k1: How much a word counts that occurs again, 0 or above.
        b: How much long documents are held back, 0 to 1.

    Raises:
        ValueError: If there are no documents, or ``k1`` or ``b`` is outside its range.
        MissingExtraError: If bm25s is not installed.

    Example:
        >>> cheese = BM25Retriever([Document("Gouda is Dutch."), Document("Brie is French.")])
        >>> cheese.search("Where is Gouda from?", 1)[0].document.text
        'Gouda is Dutch.'
    """

    def __init__(self, documents: Sequence[Document], *, k1: float = 1.5, b: float = 0.75) -> None:
        """Count the words."""
        if not documents:
            raise ValueError("there are no documents to search")
        if not (k1 >= 0 and 0 <= b <= 1):
            raise ValueError(f"k1 must be 0 or above and b from 0 to 1, got k1={k1} and b={b}")
        self.documents = list(documents)
        self._library = require("bm25s", extra="rag")
        words = self._words([passage(document) for document in self.documents])
        self._counts = Counter(word for some in words for word in set(some))  # documents with it
        self._index = self._library.BM25(k1=k1, b=b, method="lucene")
        if self._counts:  # bm25s can't index texts that have no words at all
            self._index.index(words, show_progress=False)

    def search(self, query: str, k: int) -> list[Hit]:
        """Return the ``k`` best documents, best first; those that share no word are left out.

        Raises:
            ValueError: If ``k`` is below 1.
        """
        return [Hit(self.documents[place], score) for place, score in self.places(query, k)]

    def places(self, query: str, k: int) -> list[tuple[int, float]]:
        """Return where the ``k`` best documents stand in ``documents``, with their scores."""
        check_whole(k=k)
        words = [word for word in self._words([query])[0] if word in self._counts]
        if not words:
            return []
        scores = self._index.get_scores(words)
        best = np.argsort(-scores, kind="stable")[:k]  # of equals, the one that came first
        return [(int(at), float(scores[at])) for at in best if scores[at] > 0]

    def shares(self, query: str, texts: Sequence[str]) -> np.ndarray:
        """Return how much of a question's words each text has: 1 if all, 0 if none.

        Each word weighs what it weighs in the ranking: the rarer, the more. A word that no document
        has weighs most. Words that only ask, such as *what*, do not count.

        Example:
            >>> texts = ["Member 1234 is Ann.", "Bo is a member."]
            >>> notes = BM25Retriever([Document(text) for text in texts])
            >>> notes.shares("Who is member 1234?", texts).round(1)
            array([1. , 0.2])
        """
        asked = set(self._words([query])[0]) - ASKING
        weights = {word: self._weight(word) for word in asked}
        shared = (asked & set(words) for words in self._words(list(texts)))
        sums = [sum(weights[word] for word in words) for words in shared]
        return np.array(sums) / (sum(weights.values()) or 1.0)

    def _weight(self, word: str) -> float:
        having = self._counts[word]
        return math.log(1 + (len(self.documents) - having + 0.5) / (having + 0.5))

    def _words(self, texts: list[str]) -> list[Any]:
        return self._library.tokenize(
            [search_form(text).casefold() for text in texts],
            token_pattern=r"(?u)\b\w+\b",
            stopwords="english",
            return_ids=False,
            show_progress=False,
        )
