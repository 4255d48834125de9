"""Words and made-up names."""

import random

from companion.pocket.corpus import lexicon
from companion.pocket.corpus.holdout import held_out
from companion.pocket.corpus.lexicon import distinct_names, pronouns


def test_pronouns_fit_the_name():
    assert pronouns("Mia")["They"] == "She"
    assert pronouns("Tom")["their"] == "his"


def test_distinct_names_do_not_repeat():
    assert len(set(distinct_names(random.Random(0), "train", 300))) == 300


def test_made_up_words_are_on_their_side_and_of_a_length():
    rng = random.Random(0)
    for split in ("train", "eval"):
        words = [lexicon.made_up_word(rng, split) for _ in range(100)]

        assert all(word.islower() and 4 <= len(word) <= 10 for word in words)
        assert {held_out(word) for word in words} == {split == "eval"}
    assert lexicon.made_up_name(rng, "train").istitle()


def test_known_words_are_divided_too():
    rng = random.Random(0)
    trained = {lexicon.known_word(rng, "train") for _ in range(2000)}

    assert not trained & {lexicon.known_word(rng, "eval") for _ in range(200)}
    assert trained < set(lexicon.COMMON_WORDS)
