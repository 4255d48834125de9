"""Search with a language model: a small run on pocket-chat, the items, and what the record says."""

import pytest
from _experiments import open_reranking

from companion.pocket.records import record
from companion.rag.book import load_questions


@pytest.mark.slow
def test_a_small_run_judges_and_writes() -> None:
    found = open_reranking.measure(scale=0.02, column="pocket")

    assert [len(row) for row in found["likelihood"]["places"]] == [2, 2, 2]
    assert [len(row) for row in found["likelihood"]["nats"]] == [2, 2, 2]
    assert [len(found[name]) for name in ("hyde", "other", "follow_ups")] == [3, 3, 3]
    assert set(found["cost"]) == {"likelihood", "hyde", "other", "follow_ups"}


def test_the_record_has_candidates_for_every_question() -> None:
    found = record("open_reranking")
    asked = load_questions()

    assert len(found["likelihood"]["places"]) == len(found["hyde"]) == len(asked)
    for places, nats in zip(*found["likelihood"].values(), strict=True):
        assert len(set(places)) == len(places) == len(nats)
        assert max(nats) < 0
