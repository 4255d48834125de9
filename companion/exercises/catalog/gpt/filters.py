"""Exercises: top-k and top-p."""

from random import Random

import numpy as np

from companion.exercises.catalog._draws import numbers
from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("sampling", __name__)

exercise = page.exercise(
    title="Keep the k most likely tokens",
    difficulty="easy",
    minutes=12,
    statement=r"""
    Top-k sampling keeps the $k$ most likely tokens and removes the rest, by setting their logits to
    $-\infty$. Keep exactly $k$ in each row, even where logits are equal.
    """,
    hints=(
        "Rank the tokens of each row, and keep the first k of the ranking.",
        "`np.argsort` sorts upwards, so sort the negative logits. With `kind='stable'`, equal ones "
        "stay in the order of their ids.",
        "Start from an array of -inf, and copy the kept logits into their old places with "
        "`np.take_along_axis` and `np.put_along_axis`.",
    ),
)


@exercise.solution
def top_k_filter(logits: np.ndarray, k: int) -> np.ndarray:
    """Keep the k largest logits of each row.

    Args:
        logits: Logits, one row per text, shape (B, V).
        k: Tokens to keep, at least 1. If it is V or more, all are kept.

    Returns:
        Logits with -inf for every removed token, shape (B, V). Exactly k tokens
        stay in each row: of equal logits, those with the lower ids come first.
    """
    kept = np.argsort(-logits, axis=-1, kind="stable")[:, :k]  # (B, k), largest first
    filtered = np.full(logits.shape, -np.inf)
    np.put_along_axis(filtered, kept, np.take_along_axis(logits, kept, axis=-1), axis=-1)
    return filtered


@exercise.cases
def _top_k_cases(rng: Random) -> Cases:
    row = np.array([rng.sample([-2.0, -1.0, 0.5, 1.5, 3.0, 4.0], 6)])
    yield Case("one text", (row, rng.randint(2, 4)), "Which logits survive, and in which places?")
    batch = np.array([[1.0, 5.0, 2.0, 3.0], [4.0, -1.0, 0.5, -2.0]]) + numbers(rng, -2, 2, 2, 1)
    batch = batch[:, rng.sample(range(4), 4)]
    yield Case("a batch of two", (batch, 2), "Does each row keep its own largest logits?")
    tied = np.array([[3.0, 1.0, 1.0, 1.0, 0.5]]) + rng.randint(-20, 20) / 4
    yield Case("a tie at the border", (tied, 2), "How many tokens stay? Which of the equal ones?")
    yield Case(
        "k beyond the vocabulary",
        (batch, rng.randint(5, 20)),
        "What should a filter do that has no limit?",
    )
    many = np.array([[rng.randint(0, 3) / 2 for _ in range(40)]])
    yield Case("many ties", (many, rng.randint(10, 14)), "Is your sort stable?")


@exercise.mistake(
    "Everything that is not below the k-th value is kept, so a tie at the border lets in more than "
    "k tokens. Choose by rank and not by value."
)
def _by_threshold(logits: np.ndarray, k: int) -> np.ndarray:
    k = min(k, logits.shape[-1])
    return np.where(logits >= np.sort(logits, axis=-1)[:, -k, None], logits, -np.inf)


@exercise.mistake(
    "A threshold at the k-th value keeps too many tokens when there is a tie, and there is no k-th "
    "value when k exceeds the vocabulary. Ranks have neither problem."
)
def _by_threshold_beyond_v(logits: np.ndarray, k: int) -> np.ndarray:
    return np.where(logits >= np.sort(logits, axis=-1)[:, -k, None], logits, -np.inf)


@exercise.mistake(
    "Removed tokens got the logit 0, and exp(0) is 1: they can still be drawn. It takes -inf to "
    "give them probability 0."
)
def _zero_for_removed(logits: np.ndarray, k: int) -> np.ndarray:
    filtered = top_k_filter(logits, k)
    return np.where(np.isinf(filtered), 0.0, filtered)


