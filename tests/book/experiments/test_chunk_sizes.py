"""The recorded run on chunk sizes."""

import pytest
from _experiments import chunk_sizes

from companion.pocket.records import record


@pytest.mark.slow
def test_a_small_run_measures_every_size_and_search() -> None:
    found = chunk_sizes.measure(scale=0.02)

    assert list(found["sizes"]) == ["32", "64", "128", "200"]
    counts = [row["chunks"] for row in found["sizes"].values()]
    assert counts == sorted(counts, reverse=True)
    assert all(
        list(row) == ["chunks", "dense", "BM25", "hybrid"] for row in found["sizes"].values()
    )


def test_the_recorded_hybrid_search_finds_nine_of_ten() -> None:
    found = record("chunk_sizes")
    best = max(found["sizes"].values(), key=lambda row: row["hybrid"]["choose"])

    assert best["hybrid"]["report"] >= 0.9 * found["questions"]["report"]
