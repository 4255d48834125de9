"""Exercises: PPO before the update: the KL penalty, rewards per token."""

from random import Random

import numpy as np

from companion.exercises.catalog._draws import numbers
from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("ppo", __name__)
Array = np.ndarray

exercise = page.exercise(
    title="A divergence that is never negative",
    difficulty="easy",
    minutes=5,
    tolerance=1e-6,
    statement=r"""
    Over tokens that the policy wrote, the log-ratio $d = \log \pi_\theta(a_t \mid s_t) - \log
    \pi_{\mathrm{SFT}}(a_t \mid s_t)$ has the KL divergence as its mean, but single values can be
    negative. The estimate $k_3 = e^{-d} - 1 + d$ has the same mean and is never negative. Write it.
    """,
    hints=(
        "First compute d. It is 0 where both models find a token equally likely.",
        "What you get are logarithms already: d is a difference, not a quotient.",
        "At d = log 2 the result is 1/2 - 1 + log 2, about 0.19.",
    ),
)


@exercise.solution
def kl_k3(logprobs: np.ndarray, reference_logprobs: np.ndarray) -> np.ndarray:
    """Estimate the KL divergence from the reference, one value per token.

    Args:
        logprobs: Log-probabilities of tokens that the policy wrote, under the
            policy, in nats.
        reference_logprobs: Those of the same tokens under the reference, same
            shape.

    Returns:
        exp(-d) - 1 + d with d = logprobs - reference_logprobs, in nats, same
        shape.
    """
    d = logprobs - reference_logprobs
    return np.exp(-d) - 1 + d


@exercise.cases
def _k3_cases(rng: Random) -> Cases:
    p, q = rng.sample(range(5, 95), 2)
    same = np.log([p / 100, q / 100])
    yield Case("equal models", (same, same), "How far is a model from itself?")
    apart = same, same[::-1].copy()
    yield Case("one up, one down", apart, "Can a divergence be negative? Can one value of k3?")
    first, second = (numbers(rng, -4, -0.2, 2, 3, digits=2) for _ in range(2))
    yield Case("two answers of three tokens", (first, second), "Which sign has d at each token?")


@exercise.mistake(
    "d has the wrong sign. For tokens that the policy wrote, d is the policy's log-probability "
    "minus the reference's; turned round, the mean is another number."
)
def _turned(logprobs: Array, reference_logprobs: Array) -> Array:
    return kl_k3(reference_logprobs, logprobs)


@exercise.mistake(
    "That is the log-ratio itself, the estimate k1. Its mean is right, but single values are "
    "negative and vary more."
)
def _k1(logprobs: Array, reference_logprobs: Array) -> Array:
    return logprobs - reference_logprobs


@exercise.mistake("The -1 is missing: for two equal models the result must be 0.")
def _without_one(logprobs: Array, reference_logprobs: Array) -> Array:
    return kl_k3(logprobs, reference_logprobs) + 1


@exercise.mistake(
    "The log-probabilities were turned into probabilities, and these were subtracted. d is the "
    "difference of the logarithms."
)
def _not_a_ratio(logprobs: Array, reference_logprobs: Array) -> Array:
    p, q = np.exp(logprobs), np.exp(reference_logprobs)
    return np.exp(q - p) - 1 + p - q


exercise = page.exercise(
    title="Rewards per token",
    difficulty="medium",
    minutes=15,
    statement=r"""
    PPO gives a reward to every token that the policy wrote:

    $$r_t =
    -\beta\,\log\frac{\pi_{\theta_{\mathrm{old}}}(a_t\mid s_t)}{\pi_{\mathrm{SFT}}(a_t\mid s_t)} +
    \mathbb{1}[t = T]\; r_\phi(x, y)$$

    The KL penalty is paid at every token, and the score comes with the last one. Write it for a
    batch of answers of different lengths.
    """,
    hints=(
        "The logarithm of a quotient is a difference of log-probabilities. Which one comes first?",
        "Begin with the penalty everywhere and 0 for padding: `np.where`. Then add the scores.",
        "Padding is on the right, so the last token of a row is number `mask.sum() - 1`. "
        "`rewards[np.arange(B), last]` picks one place in each row.",
    ),
)


