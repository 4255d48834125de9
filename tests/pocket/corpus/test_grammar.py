"""A grammar fills its symbols."""

import random

import pytest

from companion.pocket.corpus.grammar import expand


def test_expand_fills_nested_symbols():
    assert expand(random.Random(0), "{a}!", {"a": ["{b} {b}"], "b": "x"}) == "x x!"


def test_expand_names_a_missing_rule():
    with pytest.raises(KeyError, match="size"):
        expand(random.Random(0), "a {size} dog", {})


def test_one_of_the_expansions_is_drawn_each_time():
    rng = random.Random(0)

    drawn = {expand(rng, "{a}{a}", {"a": ["x", "y"]}) for _ in range(50)}

    assert drawn == {"xx", "xy", "yx", "yy"}
    assert expand(rng, "no slot, {}", {}) == "no slot, {}"
