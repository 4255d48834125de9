"""The recorded run on chunk sizes."""

import pytest

from companion.pocket.experiments import chunk_sizes
from companion.pocket.records import record
from companion.rag.book import Question
from companion.rag.documents import Document, Hit


class Shelf:
    """Finds the same documents whatever is asked."""

    def __init__(self, *sources: str) -> None:
        self.sources = sources

    def search(self, query: str, k: int) -> list[Hit]:
        found = [Hit(Document("text", {"source": source}), 1.0) for source in self.sources]
        return found[:k]


def test_any_page_that_answers_counts_if_it_is_among_the_first_three() -> None:
    questions = [
        Question("?", ("a.md",)),
        Question("?", ("x.md", "c.md")),
        Question("?", ("d.md",)),
    ]

    assert chunk_sizes.hits(Shelf("a.md", "b.md", "c.md", "d.md"), questions) == [True, True, False]


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
