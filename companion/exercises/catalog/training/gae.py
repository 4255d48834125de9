"""An exercise: generalized advantage estimation."""

from random import Random

import numpy as np

from companion.exercises.catalog._draws import numbers
from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("ppo", __name__)
Array = np.ndarray

exercise = page.exercise(
    title="Generalized advantage estimation",
    difficulty="hard",
    minutes=30,
    statement=r"""
    How much better than expected did each token do? GAE answers with

    $$\hat A_t = \sum_{l \ge 0} (\gamma\lambda)^l\, \delta_{t+l},\qquad \delta_t = r_t + \gamma
    V_{t+1} - V_t.$$

    Write it for a batch of answers of different lengths, in one pass over the tokens.
    """,
    hints=(
        "Write the sum for t and for t + 1 side by side. How do you get the first from the second? "
        "In which direction must the loop run?",
        r"$\hat A_t = \delta_t + \gamma\lambda\,\hat A_{t+1}$. After the last token of an answer, "
        "value and advantage are 0.",
        "Go from the last column to the first and keep two arrays of shape (B,): the value and the "
        "advantage of the column to the right. Where the mask is False, both are 0.",
    ),
)


@exercise.solution
def gae(
    rewards: np.ndarray,
    values: np.ndarray,
    mask: np.ndarray,
    gamma: float,
    lam: float,
) -> np.ndarray:
    """Return generalized advantage estimates.

    Args:
        rewards: Reward of each token, shape (B, T).
        values: What the value model expected before each token, shape (B, T).
        mask: True for tokens of the answer, shape (B, T). Padding stands on the
            right; what rewards and values hold there means nothing.
        gamma: Discount per token, 0 to 1.
        lam: Decay of the estimate, 0 to 1.

    Returns:
        Advantage of each token, 0 for padding, shape (B, T). Value and
        advantage after the last token of an answer are 0.
    """
    advantages = np.zeros(rewards.shape)
    next_value = next_advantage = np.zeros(len(rewards))  # (B,), nothing after the end
    for t in reversed(range(rewards.shape[1])):
        delta = rewards[:, t] + gamma * next_value - values[:, t]
        advantages[:, t] = np.where(mask[:, t], delta + gamma * lam * next_advantage, 0.0)
        next_value = np.where(mask[:, t], values[:, t], 0.0)
        next_advantage = advantages[:, t]
    return advantages


@exercise.cases
def _gae_cases(rng: Random) -> Cases:
    pair = np.array([[0.0, rng.randint(8, 30) / 10]]), numbers(rng, 0.2, 0.7, 1, 2)
    full = np.ones((1, 2), dtype=bool)
    yield Case("two tokens", (*pair, full, 1.0, 0.5), "What is delta at the last token?")
    yield Case("lambda 0", (*pair, full, 0.9, 0.0), "Which rewards does each token look at?")
    yield Case("lambda 1", (*pair, full, 0.9, 1.0), "Compare with all that came, minus the value.")
    rewards, values = (numbers(rng, -2, 2, 2, 3) for _ in range(2))
    rewards[0, 0], values[0, 1], rewards[1, 2], values[1, 2] = 1.5, 2.0, 3.0, 5.0
    mask = np.array([[True, True, True], [True, True, False]])
    yield Case(
        "a long answer and a short one",
        (rewards, values, mask, 0.9, 0.8),
        "What may the second token of the short answer expect after itself?",
    )


@exercise.mistake(
    "The loop runs forward, so tokens get credit for what came before them. An advantage is about "
    "what comes after; begin with the last token."
)
def _forward(rewards: Array, values: Array, mask: Array, gamma: float, lam: float) -> Array:
    delta = gae(rewards, values, mask, gamma, 0.0)
    for t in range(1, rewards.shape[1]):
        delta[:, t] += gamma * lam * delta[:, t - 1]
    return delta * mask


@exercise.mistake(
    "The value of the next token is missing from delta. Delta compares what was expected before a "
    "token with its reward *and* what is expected after it."
)
def _no_next_value(rewards: Array, values: Array, mask: Array, gamma: float, lam: float) -> Array:
    return gae(rewards - values, 0 * values, mask, gamma, lam)


@exercise.mistake("In delta, the next value must be discounted by gamma, as in the sum.")
def _next_value_not_discounted(
    rewards: Array, values: Array, mask: Array, gamma: float, lam: float
) -> Array:
    return gae(rewards, values, mask, 1.0, gamma * lam)


@exercise.mistake(
    "Lambda is missing in the sum. With gamma alone you get the estimate for lambda = 1, which "
    "does not trust the value model at all and varies most."
)
def _no_lambda(rewards: Array, values: Array, mask: Array, gamma: float, _lam: float) -> Array:
    return gae(rewards, values, mask, gamma, 1.0)


@exercise.mistake(
    "That looks one step ahead: delta alone, which is the case of lambda = 0. The advantage also "
    "has the deltas that follow, each one weighed by gamma times lambda once more."
)
def _one_step(rewards: Array, values: Array, mask: Array, gamma: float, _lam: float) -> Array:
    return gae(rewards, values, mask, gamma, 0.0)


@exercise.mistake(
    "The sum decays by lambda alone. Each step back multiplies by gamma *and* lambda: what comes "
    "later is discounted as well."
)
def _no_gamma(rewards: Array, values: Array, mask: Array, gamma: float, lam: float) -> Array:
    return gae(rewards, values, mask, gamma, lam / gamma)


@exercise.mistake(
    "Those are the returns, what the value model is trained on: advantage plus value. The policy "
    "needs the advantage, how much better it went than was expected."
)
def _returns(rewards: Array, values: Array, mask: Array, gamma: float, lam: float) -> Array:
    return gae(rewards, values, mask, gamma, lam) + values * mask


@exercise.mistake(
    "What stands in the padding gets into the advantages of the short answer. After its last "
    "token, value and advantage are 0."
)
def _padding_leaks(rewards: Array, values: Array, mask: Array, gamma: float, lam: float) -> Array:
    return gae(rewards, values, np.ones_like(mask), gamma, lam) * mask


@exercise.mistake(
    "At the last token of the short answer, the next value was read from the padding. Nothing "
    "comes after the end, so it is 0 there."
)
def _value_leaks(rewards: Array, values: Array, mask: Array, gamma: float, lam: float) -> Array:
    leak = np.where(np.roll(~mask, -1, axis=1), np.roll(values, -1, axis=1), 0.0)
    return gae(rewards + gamma * leak, values, mask, gamma, lam)


@exercise.mistake(
    "The mask is not used. Padding gets advantages, and what stands there also gets into those of "
    "the short answer's own tokens."
)
def _mask_unused(rewards: Array, values: Array, mask: Array, gamma: float, lam: float) -> Array:
    return gae(rewards, values, np.ones_like(mask), gamma, lam)
