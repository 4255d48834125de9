"""Exercises on advantages: GAE, the groups of GRPO."""

import random
from collections.abc import Iterator

import numpy as np

from companion.exercises.catalog._draws import numbers
from companion.exercises.exercise import Case, CodeExercise, Wrong

# -- generalized advantage estimation -------------------------------------------------------------


def gae(
    rewards: np.ndarray, values: np.ndarray, mask: np.ndarray, gamma: float, lam: float
) -> np.ndarray:
    """Return generalized advantage estimates.

    Args:
        rewards: Reward of each token, shape (B, T).
        values: What the value model expected before each token, shape (B, T).
        mask: True for tokens of the answer, shape (B, T). Padding stands on the right; what
            rewards and values hold there means nothing.
        gamma: Discount per token, 0 to 1.
        lam: Decay of the estimate, 0 to 1.

    Returns:
        Advantage of each token, 0 for padding, shape (B, T). Value and advantage after the last
        token of an answer are 0.
    """
    advantages = np.zeros(rewards.shape)
    next_value = next_advantage = np.zeros(len(rewards))  # (B,), nothing after the end
    for t in reversed(range(rewards.shape[1])):
        delta = rewards[:, t] + gamma * next_value - values[:, t]
        advantages[:, t] = np.where(mask[:, t], delta + gamma * lam * next_advantage, 0.0)
        next_value = np.where(mask[:, t], values[:, t], 0.0)
        next_advantage = advantages[:, t]
    return advantages


def _forward(
    rewards: np.ndarray, values: np.ndarray, mask: np.ndarray, gamma: float, lam: float
) -> np.ndarray:
    delta = gae(rewards, values, mask, gamma, 0.0)
    for t in range(1, rewards.shape[1]):
        delta[:, t] += gamma * lam * delta[:, t - 1]
    return delta * mask


def _no_next_value(
    rewards: np.ndarray, values: np.ndarray, mask: np.ndarray, gamma: float, lam: float
) -> np.ndarray:
    return gae(rewards - values, 0 * values, mask, gamma, lam)


def _next_value_not_discounted(
    rewards: np.ndarray, values: np.ndarray, mask: np.ndarray, gamma: float, lam: float
) -> np.ndarray:
    return gae(rewards, values, mask, 1.0, gamma * lam)


def _no_lambda(
    rewards: np.ndarray, values: np.ndarray, mask: np.ndarray, gamma: float, _lam: float
) -> np.ndarray:
    return gae(rewards, values, mask, gamma, 1.0)


def _padding_leaks(
    rewards: np.ndarray, values: np.ndarray, mask: np.ndarray, gamma: float, lam: float
) -> np.ndarray:
    return gae(rewards, values, np.ones_like(mask), gamma, lam) * mask


def _value_leaks(
    rewards: np.ndarray, values: np.ndarray, mask: np.ndarray, gamma: float, lam: float
) -> np.ndarray:
    leak = np.where(np.roll(~mask, -1, axis=1), np.roll(values, -1, axis=1), 0.0)
    return gae(rewards + gamma * leak, values, mask, gamma, lam)


def _mask_unused(
    rewards: np.ndarray, values: np.ndarray, mask: np.ndarray, gamma: float, lam: float
) -> np.ndarray:
    return gae(rewards, values, np.ones_like(mask), gamma, lam)


def _gae_cases(rng: random.Random) -> Iterator[Case]:
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


GAE = CodeExercise(
    id="gae",
    title="Generalized advantage estimation",
    section="training",
    page="training/ppo",
    difficulty="hard",
    minutes=30,
    statement=(
        "How much better than expected did each token do? GAE answers with\n\n"
        "$$\\hat A_t = \\sum_{l \\ge 0} (\\gamma\\lambda)^l\\, \\delta_{t+l},\\qquad "
        "\\delta_t = r_t + \\gamma V_{t+1} - V_t.$$\n\n"
        "Write it for a batch of answers of different lengths, in one pass over the tokens."
    ),
    hints=(
        "Write the sum for t and for t + 1 side by side. How do you get the first from the "
        "second? In which direction must the loop run?",
        "$\\hat A_t = \\delta_t + \\gamma\\lambda\\,\\hat A_{t+1}$. After the last token of an "
        "answer, value and advantage are 0.",
        "Go from the last column to the first and keep two arrays of shape (B,): the value and the "
        "advantage of the column to the right. Where the mask is False, both are 0.",
    ),
    solution=gae,
    cases=_gae_cases,
    wrong=(
        Wrong(
            _forward,
            "The loop runs forward, so tokens get credit for what came before them. An advantage "
            "is about what comes after; begin with the last token.",
        ),
        Wrong(
            _no_next_value,
            "The value of the next token is missing from delta. Delta compares what was expected "
            "before a token with its reward *and* what is expected after it.",
        ),
        Wrong(
            _next_value_not_discounted,
            "In delta, the next value must be discounted by gamma, as in the sum.",
        ),
        Wrong(
            _no_lambda,
            "Lambda is missing in the sum. With gamma alone you get the estimate for lambda = 1, "
            "which does not trust the value model at all and varies most.",
        ),
        Wrong(
            _padding_leaks,
            "What stands in the padding gets into the advantages of the short answer. After its "
            "last token, value and advantage are 0.",
        ),
        Wrong(
            _value_leaks,
            "At the last token of the short answer, the next value was read from the padding. "
            "Nothing comes after the end, so it is 0 there.",
        ),
        Wrong(
            _mask_unused,
            "The mask is not used. Padding gets advantages, and what stands there also gets into "
            "those of the short answer's own tokens.",
        ),
    ),
    uses=("numpy",),
)

