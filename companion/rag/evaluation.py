"""Evaluation of retrieval and of answers: plain functions of rankings and texts.

Retrieval first: what is not retrieved can't be answered. Then the answers: are they right, and do
they stand in what they cite? Taught in :doc:`/book/applications/retrieval`.

Left out: judging by another model (as in RAGAS, https://arxiv.org/abs/2309.15217), which measures
answers without a known solution and brings the judge's own errors.
"""

import math
import re
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass

from companion._checks import check_whole
from companion.rag.answers import RagAnswer
from companion.rag.documents import Document, passage
from companion.rag.retriever import Retriever


def recall_at_k(ranked: Sequence[Hashable], relevant: Collection[Hashable], k: int) -> float:
    """Return which share of the relevant items is among the first ``k``.

    With one relevant item this is 0 or 1, and its mean over questions the share of questions whose
    answer was found ("hit rate").

    Args:
        ranked: Items, best first. An item that comes twice takes one place.
        relevant: The items that should be found, at least one.
        k: How far to look, at least 1.

    Returns:
        0 to 1.

    Raises:
        ValueError: If there is no relevant item or ``k`` is below 1.

    Example:
        >>> recall_at_k(["a", "b", "c"], {"c", "a"}, 2)
        0.5
    """
    _check(relevant, k)
    return len(set(_distinct(ranked)[:k]) & set(relevant)) / len(set(relevant))


def reciprocal_rank(ranked: Sequence[Hashable], relevant: Collection[Hashable]) -> float:
    """Return 1 / rank of the first relevant item, 0 if there is none.

    The mean over questions is the MRR (Voorhees 1999).

    Args:
        ranked: Items, best first.
        relevant: The items that should be found, at least one.

    Returns:
        0 to 1.

    Raises:
        ValueError: If there is no relevant item.

    Example:
        >>> reciprocal_rank(["a", "b", "c"], {"b", "c"})
        0.5
    """
    _check(relevant)
    wanted = set(relevant)
    ranks = (rank for rank, item in enumerate(_distinct(ranked), 1) if item in wanted)
    return 1 / next(ranks, math.inf)


def ndcg_at_k(ranked: Sequence[Hashable], gains: Mapping[Hashable, float], k: int) -> float:
    r"""Return the normalized discounted cumulative gain (Järvelin & Kekäläinen 2002).

    .. math:: \mathrm{nDCG}@k = \frac{\mathrm{DCG}@k}{\text{the best possible}}, \qquad
              \mathrm{DCG}@k = \sum_{i=1}^{k} \frac{g_i}{\log_2(i + 1)}

    with the gain itself, as in scikit-learn, not :math:`2^g - 1`.

    Args:
        ranked: Items, best first. An item that comes twice counts once, at its first place.
        gains: Gain of each item, 0 or above, at least one of them above; others have gain 0.
        k: How far to look, at least 1.

    Returns:
        0 to 1; 1 is the best order.

    Raises:
        ValueError: If a gain is negative, all are 0, or ``k`` is below 1.

    Example:
        >>> round(ndcg_at_k(["a", "b"], {"b": 1}, 2), 4)  # 1 / log2(3)
        0.6309
    """
    if any(not 0 <= gain < math.inf for gain in gains.values()):
        raise ValueError(f"gains must be finite and 0 or above, got {dict(gains)!r:.100}")
    _check([item for item, gain in gains.items() if gain > 0], k)
    found = _dcg([gains.get(item, 0.0) for item in _distinct(ranked)[:k]])
    return found / _dcg(sorted(gains.values(), reverse=True)[:k])


@dataclass(frozen=True)
class RetrievalScores:
    """Means over questions.

    Args:
        recall: Recall at each k that was asked for.
        mrr: Mean reciprocal rank, 0 for a question whose answer is not among the largest k.
        ndcg: nDCG at the largest k, all relevant items counted alike.
        ranks: For each question the rank of the first relevant item, or None.
    """

    recall: dict[int, float]
    mrr: float
    ndcg: float
    ranks: tuple[int | None, ...]