@exercise.mistake(
    "All rows keep the tokens that are best in the first row. Each text of a batch has its own "
    "ranking."
)
def _ids_of_the_first_row(logits: np.ndarray, k: int) -> np.ndarray:
    return np.where(np.isinf(top_k_filter(logits, k)[:1]), -np.inf, logits)


@exercise.mistake(
    "These are the k least likely tokens. Sorting goes upwards unless you sort the negative values."
)
def _smallest(logits: np.ndarray, k: int) -> np.ndarray:
    return -np.where(np.isinf(top_k_filter(-logits, k)), np.inf, -logits)


@exercise.mistake(
    "Of equal logits you keep those with the higher ids. A sorted list that is turned around turns "
    'its ties around, too: sort the negative logits, with `kind="stable"`.'
)
def _ties_turned(logits: np.ndarray, k: int) -> np.ndarray:
    return top_k_filter(logits[:, ::-1], k)[:, ::-1].copy()


exercise = page.exercise(
    title="Nucleus sampling",
    difficulty="hard",
    minutes=25,
    statement=r"""
    Top-p sampling keeps the smallest set of tokens $V^{(p)}$ with $\sum_{x \in V^{(p)}} P(x) \ge
    p$. Write it for a batch of probabilities. This function has been written wrong in many
    programs, mostly in the same two places.
    """,
    hints=(
        "Sort each row downwards, keep the ranking (`np.argsort`), and cumulate.",
        "A token enters if the tokens *before* it have not reached p yet. So the first always "
        "enters, and so does the one that crosses p.",
        "Undo the sorting: `np.put_along_axis(kept, order, ranked, axis=-1)` writes the value at "
        "rank i back to place `order[i]`. Then divide each row by its sum.",
    ),
)


@exercise.solution
def top_p_filter(probs: np.ndarray, p: float) -> np.ndarray:
    """Keep the smallest set of tokens that have p or more: the nucleus.

    Tokens enter in order of probability, equal ones in order of their ids,
    until the sum reaches p.

    Args:
        probs: Probabilities, each row sums to 1, shape (B, V).
        p: Mass to keep, above 0 and at most 1.

    Returns:
        Probabilities of the kept tokens in their old places, 0 for the others,
        scaled so that each row sums to 1 again, shape (B, V).
    """
    order = np.argsort(-probs, axis=-1, kind="stable")  # (B, V), most likely first
    ranked = np.take_along_axis(probs, order, axis=-1)
    mass_before = ranked.cumsum(axis=-1) - ranked  # of the tokens that entered earlier
    kept = np.zeros_like(probs)
    np.put_along_axis(kept, order, np.where(mass_before < p, ranked, 0.0), axis=-1)
    return kept / kept.sum(axis=-1, keepdims=True)


@exercise.cases
def _top_p_cases(rng: Random) -> Cases:
    plain, other = (np.array([rng.sample([0.125, 0.5, 0.125, 0.25], 4)]) for _ in range(2))
    p = rng.randint(55, 74) / 100
    yield Case("the sum crosses p", (plain, p), "Does the token that crosses p belong to the set?")
    most = rng.randint(33, 48) / 64
    meets = np.array([rng.sample([most, 0.875 - most, 0.0625, 0.0625], 4)])
    yield Case("the sum meets p", (meets, 0.875), "Two make 0.875. Is a third token needed?")
    few = rng.randint(1, 9) / 128
    sure = np.array([[few, 2 * few, 1 - 3 * few]])
    yield Case("one token is enough", (sure, rng.randint(30, 70) / 100), "May it be empty?")
    batch = np.array([[0.0625, 0.9375, 0.0, 0.0], [0.25, 0.125, 0.25, 0.375]])
    batch = batch[:, rng.sample(range(4), 4)]
    share = rng.randint(880, 930) / 1000
    yield Case("a batch of two", (batch, share), "Each row needs as many tokens as it needs.")
    counts = rng.sample(range(1, 30), 6)
    drawn = np.array([counts]) / sum(counts)
    yield Case("six tokens", (drawn, 0.703), "Does each kept token stand in its old place?")
    yield Case("p is 1", (other, 1.0), "The whole mass is to be kept. Which tokens have to go?")
    tied = np.array([rng.sample([0.0625, 0.25, 0.25, 0.25, 0.1875], 5)])
    share = rng.randint(30, 48) / 100
    yield Case("a tie at the border", (tied, share), "Three are equal, and two are enough. Which?")


