"""Training and evaluation items are disjoint by construction."""

import random
from itertools import islice

import pytest

from companion.pocket.corpus import (
    MIXTURE,
    arithmetic,
    context,
    documents,
    rules,
    tool_calls,
    translation,
)
from companion.pocket.corpus.holdout import draw, held_out


def test_about_one_key_in_ten_is_held_out():
    share = sum(held_out("key", i) for i in range(20_000)) / 20_000

    assert share == pytest.approx(0.1, abs=0.01)


def test_draw_returns_only_keys_of_the_asked_side():
    rng = random.Random(0)

    evaluated = {draw(rng, "eval", lambda r: ((n := r.randrange(1000)), n)) for _ in range(200)}
    trained = {draw(rng, "train", lambda r: ((n := r.randrange(1000)), n)) for _ in range(2000)}

    assert evaluated
    assert not evaluated & trained


@pytest.mark.parametrize(
    ("module", "options"),
    [
        (arithmetic, {"reasoning": False}),
        (context, {}),
        (tool_calls, {}),
        (translation, {}),
        (rules, {"rule": "upper", "examples": 0}),
    ],
)
def test_no_prompt_is_drawn_on_both_sides(module, options):
    rng = random.Random(1)

    trained = {module.item(rng, "train", **options)[0] for _ in range(1500)}
    evaluated = {module.item(rng, "eval", **options)[0] for _ in range(300)}

    assert not trained & evaluated


def test_no_evaluated_word_problem_stands_in_the_training_documents():
    rng = random.Random(2)
    asked = {arithmetic.item(rng, "eval", reasoning=False)[0] for _ in range(500)}

    text = "\n".join(document.text for document in islice(documents(0, kind="word_problems"), 3000))

    assert not [prompt for prompt in asked if prompt in text]


def test_names_of_the_context_questions_are_unseen():
    seen = {
        word
        for document in islice(documents(0, kind="context"), 2000)
        for word in document.text.replace(".", " ").replace("?", " ").split()
    }
    rng = random.Random(3)

    answers = {context.item(rng, "eval")[1] for _ in range(300)}

    assert not answers & seen


def test_documents_are_mixed_by_their_weights():
    kinds = [document.kind for document in islice(documents(0), 5000)]

    total = sum(weight for _, weight in MIXTURE.values())
    for kind, (_, weight) in MIXTURE.items():
        assert kinds.count(kind) / len(kinds) == pytest.approx(weight / total, abs=0.02)