def evaluate_retrieval(
    retriever: Retriever,
    questions: Sequence[tuple[str, Collection[Hashable]]],
    *,
    key: Callable[[Document], Hashable],
    ks: Sequence[int] = (1, 3, 10),
) -> RetrievalScores:
    """Ask every question and see where the relevant items stand.

    Several passages of one item (a page, say) count as one place: the question is how many
    different items one has to look at.

    Args:
        retriever: What to measure.
        questions: Pairs of question and the relevant items, named as ``key`` names them.
        key: From a document to its item, such as ``lambda d: d.metadata["source"]``.
        ks: How far to look.

    Returns:
        The means.

    Raises:
        ValueError: If there are no questions, or one has no relevant item.
    """
    if not questions:
        raise ValueError("there are no questions")
    deepest = max(ks)
    rankings = []
    for question, _ in questions:
        found, depth = [], deepest
        while True:  # several passages may belong to one item: look deeper until there are enough
            hits = retriever.search(question, depth)
            found = _distinct([key(hit.document) for hit in hits])
            if len(found) >= deepest or len(hits) < depth:
                break
            depth *= 2
        rankings.append(found[:deepest])
    relevant = [set(items) for _, items in questions]
    pairs = list(zip(rankings, relevant, strict=True))
    reciprocal = [reciprocal_rank(*pair) for pair in pairs]
    gains = [ndcg_at_k(found, dict.fromkeys(items, 1), deepest) for found, items in pairs]
    return RetrievalScores(
        recall={k: _mean([recall_at_k(found, items, k) for found, items in pairs]) for k in ks},
        mrr=_mean(reciprocal),
        ndcg=_mean(gains),
        ranks=tuple(round(1 / value) if value else None for value in reciprocal),
    )


def same_answer(text: str, expected: str) -> bool:
    """Tell whether a text is the expected answer, case, punctuation and blanks aside.

    Example:
        >>> same_answer("Troveska.", "troveska"), same_answer("Troveska or Bern", "Troveska")
        (True, False)
    """
    return _words(text) == _words(expected)


def contains_answer(text: str, expected: str) -> bool:
    """Tell whether the expected answer stands in a text: its words, whole and in their order.

    Raises:
        ValueError: If the expected answer has no words.
    """
    wanted = _words(expected)
    if not wanted:
        raise ValueError(f"the expected answer has no words: {expected!r}")
    return f" {wanted} " in f" {_words(text)} "


def is_faithful(answer: RagAnswer) -> bool:
    """Tell whether an answer's words stand in one of the passages that it cites.

    For answers that are quotations, as those about known facts. An answer that cites nothing, or
    a passage that is not there, is not faithful; one that says "not found" claims nothing.
    """
    if not answer.found:
        return True
    if answer.unknown_citations or not _words(answer.text):
        return False
    return any(contains_answer(passage(hit.document), answer.text) for hit in answer.sources)


@dataclass(frozen=True)
class AnswerScores:
    """Shares of all questions.

    Args:
        accuracy: Answered rightly; where no answer exists, said so.
        faithful: The answer stands in a passage that it cites, or nothing is claimed.
        outcomes: Right or not, for each question.
    """

    accuracy: float
    faithful: float
    outcomes: tuple[bool, ...]


def evaluate_answers(
    answers: Sequence[RagAnswer],
    expected: Sequence[str | None],
    *,
    right: Callable[[str, str], bool] = same_answer,
) -> AnswerScores:
    """Compare answers with what is known.

    Args:
        answers: What the pipeline said.
        expected: The right answers; None where the documents hold none.
        right: Decides from the answer's text and the expected one.

    Returns:
        Accuracy and faithfulness.

    Raises:
        ValueError: If there are no answers or not one expected answer for each.
    """
    if not answers or len(answers) != len(expected):
        raise ValueError(
            f"there must be one expected answer per answer and at least one, got {len(answers)} "
            f"answers and {len(expected)} expected"
        )
    outcomes = tuple(
        not answer.found if wanted is None else answer.found and right(answer.text, wanted)
        for answer, wanted in zip(answers, expected, strict=True)
    )
    return AnswerScores(_mean(outcomes), _mean([is_faithful(one) for one in answers]), outcomes)


def _check(relevant: Collection[Hashable], k: int = 1) -> None:
    if not relevant:
        raise ValueError("there must be at least one relevant item, or the measure has no meaning")
    check_whole(k=k)


def _distinct(items: Sequence[Hashable]) -> list[Hashable]:
    return list(dict.fromkeys(items))


def _dcg(gains: Sequence[float]) -> float:
    return sum(gain / math.log2(place + 1) for place, gain in enumerate(gains, 1))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))
