"""An exercise: the loss of GRPO."""

from random import Random

import numpy as np

from companion.exercises.catalog._draws import numbers
from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("dpo-grpo", __name__)
Array = np.ndarray

exercise = page.exercise(
    title="The loss of GRPO",
    difficulty="medium",
    minutes=15,
    statement=r"""
    From the advantage on, GRPO clips as PPO does. What differs is the mean: first over the tokens
    of each answer, then over the answers. Write the loss, without a KL term:

    $$-\frac{1}{B} \sum_{i=1}^{B} \frac{1}{|y_i|} \sum_{t} \min\bigl(\rho_{i,t} \hat A_i,\
    \mathrm{clip}(\rho_{i,t}, 1 - \epsilon, 1 + \epsilon)\, \hat A_i\bigr).$$
    """,
    hints=(
        "All tokens of an answer share its advantage. `advantages[:, None]` has the shape (B, 1).",
        "Ratio, clipped ratio, the smaller of the two products: as in the loss of PPO.",
        "Set padding to 0, sum each row, divide it by its own number of tokens; then the mean.",
    ),
)


@exercise.solution
def grpo_loss(
    logprobs: np.ndarray,
    old_logprobs: np.ndarray,
    advantages: np.ndarray,
    mask: np.ndarray,
    clip_range: float,
) -> float:
    """Return the clipped loss of GRPO, to be minimized.

    Args:
        logprobs: Log-probabilities of the tokens under the policy, in nats,
            shape (B, T).
        old_logprobs: The same under the policy that wrote the answers, shape
            (B, T).
        advantages: Advantage of each answer, shape (B,).
        mask: True for tokens of the answers, shape (B, T).
        clip_range: How far the ratio may usefully move from 1.

    Returns:
        Minus the clipped gain: mean over the tokens of each answer, then over
        the answers.
    """
    ratio = np.exp(logprobs - old_logprobs)
    gains = advantages[:, None]
    gain = np.minimum(ratio * gains, ratio.clip(1 - clip_range, 1 + clip_range) * gains)
    return float(-(np.where(mask, gain, 0.0).sum(axis=1) / mask.sum(axis=1)).mean())


@exercise.cases
def _grpo_cases(rng: Random) -> Cases:
    old = numbers(rng, -2, -0.5, 2, 2)
    full = np.ones((2, 2), dtype=bool)
    gains = np.array([rng.randint(5, 15) / 10, -rng.randint(16, 25) / 10])
    yield Case("new answers", (old, old, gains, full, 0.2), "What is the ratio? What is the loss?")
    moved = np.array([[0.5, -0.5], [0.5, -0.5]])
    yield Case("moved", (old + moved, old, gains, full, 0.2), "Which two tokens are clipped?")
    ragged = np.array([[True, True, True], [True, False, False]])
    now, was = numbers(rng, -2, -0.1, 2, 3), numbers(rng, -2, -0.1, 2, 3)
    now[1, 1:] += 3.0
    yield Case(
        "a long answer and a short one",
        (now, was, gains, ragged, 0.2),
        "How much does the only token of the short answer count?",
    )


@exercise.mistake(
    "All tokens of the batch have the same weight, as in PPO and DAPO. GRPO averages within each "
    "answer first, so that a token of a long answer counts less."
)
def _over_tokens(logprobs: Array, old: Array, gains: Array, mask: Array, c: float) -> float:
    rows = [grpo_loss(*(x[i : i + 1] for x in (logprobs, old, gains, mask)), c) for i in (0, 1)]
    return float(np.average(rows, weights=mask.sum(axis=1)))


@exercise.mistake(
    "The tokens of an answer were summed. Divide by their number; as it is, long answers weigh "
    "more."
)
def _summed(logprobs: Array, old: Array, gains: Array, mask: Array, c: float) -> float:
    return grpo_loss(logprobs, old, gains * mask.sum(axis=1), mask, c)


@exercise.mistake(
    "Each row was divided by the width of the batch. Divide by the tokens that the answer has."
)
def _by_width(logprobs: Array, old: Array, gains: Array, mask: Array, c: float) -> float:
    return grpo_loss(logprobs, old, gains * mask.mean(axis=1), mask, c)


@exercise.mistake("Nothing is clipped. The ratio is limited to 1 - clip_range and 1 + clip_range.")
def _not_clipped(logprobs: Array, old: Array, gains: Array, mask: Array, c: float) -> float:
    return grpo_loss(logprobs, old, gains, mask, 1e9)


@exercise.mistake(
    "Only the clipped product was used. The minimum of both keeps the gradient where a bad token "
    "became much likelier."
)
def _always_clipped(logprobs: Array, old: Array, gains: Array, mask: Array, c: float) -> float:
    clipped = np.log(np.exp(logprobs - old).clip(1 - c, 1 + c))
    return grpo_loss(clipped, np.zeros_like(old), gains, mask, 1e9)


@exercise.mistake("The minus is missing: an optimizer would make good answers less likely.")
def _not_turned(logprobs: Array, *rest: Array) -> float:
    return -grpo_loss(logprobs, *rest)


@exercise.mistake("What stands in the padding takes part.")
def _padding_counts(logprobs: Array, old: Array, gains: Array, mask: Array, c: float) -> float:
    return grpo_loss(logprobs, old, gains, np.ones_like(mask), c)
