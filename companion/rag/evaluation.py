"""Evaluation of retrieval and of answers: plain functions of rankings and texts.

Retrieval first: what is not retrieved can't be answered. Then the answers: are they right, and do
they stand in what they cite? Taught in :doc:`/book/applications/retrieval`.

Left out: judging by another model (as in RAGAS, https://arxiv.org/abs/2309.15217), which measures
answers without a known solution and brings the judge's own errors.
"""

import re
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass

from companion._checks import check_whole
from companion.rag.answers import RagAnswer
from companion.rag.documents import Document, passage
from companion.rag.retriever import Retriever


@dataclass(frozen=True)
class RetrievalScores:
    """How early each question met a passage that answers it.

    Args:
        ranks: For each question the rank of the first such passage, 1 for the best, or None if
            there was none as far as one looked.

    Example:
        >>> scores = RetrievalScores((1, 4, None))
        >>> scores.found(3), round(scores.mrr, 3)
        ([True, False, False], 0.417)
    """

    ranks: tuple[int | None, ...]

    def found(self, k: int) -> list[bool]:
        """Tell for each question whether one of the first ``k`` passages answers it.

        The share of these is recall at k where one passage is enough, also called hit rate.
        """
        check_whole(k=k)
        return [rank is not None and rank <= k for rank in self.ranks]

    @property
    def mrr(self) -> float:
        """Mean reciprocal rank (Voorhees 1999); a question without an answer counts 0."""
        return sum(1 / rank for rank in self.ranks if rank) / len(self.ranks)


def evaluate_retrieval(
    retriever: Retriever,
    questions: Sequence[tuple[str, Collection[Hashable]]],
    *,
    key: Callable[[Document], Hashable],
    depth: int = 10,
) -> RetrievalScores:
    """Ask every question and see where the first passage stands that answers it.

    Taught in :doc:`/book/applications/retrieval`.

    Args:
        retriever: What to measure.
        questions: Pairs of question and what answers it, such as pages, at least one.
        key: From a passage to what it belongs to, named as the answers are:
            ``lambda passage: passage.metadata["source"]``.
        depth: How many passages to look at.

    Returns:
        The ranks, and measures of them.

    Raises:
        ValueError: If there are no questions, or nothing answers one.
    """
    check_whole(depth=depth)
    if not questions:
        raise ValueError("there are no questions")
    ranks = []
    for question, answers in questions:
        if not answers:
            raise ValueError(f"nothing answers {question!r}, so a search can't find it")
        hits = enumerate(retriever.search(question, depth), 1)
        ranks.append(next((rank for rank, hit in hits if key(hit.document) in answers), None))
    return RetrievalScores(tuple(ranks))


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


def _words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))
