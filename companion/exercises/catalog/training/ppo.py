"""Exercises: the clipped loss of PPO, and its networks."""

from random import Random

import numpy as np

from companion.exercises.catalog._draws import numbers
from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("ppo", __name__)
Array = np.ndarray

exercise = page.exercise(
    title="The clipped loss of PPO",
    difficulty="hard",
    minutes=20,
    statement=r"""
    PPO maximizes the clipped surrogate

    $$L^{\mathrm{CLIP}}(\theta)=\mathbb{E}_t\bigl[\min\bigl(\rho_t\hat A_t,\
    \mathrm{clip}(\rho_t,1-\epsilon,1+\epsilon)\,\hat A_t\bigr)\bigr],\qquad
    \rho_t=\frac{\pi_\theta(a_t\mid s_t)}{\pi_{\theta_{\mathrm{old}}}(a_t\mid s_t)}.$$

    Optimizers minimize. Write the loss.
    """,
    hints=(
        "You have log-probabilities. What turns their difference into a ratio?",
        "Compute both products for every token and take the smaller one, token by token. That is "
        "the pessimistic choice, for positive and negative advantages alike.",
        "`ratio.clip(1 - clip_range, 1 + clip_range)`, `np.minimum`, then the mean over "
        "`gain[mask]`, with a minus.",
    ),
)


@exercise.solution
def ppo_policy_loss(
    logprobs: np.ndarray,
    old_logprobs: np.ndarray,
    advantages: np.ndarray,
    mask: np.ndarray,
    clip_range: float,
) -> float:
    """Return the clipped loss of PPO, to be minimized.

    Args:
        logprobs: Log-probabilities of the tokens under the policy as it is,
            nats, shape (B, T).
        old_logprobs: The same under the policy that wrote the tokens, shape (B,
            T).
        advantages: Advantage of each token, shape (B, T).
        mask: True for tokens that count, shape (B, T).
        clip_range: How far the ratio may usefully move from 1, such as 0.2.

    Returns:
        Minus the clipped surrogate, averaged over all tokens of the batch that
        count.
    """
    ratio = np.exp(logprobs - old_logprobs)
    clipped = ratio.clip(1 - clip_range, 1 + clip_range)
    gain = np.minimum(ratio * advantages, clipped * advantages)
    return float(-gain[mask].mean())


@exercise.cases
def _ppo_cases(rng: Random) -> Cases:
    full = np.ones((1, 2), dtype=bool)
    more, less = rng.randint(13, 18) / 10, rng.randint(4, 7) / 10
    old = np.log(numbers(rng, 0.2, 0.5, 1, 2))
    new = old + np.log([[more, less]])
    gain, loss = numbers(rng, 0.5, 3, 2)
    yield Case(
        "nothing has changed",
        (old, old, np.array([[gain, -2 - loss]]), full, 0.2),
        "What is the ratio of two equal probabilities?",
    )
    yield Case(
        "further where the advantage points",
        (new, old, np.array([[gain, -loss]]), full, 0.2),
        f"The ratios are {more} and {less}. Should going still further be rewarded?",
    )
    yield Case(
        "further in the wrong direction",
        (new, old, np.array([[-gain, loss]]), full, 0.2),
        "A bad token became likelier, a good one less likely. May clipping hide that?",
    )
    mask = np.array([[True, True, True], [True, False, False]])
    ranges = ((-2, -0.1), (-2, -0.1), (-2, 2))
    logprobs, was, gains = (numbers(rng, low, high, 2, 3) for low, high in ranges)
    gains[1, 0], gains[1, 1:] = 4.0, 9.0
    case = (logprobs, was, gains, mask, 0.2)
    yield Case("two answers and padding", case, "Over how many tokens is the mean?")


@exercise.mistake(
    "The larger of the two products was taken. Then a ratio beyond the limit is rewarded further, "
    "and clipping holds nothing."
)
def _maximum(logprobs: Array, old: Array, gains: Array, mask: Array, c: float) -> float:
    return -ppo_policy_loss(logprobs, old, -gains, mask, c)


