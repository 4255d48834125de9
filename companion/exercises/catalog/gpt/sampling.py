"""Exercises: softmax with temperature, drawing a token."""

from random import Random

import numpy as np

from companion.exercises.catalog._draws import numbers
from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("sampling", __name__)

exercise = page.exercise(
    id="softmax-temperature",
    title="Softmax with temperature",
    difficulty="easy",
    minutes=10,
    statement=r"""
    Turn logits into probabilities at a temperature $T$: $p_i = \exp(z_i / T) / \sum_j \exp(z_j /
    T)$. Two things can go wrong at the edges: a temperature of 0, and logits so large that `exp`
    overflows. Handle both.
    """,
    hints=(
        "Treat temperature 0 first, without dividing: put a 1 where the largest logit is.",
        "Subtracting the same number from all logits of a row does not change its softmax. Which "
        "number keeps `exp` from overflowing?",
        "With `keepdims=True`, the maximum and the sum of each row have shape (B, 1) and can be "
        "subtracted and divided row by row.",
    ),
)


@exercise.solution
def softmax_with_temperature(
    logits: np.ndarray,
    temperature: float,
) -> np.ndarray:
    """Return the distribution of the next token at a temperature.

    Args:
        logits: Logits, one row per text, shape (B, V).
        temperature: 0 or more. 0 means greedy: the largest logit of a row gets
            probability 1, the first of them if several are equal.

    Returns:
        Probabilities, shape (B, V). Each row sums to 1.
    """
    if temperature == 0:
        probs = np.zeros(logits.shape)
        probs[np.arange(len(logits)), logits.argmax(axis=-1)] = 1.0
        return probs
    scaled = logits / temperature
    weights = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


@exercise.cases
def _temperature_cases(rng: Random) -> Cases:
    low = rng.choice([0.25, 0.5, 0.75])
    yield Case("low", (numbers(rng, -2, 3, 1, 3), low), "Should it sharpen or flatten?")
    logits = numbers(rng, -3, 3, 2, 4)
    temperature = rng.choice([1.5, 2.0, 3.0])
    yield Case("a batch of two", (logits, temperature), "What does each row sum to?")
    tie = np.array([[1.0, 3.0, 3.0], [0.0, -1.0, 2.0]]) + numbers(rng, -5, 5, 2, 1)
    yield Case("temperature 0", (tie, 0), "What would the division do? Whose probability is 1?")
    large = rng.randint(1000, 3000) - np.array([[0.0, rng.randint(1, 3) / 2, 1000.0]])
    yield Case(
        "large logits", (large, 1.0), "What is exp(1000)? Which shift leaves a softmax unchanged?"
    )


@exercise.mistake(
    "The logits are multiplied by the temperature. They have to be divided by it: as it is, a low "
    "temperature flattens the distribution and a high one sharpens it."
)
def _multiplied(logits: np.ndarray, temperature: float) -> np.ndarray:
    return softmax_with_temperature(logits, temperature and 1 / temperature)


@exercise.mistake(
    "The temperature has no effect. Dividing probabilities and scaling them to sum 1 again cancels "
    "out. Divide the logits, before exp."
)
def _divided_afterwards(logits: np.ndarray, temperature: float) -> np.ndarray:
    return softmax_with_temperature(logits, temperature and 1.0)


@exercise.mistake(
    "At temperature 0 the result is nan: the formula divides by zero there. Zero is the greedy "
    "limit and needs a branch of its own."
)
def _zero_not_handled(logits: np.ndarray, temperature: float) -> np.ndarray:
    if temperature:
        return softmax_with_temperature(logits, temperature)
    return np.full(logits.shape, np.nan)


@exercise.mistake(
    "exp of a large logit overflows, and infinity divided by infinity is nan. Subtract the maximum "
    "of each row first."
)
def _exp_overflows(logits: np.ndarray, temperature: float) -> np.ndarray:
    if temperature == 0:
        return softmax_with_temperature(logits, 0)
    with np.errstate(all="ignore"):
        weights = np.exp(logits / temperature)
        return weights / weights.sum(axis=-1, keepdims=True)


@exercise.mistake(
    "The sum runs over the whole batch. Each row is a distribution of its own and has to sum to 1: "
    "sum over the last axis."
)
def _one_sum_for_all(logits: np.ndarray, temperature: float) -> np.ndarray:
    if temperature == 0:
        return softmax_with_temperature(logits, 0)
    weights = np.exp((logits - logits.max()) / temperature)
    return weights / weights.sum()


@exercise.mistake(
    "At temperature 0, equal logits share the probability. Greedy decoding takes one token: the "
    "first of them gets all."
)
def _ties_share(logits: np.ndarray, temperature: float) -> np.ndarray:
    if temperature:
        return softmax_with_temperature(logits, temperature)
    best = logits == logits.max(axis=-1, keepdims=True)
    return best / best.sum(axis=-1, keepdims=True)


exercise = page.exercise(
    title="Draw a token with one uniform number",
    difficulty="medium",
    minutes=12,
    statement="""
    A program can draw from any distribution with one uniform random number in $[0, 1)$. Lay the
    probabilities side by side on the unit interval and see whose stretch the number falls into. Do
    so for a batch.
    """,
    hints=(
        "Where does each stretch end? That is a cumulative sum along the last axis.",
        "Count in each row how many stretches end before the number. What is that count?",
        "At a border the number belongs to the next stretch, so an end that equals the number "
        "counts as passed: compare with `<=`.",
    ),
)