def _nucleus(probs: np.ndarray, enters: np.ndarray) -> np.ndarray:
    """Keep the ranks where ``enters`` is true."""
    order = np.argsort(-probs, axis=-1, kind="stable")
    kept = np.where(enters, np.take_along_axis(probs, order, axis=-1), 0.0)
    np.put_along_axis(kept, order, kept.copy(), axis=-1)
    with np.errstate(all="ignore"):
        return kept / kept.sum(axis=-1, keepdims=True)


@exercise.mistake(
    "One token too few: the one that crosses p is dropped, so the set has less than p. Where the "
    "first token alone exceeds p, nothing is left at all."
)
def _without_the_crossing_one(probs: np.ndarray, p: float) -> np.ndarray:
    return _nucleus(probs, np.sort(probs, axis=-1)[:, ::-1].cumsum(axis=-1) <= p)


@exercise.mistake(
    "One token too few: the one with which the sum reaches p is dropped, so the set has less than "
    "p, and may be empty. Look at the sum before each token, not after it."
)
def _strictly_below(probs: np.ndarray, p: float) -> np.ndarray:
    return _nucleus(probs, np.sort(probs, axis=-1)[:, ::-1].cumsum(axis=-1) < p)


@exercise.mistake(
    "One token too few: the one that crosses p is dropped, so the set has less than p. Keeping the "
    "first in any case mends only the rows that would be empty."
)
def _at_least_one(probs: np.ndarray, p: float) -> np.ndarray:
    enters = np.sort(probs, axis=-1)[:, ::-1].cumsum(axis=-1) <= p
    enters[:, 0] = True
    return _nucleus(probs, enters)


@exercise.mistake(
    "One token too many where the sum meets p exactly: the set has p already, and the smallest "
    "such set was asked for."
)
def _one_more_at_the_border(probs: np.ndarray, p: float) -> np.ndarray:
    ranked = np.sort(probs, axis=-1)[:, ::-1]
    return _nucleus(probs, ranked.cumsum(axis=-1) - ranked <= p)


@exercise.mistake(
    "The result is still sorted. Position 0 now holds the largest probability and no longer that "
    "of token 0: write the values back to their old places."
)
def _left_in_order(probs: np.ndarray, p: float) -> np.ndarray:
    return np.sort(top_p_filter(probs, p), axis=-1)[:, ::-1].copy()


@exercise.mistake(
    "The right tokens are kept, but the rows no longer sum to 1. Divide by what is left."
)
def _not_scaled(probs: np.ndarray, p: float) -> np.ndarray:
    return np.where(top_p_filter(probs, p) > 0, probs, 0.0)


@exercise.mistake(
    "Every row keeps as many tokens as the first one. A confident row needs few and an open one "
    "many; that is the point of top-p."
)
def _size_of_the_first_row(probs: np.ndarray, p: float) -> np.ndarray:
    size = np.count_nonzero(top_p_filter(probs[:1], p))
    return _nucleus(probs, np.broadcast_to(np.arange(probs.shape[1]) < size, probs.shape))


@exercise.mistake(
    "Each token is compared with p on its own. p is a share of the *sum*: tokens enter, the most "
    "likely first, until together they have it."
)
def _each_alone(probs: np.ndarray, p: float) -> np.ndarray:
    kept = np.where(probs >= p, probs, 0.0)
    with np.errstate(all="ignore"):
        return kept / kept.sum(axis=-1, keepdims=True)


@exercise.mistake(
    "Of equal tokens at the border yours keeps those with the higher ids. A sorted list that is "
    'turned around turns its ties around, too: sort `-probs`, with `kind="stable"`.'
)
def _later_of_equals(probs: np.ndarray, p: float) -> np.ndarray:
    return top_p_filter(probs[:, ::-1], p)[:, ::-1].copy()
