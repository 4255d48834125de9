"""Exercises: the groups of GRPO, the loss of DPO."""

from random import Random

import numpy as np

from companion.exercises.catalog._draws import numbers
from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("dpo-grpo", __name__)
Array = np.ndarray

exercise = page.exercise(
    title="Advantages in groups",
    difficulty="medium",
    minutes=15,
    tolerance=1e-3,
    statement=r"""
    GRPO needs no value model. It draws $G$ answers to the same prompt and compares each with its
    group:

    $$\hat A_i = \frac{r_i - \mathrm{mean}(r_1, \dots, r_G)}{\mathrm{std}(r_1, \dots, r_G)}.$$

    Add $10^{-4}$ to the standard deviation, so that a group of equal rewards gets 0.
    """,
    hints=(
        "Give the array two dimensions: one row per prompt. What is the reshape for that?",
        "Mean and standard deviation along the rows; `keepdims=True` lets you subtract and divide.",
        "`std(axis=1, ddof=1, keepdims=True)` is the unbiased one. At the end, `reshape(-1)`.",
    ),
)


@exercise.solution
def group_advantages(rewards: np.ndarray, group_size: int) -> np.ndarray:
    """Compare each answer with the others to the same prompt, as GRPO does.

    Args:
        rewards: Reward of each answer, shape (B,); the answers to one prompt
            stand in a row.
        group_size: Answers per prompt, at least 2. B is a multiple of it.

    Returns:
        (reward - mean) / (std + 1e-4) with mean and standard deviation of the
        group, shape (B,). The standard deviation is the unbiased one, with
        group_size - 1 in the denominator.
    """
    groups = rewards.reshape(-1, group_size)
    spread = groups.std(axis=1, ddof=1, keepdims=True)
    return ((groups - groups.mean(axis=1, keepdims=True)) / (spread + 1e-4)).reshape(-1)


