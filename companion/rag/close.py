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
very number that was asked for is close, however its vector lies. And a passage on several topics
is near to no question on one of them: so where nothing else is close, a lower cosine will do if
it shares a word, in singular or plural, that says something of the matter. Taught in
:doc:`/book/applications/chatbot`.

Passages that are single sentences (`companion.rag.sentences`) can be answers themselves, so more is
asked of them. A sentence is ranked with the headings above it, which say what it is about, and its
words count less: it has few, so one that is shared weighs much. Then the sentence alone, without
headings, has to bear on the question: `MIN_SUPPORT`. Weight and threshold were chosen on 56
questions with an answer and 25 without one; how they do on others is shown in
:doc:`/book/applications/rag`.
"""

import re
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from companion.rag.bm25 import ASKING, BM25Retriever
from companion.rag.documents import Document, Hit, body, passage
from companion.rag.normalization import search_form

MIN_COSINE = 0.3
"""Cosine from which on a passage is close by its meaning."""

MIN_SHARE = 0.75
"""Share of the question's words from which on a passage is close by them."""

LOW_COSINE, LOW_SHARE = 0.1, 0.3
"""Cosine and share of the question's `stems` from which on together a passage will do, if there is
none that is close."""

WORDS_WEIGHT = 0.4
"""What the words count in the ranking, beside the cosine."""

SENTENCE_WORDS_WEIGHT = 0.1
"""What the words count in a ranking of sentences."""

MIN_SUPPORT = 0.6
"""Cosine of a sentence without its headings, and `WORDS_WEIGHT` times its share of the question's
words, from which on together it is taken for an answer."""

DEPTH = 50
"""Candidates taken from each search."""

# fmt: off
FUNCTION_WORDS = ASKING | frozenset({
    "a", "an", "and", "another", "are", "as", "at", "be", "but", "by", "for", "from", "if", "in",
    "into", "is", "it", "just", "let", "more", "no", "not", "now", "of", "on", "or", "s", "so",
    "some", "such", "that", "the", "their", "them", "then", "these", "this", "those", "to", "too",
    "very", "with", "yes",
})
# fmt: on
"""Words that say nothing of a matter by themselves."""


class ClosePassages:
    """Passages with their vectors, searched by meaning and by words.

    Args:
        documents: The passages.
        vectors: Their vectors of length 1, shape ``(N, d)``.
        embedder: What made the vectors.
        sentences: Whether each passage is a sentence that has to answer by itself.
    """

    def __init__(
        self,
        documents: Sequence[Document],
        vectors: np.ndarray,
        embedder: Any,
        *,
        sentences: bool = False,
    ) -> None:
        self.documents, self.vectors, self.embedder = list(documents), vectors, embedder
        self.sentences = sentences
        self._words = BM25Retriever(self.documents) if self.documents else None

    @cached_property
    def _stems(self) -> Counter[str]:
        """In how many passages each stem occurs."""
        return Counter(stem for document in self.documents for stem in stems(passage(document)))

    def __len__(self) -> int:
        return len(self.documents)

    def search(self, query: str, k: int) -> list[Hit]:
        """Return at most ``k`` passages that are close to the question, the best first.

        The score is the cosine. A passage that is close by its words may have a low one.
        """
        if self._words is None:
            return []
        asked = self.embedder.embed([query], progress=False)[0]  # (d,)
        cosines = self.vectors @ asked  # (N,)
        nearest = np.argsort(-cosines, kind="stable")[:DEPTH].tolist()
        by_words = dict(self._words.places(query, DEPTH))
        places = list(dict.fromkeys([*nearest, *by_words]))
        best = max(by_words.values(), default=1.0)
        words = np.array([by_words.get(place, 0.0) for place in places]) / best
        weight = SENTENCE_WORDS_WEIGHT if self.sentences else WORDS_WEIGHT
        order = np.argsort(-(cosines[places] + weight * words), kind="stable")
        ranked = [places[at] for at in order]
        if self.sentences:
            found = self._supported(query, asked, ranked[:k])
        else:
            found = self._close(query, cosines, ranked)[:k]
        return [Hit(self.documents[place], float(cosines[place])) for place in found]

    def _close(self, query: str, cosines: np.ndarray, places: list[int]) -> list[int]:
        """Keep what is close by its meaning or by its words; if nothing is, by a little of both."""
        texts = [passage(self.documents[place]) for place in places]
        near, shares = cosines[places], self._words.shares(query, texts)
        close = (near >= MIN_COSINE) | (shares >= MIN_SHARE)
        if not close.any():
            close = (near >= LOW_COSINE) & (self._shares_of_stems(query, texts) >= LOW_SHARE)
        return [place for place, near in zip(places, close, strict=True) if near]

    def _shares_of_stems(self, query: str, texts: list[str]) -> np.ndarray:
        """Return the share of the question's stems that each text has, rare ones weighing more."""
        weights = {stem: 1 / (1 + self._stems[stem]) for stem in stems(query)}
        sums = [sum(weights[stem] for stem in weights.keys() & stems(text)) for text in texts]
        return np.array(sums) / (sum(weights.values()) or 1.0)

    def _supported(self, query: str, asked: np.ndarray, places: list[int]) -> list[int]:
        """Keep the sentences that bear on the question without their headings."""
        documents = [self.documents[place] for place in places]
        alone = self.embedder.embed([body(document) for document in documents], progress=False)
        shares = self._words.shares(query, [passage(document) for document in documents])
        support = alone @ asked + WORDS_WEIGHT * shares
        return [place for place, sum_ in zip(places, support, strict=True) if sum_ >= MIN_SUPPORT]


def stems(text: str) -> set[str]:
    """Return the words of a text that say something of a matter, without the ending of a plural.

    The rules are close to those of Harman, *How effective is suffixing?*, 1991.

    Example:
        >>> sorted(stems("Do you have berries, and where are the dogs?"))
        ['berry', 'dog']
    """
    words = set(re.findall(r"\w+", search_form(text).casefold())) - FUNCTION_WORDS
    return {_singular(word) for word in words}


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies") and word[-4] not in "ae":
        return f"{word[:-3]}y"
    if len(word) > 3 and word.endswith("s") and word[-2] not in "us":
        return word[:-1]
    return word
