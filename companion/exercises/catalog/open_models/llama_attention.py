"""Exercises: attention in Llama: shared key heads, rotary positions."""

import math
from random import Random

import numpy as np

from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("inside-llama", __name__)

exercise = page.exercise(
    id="grouped-query-scores",
    title="Grouped-query attention",
    difficulty="medium",
    minutes=12,
    statement=r"""
    In grouped-query attention, neighboring query heads share one key head. Compute the scores $q
    k^\top / \sqrt{d}$ of each query head with *its* key head.
    """,
    hints=(
        "Write down which key head belongs to which query head for 4 and 2 heads: 0, 0, 1, 1.",
        "Make one key head per query head first. NumPy has two functions that make copies; they "
        "differ in the order.",
        "`np.repeat(k, heads // kv_heads, axis=0)` gives 0, 0, 1, 1; `np.tile` gives 0, 1, 0, 1.",
    ),
)


@exercise.solution
def grouped_scores(q: np.ndarray, k: np.ndarray) -> np.ndarray:
    """Return attention scores where groups of query heads share a key head.

    With 8 query heads and 2 key heads, query heads 0 to 3 use key head 0 and 4
    to 7 use key head 1.

    Args:
        q: Queries, shape (heads, T, d).
        k: Keys, shape (kv_heads, T, d).

    Returns:
        Scores ``q k / sqrt(d)`` before mask and softmax, shape (heads, T, T);
        entry [h, i, j] is of query i and key j.

    Raises:
        ValueError: If heads is not a multiple of kv_heads.
    """
    heads, kv_heads = len(q), len(k)
    if heads % kv_heads:
        raise ValueError(f"{heads} query heads can't share {kv_heads} key heads evenly")
    shared = np.repeat(k, heads // kv_heads, axis=0)  # (heads, T, d)
    return q @ shared.transpose(0, 2, 1) / math.sqrt(q.shape[-1])


@exercise.cases
def _group_cases(rng: Random) -> Cases:
    draw = np.random.default_rng(rng.getrandbits(32)).normal
    q = np.ones((4, 1, 1))
    k = np.array([[[float(rng.randint(5, 15))]], [[float(rng.randint(16, 30))]]])
    yield Case("four heads, two keys", (q, k), "Heads 0 and 1 share. So which key has head 1?")
    yield Case(
        "a key head for each",
        (draw(size=(2, 2, 4)), draw(size=(2, 2, 4))),
        "That is plain multi-head attention. Do you divide by the root of d?",
    )
    yield Case(
        "one key head for all",
        (draw(size=(3, 2, 2)), draw(size=(1, 2, 2))),
        "That is multi-query attention. What shape must come out?",
    )
    yield Case(
        "six heads, three keys",
        (draw(size=(6, 2, 2)), draw(size=(3, 2, 2))),
        "List the key head of each of the six query heads.",
    )
    uneven = (draw(size=(4, 1, 2)), draw(size=(3, 1, 2)))
    think = "Can four heads be split evenly into three groups?"
    yield Case("four heads, three keys", uneven, think, refused=True)
    lone = (draw(size=(1, 2, 2)), draw(size=(2, 2, 2)))
    yield Case("one head, two keys", lone, "Is 1 a multiple of 2?", refused=True)


def _scores(q: np.ndarray, k: np.ndarray) -> np.ndarray:
    return q @ k.transpose(0, 2, 1) / math.sqrt(q.shape[-1])


@exercise.mistake(
    "The key heads are dealt out in turn, 0, 1, 0, 1, as `np.tile` does. Neighbors share: 0, 0, 1, "
    "1. With trained weights most heads would read the wrong keys."
)
def _tiled(q: np.ndarray, k: np.ndarray) -> np.ndarray:
    grouped_scores(q, k)  # refuses what can't be shared
    return _scores(q, np.tile(k, (len(q) // len(k), 1, 1)))


@exercise.mistake(
    "Every query head uses the first key head. That is right only where there is just one "
    "(multi-query attention)."
)
def _first_key_head(q: np.ndarray, k: np.ndarray) -> np.ndarray:
    grouped_scores(q, k)
    return _scores(q, np.repeat(k[:1], len(q), axis=0))


@exercise.mistake(
    "The division by the square root of d is missing, where d is the width of one head."
)
def _not_scaled(q: np.ndarray, k: np.ndarray) -> np.ndarray:
    return grouped_scores(q, k) * math.sqrt(q.shape[-1])


@exercise.mistake(
    "Heads that can't be shared evenly were accepted, so the groups have different sizes. No model "
    "is built like that: raise a ValueError."
)
def _uneven(q: np.ndarray, k: np.ndarray) -> np.ndarray:
    return _scores(q, k[[h * len(k) // len(q) for h in range(len(q))]])


@exercise.mistake(
    "Nothing is checked. With 4 heads and 3 keys NumPy happens to stop, but with one head and two "
    "keys it repeats the keys zero times, and an empty result comes out."
)
def _not_checked(q: np.ndarray, k: np.ndarray) -> np.ndarray:
    return _scores(q, np.repeat(k, len(q) // len(k), axis=0))


exercise = page.exercise(
    id="rotary-positions",
    title="Positions as rotations",
    difficulty="medium",
    minutes=15,
    statement=r"""
    RoPE takes each query and key in pairs of numbers and turns pair $j$ at position $m$ by the
    angle $m \cdot 10000^{-2j/d}$. Write it, with the pairs of `transformers`: number $j$ goes with
    number $j + d/2$.
    """,
    hints=(
        "Compute a table of angles first: a row for each position, a column for each pair.",
        "Cut x into its first and second half. Both have the shape of the table, so no loop is "
        "needed.",
        "`angles = positions[:, None] * base ** (-np.arange(half) / half)`, then the two halves of "
        "the result, joined with `np.concatenate`.",
    ),
)


@exercise.solution
def rotate(
    x: np.ndarray,
    positions: np.ndarray,
    base: float = 10_000.0,
) -> np.ndarray:
    """Turn each query or key by its position (RoPE).

    The numbers j and j + d/2 of a vector are a pair, for j = 0, ..., d/2 - 1.
    At position m, pair j is turned counterclockwise by the angle ``m *
    base**(-2j/d)``: (a, b) becomes (a cos - b sin, b cos + a sin).

    Args:
        x: Queries or keys of one head, shape (T, d), d even.
        positions: Position of each, shape (T,).
        base: Sets how slowly the last pairs turn.

    Returns:
        Array of shape (T, d).
    """
    half = x.shape[-1] // 2
    angles = positions[:, None] * base ** (-np.arange(half) / half)  # (T, d/2)
    a, b = x[:, :half], x[:, half:]
    cos, sin = np.cos(angles), np.sin(angles)
    return np.concatenate([a * cos - b * sin, b * cos + a * sin], axis=-1)


@exercise.cases
def _rotation_cases(rng: Random) -> Cases:
    draw = np.random.default_rng(rng.getrandbits(32)).normal
    first = np.array([[1.0, 0.0], [1.0, 0.0]]) * rng.randint(2, 40) / 4
    yield Case(
        "two numbers", (first, np.array([0, 1])), "Position 0 turns by nothing. And position 1?"
    )
    four = np.array([[1.0, 2.0, 0.0, 0.0]]) * rng.randint(2, 40) / 4
    yield Case(
        "two pairs", (four, np.array([3])), "Which two numbers are pair 0, which are pair 1?"
    )
    yield Case(
        "another base",
        (draw(size=(2, 6)), np.array([1, 2]), 100.0),
        "With d = 6 there are three pairs. What is the exponent of the last one?",
    )
    start = rng.randint(50, 500)
    yield Case(
        "a token in the middle of a text",
        (draw(size=(2, 4)), np.array([start, start + 1])),
        "With a cache, row 0 need not stand at position 0. Where does the position come from?",
    )


@exercise.mistake(
    "You paired neighbors, (0, 1), (2, 3) and so on. Some models do; weights of `transformers` "
    "expect number j with number j + d/2, and would give nonsense here."
)
def _neighbors(x: np.ndarray, positions: np.ndarray, base: float = 10_000.0) -> np.ndarray:
    apart = np.concatenate([x[:, ::2], x[:, 1::2]], axis=-1)
    turned = rotate(apart, positions, base)
    result = np.empty(x.shape)
    result[:, ::2], result[:, 1::2] = np.split(turned, 2, axis=-1)
    return result


@exercise.mistake(
    "The exponent is half of what it should be: -2j/d, not -j/d. With d/2 pairs, that is j divided "
    "by the number of pairs."
)
def _half_exponent(x: np.ndarray, positions: np.ndarray, base: float = 10_000.0) -> np.ndarray:
    return rotate(x, positions, math.sqrt(base))


@exercise.mistake(
    "You turn the other way: the signs of the two sine terms are swapped. The scores would be the "
    "same if all did it, but trained weights and caches expect one way."
)
def _clockwise(x: np.ndarray, positions: np.ndarray, base: float = 10_000.0) -> np.ndarray:
    return rotate(x, -positions, base)


@exercise.mistake(
    "You turn by the number of the row, not by `positions`. With a cache only the newest token is "
    "passed in, and it does not stand at position 0."
)
def _by_row(x: np.ndarray, positions: np.ndarray, base: float = 10_000.0) -> np.ndarray:
    return rotate(x, np.arange(len(x)), base)


@exercise.mistake(
    "All pairs turn equally fast. Each pair has its own speed, from one radian per position down "
    "to nearly none."
)
def _one_speed(x: np.ndarray, positions: np.ndarray, base: float = 10_000.0) -> np.ndarray:
    return rotate(x, positions, 1.0)
