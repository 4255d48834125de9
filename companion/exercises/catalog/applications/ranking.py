"""Exercises: BM25, and several rankings made one."""

import math
from random import Random

from companion.exercises.catalog._draws import some_words
from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("retrieval", __name__)
Words = list[str]

exercise = page.exercise(
    id="bm25",
    title="Search by words: BM25",
    difficulty="medium",
    minutes=18,
    statement=r"""
    BM25 scores a document $d$ for a query $q$ by

    $$\sum_{w \in q} \ln\!\left(1 + \frac{N - n_w + 0.5}{n_w + 0.5}\right)
    \frac{f_w}{f_w + k_1\bigl(1 - b + b\,|d| / \overline{|d|}\bigr)}$$

    Write it for texts that have already been split into words.
    """,
    hints=(
        "Two loops: over the words of the query, and inside over the documents. What does not "
        "depend on the document?",
        "`sum(word in words for words in documents)` counts documents; `words.count(word)` counts "
        "inside one.",
        "Outer loop: n and rarity. Inner loop: f, and add `rarity * f / (f + k1 * (1 - b + b * "
        "len(words) / mean))` to the document's score.",
    ),
)


@exercise.solution
def bm25_scores(
    query: list[str],
    documents: list[list[str]],
    k1: float = 1.5,
    b: float = 0.75,
) -> list[float]:
    """Score documents by the words that they share with a query.

    The sum, over the words of the query, of ``rarity * f / (f + k1 * (1 - b + b
    * length / mean))``, where rarity is ``ln(1 + (N - n + 0.5) / (n + 0.5))``.

    Args:
        query: Words; one that stands there twice counts twice.
        documents: Words of each of the N documents, at least one word in all of
        them together.
        k1: How quickly repetition stops to count.
        b: How much long documents are held back, 0 to 1.

    Returns:
        One score per document. In the formula, n is the number of documents
        that contain the word, f how often it stands in this document, length
        the document's number of words, and mean the mean length of all
        documents.
    """
    mean = sum(len(words) for words in documents) / len(documents)
    scores = [0.0] * len(documents)
    for word in query:
        n = sum(word in words for words in documents)
        rarity = math.log(1 + (len(documents) - n + 0.5) / (n + 0.5))
        for i, words in enumerate(documents):
            f = words.count(word)
            scores[i] += rarity * f / (f + k1 * (1 - b + b * len(words) / mean))
    return scores


@exercise.cases
def _bm25_cases(rng: Random) -> Cases:
    a, b, c, d, e, f, g, nobody = some_words(rng, 8)
    documents = [[a, b, c], [c] * rng.randint(2, 6) + [d], [e, a, f, g, d]]
    yield Case(
        "two words",
        ([a, c], documents),
        "For each word: how many documents have it, and how often has each document got it?",
    )
    unknown = ([nobody, g], documents)
    yield Case("a word that nobody has", unknown, f"What is f for {nobody}?")
    common = [["the", a], ["the", b, "the"], ["the", c], []]
    yield Case(
        "a word that is nearly everywhere, and an empty document",
        (["the", c], common),
        "Can a shared word lower the score? What is ln(1 + x) for x > 0?",
    )
    colors = [rng.choice(("red", "blue", "green", "gray")) for _ in range(14)]
    drawn = [colors[:3], colors[3:5], colors[5:]]
    yield Case(
        "random words",
        ([*colors[2:4], colors[2]], drawn, 1.2, 0.5),
        "Are k1 and b used as they are given? Does the word that comes twice count twice?",
    )


@exercise.mistake(
    "The length of the document has no influence: b is ignored. Long documents contain more words "
    "by chance, and would win too often."
)
def _any_length(
    query: Words, documents: list[Words], k1: float = 1.5, b: float = 0.75
) -> list[float]:
    return bm25_scores(query, documents, k1, 0.0)


@exercise.mistake(
    "For n you count how often the word occurs in all documents. n is the number of documents that "
    "contain it; repetition in one document does not make a word common."
)
def _occurrences(
    query: Words, documents: list[Words], k1: float = 1.5, b: float = 0.75
) -> list[float]:
    total = [0.0] * len(documents)
    for word in query:
        right = sum(word in words for words in documents)
        count = sum(words.count(word) for words in documents)
        old = math.log(1 + (len(documents) - right + 0.5) / (right + 0.5))
        new = math.log(max(1 + (len(documents) - count + 0.5) / (count + 0.5), 1e-9))
        for i, score in enumerate(bm25_scores([word], documents, k1, b)):
            total[i] += score * new / old
    return total


@exercise.mistake(
    "The 1 inside the logarithm is missing. A word that stands in more than half of the documents "
    "then lowers the score of whoever has it."
)
def _no_one_added(
    query: Words, documents: list[Words], k1: float = 1.5, b: float = 0.75
) -> list[float]:
    total = [0.0] * len(documents)
    for word in query:
        n = sum(word in words for words in documents)
        odds = (len(documents) - n + 0.5) / (n + 0.5)
        for i, score in enumerate(bm25_scores([word], documents, k1, b)):
            total[i] += score * math.log(odds) / math.log(1 + odds)
    return total


