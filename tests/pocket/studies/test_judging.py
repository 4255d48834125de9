"""Known pairs are held out, and losses count every token and byte."""

import pytest

from companion.models import load
from companion.pocket.studies import judging


def test_losses_count_every_token_and_byte() -> None:
    loaded = load("base", source="pocket")
    text = "Le garçon aime le chien."

    found = judging.losses(loaded, [text, text])

    ids = loaded.tokenizer(text, add_special_tokens=False).input_ids
    assert found["tokens"] == 2 * len(ids)
    assert found["bytes"] == 2 * (len(text) + 1)
    assert found["nats"] == pytest.approx(2 * judging.losses(loaded, [text])["nats"], abs=0.02)


def test_every_pair_has_two_answers_and_the_same_are_drawn_again():
    found = judging.pairs(4)

    assert list(found) == list(judging.KINDS)
    assert all(len(some) == 4 for some in found.values())
    assert all(pair.better != pair.worse for some in found.values() for pair in some)
    assert found == judging.pairs(4)


def test_texts_of_the_grammar_come_in_each_kind():
    assert {kind: len(texts) for kind, texts in judging.grammar_texts(3).items()} == dict.fromkeys(
        judging.KINDS_OF_TEXT, 3
    )
