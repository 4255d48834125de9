"""Measures of retrieval and of answers: by hand, and against scikit-learn."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import label_ranking_average_precision_score

from companion.rag.answers import parse_answer
from companion.rag.documents import Document, Hit
from companion.rag.evaluation import (
    RetrievalScores,
    contains_answer,
    evaluate_retrieval,
    is_faithful,
    same_answer,
)

HITS = [Hit(Document("Mona lives in Bern."), 0.9), Hit(Document("Tarek sells cheese."), 0.8)]


def passages(*sources: str) -> list[Document]:
    return [Document(f"{source} {n}", {"source": source}) for n, source in enumerate(sources)]


class Listed:
    """Returns the documents in the order of a list, whatever is asked."""

    def __init__(self, documents: list[Document]) -> None:
        self.documents = documents

    def search(self, query: str, k: int) -> list[Hit]:
        return [Hit(document, 1.0) for document in self.documents[:k]]


def page(passage: Document) -> str:
    return passage.metadata["source"]


def test_retrieval_over_questions_by_hand() -> None:
    retriever = Listed(passages("a", "a", "b", "c"))
    questions = [("1?", ["a"]), ("2?", ["x", "c"]), ("3?", ["x"])]

    scores = evaluate_retrieval(retriever, questions, key=page)

    assert scores.ranks == (1, 4, None)
    assert scores.found(3) == [True, False, False]
    assert scores.found(4) == [True, True, False]
    assert scores.mrr == pytest.approx((1 + 1 / 4 + 0) / 3)


def test_beyond_the_depth_nothing_counts() -> None:
    scores = evaluate_retrieval(Listed(passages("a", "b")), [("?", ["b"])], key=page, depth=1)

    assert (scores.found(9), scores.mrr, scores.ranks) == ([False], 0, (None,))


@given(st.lists(st.one_of(st.none(), st.integers(1, 9)), min_size=1, max_size=8))
def test_the_mean_reciprocal_rank_is_that_of_scikit_learn(ranks) -> None:
    right = [[place == rank for place in range(1, 10)] for rank in ranks if rank]
    scores = [list(range(9, 0, -1))] * len(right)
    theirs = label_ranking_average_precision_score(right, scores) if right else 0

    assert RetrievalScores(tuple(ranks)).mrr == pytest.approx(theirs * len(right) / len(ranks))


def test_what_can_not_be_measured_is_refused() -> None:
    with pytest.raises(ValueError, match="there are no questions"):
        evaluate_retrieval(Listed([]), [], key=page)
    with pytest.raises(ValueError, match=r"nothing answers '\?', so a search can't find it"):
        evaluate_retrieval(Listed([]), [("?", [])], key=page)
    with pytest.raises(ValueError, match="k must be a whole number from 1, got 0"):
        RetrievalScores((1,)).found(0)
    with pytest.raises(ValueError, match="depth must be a whole number from 1, got 0"):
        evaluate_retrieval(Listed([]), [("?", ["a"])], key=page, depth=0)


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