@exercise.mistake(
    "You multiply rarity by the count: that is TF-IDF. In BM25 the second occurrence counts less "
    "than the first, and long documents are held back."
)
def _without_saturation(
    query: Words, documents: list[Words], k1: float = 1.5, b: float = 0.75
) -> list[float]:
    total = [0.0] * len(documents)
    for word in query:
        n = sum(word in words for words in documents)
        rarity = math.log(1 + (len(documents) - n + 0.5) / (n + 0.5))
        total = [score + rarity * d.count(word) for score, d in zip(total, documents, strict=True)]
    return total


@exercise.mistake(
    "A word that stands twice in the query counts once with you. Do not make a set of the query."
)
def _each_word_once(
    query: Words, documents: list[Words], k1: float = 1.5, b: float = 0.75
) -> list[float]:
    return bm25_scores(list(dict.fromkeys(query)), documents, k1, b)


exercise = page.exercise(
    id="reciprocal-rank-fusion",
    title="Reciprocal rank fusion",
    difficulty="easy",
    minutes=8,
    tolerance=1e-7,
    statement=r"""
    A cosine and a BM25 score can't be added, but ranks can be compared. Merge rankings by
    $\text{RRF}(d) = \sum_r \frac{1}{k + \operatorname{rank}_r(d)}$.
    """,
    hints=(
        "Keep a dict from item to score, and go through the rankings one by one.",
        "`enumerate(ranking, 1)` counts from 1.",
        "`sorted` is stable: sort the dict's items by the negative score, and ties stay in the "
        "order in which they came in.",
    ),
)


@exercise.solution
def fuse_rankings(
    rankings: list[list[str]],
    k: int = 60,
) -> list[tuple[str, float]]:
    """Merge rankings by reciprocal rank fusion.

    An item's score is the sum of ``1 / (k + rank)`` over the rankings that
    contain it.

    Args:
        rankings: Items of each ranking, best first. The best has the rank 1.
        k: Constant that keeps the first rank from deciding alone.

    Returns:
        Pairs of item and score, the largest score first; equal ones in the
        order in which they first occur, reading one ranking after the other.
    """
    scores = {}
    for ranking in rankings:
        for rank, item in enumerate(ranking, 1):
            scores[item] = scores.get(item, 0) + 1 / (k + rank)
    return sorted(scores.items(), key=lambda pair: -pair[1])


@exercise.cases
def _fusion_cases(rng: Random) -> Cases:
    items = some_words(rng, 6)
    a, b, c, d = items[:4]
    two = [[a, b, c], [b, d, a]]
    yield Case("two rankings", (two,), f"{a} has the ranks 1 and 3, {b} has 2 and 1. Who wins?")
    low, high = sorted((a, b))
    yield Case("a tie", ([[high, low], [low, high]],), "Both have 1/61 + 1/62. Which comes first?")
    constant = rng.randint(1, 9)
    yield Case(
        "another constant",
        ([[a, b, c], [c, b]], constant),
        f"With k = {constant} the first rank counts 1/{constant + 1}. Where does k come in?",
    )
    rankings = [rng.sample(items, rng.randint(2, 6)) for _ in range(2)]
    yield Case("random rankings", (rankings,), "What does an item get from a ranking it is not in?")
    yield Case("nothing found", ([[], []],), "What is there to return?")


@exercise.mistake(
    "Your ranks begin at 0. The formula counts from 1: the best gets 1/61 with k = 60."
)
def _rank_from_zero(rankings: list[Words], k: int = 60) -> list[tuple[str, float]]:
    return fuse_rankings(rankings, k - 1)


@exercise.mistake(
    "The constant k is missing. With 1/rank alone, the first of one ranking beats what is second "
    "in both."
)
def _without_constant(rankings: list[Words], k: int = 60) -> list[tuple[str, float]]:
    return fuse_rankings(rankings, 0)


@exercise.mistake(
    "You divide by the number of rankings that have the item. Then it is no advantage to be found "
    "by both searches, and that is the point of fusion."
)
def _averaged(rankings: list[Words], k: int = 60) -> list[tuple[str, float]]:
    counts = {
        item: sum(item in ranking for ranking in rankings)
        for ranking in rankings
        for item in ranking
    }
    scores = dict(fuse_rankings(rankings, k))
    pairs = [(item, scores[item] / count) for item, count in counts.items()]
    return sorted(pairs, key=lambda pair: -pair[1])


@exercise.mistake("The order is upside down: the largest score comes first.")
def _worst_first(rankings: list[Words], k: int = 60) -> list[tuple[str, float]]:
    counts = {item: 0.0 for ranking in rankings for item in ranking}
    pairs = [(item, dict(fuse_rankings(rankings, k))[item]) for item in counts]
    return sorted(pairs, key=lambda pair: pair[1])


@exercise.mistake(
    "Equal scores are in the order of the alphabet. What comes first in the rankings should come "
    "first; `sorted` with a key of the score alone keeps that order."
)
def _ties_by_name(rankings: list[Words], k: int = 60) -> list[tuple[str, float]]:
    return sorted(fuse_rankings(rankings, k), key=lambda pair: (-pair[1], pair[0]))
