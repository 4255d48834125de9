"""An exercise: the loss of a reward model."""

from random import Random

import numpy as np

from companion.exercises.catalog._draws import numbers
from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("reward-model", __name__)

exercise = page.exercise(
    title="The loss of a reward model",
    difficulty="medium",
    minutes=10,
    statement=r"""
    A reward model learns from pairs: $y_w$ was preferred to $y_l$. Write its loss, $-\log
    \sigma\bigl(r_\phi(x, y_w) - r_\phi(x, y_l)\bigr)$, averaged over a batch of pairs. It must stay
    finite where the model is very sure and wrong.
    """,
    hints=(
        "Only the difference of the two rewards counts. If it is 0, a pair costs log 2.",
        r"$-\log \sigma(z) = \log(1 + e^{-z})$. For a large negative $z$ this is about $-z$.",
        "`np.logaddexp(0, x)` is log(1 + exp(x)) and does not overflow.",
    ),
)


@exercise.solution
def pairwise_loss(
    chosen_rewards: np.ndarray,
    rejected_rewards: np.ndarray,
) -> float:
    """Return the Bradley-Terry loss of a reward model, averaged over the pairs.

    Args:
        chosen_rewards: Reward of each preferred answer, shape (B,).
        rejected_rewards: Reward of the other answer to the same prompt, shape
            (B,).

    Returns:
        Mean of -log sigmoid(chosen - rejected), in nats.
    """
    margins = chosen_rewards - rejected_rewards
    return float(np.logaddexp(0.0, -margins).mean())


@exercise.cases
def _pair_cases(rng: Random) -> Cases:
    equal = numbers(rng, -3, 3, 2)
    yield Case("equal", (equal, equal), "Which probability has each side if the margin is 0?")
    chosen = np.array([2.0, 0.0, 1.0]) + numbers(rng, -0.5, 0.5, 3)
    unequal = chosen, np.array([0.0, 1.5, -3.0])
    yield Case("three pairs", unequal, "In which of the pairs is the model wrong?")
    draw = np.random.default_rng(rng.getrandbits(32)).normal
    other = np.round(draw(size=4), 1) + 5, np.round(draw(size=4), 1) + 3
    yield Case("four other pairs", other, "Would the loss change if all rewards rose by 100?")
    far = np.array([0.0, 3.0]), np.array([float(rng.randint(800, 3000)), 3.0])
    yield Case("very sure and very wrong", far, "What is log(1 + exp(1000)), about? Why?")


@exercise.mistake(
    "The sign of the margin is turned. Such a model learns to give the rejected answers the higher "
    "rewards."
)
def _sides_swapped(chosen_rewards: np.ndarray, rejected_rewards: np.ndarray) -> float:
    return pairwise_loss(rejected_rewards, chosen_rewards)


@exercise.mistake(
    "The logarithm is missing: this is minus the probability of what was chosen. It is almost flat "
    "where the model is sure and wrong, just where it should learn most."
)
def _no_logarithm(chosen_rewards: np.ndarray, rejected_rewards: np.ndarray) -> float:
    losses = np.logaddexp(0.0, rejected_rewards - chosen_rewards)
    return float(-np.exp(-losses).mean())


@exercise.mistake("The losses were summed. Here the mean over the pairs is asked for.")
def _summed(chosen_rewards: np.ndarray, rejected_rewards: np.ndarray) -> float:
    return len(chosen_rewards) * pairwise_loss(chosen_rewards, rejected_rewards)


@exercise.mistake(
    "Sigmoid first, logarithm second: where the model is very sure and wrong, the sigmoid is "
    "rounded to 0 and its logarithm is minus infinity. Write it in one piece."
)
def _unstable(chosen_rewards: np.ndarray, rejected_rewards: np.ndarray) -> float:
    with np.errstate(all="ignore"):
        share = 1 / (1 + np.exp(rejected_rewards - chosen_rewards))
        return float(-np.log(share).mean())
