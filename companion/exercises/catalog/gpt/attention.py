"""Exercises: the causal mask, one head of attention."""

import math
from random import Random

import numpy as np

from companion.exercises.catalog._draws import numbers
from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("architecture", __name__)

exercise = page.exercise(
    title="The causal mask",
    difficulty="easy",
    minutes=5,
    statement="""
    A GPT must not look at tokens that come later. Write the mask that says which position may see
    which: itself and everything before it.
    """,
    hints=(
        "Row i belongs to position i. How many entries of row 0 are True? Of row 1?",
        "The True entries form a triangle, with the diagonal.",
        "`np.tril` keeps the lower triangle of an array and sets the rest to zero, or False.",
    ),
)


@exercise.solution
def causal_mask(length: int) -> np.ndarray:
    """Return which positions may see which.

    Args:
        length: Number of tokens.

    Returns:
        Boolean array of shape (length, length): entry [i, j] is True where
        position i may see j.
    """
    return np.tril(np.ones((length, length), dtype=bool))


@exercise.cases
def _mask_cases(rng: Random) -> Cases:
    yield Case("one token", (1,), "The first token has nothing before it. What may it see?")
    few, many = rng.randint(2, 9), rng.randint(10, 60)
    yield Case(f"{few} tokens", (few,), "Draw the table: row i is the position that looks.")
    yield Case(f"{many} tokens", (many,), "Which of the two triangles is the past?")


@exercise.mistake(
    "Off by one: a position may also see itself. As it is, the first token sees nothing, and its "
    "softmax is over no entries."
)
def _strictly_before(length: int) -> np.ndarray:
    return np.tril(np.ones((length, length), dtype=bool), k=-1)


@exercise.mistake("That is the upper triangle: each position sees the future and not the past.")
def _future(length: int) -> np.ndarray:
    return np.triu(np.ones((length, length), dtype=bool))


@exercise.mistake("Every position sees every other. That is an encoder such as BERT.")
def _everything(length: int) -> np.ndarray:
    return np.ones((length, length), dtype=bool)


exercise = page.exercise(
    id="attention-head",
    title="One head of attention",
    difficulty="medium",
    minutes=15,
    statement=r"""
    Write one head of causal attention, $\operatorname{softmax}(QK^\top / \sqrt{d} + M)\,V$, where
    $M$ is 0 where a position may look and $-\infty$ where it may not. Your softmax must also stand
    large scores.
    """,
    hints=(
        "Four steps: scores, mask, softmax over each row, weighted sum of the values.",
        "Mask before the softmax: a score of minus infinity gets a weight of exactly 0.",
        "For large scores, subtract each row's maximum before `np.exp`.",
    ),
)


@exercise.solution
def attention(q: np.ndarray, k: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Return causal scaled dot-product attention of one head.

    Args:
        q: Queries, shape (T, d).
        k: Keys, shape (T, d).
        v: Values, shape (T, d).

    Returns:
        Array of shape (T, d).
    """
    length, width = q.shape
    scores = q @ k.T / math.sqrt(width)
    scores = np.where(np.tril(np.ones((length, length), dtype=bool)), scores, -np.inf)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    return weights @ v


@exercise.cases
def _attention_cases(rng: Random) -> Cases:
    single = tuple(numbers(rng, -2, 2, 1, 2) for _ in range(3))
    yield Case("one token", single, "With one token there is one weight. What is it?")
    some = tuple(numbers(rng, 0.5, 2, 3, 2) for _ in range(3))
    yield Case("three tokens", some, "Is the first row of the result the first row of v?")
    large = tuple(numbers(rng, 40, 90, 2, 2, digits=0) for _ in range(3))
    yield Case(
        "large scores",
        large,
        "What is exp(1000)? What can you subtract from each row without changing its softmax?",
    )


@exercise.mistake(
    "The division by the square root of d is missing. Without it the scores grow with d, and the "
    "softmax puts nearly everything on one token."
)
def _unscaled(q: np.ndarray, k: np.ndarray, v: np.ndarray) -> np.ndarray:
    return attention(q * math.sqrt(q.shape[1]), k, v)


@exercise.mistake("Nothing is masked: the first position already mixes in later values.")
def _unmasked(q: np.ndarray, k: np.ndarray, v: np.ndarray) -> np.ndarray:
    scores = q @ k.T / math.sqrt(q.shape[1])
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True) @ v


@exercise.mistake(
    "Forbidden scores were set to 0, and exp(0) is 1: they still get weight. They have to become "
    "minus infinity."
)
def _masked_with_zero(q: np.ndarray, k: np.ndarray, v: np.ndarray) -> np.ndarray:
    scores = np.tril(q @ k.T / math.sqrt(q.shape[1]))
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True) @ v


@exercise.mistake(
    "exp of a large score overflows, and infinity divided by infinity is nan. Subtract each row's "
    "maximum first."
)
def _overflowing(q: np.ndarray, k: np.ndarray, v: np.ndarray) -> np.ndarray:
    length, width = q.shape
    with np.errstate(all="ignore"):
        weights = np.exp(q @ k.T / math.sqrt(width)) * np.tril(np.ones((length, length)))
        return weights / weights.sum(axis=-1, keepdims=True) @ v


@exercise.mistake(
    "The mask came after the softmax. What a row gives to the future is cut off, and the rest no "
    "longer sums to 1. Mask the scores, and the softmax shares out everything among the past."
)
def _masked_afterwards(q: np.ndarray, k: np.ndarray, v: np.ndarray) -> np.ndarray:
    scores = q @ k.T / math.sqrt(q.shape[1])
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.tril(weights / weights.sum(axis=-1, keepdims=True)) @ v


@exercise.mistake(
    "The softmax runs down the columns. A row says where one position looks, so each *row* has to "
    "sum to 1: the last axis."
)
def _columns(q: np.ndarray, k: np.ndarray, v: np.ndarray) -> np.ndarray:
    scores = q @ k.T / math.sqrt(q.shape[1])
    scores = np.where(np.tril(np.ones(scores.shape, dtype=bool)), scores, -np.inf)
    weights = np.exp(scores - scores.max(axis=0))
    return weights / weights.sum(axis=0) @ v
