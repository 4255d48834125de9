"""Exercises on training from preferences: the clipped loss of PPO, the loss of DPO."""

import random
from collections.abc import Iterator

import numpy as np

from companion.exercises.catalog._draws import numbers
from companion.exercises.exercise import Case, CodeExercise, Wrong

# -- PPO ------------------------------------------------------------------------------------------


def ppo_policy_loss(
    logprobs: np.ndarray,
    old_logprobs: np.ndarray,
    advantages: np.ndarray,
    mask: np.ndarray,
    clip_range: float,
) -> float:
    """Return the clipped loss of PPO, to be minimized.

    Args:
        logprobs: Log-probabilities of the tokens under the policy as it is, nats, shape (B, T).
        old_logprobs: The same under the policy that wrote the tokens, shape (B, T).
        advantages: Advantage of each token, shape (B, T).
        mask: True for tokens that count, shape (B, T).
        clip_range: How far the ratio may usefully move from 1, such as 0.2.

    Returns:
        Minus the clipped surrogate, averaged over all tokens of the batch that count.
    """
    ratio = np.exp(logprobs - old_logprobs)
    clipped = ratio.clip(1 - clip_range, 1 + clip_range)
    gain = np.minimum(ratio * advantages, clipped * advantages)
    return float(-gain[mask].mean())


def _maximum(
    logprobs: np.ndarray, old: np.ndarray, gains: np.ndarray, mask: np.ndarray, c: float
) -> float:
    return -ppo_policy_loss(logprobs, old, -gains, mask, c)


def _always_clipped(
    logprobs: np.ndarray, old: np.ndarray, gains: np.ndarray, mask: np.ndarray, c: float
) -> float:
    return float(-(np.exp(logprobs - old).clip(1 - c, 1 + c) * gains)[mask].mean())


def _one_side(
    logprobs: np.ndarray, old: np.ndarray, gains: np.ndarray, mask: np.ndarray, c: float
) -> float:
    ratio = np.exp(logprobs - old)
    return float(-np.minimum(ratio * gains, ratio.clip(max=1 + c) * gains)[mask].mean())


def _not_turned(logprobs: np.ndarray, *rest: np.ndarray) -> float:
    return -ppo_policy_loss(logprobs, *rest)


def _log_ratio(
    logprobs: np.ndarray, old: np.ndarray, gains: np.ndarray, mask: np.ndarray, c: float
) -> float:
    ratio = logprobs - old
    return float(-np.minimum(ratio * gains, ratio.clip(1 - c, 1 + c) * gains)[mask].mean())


def _all_in_denominator(
    logprobs: np.ndarray, old: np.ndarray, gains: np.ndarray, mask: np.ndarray, c: float
) -> float:
    return float(mask.mean()) * ppo_policy_loss(logprobs, old, gains, mask, c)


def _padding_counts(
    logprobs: np.ndarray, old: np.ndarray, gains: np.ndarray, mask: np.ndarray, c: float
) -> float:
    return ppo_policy_loss(logprobs, old, gains, np.ones_like(mask), c)


def _ppo_cases(rng: random.Random) -> Iterator[Case]:
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
    gains[1, 1:] = 9.0
    case = (logprobs, was, gains, mask, 0.2)
    yield Case("two answers and padding", case, "Over how many tokens is the mean?")


PPO_LOSS = CodeExercise(
    id="ppo-policy-loss",
    title="The clipped loss of PPO",
    section="training",
    page="training/ppo",
    difficulty="hard",
    minutes=20,
    statement=(
        "PPO maximizes the clipped surrogate\n\n"
        "$$L^{\\mathrm{CLIP}}(\\theta)=\\mathbb{E}_t\\bigl[\\min\\bigl(\\rho_t\\hat A_t,\\ "
        "\\mathrm{clip}(\\rho_t,1-\\epsilon,1+\\epsilon)\\,\\hat A_t\\bigr)\\bigr],\\qquad "
        "\\rho_t=\\frac{\\pi_\\theta(a_t\\mid s_t)}"
        "{\\pi_{\\theta_{\\mathrm{old}}}(a_t\\mid s_t)}.$$\n\nOptimizers minimize. Write the loss."
    ),
    hints=(
        "You have log-probabilities. What turns their difference into a ratio?",
        "Compute both products for every token and take the smaller one, token by token. That is "
        "the pessimistic choice, for positive and negative advantages alike.",
        "`ratio.clip(1 - clip_range, 1 + clip_range)`, `np.minimum`, then the mean over "
        "`gain[mask]`, with a minus.",
    ),
    solution=ppo_policy_loss,
    cases=_ppo_cases,
    wrong=(
        Wrong(
            _maximum,
            "The larger of the two products was taken. Then a ratio beyond the limit is rewarded "
            "further, and clipping holds nothing.",
        ),
        Wrong(
            _always_clipped,
            "Only the clipped product was used. Where a bad token became much likelier, its "
            "gradient is then 0, and the mistake is never undone. The minimum is for that.",
        ),
        Wrong(
            _one_side,
            "The ratio is limited above and not below. Where the advantage is negative, nothing "
            "holds the policy when it makes the token less and less likely.",
        ),
        Wrong(
            _not_turned,
            "The minus is missing. An optimizer would minimize the surrogate and make bad tokens "
            "likelier.",
        ),
        Wrong(
            _log_ratio,
            "That is the logarithm of the ratio. The ratio itself is its exponential, and 1 if "
            "nothing has changed.",
        ),
        Wrong(_padding_counts, "What stands in the padding takes part in the mean."),
        Wrong(_all_in_denominator, "You divided by all places. Divide by the tokens that count."),
    ),
    uses=("numpy",),
)

