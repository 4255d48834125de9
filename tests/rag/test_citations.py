"""Citations of passages, in a whole answer and in one that is still being written."""

import time
from collections.abc import Generator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.rag.citations import known_citations, known_only
from companion.reasoning import TakenBack

SIGNS = st.lists(
    st.sampled_from(["[1]", "[7]", " [1, 9]", "a[0]", "[", "]", "2", ",", " ", "\n", "x", "."]),
    max_size=12,
)


def streamed(pieces: list[str]) -> Generator[str, None, None]:
    yield from pieces


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Bern [1]. Old [1, 7]. [9]", "Bern [1]. Old [1]."),
        ("See a[0] and b[9].", "See a[0] and b[9]."),
        ("a b [9] c[9]", "a b c[9]"),
        ("[8][9]", ""),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_citations_of_no_passage_are_taken_out(text: str, shown: str, size: int) -> None:
    pieces = [text[at : at + size] for at in range(0, len(text), size)]

    assert known_only(text, 2) == shown
    assert "".join(known_citations(streamed(pieces), 2)) == shown


@given(SIGNS)
def test_a_stream_shows_what_the_whole_answer_has(pieces: list[str]) -> None:
    assert "".join(known_citations(streamed(pieces), 2)) == known_only("".join(pieces), 2)


def test_a_long_answer_costs_no_more_per_word() -> None:
    began = time.process_time()
    shown = "".join(known_citations(streamed(["word "] * 10_000), 2))

    assert len(shown) == 50_000
    assert time.process_time() - began < 3


def test_what_is_taken_back_leaves_no_half_citation() -> None:
    pieces = list(known_citations(streamed(["No [", TakenBack(), "It is. [1]"]), 1))

    assert "".join(pieces) == "NoIt is. [1]"
    assert isinstance(pieces[1], TakenBack)