@exercise.cases
def _group_cases(rng: Random) -> Cases:
    size = rng.randint(4, 12)
    lone = np.eye(size)[rng.randrange(size)]
    yield Case(f"one of {size} is right", (lone, size), "What does the rare right answer get?")
    two = np.array([1.0, 0.0, 1.0, 9.0, 5.0, 7.0]) + numbers(rng, -0.4, 0.4, 6)
    yield Case("two prompts", (two, 3), "Should a hard prompt be compared with an easy one?")
    same, low = rng.sample(range(10), 2)
    equal = np.array([same, same, low, same]) / 2
    yield Case("all alike in one group", (equal, 2), "What is the standard deviation there?")
    near = np.array([0.0, 1.0, 3.0]) * rng.randint(2, 9) * 1e-5
    yield Case("nearly alike", (near, 3), "What is added to the standard deviation?")
    count = rng.randint(2, 3)
    other = np.round([rng.uniform(-3, 3) + 4 * (i // 3) for i in range(3 * count)], 1)
    yield Case(f"{count} groups of three", (other, 3), "Does each group add up to 0?")


@exercise.mistake(
    "Mean and standard deviation are of the whole batch. Answers to an easy prompt then look good "
    "and those to a hard one bad, whatever the model did."
)
def _whole_batch(rewards: Array, _group_size: int) -> Array:
    return group_advantages(rewards, len(rewards))


@exercise.mistake(
    "The division by the standard deviation is missing. There is a variant without it, Dr. GRPO, "
    "but it is not what is asked for here."
)
def _not_scaled(rewards: Array, group_size: int) -> Array:
    spread = rewards.reshape(-1, group_size).std(axis=1, ddof=1).repeat(group_size)
    return group_advantages(rewards, group_size) * (spread + 1e-4)


@exercise.mistake("NumPy divides by G in a standard deviation. Here G - 1 is asked for: `ddof=1`.")
def _biased(rewards: Array, group_size: int) -> Array:
    return group_advantages(rewards, group_size) * (group_size / (group_size - 1)) ** 0.5


@exercise.mistake(
    "In a group of equal rewards you divide 0 by 0. One nan in an advantage makes every weight of "
    "the model nan one update later."
)
def _divided_by_zero(rewards: Array, group_size: int) -> Array:
    spread = rewards.reshape(-1, group_size).std(axis=1, ddof=1).repeat(group_size)
    return np.where(spread > 0, group_advantages(rewards, group_size), np.nan)


@exercise.mistake(
    "What you add to the standard deviation is smaller than 1e-4. Rewards that are nearly equal "
    "then get large advantages, for noise."
)
def _added_too_little(rewards: Array, group_size: int) -> Array:
    spread = rewards.reshape(-1, group_size).std(axis=1, ddof=1).repeat(group_size)
    return group_advantages(rewards, group_size) * (spread + 1e-4) / (spread + 1e-8)


@exercise.mistake(
    "The groups were cut the other way: the answers to one prompt stand next to one another, so "
    "they belong in one row of shape (-1, group_size)."
)
def _columns(rewards: Array, group_size: int) -> Array:
    mixed = rewards.reshape(group_size, -1)
    return group_advantages(mixed.T.reshape(-1), group_size).reshape(mixed.T.shape).T.reshape(-1)


exercise = page.exercise(
    title="The loss of DPO",
    difficulty="hard",
    minutes=20,
    statement=r"""
    Write the loss of DPO for one pair of answers, from the log-probabilities of their tokens:

    $$-\log \sigma\Bigl(\beta \log \frac{\pi_\theta(y_w \mid x)}{\pi_{\mathrm{ref}}(y_w \mid x)} -
    \beta \log \frac{\pi_\theta(y_l \mid x)}{\pi_{\mathrm{ref}}(y_l \mid x)}\Bigr)$$

    It must stay finite for large margins.
    """,
    hints=(
        "The probability of an answer is the product over its tokens. What is its logarithm?",
        "Two log-ratios, one for each answer: the policy's log-probability minus the reference's. "
        "Their difference times beta is the margin.",
        "From there on it is the loss of a reward model: `np.logaddexp(0.0, -margin)`.",
    ),
)


@exercise.solution
def dpo_loss(
    policy_chosen: np.ndarray,
    policy_rejected: np.ndarray,
    reference_chosen: np.ndarray,
    reference_rejected: np.ndarray,
    beta: float,
) -> float:
    """Return the loss of direct preference optimization for one pair.

    Args:
        policy_chosen: Log-probability of each token of the preferred answer
            under the policy, in nats, shape (T_w,).
        policy_rejected: The same for the other answer, shape (T_l,).
        reference_chosen: As the first, under the reference model, shape (T_w,).
        reference_rejected: As the second, under the reference model, shape
            (T_l,).
        beta: Strength of the pull to the reference.

    Returns:
        The loss in nats. The log-probability of an answer is the sum over its
        tokens.
    """
    chosen = (policy_chosen - reference_chosen).sum()
    rejected = (policy_rejected - reference_rejected).sum()
    return float(np.logaddexp(0.0, -beta * (chosen - rejected)))


@exercise.cases
def _dpo_cases(rng: Random) -> Cases:
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
    down, unit = np.array([-float(rng.randint(600, 1500))]), np.array([-1.0])
    yield Case("far away", (down, unit, unit, down, 1.0), "The margin is huge. Is the loss finite?")


@exercise.mistake(
    "The reference is missing. What counts is how much likelier than *before* an answer became; "
    "without it a short answer is at an advantage from the start."
)
def _no_reference(w: Array, r: Array, ref_w: Array, ref_r: Array, beta: float) -> float:
    return dpo_loss(w, r, 0 * ref_w, 0 * ref_r, beta)


@exercise.mistake(
    "The log-probabilities were averaged over the tokens. DPO sums them; a mean is another loss, "
    "in which long answers move less."
)
def _averaged(w: Array, r: Array, ref_w: Array, ref_r: Array, beta: float) -> float:
    return dpo_loss(w / len(w), r / len(r), ref_w / len(w), ref_r / len(r), beta)


@exercise.mistake(
    "Chosen and rejected are swapped: the policy would learn what people did not want."
)
def _swapped(w: Array, r: Array, ref_w: Array, ref_r: Array, beta: float) -> float:
    return dpo_loss(r, w, ref_r, ref_w, beta)


@exercise.mistake(
    "Beta is missing. It says how far the policy has to move until the loss is content."
)
def _no_beta(w: Array, r: Array, ref_w: Array, ref_r: Array, _beta: float) -> float:
    return dpo_loss(w, r, ref_w, ref_r, 1.0)


@exercise.mistake(
    "Beta stands outside of the logarithm. There it only scales the gradient, as another learning "
    "rate would do; it belongs to the margin."
)
def _beta_outside(w: Array, r: Array, ref_w: Array, ref_r: Array, beta: float) -> float:
    return beta * dpo_loss(w, r, ref_w, ref_r, 1.0)