# -- DPO ------------------------------------------------------------------------------------------


def dpo_loss(
    policy_chosen: np.ndarray,
    policy_rejected: np.ndarray,
    reference_chosen: np.ndarray,
    reference_rejected: np.ndarray,
    beta: float,
) -> float:
    """Return the loss of direct preference optimization for one pair.

    Args:
        policy_chosen: Log-probability of each token of the preferred answer under the policy, in
            nats, shape (T_w,).
        policy_rejected: The same for the other answer, shape (T_l,).
        reference_chosen: As the first, under the reference model, shape (T_w,).
        reference_rejected: As the second, under the reference model, shape (T_l,).
        beta: Strength of the pull to the reference.

    Returns:
        The loss in nats. The log-probability of an answer is the sum over its tokens.
    """
    chosen = (policy_chosen - reference_chosen).sum()
    rejected = (policy_rejected - reference_rejected).sum()
    return float(np.logaddexp(0.0, -beta * (chosen - rejected)))


def _no_reference(
    w: np.ndarray, r: np.ndarray, ref_w: np.ndarray, ref_r: np.ndarray, beta: float
) -> float:
    return dpo_loss(w, r, 0 * ref_w, 0 * ref_r, beta)


def _averaged(
    w: np.ndarray, r: np.ndarray, ref_w: np.ndarray, ref_r: np.ndarray, beta: float
) -> float:
    return dpo_loss(w / len(w), r / len(r), ref_w / len(w), ref_r / len(r), beta)


def _swapped(
    w: np.ndarray, r: np.ndarray, ref_w: np.ndarray, ref_r: np.ndarray, beta: float
) -> float:
    return dpo_loss(r, w, ref_r, ref_w, beta)


def _no_beta(
    w: np.ndarray, r: np.ndarray, ref_w: np.ndarray, ref_r: np.ndarray, _beta: float
) -> float:
    return dpo_loss(w, r, ref_w, ref_r, 1.0)


def _beta_outside(
    w: np.ndarray, r: np.ndarray, ref_w: np.ndarray, ref_r: np.ndarray, beta: float
) -> float:
    return beta * dpo_loss(w, r, ref_w, ref_r, 1.0)


def _dpo_cases(rng: random.Random) -> Iterator[Case]:
    w, r = numbers(rng, -3, -1.5, 2), numbers(rng, -3, -0.5, 3)
    yield Case("policy and reference are equal", (w, r, w, r, 0.1), "What is the margin?")
    yield Case(
        "chosen up, rejected down",
        (w + numbers(rng, 0.3, 1, 2), r - numbers(rng, 0.3, 1, 3), w, r, 0.5),
        "By how many nats did each answer become likelier or less likely?",
    )
    yield Case(
        "both fall",
        (w - numbers(rng, 0.5, 1, 2), r - numbers(rng, 2, 3, 3), w, r, 0.1),
        "Is the loss content although the chosen answer became less likely?",
    )
    sizes = rng.sample((1, 2, 3, 4), 2)
    arrays = [numbers(rng, -3, -0.1, n) for n in (*sizes, *sizes)]
    yield Case("other answers", (*arrays, 0.3), "Does a long answer have a lower log-probability?")
    down, one = np.array([-float(rng.randint(600, 1500))]), np.array([-1.0])
    yield Case("far away", (down, one, one, down, 1.0), "The margin is huge. Is the loss finite?")


DPO_LOSS = CodeExercise(
    id="dpo-loss",
    title="The loss of DPO",
    section="training",
    page="training/dpo-grpo",
    difficulty="hard",
    minutes=20,
    statement=(
        "Write the loss of DPO for one pair of answers, from the log-probabilities of their "
        "tokens:\n\n"
        "$$-\\log \\sigma\\Bigl(\\beta \\log \\frac{\\pi_\\theta(y_w \\mid x)}"
        "{\\pi_{\\mathrm{ref}}(y_w \\mid x)} - \\beta \\log \\frac{\\pi_\\theta(y_l \\mid x)}"
        "{\\pi_{\\mathrm{ref}}(y_l \\mid x)}\\Bigr)$$\n\nIt must stay finite for large margins."
    ),
    hints=(
        "The probability of an answer is the product over its tokens. What is its logarithm?",
        "Two log-ratios, one for each answer: the policy's log-probability minus the reference's. "
        "Their difference times beta is the margin.",
        "From there on it is the loss of a reward model: `np.logaddexp(0.0, -margin)`.",
    ),
    solution=dpo_loss,
    cases=_dpo_cases,
    wrong=(
        Wrong(
            _no_reference,
            "The reference is missing. What counts is how much likelier than *before* an answer "
            "became; without it a short answer is at an advantage from the start.",
        ),
        Wrong(
            _averaged,
            "The log-probabilities were averaged over the tokens. DPO sums them; a mean is another "
            "loss, in which long answers move less.",
        ),
        Wrong(
            _swapped,
            "Chosen and rejected are swapped: the policy would learn what people did not want.",
        ),
        Wrong(
            _no_beta,
            "Beta is missing. It says how far the policy has to move until the loss is content.",
        ),
        Wrong(
            _beta_outside,
            "Beta stands outside of the logarithm. There it only scales the gradient, as another "
            "learning rate would do; it belongs to the margin.",
        ),
    ),
    uses=("numpy",),
)

EXERCISES = (PPO_LOSS, DPO_LOSS)
