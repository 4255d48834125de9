"""Where in a text one is: in a fenced block, in code or a quotation of its line."""

import random
import time

import pytest

from companion._markup import LOOK_AHEAD, Place


def at_the_end_of(*texts: str) -> Place:
    place = Place()
    for text in texts:
        place.add(text)
    return place


@pytest.mark.parametrize(
    ("before", "after", "quoted"),
    [
        ('He said "the ', '" twice', '"the X"'),
        ("It is `", "` here", "`X`"),
        ("It is ``", "`` here", "``X`"),
        ("„", "“ und", "„X“"),
        ("„", "” i", "„X”"),
        ("« ", " »", "« X »"),
        ("a '", "' b", "'X'"),
        ("don't ", "' b", ""),  # within a word it begins nothing
        ('"one" and ', '"', ""),  # it has ended
        ('"one" and "', '"', '"X"'),
        ('"a `b" c ', '` d"', ""),  # what began in a quotation goes with it
        ('"a `', "` d", "`X`"),  # what never ends is no quotation
        ('"a `', '` d"', '"a `X` d"'),  # what began first
        ("”»", "”»", ""),  # ends of nothing
        ('"a\nb ', '"', ""),  # not over lines
        ('a "', "b\n" + '"', ""),
        ('a "', "b" * LOOK_AHEAD + '"', ""),
    ],
)
def test_a_quotation_around_a_word(before: str, after: str, quoted: str) -> None:
    assert at_the_end_of(before).quotation("X", after, True) == quoted
    assert at_the_end_of(*before).quotation("X", after, True) == quoted


def test_whether_it_is_quoted_is_known_when_the_line_goes_on() -> None:
    place = at_the_end_of('He said "')

    assert place.quotation("X", " and", False) is None
    assert place.quotation("X", ' and"\n', False) == '"X and"'
    assert place.quotation("X", "a" * LOOK_AHEAD, False) == ""
    assert at_the_end_of("He said ").quotation("X", "", False) == ""


@pytest.mark.parametrize(
    ("text", "fenced"),
    [
        ("```\n", True),
        ("a\n> ```xml\nb", True),
        ("- ~~~\n~~~\n", False),
        ("````\n```\n", True),
        ("`a`\n", False),
    ],
)
def test_a_block_goes_on_until_its_fence(text: str, fenced: bool) -> None:
    place = at_the_end_of(text)

    assert place.fenced(place.line()) is fenced


def test_pieces_make_no_difference() -> None:
    rng = random.Random(0)
    for _ in range(500):
        parts = rng.choices(["`", "``", '"', "“", "”", "„", "«", "»", "'", "a", " ", "\n"], k=12)
        whole, pieces = at_the_end_of("".join(parts)), at_the_end_of(*parts)

        assert whole.open == pieces.open
        assert whole.quotation("X", "\"'`”»", True) == pieces.quotation("X", "\"'`”»", True)


def seconds(words: int) -> float:
    place, began = Place(), time.process_time()
    for _ in range(words):
        place.add("'a' „b `c` ")
        assert place.quotation("X", " d", True) == ""
    return time.process_time() - began


def test_a_place_far_into_a_line_costs_no_more() -> None:
    assert seconds(16_000) < 8 * seconds(4_000) + 0.2
