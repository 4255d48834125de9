"""The recipe of a run: what makes no sense is refused, and the plan of its learning rate."""

import pytest

from companion.pocket.recipe import SHARD_TOKENS, Recipe

PLAIN = Recipe(steps=100, warmup_steps=10, decay_share=0.4, learning_rate=1.0, annealing_begins=0)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"width": 255}, "width must be a multiple of heads, got 255 and 4"),
        ({"batch_tokens": 3000}, r"batch_tokens \(3000\) must divide 1048576"),
        ({"batch_tokens": 256}, "be a multiple of context"),
        ({"sequence_length": 300}, r"must be a multiple of sequence_length \(300\)"),
        ({"annealing_begins": 100}, "annealing_begins must be a multiple of 128, .* got 100"),
        ({"decay_share": 0.0}, "decay_share must be over 0 and at most 1, got 0.0"),
        ({"decay_share": 1.1}, "decay_share must be"),
    ],
)
def test_what_does_not_fit_together_is_named(changes: dict, said: str):
    with pytest.raises(ValueError, match=said):
        Recipe(**changes)


def test_a_shard_feeds_as_many_steps_as_batches_fit_into_it():
    assert Recipe().steps_per_shard == 128
    assert Recipe().steps_per_shard * Recipe().batch_tokens == SHARD_TOKENS


@pytest.mark.parametrize(
    ("step", "rate"),
    [(0, 0.1), (4, 0.5), (9, 1.0), (10, 1.0), (60, 1.0), (61, 39 / 40), (80, 0.5), (99, 1 / 40)],
)
def test_the_learning_rate_warms_up_stays_and_falls(step: int, rate: float):
    assert PLAIN.decay_begins == 60
    assert PLAIN.learning_rate_at(step) == pytest.approx(rate)


def test_sequences_are_as_long_as_the_context_in_the_decay():
    assert [PLAIN.sequence_length_at(step) for step in (0, 59, 60, 99)] == [256, 256, 512, 512]


def test_a_decay_over_the_whole_run_begins_at_once():
    assert Recipe(steps=10, decay_share=1.0, annealing_begins=0).decay_begins == 0