@exercise.solution
def token_rewards(
    scores: np.ndarray,
    logprobs: np.ndarray,
    reference_logprobs: np.ndarray,
    completion_mask: np.ndarray,
    beta: float,
) -> np.ndarray:
    """Spread rewards over tokens: KL penalty at each, score at the last.

    Args:
        scores: What the reward model gives each answer, shape (B,).
        logprobs: Log-probabilities of the tokens under the policy, in nats,
            shape (B, T).
        reference_logprobs: The same under the reference, shape (B, T).
        completion_mask: True for tokens of the answer, shape (B, T). Each row
            has at least one; padding stands on the right, and what the other
            arrays hold there means nothing.
        beta: KL coefficient, in units of reward per nat.

    Returns:
        Reward of each token, 0 for padding, shape (B, T).
    """
    rewards = np.where(completion_mask, -beta * (logprobs - reference_logprobs), 0.0)
    last = completion_mask.sum(axis=1) - 1
    rewards[np.arange(len(scores)), last] += scores
    return rewards


@exercise.cases
def _reward_cases(rng: Random) -> Cases:
    p, q = numbers(rng, -1, -0.2, 1, 3), numbers(rng, -3, -1.2, 1, 3)
    score, full = numbers(rng, 1, 4, 1), np.ones((1, 3), dtype=bool)
    yield Case(
        "one answer",
        (score, p, q, full, 0.1),
        "The policy finds the first token likelier than the reference does. Is that paid for?",
    )
    yield Case("beta is 0", (score, p, q, full, 0.0), "Which tokens get a reward now?")
    mask = np.array([[True, True, True], [True, False, False]])
    scores, p, q = (numbers(rng, -3, -0.1, *shape) for shape in ((2,), (2, 3), (2, 3)))
    p[1, 1], q[1, 1], q[0, 2] = 0.0, -9.0, p[0, 2] - 1
    yield Case(
        "a long answer and a short one",
        (scores, p, q, mask, 0.5),
        "Which is the last token of the second answer? What should stand after it?",
    )


@exercise.mistake(
    "The sign of the KL penalty is turned: the policy is paid for leaving the reference, and will "
    "run away from it."
)
def _penalty_added(scores: Array, p: Array, q: Array, *rest: float) -> Array:
    return token_rewards(scores, q, p, *rest)


@exercise.mistake(
    "Every token gets the whole score. The reward of an answer then grows with its length."
)
def _score_at_each(scores: Array, p: Array, q: Array, mask: Array, beta: float) -> Array:
    return np.where(mask, scores[:, None] - beta * (p - q), 0.0)


@exercise.mistake(
    "The score stands in the last column. In a shorter answer that is padding; its last token gets "
    "nothing."
)
def _score_in_last_column(scores: Array, p: Array, q: Array, mask: Array, beta: float) -> Array:
    rewards = np.where(mask, -beta * (p - q), 0.0)
    rewards[:, -1] += scores
    return rewards


@exercise.mistake("Padding pays a penalty too, for tokens that nobody wrote.")
def _padding_pays(scores: Array, p: Array, q: Array, mask: Array, beta: float) -> Array:
    return np.where(mask, token_rewards(scores, p, q, mask, beta), -beta * (p - q))


@exercise.mistake("At the last token the score replaced the KL penalty. Both belong there.")
def _score_replaces(scores: Array, p: Array, q: Array, mask: Array, beta: float) -> Array:
    rewards = np.where(mask, -beta * (p - q), 0.0)
    rewards[np.arange(len(scores)), mask.sum(axis=1) - 1] = scores
    return rewards
