"""What stands before and around a chunk: the pieces, a small run, and what the record says."""

import pytest
from _experiments import passage_context

from companion.pocket.records import record
from companion.rag.documents import Document


def test_what_is_put_in_front_is_what_was_asked_for() -> None:
    chunk = Document("Heat\n\nWarm air.", {"source": "a.md", "title": "Sky", "heading": "Heat"})

    fronts = {
        name: passage_context.in_front(chunk, keys).text
        for name, keys in passage_context.FRONTS.items()
    }

    assert fronts == {
        "nothing": "Warm air.",
        "heading": "Heat. Warm air.",
        "title": "Sky. Warm air.",
        "title and headings": "Sky. Heat. Warm air.",
    }


def test_neighbors_stay_in_their_section() -> None:
    chunks = [
        Document(text, {"source": "a", "section": section})
        for text, section in (("a", 0), ("b", 0), ("c", 0), ("d", 1))
    ]

    assert passage_context.with_neighbors(chunks, 0) == "a b"
    assert passage_context.with_neighbors(chunks, 2) == "b c"
    assert passage_context.with_neighbors(chunks, 3) == "d"
    assert passage_context.with_neighbors(chunks, 1, reach=0) == "b"


@pytest.mark.slow
def test_a_small_run_measures_every_context() -> None:
    found = passage_context.measure(scale=0.02)

    assert list(found["fronts"]) == list(passage_context.FRONTS)
    assert all(len(ranks) == 79 for row in found["fronts"].values() for ranks in row.values())
    assert [len(view["held"]) for view in found["shown"].values()] == [3, 3, 3]


def test_the_record_says_that_titles_and_headings_help() -> None:
    found = record("passage_context")["fronts"]

    def among_three(front: str) -> int:
        return sum(rank is not None and rank <= 3 for rank in found[front]["both"])

    assert among_three("title and headings") > among_three("nothing") + 4
