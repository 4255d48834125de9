"""The settings of PPO, and the controller of its penalty."""

import dataclasses
from typing import Any

import pytest

from companion.training.ppo_config import PPOConfig, next_beta

SMALL = PPOConfig(
    steps=3, batch_size=4, minibatch_size=2, max_new_tokens=6, learning_rate=1e-2, lam=0.9
)


@pytest.mark.parametrize(
    ("kl", "expected"), [(6.0, 0.1), (6.6, 0.101), (3.0, 0.098), (60.0, 0.102), (-1.0, 0.098)]
)
def test_the_controller_by_hand(kl: float, expected: float) -> None:
    assert next_beta(0.1, kl, target_kl=6.0) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 0}, "steps must be a whole number from 1, got 0"),
        ({"batch_size": 1}, "batch_size must be a whole number from 2"),
        ({"minibatch_size": 3}, "that divides batch_size=4, got 3"),
        ({"epochs": 1.5}, "epochs must be"),
        ({"max_new_tokens": 0}, "max_new_tokens must be"),
        ({"learning_rate": 0.0}, "learning_rate must be above 0"),
        ({"learning_rate": float("nan")}, "learning_rate must be above 0"),
        ({"value_learning_rate": -1.0}, "value_learning_rate must be above 0"),
        ({"beta": -0.1}, r"beta must be 0 \(no penalty\) or above"),
        ({"target_kl": 0.0}, "target_kl must be None or above 0"),
        ({"target_kl": 1.0, "beta": 0.0}, "with a beta above 0 to start from"),
        ({"beta_gain": 0.0}, "beta_gain must be above 0"),
        ({"gamma": 1.1}, "gamma must be from 0 to 1"),
        ({"lam": -0.1}, "lam must be from 0 to 1"),
        ({"clip_range": 1.0}, "clip_range must be above 0 and below 1"),
        ({"value_clip_range": 0.0}, "value_clip_range must be above 0"),
        ({"max_grad_norm": 0.0}, "max_grad_norm must be above 0"),
        ({"seed": -1}, "seed must be a whole number from 0"),
        ({"steps": True}, "steps must be a whole number"),
    ],
)
def test_settings_are_checked(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(SMALL, **changes)