# -- groups ---------------------------------------------------------------------------------------


def group_advantages(rewards: np.ndarray, group_size: int) -> np.ndarray:
    """Compare each answer with the others to the same prompt, as GRPO does.

    Args:
        rewards: Reward of each answer, shape (B,); the answers to one prompt stand in a row.
        group_size: Answers per prompt, at least 2. B is a multiple of it.

    Returns:
        (reward - mean) / (std + 1e-4) with mean and standard deviation of the group, shape (B,).
        The standard deviation is the unbiased one, with group_size - 1 in the denominator.
    """
    groups = rewards.reshape(-1, group_size)
    spread = groups.std(axis=1, ddof=1, keepdims=True)
    return ((groups - groups.mean(axis=1, keepdims=True)) / (spread + 1e-4)).reshape(-1)


def _whole_batch(rewards: np.ndarray, _group_size: int) -> np.ndarray:
    return group_advantages(rewards, len(rewards))


def _not_scaled(rewards: np.ndarray, group_size: int) -> np.ndarray:
    spread = rewards.reshape(-1, group_size).std(axis=1, ddof=1).repeat(group_size)
    return group_advantages(rewards, group_size) * (spread + 1e-4)


def _biased(rewards: np.ndarray, group_size: int) -> np.ndarray:
    return group_advantages(rewards, group_size) * (group_size / (group_size - 1)) ** 0.5


def _divided_by_zero(rewards: np.ndarray, group_size: int) -> np.ndarray:
    spread = rewards.reshape(-1, group_size).std(axis=1, ddof=1).repeat(group_size)
    return np.where(spread > 0, group_advantages(rewards, group_size), np.nan)


def _columns(rewards: np.ndarray, group_size: int) -> np.ndarray:
    mixed = rewards.reshape(group_size, -1)
    return group_advantages(mixed.T.reshape(-1), group_size).reshape(mixed.T.shape).T.reshape(-1)


def _group_cases(rng: random.Random) -> Iterator[Case]:
    size = rng.randint(4, 12)
    one = np.eye(size)[rng.randrange(size)]
    yield Case(f"one of {size} is right", (one, size), "What does the rare right answer get?")
    two = np.array([1.0, 0.0, 1.0, 9.0, 5.0, 7.0]) + numbers(rng, -0.4, 0.4, 6)
    yield Case("two prompts", (two, 3), "Should a hard prompt be compared with an easy one?")
    same, low = rng.sample(range(10), 2)
    equal = np.array([same, same, low, same]) / 2
    yield Case("all alike in one group", (equal, 2), "What is the standard deviation there?")
    count = rng.randint(2, 3)
    other = np.round([rng.uniform(-3, 3) + 4 * (i // 3) for i in range(3 * count)], 1)
    yield Case(f"{count} groups of three", (other, 3), "Does each group add up to 0?")


GROUP_ADVANTAGES = CodeExercise(
    id="group-advantages",
    title="Advantages in groups",
    section="training",
    page="training/dpo-grpo",
    difficulty="medium",
    minutes=15,
    statement=(
        "GRPO needs no value model. It draws $G$ answers to the same prompt and compares each with "
        "its group:\n\n"
        "$$\\hat A_i = \\frac{r_i - \\mathrm{mean}(r_1, \\dots, r_G)}"
        "{\\mathrm{std}(r_1, \\dots, r_G)}.$$\n\n"
        "Add $10^{-4}$ to the standard deviation, so that a group of equal rewards gets 0."
    ),
    hints=(
        "Give the array two dimensions: one row per prompt. What is the reshape for that?",
        "Mean and standard deviation along the rows; `keepdims=True` lets you subtract and divide.",
        "`std(axis=1, ddof=1, keepdims=True)` is the unbiased one. At the end, `reshape(-1)`.",
    ),
    solution=group_advantages,
    cases=_group_cases,
    wrong=(
        Wrong(
            _whole_batch,
            "Mean and standard deviation are of the whole batch. Answers to an easy prompt then "
            "look good and those to a hard one bad, whatever the model did.",
        ),
        Wrong(
            _not_scaled,
            "The division by the standard deviation is missing. There is a variant without it, "
            "Dr. GRPO, but it is not what is asked for here.",
        ),
        Wrong(
            _biased,
            "NumPy divides by G in a standard deviation. Here G - 1 is asked for: `ddof=1`.",
        ),
        Wrong(
            _divided_by_zero,
            "In a group of equal rewards you divide 0 by 0. One nan in an advantage makes every "
            "weight of the model nan one update later.",
        ),
        Wrong(
            _columns,
            "The groups were cut the other way: the answers to one prompt stand next to one "
            "another, so they belong in one row of shape (-1, group_size).",
        ),
    ),
    tolerance=1e-3,
    uses=("numpy",),
)

EXERCISES = (GAE, GROUP_ADVANTAGES)