@exercise.solution
def draw_tokens(probs: np.ndarray, uniforms: np.ndarray) -> np.ndarray:
    """Draw one token per row by the inverse of the cumulative distribution.

    Probabilities 0.5, 0.3, 0.2 cut the unit interval into the stretches [0,
    0.5), [0.5, 0.8) and [0.8, 1). The token is the one whose stretch holds the
    uniform number. The left end belongs to a stretch, the right end does not,
    so a token of probability 0 is never drawn.

    Args:
        probs: Probabilities, each row sums to 1, shape (B, V).
        uniforms: One number in [0, 1) per row, shape (B,).

    Returns:
        Token ids, shape (B,).
    """
    ends = probs.cumsum(axis=-1)  # (B, V), where each stretch ends
    return (ends <= uniforms[:, None]).sum(axis=-1)


@exercise.cases
def _draw_cases(rng: Random) -> Cases:
    probs = np.array([rng.sample([0.125, 0.5, 0.0625, 0.3125], 4)])
    yield Case(
        "inside a stretch",
        (probs, numbers(rng, 0.55, 0.95, 1, digits=2)),
        "Draw the unit interval and mark where each stretch ends.",
    )
    first, second = rng.randint(1, 7) / 16, rng.randint(1, 8) / 16
    yield Case(
        "on a border",
        (np.array([[first, second, 1 - first - second]]), np.array([first])),
        "Which of the two stretches does the border belong to?",
    )
    yield Case(
        "a removed token",
        (np.array([[0.0] * rng.randint(1, 4) + [first, 1 - first]]), np.array([0.0])),
        "The first token was filtered out. May it be drawn?",
    )
    rows = [[0.5, 0.25, 0.25], [0.125, 0.125, 0.75]]
    yield Case(
        "a batch of two",
        (np.array(rows), np.array([rng.uniform(0.05, 0.1), rng.uniform(0.3, 0.45)])),
        "Each row has its own probabilities and its own number.",
    )
    counts = [rng.randint(1, 9) for _ in range(5)]
    many = np.array([counts] * 4) / sum(counts)
    yield Case(
        "the same row four times",
        (many, np.array([round(rng.random(), 3) for _ in range(4)])),
        "Do larger numbers give later tokens?",
    )


@exercise.mistake(
    "Off at the borders: a number that equals an end belongs to the next stretch. With a uniform "
    "number of exactly 0, yours can draw a token of probability 0."
)
def _right_end_included(probs: np.ndarray, uniforms: np.ndarray) -> np.ndarray:
    return (probs.cumsum(axis=-1) < uniforms[:, None]).sum(axis=-1)


@exercise.mistake(
    "The number is compared with the probabilities themselves. Compare it with their cumulative "
    "sum, the places where the stretches end."
)
def _not_cumulated(probs: np.ndarray, uniforms: np.ndarray) -> np.ndarray:
    return (probs <= uniforms[:, None]).sum(axis=-1)


@exercise.mistake(
    "The interval is cut into equal parts, so all tokens are equally likely. The parts have to be "
    "as long as the probabilities."
)
def _all_equally_likely(probs: np.ndarray, uniforms: np.ndarray) -> np.ndarray:
    return (uniforms * probs.shape[-1]).astype(int)


@exercise.mistake(
    "Every row is drawn from the distribution of the first row. Cumulate along the last axis and "
    "compare row by row."
)
def _first_row_for_all(probs: np.ndarray, uniforms: np.ndarray) -> np.ndarray:
    return draw_tokens(np.broadcast_to(probs[:1], probs.shape), uniforms)


exercise = page.exercise(
    title="Two words at three temperatures",
    difficulty="easy",
    minutes=6,
    statement="""
    Two words have probabilities in the ratio 8 : 2. What does the program print? Predict it with
    pencil and paper: three lines, two decimals.
    """,
    hints=(
        "The first line is the easy one: exponent 1.",
        "A temperature of 0.5 means the exponent 2, a temperature of 2 means a square root.",
        "The ratio 8 : 2 is 4 : 1. It becomes 16 : 1 in the second line and 2 : 1 in the third.",
    ),
)


@exercise.output(
    why=(
        "exp(z / T) is exp(z) to the power 1 / T, so temperature raises every ratio of two "
        "probabilities to that power. 4 : 1 becomes 16 : 1 at T = 0.5 and 2 : 1 at T = 2."
    ),
    mistakes={
        "tea 0.80 milk 0.20\ntea 0.67 milk 0.33\ntea 0.94 milk 0.06": (
            "The last two lines are exchanged. The exponent is 1 / T: a temperature below 1 "
            "sharpens, one above 1 flattens."
        ),
        "tea 0.80 milk 0.20\ntea 0.80 milk 0.20\ntea 0.80 milk 0.20": (
            "Temperature does change the shares. Raise both weights to the power first, and only "
            "then divide by their sum."
        ),
        "tea 0.80 milk 0.20\ntea 1.00 milk 0.00\ntea 0.50 milk 0.50": (
            "Too extreme. Only the limit T to 0 gives everything to the larger one, and only T to "
            "infinity makes them equal."
        ),
        "tea 0.80 milk 0.20\ntea 0.89 milk 0.11\ntea 0.67 milk 0.33": (
            "The second line doubles the ratio, to 8 : 1. At T = 0.5 the ratio 4 : 1 is squared."
        ),
    },
)
def _temperature_output() -> None:
    weights = {"tea": 8, "milk": 2}  # exp(logit)
    for temperature in (1, 0.5, 2):
        powers = {word: weight ** (1 / temperature) for word, weight in weights.items()}
        total = sum(powers.values())
        print(" ".join(f"{word} {power / total:.2f}" for word, power in powers.items()))
