"""What every trainer is told: checked before a model runs."""

import pytest

from companion.training.settings import TrainingSettings


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 0}, "steps must be a whole number from 1, got 0"),
        ({"steps": 1.5}, "steps must be"),
        ({"steps": True}, "steps must be"),
        ({"batch_size": 0}, "batch_size must be a whole number from 1, got 0"),
        ({"learning_rate": 0.0}, "learning_rate must be above 0, got 0.0"),
        ({"learning_rate": float("inf")}, "learning_rate must be above 0"),
        ({"learning_rate": float("nan")}, "learning_rate must be above 0"),
        ({"learning_rate": "1e-3"}, "learning_rate must be above 0"),
        ({"save_steps": 0, "output_dir": "x"}, "save_steps must be a whole number from 1"),
        ({"seed": -1}, "seed must be a whole number from 0"),
        ({"save_steps": 5}, "save_steps needs an output_dir"),
    ],
)
def test_a_number_out_of_its_range_is_named(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrainingSettings(**{"steps": 1} | changes)


def test_what_was_not_given_is_what_suits_the_method() -> None:
    filled = TrainingSettings(7, seed=3).filled(batch_size=16, learning_rate=1e-3)

    assert (filled.steps, filled.seed) == (7, 3)
    assert (filled.batch_size, filled.learning_rate) == (16, 1e-3)


def test_what_was_given_stays() -> None:
    given = TrainingSettings(7, batch_size=2, learning_rate=0.5)

    assert given.filled(batch_size=16, learning_rate=1e-3) == given
    assert given.filled(batch_size=16, learning_rate=1e-3) is not given


def test_the_smallest_settings_are_taken() -> None:
    TrainingSettings(1, 1, 1e-9, output_dir="x", save_steps=1, seed=0)
