"""Training and evaluation items are disjoint by construction."""

import random

import pytest

from companion.pocket.corpus import (
    arithmetic,
    context,
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