@exercise.mistake(
    "Only the clipped product was used. Where a bad token became much likelier, its gradient is "
    "then 0, and the mistake is never undone. The minimum is for that."
)
def _always_clipped(logprobs: Array, old: Array, gains: Array, mask: Array, c: float) -> float:
    return float(-(np.exp(logprobs - old).clip(1 - c, 1 + c) * gains)[mask].mean())


@exercise.mistake(
    "The ratio is limited above and not below. Where the advantage is negative, nothing holds the "
    "policy when it makes the token less and less likely."
)
def _one_side(logprobs: Array, old: Array, gains: Array, mask: Array, c: float) -> float:
    ratio = np.exp(logprobs - old)
    return float(-np.minimum(ratio * gains, ratio.clip(max=1 + c) * gains)[mask].mean())


@exercise.mistake(
    "The minus is missing. An optimizer would minimize the surrogate and make bad tokens likelier."
)
def _not_turned(logprobs: Array, *rest: Array) -> float:
    return -ppo_policy_loss(logprobs, *rest)


@exercise.mistake(
    "That is the logarithm of the ratio. The ratio itself is its exponential, and 1 if nothing has "
    "changed."
)
def _log_ratio(logprobs: Array, old: Array, gains: Array, mask: Array, c: float) -> float:
    ratio = logprobs - old
    return float(-np.minimum(ratio * gains, ratio.clip(1 - c, 1 + c) * gains)[mask].mean())


@exercise.mistake("What stands in the padding takes part in the mean.")
def _padding_counts(logprobs: Array, old: Array, gains: Array, mask: Array, c: float) -> float:
    return ppo_policy_loss(logprobs, old, gains, np.ones_like(mask), c)


@exercise.mistake("You divided by all places. Divide by the tokens that count.")
def _all_in_denominator(logprobs: Array, old: Array, gains: Array, mask: Array, c: float) -> float:
    return float(mask.mean()) * ppo_policy_loss(logprobs, old, gains, mask, c)


@exercise.mistake(
    "You averaged within each answer first, and then over the answers. A token of a long answer "
    "then counts less than one of a short answer. Here all tokens of the batch count alike."
)
def _mean_of_means(logprobs: Array, old: Array, gains: Array, mask: Array, c: float) -> float:
    rows = zip(logprobs, old, gains, mask, strict=True)
    return float(np.mean([ppo_policy_loss(*(x[None] for x in row), c) for row in rows]))


exercise = page.exercise(
    id="ppo-networks",
    title="The networks of PPO",
    difficulty="easy",
    minutes=5,
    statement="""
    Which of these networks take part in a step of PPO, as InstructGPT did it? Choose all that hold.
    """,
    hints=(
        "Go through one step: an answer is written, scored, compared with an anchor and with what "
        "was expected.",
        "Writing, scoring, anchor, expectation: each is the work of one network.",
        "InstructGPT also mixed text of the pre-training into the loss (PPO-ptx). Whose loss?",
    ),
)

exercise.choice(
    """
    - [x] The policy, which writes the answers and is trained.

      The policy is what is trained, and it must be the one that wrote the answers.
    - [ ] The base model, as it was before instruction tuning.

      The base model has done its part. The anchor of the divergence is the model after instruction
      tuning.
    - [x] The reference, a frozen copy of the model after instruction tuning.

      The reference gives the log-probabilities for the KL penalty.
    - [x] The reward model, frozen.

      The reward model scores each finished answer.
    - [ ] A second reward model, for the rejected answers.

      One reward model scores both sides of a pair, and pairs occur only in its training. PPO scores
      single answers.
    - [ ] A second policy, which goes on learning from the text of the pre-training.

      That text enters the loss of the one policy (PPO-ptx). No network is added.
    - [x] The value model, which is trained too.

      The value model says what was to be expected before each token; without it there is no GAE. It
      may be a small head on the policy, as in the companion.
    """
)
