"""Rules do what they are called."""

import random

import pytest

from companion.pocket.corpus import (
    rules,
)


@pytest.mark.parametrize(
    ("rule", "word", "answer"),
    [
        ("upper", "river", "RIVER"),
        ("first", "river", "r"),
        ("double", "river", "river river"),
        ("last", "river", "r"),
        ("dash", "sea", "sea-sea"),
    ],
)
def test_rules_do_what_they_are_called(rule, word, answer):
    assert rules.RULES[rule](word) == answer


def test_a_rule_item_shows_the_asked_number_of_examples():
    prompt, answer = rules.item(random.Random(0), "eval", rule="upper", examples=3)

    *shown, asked = prompt.split("\n")
    assert [line.split(" -> ")[1] for line in shown] == [
        line.split(" -> ")[0].upper() for line in shown
    ]
    assert len(shown) == 3
    assert answer == asked.removesuffix(" ->").upper()
