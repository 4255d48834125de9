"""Paragraphs on one topic or two, without an open slot."""

import random
import re

from companion.pocket.corpus import prose


def test_a_document_has_paragraphs_of_a_few_sentences():
    rng = random.Random(0)
    texts = [prose.document(rng, "train") for _ in range(200)]

    counts = {text.count("\n\n") + 1 for text in texts}
    assert counts == {1, 2}
    for paragraph in "\n\n".join(texts).split("\n\n"):
        sentences = re.findall(r"[^.]+\.", paragraph)
        assert 4 <= len(sentences) <= 6
        assert len(set(sentences)) == len(sentences)
        assert all(sentence.strip()[0].isupper() for sentence in sentences)


def test_every_slot_has_a_rule_and_every_topic_enough_sentences():
    for sentences in prose._TOPICS.values():
        slots = re.findall(r"\{(\w+)\}", " ".join(sentences))

        assert len(sentences) >= 6
        assert set(slots) <= set(prose._RULES)


def test_sentences_vary():
    rng = random.Random(0)

    assert len({prose.document(rng, "train") for _ in range(200)}) == 200
