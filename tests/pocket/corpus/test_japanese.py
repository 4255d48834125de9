"""A little Japanese: pairs of sentences, or Japanese alone."""

import random
import re

from companion.pocket.corpus import japanese


def test_sentences_are_pairs_of_the_two_languages():
    rng = random.Random(0)
    pairs = [japanese.sentence(rng, "train") for _ in range(200)]

    assert all(english.isascii() and english.endswith(".") for english, _ in pairs)
    assert all(re.search("[ぁ-ん]", said) and said.endswith("。") for _, said in pairs)
    assert len({said for _, said in pairs}) == len({english for english, _ in pairs}) > 40


def test_what_lives_is_and_what_does_not_stands_there():
    rng = random.Random(0)
    pairs = dict(japanese.sentence(rng, "train") for _ in range(600))

    for english, said in pairs.items():
        if " is at " in english:
            lives = english.startswith(("The cat", "The dog", "The fish"))
            assert said.endswith("にいます。" if lives else "にあります。")


def test_articles_fit_the_noun():
    said = [japanese._a(noun) for noun in ("cat", "apple", "water")]
    assert said == ["a cat", "an apple", "water"]


def test_no_sentence_of_the_evaluation_is_trained():
    rng = random.Random(0)
    trained = {japanese.sentence(rng, "train")[0] for _ in range(1500)}

    assert not trained & {japanese.sentence(rng, "eval")[0] for _ in range(100)}


def test_a_document_is_pairs_or_a_text():
    rng = random.Random(0)
    texts = [japanese.document(rng, "train") for _ in range(100)]
    pairs = [text for text in texts if text.startswith("English: ")]

    assert 40 < len(pairs) < 80
    for text in pairs:
        labels = [line.partition(": ")[0] for line in text.split("\n")]
        assert labels == ["English", "Japanese"] * (len(labels) // 2)
        assert 3 <= len(labels) // 2 <= 6
    assert all("\n" not in text and text.endswith("。") for text in texts if text not in pairs)
