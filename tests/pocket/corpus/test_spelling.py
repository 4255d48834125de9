"""Words are spelled right, and held-out ones are not."""

import random
import re

from companion.pocket.corpus import (
    spelling,
)
from companion.pocket.corpus.holdout import held_out
from companion.pocket.corpus.lexicon import COMMON_WORDS


def test_spelled_words_are_spelled_right():
    rng = random.Random(0)
    lines = "\n".join(spelling.document(rng, "train") for _ in range(300)).split("\n")
    pairs = [re.split(r": | = ", line.removeprefix("Spell "), maxsplit=1) for line in lines]

    assert len(lines) > 1000
    for one, other in pairs:
        word, letters = (other, one) if len(one) > len(other) else (one, other)
        assert word == re.sub(r"[-, ]", "", letters)
        assert len(re.findall(r"[-, ]+", letters)) == len(word) - 1


def test_held_out_made_up_words_are_not_spelled_in_training():
    rng = random.Random(0)
    words = {
        re.sub(r"[-, ]", "", re.split(r": | = ", line.removeprefix("Spell "))[0])
        for _ in range(300)
        for line in spelling.document(rng, "train").split("\n")
    } - set(COMMON_WORDS)

    assert len(words) > 300
    assert not [word for word in words if held_out(word)]
