"""Reciprocal rank fusion."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.rag.fusion import reciprocal_rank_fusion

RANKINGS = st.lists(st.lists(st.sampled_from("abcdef"), unique=True), min_size=1, max_size=4)


def test_scores_by_hand_with_the_constant_of_the_paper() -> None:
    fused = reciprocal_rank_fusion([["a", "b", "c"], ["c", "a"]])

    assert [item for item, _ in fused] == ["a", "c", "b"]
    assert [score for _, score in fused] == pytest.approx(
        [1 / 61 + 1 / 62, 1 / 63 + 1 / 61, 1 / 62]
    )


def test_twice_in_one_ranking_counts_once() -> None:
    assert reciprocal_rank_fusion([["a", "a", "b"]], k=0) == [("a", 1.0), ("b", 0.5)]


def test_equals_keep_the_order_in_which_they_came() -> None:
    assert [item for item, _ in reciprocal_rank_fusion([["b"], ["a"]])] == ["b", "a"]


def test_nothing_to_merge_and_a_negative_constant() -> None:
    assert reciprocal_rank_fusion([[], []]) == []
    with pytest.raises(ValueError, match="k must be 0 or above, got -1"):
        reciprocal_rank_fusion([["a"]], k=-1)


@given(RANKINGS)
def test_brute_force_gives_the_same(rankings) -> None:
    items = {item for ranking in rankings for item in ranking}
    expected = {
        item: sum(1 / (61 + ranking.index(item)) for ranking in rankings if item in ranking)
        for item in items
    }

    assert dict(reciprocal_rank_fusion(rankings)) == pytest.approx(expected)


@given(st.lists(st.sampled_from("abcdef"), unique=True))
def test_one_ranking_stays_as_it_is(ranking) -> None:
    assert [item for item, _ in reciprocal_rank_fusion([ranking])] == ranking
