"""Measures of retrieval and of answers: by hand, and against scikit-learn."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from companion.rag.answers import NOT_FOUND, RagAnswer, parse_answer
from companion.rag.documents import Document, Hit
from companion.rag.evaluation import (
    contains_answer,
    evaluate_answers,
    evaluate_retrieval,
    is_faithful,
    ndcg_at_k,
    recall_at_k,
    reciprocal_rank,
    same_answer,
)

HITS = [Hit(Document("Mona lives in Bern."), 0.9), Hit(Document("Tarek sells cheese."), 0.8)]


def test_recall_by_hand() -> None:
    ranked = ["a", "b", "c", "d"]

    assert recall_at_k(ranked, {"a", "d", "x"}, 1) == pytest.approx(1 / 3)
    assert recall_at_k(ranked, {"a", "d", "x"}, 4) == pytest.approx(2 / 3)
    assert recall_at_k(ranked, {"x"}, 99) == 0
    assert recall_at_k(["a", "a", "b"], {"b"}, 2) == 1


def test_reciprocal_rank_by_hand() -> None:
    assert reciprocal_rank(["a", "b", "c"], {"c", "b"}) == 0.5
    assert reciprocal_rank(["a"], {"x"}) == 0
    assert reciprocal_rank([], {"x"}) == 0
    assert reciprocal_rank(["a", "a", "b"], {"b"}) == 0.5


def test_ndcg_by_hand() -> None:
    gains = {"a": 3, "b": 1, "c": 2}
    dcg = 1 / math.log2(2) + 3 / math.log2(3)
    best = 3 / math.log2(2) + 2 / math.log2(3)

    assert ndcg_at_k(["b", "a", "c"], gains, 2) == pytest.approx(dcg / best)
    assert ndcg_at_k(["a", "c", "b"], gains, 3) == pytest.approx(1)
    assert ndcg_at_k(["x", "y"], gains, 2) == 0
    assert ndcg_at_k(["a", "a", "a"], gains, 3) < 1


@given(st.lists(st.integers(0, 5), min_size=2, max_size=8), st.integers(1, 10), st.randoms())
def test_ndcg_is_that_of_scikit_learn(gains, k, rng) -> None:
    if not any(gains):
        gains[0] = 1
    order = list(range(len(gains)))
    rng.shuffle(order)
    scores = np.empty(len(gains))
    scores[order] = np.arange(len(gains), 0, -1)

    ours = ndcg_at_k(order, dict(enumerate(gains)), k)

    assert ours == pytest.approx(ndcg_score([gains], [scores], k=k))


def test_measures_without_meaning_are_refused() -> None:
    for measure in (lambda: recall_at_k(["a"], set(), 1), lambda: reciprocal_rank(["a"], [])):
        with pytest.raises(ValueError, match="at least one relevant item"):
            measure()
    with pytest.raises(ValueError, match="at least one relevant item"):
        ndcg_at_k(["a"], {"a": 0}, 1)
    with pytest.raises(ValueError, match="gains must be finite and 0 or above"):
        ndcg_at_k(["a"], {"a": -1}, 1)
    with pytest.raises(ValueError, match="k must be a whole number from 1, got 0"):
        recall_at_k(["a"], {"a"}, 0)


def passages(*sources: str) -> list[Document]:
    return [Document(f"{source} {n}", {"source": source}) for n, source in enumerate(sources)]


class Listed:
    """Returns the documents in the order of a list, whatever is asked."""

    def __init__(self, documents: list[Document]) -> None:
        self.documents = documents

    def search(self, query: str, k: int) -> list[Hit]:
        return [Hit(document, 1.0) for document in self.documents[:k]]


def test_retrieval_over_questions_by_hand() -> None:
    retriever = Listed(passages("a", "a", "a", "b", "c"))
    questions = [("1?", ["a"]), ("2?", ["c"]), ("3?", ["x"])]

    scores = evaluate_retrieval(retriever, questions, key=lambda d: d.metadata["source"], ks=(1, 3))

    assert scores.recall == {1: pytest.approx(1 / 3), 3: pytest.approx(2 / 3)}
    assert scores.mrr == pytest.approx((1 + 1 / 3 + 0) / 3)
    assert scores.ndcg == pytest.approx((1 + 1 / math.log2(4) + 0) / 3)
    assert scores.ranks == (1, 3, None)


def test_beyond_the_largest_k_nothing_counts() -> None:
    scores = evaluate_retrieval(
        Listed(passages("a", "b")), [("?", ["b"])], key=lambda d: d.metadata["source"], ks=(1,)
    )

    assert (scores.recall, scores.mrr, scores.ranks) == ({1: 0}, 0, (None,))


def test_no_questions_is_an_error() -> None:
    with pytest.raises(ValueError, match="there are no questions"):
        evaluate_retrieval(Listed([]), [], key=str)


def test_the_same_answer_in_other_clothes() -> None:
    assert same_answer(" bern. ", "Bern")
    assert same_answer("the-river", "The River")
    assert not same_answer("Bern and Basel", "Bern")


def test_an_answer_stands_in_a_text_as_whole_words() -> None:
    assert contains_answer("She lives in New Bern.", "new bern")
    assert not contains_answer("She lives in Bernau.", "Bern")
    assert not contains_answer("New and Bern", "New Bern")
    with pytest.raises(ValueError, match="has no words"):
        contains_answer("x", "?!")


@pytest.mark.parametrize(
    ("said", "faithful"),
    [
        ("Bern. [1]", True),
        ("Bern. [2]", False),  # stands in another passage than the one cited
        ("Basel. [1]", False),
        ("Bern.", False),  # cites nothing
        ("Bern. [1] [5]", False),  # cites what is not there
        ("Bern. [2] [1]", True),
        ("The context does not say.", True),
        ("?! [1]", False),
    ],
)
def test_faithful_is_what_stands_in_a_cited_passage(said, faithful) -> None:
    assert is_faithful(parse_answer(said, HITS)) is faithful


def test_answers_by_hand() -> None:
    answers = [
        parse_answer("Bern. [1]", HITS),  # right and faithful
        parse_answer("cheese. [1]", HITS),  # right, wrong source
        RagAnswer(NOT_FOUND, found=False),  # rightly refused
        RagAnswer(NOT_FOUND, found=False),  # wrongly refused
        parse_answer("Bern. [1]", HITS),  # should have refused
    ]

    scores = evaluate_answers(answers, ["Bern", "Cheese", None, "Basel", None])

    assert scores.outcomes == (True, True, True, False, False)
    assert scores.accuracy == 0.6
    assert scores.faithful == 0.8


def test_a_refusal_is_never_right_by_its_words() -> None:
    answers = [RagAnswer(NOT_FOUND, found=False)]

    assert evaluate_answers(answers, [NOT_FOUND]).accuracy == 0


def test_the_rule_for_right_can_be_changed_and_numbers_must_match() -> None:
    long = [parse_answer("It is Bern. [1]", HITS)]

    assert evaluate_answers(long, ["Bern"]).accuracy == 0
    assert evaluate_answers(long, ["Bern"], right=contains_answer).accuracy == 1
    with pytest.raises(ValueError, match="got 1 answers and 2 expected"):
        evaluate_answers(long, ["a", "b"])
