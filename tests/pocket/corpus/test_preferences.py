"""Pairs of answers, what is better in them, and what annotators like."""

import random

import pytest

from companion.pocket.corpus import preferences
from companion.pocket.corpus.holdout import held_out


def test_a_demonstrated_answer_is_right():
    rng = random.Random(0)
    for _ in range(500):
        asked = preferences.question(rng, "train")
        said = preferences.demonstration(rng, asked)

        assert preferences.manner(said, asked.answer).right


def test_questions_for_evaluation_are_not_asked_in_training():
    train = {record["prompt"][0]["content"] for record in preferences.prompts(0, "train", 4000)}
    evaluation = {record["prompt"][0]["content"] for record in preferences.prompts(0, "eval", 500)}

    assert not train & evaluation
    names = {record["answer"].lower() for record in preferences.prompts(0, "eval", 500)}
    assert sum(held_out(name) for name in names) > 100


@pytest.mark.parametrize(
    ("response", "score"),
    [
        ("Rome.", 2.0),
        ("The capital of Italy is Rome.", 2.0),
        ("Gladly. The capital of Italy is Rome.", 3.0),
        ("Gladly. Rome. Have a nice day.", 3.5),
        ("Gladly. Rome. Have a nice day. Have a nice day.", 3.0),
        ("Gladly. Gladly. Rome.", 2.5),
        ("That is obvious. Rome.", 1.0),
        ("Gladly. The capital of Italy is Paris. Have a nice day.", 1.5),
        ("Paris. Rome.", 0.0),
        ("Romeo.", 0.0),
        ("", 0.0),
        ("a b c d e f g h i j k l m n Rome.", 1.7),
    ],
)
def test_the_gold_score_by_hand(response, score):
    assert preferences.gold_score(response, "Rome") == pytest.approx(score)


def test_annotators_like_every_closing_and_users_only_the_first():
    short, long = "Gladly. Rome. Have a nice day.", "Gladly. Rome." + " Have a nice day." * 5

    assert preferences.annotator_score(long, "Rome") > preferences.annotator_score(short, "Rome")
    assert preferences.gold_score(long, "Rome") < preferences.gold_score(short, "Rome")


def test_annotators_mostly_choose_what_they_score_higher():
    pairs = preferences.pairs(0, "train", 1000)

    agreed = [
        preferences.annotator_score(pair["chosen"][0]["content"], pair["answer"])
        > preferences.annotator_score(pair["rejected"][0]["content"], pair["answer"])
        for pair in pairs
    ]

    assert 0.93 < sum(agreed) / len(agreed) < 1.0


def test_the_two_responses_of_a_pair_differ():
    assert all(pair["chosen"] != pair["rejected"] for pair in preferences.pairs(0, "eval", 300))
