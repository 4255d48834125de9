"""Facts of the world."""

import random

from companion.pocket.corpus import (
    facts,
)


def test_there_is_a_capital_for_every_question():
    assert len(facts.CAPITALS) >= 30
    assert facts.capital_question("France") == (
        "Question: What is the capital of France?\nAnswer:",
        "Paris",
    )


def test_capitals_of_the_two_splits_share_nothing_and_are_all():
    development, held_out = (
        facts.capital_countries(split) for split in ("development", "held_out")
    )

    assert not set(development) & set(held_out)
    assert {*development, *held_out} == set(facts.CAPITALS)
    assert len(held_out) > 3 * len(development)


def test_a_question_has_the_answer_of_its_table():
    rng = random.Random(0)
    answers = {value for frame in facts.ASKED for value in frame.table.values()}

    asked = [facts.question(rng) for _ in range(200)]

    assert all(said.endswith("?") and answer in answers for said, answer in asked)
    assert len(set(asked)) > 50


def test_a_document_is_statements_with_or_without_questions():
    rng = random.Random(0)
    texts = [facts.document(rng, "train") for _ in range(200)]

    asking = [text for text in texts if "Question: " in text]
    assert 80 < len(asking) < 160
    for text in asking:
        assert text.count("Question: ") == text.count("\nAnswer: ")
