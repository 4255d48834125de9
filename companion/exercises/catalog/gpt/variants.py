"""Exercises: sliding windows, ALiBi, balanced experts, the cache of several kinds of attention."""

from random import Random

import numpy as np

from companion.exercises.catalog._draws import numbers
from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("attention-variants", __name__)

exercise = page.exercise(
    title="A sliding window",
    difficulty="easy",
    minutes=8,
    statement="""
    With a sliding window of w, a position sees itself and the w - 1 positions before it. Write the
    mask.
    """,
    hints=(
        "Two conditions: not in the future, and not too far in the past.",
        "Make a table of distances, i - j. Which of them may be seen with a window of 2?",
        "`place[:, None] - place` is that table; distances from 0 to w - 1 are allowed.",
    ),
)


@exercise.solution
def window_mask(length: int, window: int) -> np.ndarray:
    """Return which positions may see which.

    Args:
        length: Number of tokens.
        window: How many positions each one sees, itself included; at least 1.

    Returns:
        Boolean array of shape (length, length), True at [i, j] where i may
        see j.
    """
    place = np.arange(length)
    distance = place[:, None] - place
    return (distance >= 0) & (distance < window)


@exercise.cases
def _window_cases(rng: Random) -> Cases:
    yield Case("window of 1", (3, 1), "With a window of 1, each position sees only itself.")
    yield Case("window of 2", (rng.randint(4, 6), 2), "Itself and one more.")
    yield Case("long window", (4, rng.randint(4, 9)), "Then nothing is cut off. What is left?")
    yield Case("longer text", (rng.randint(8, 12), rng.randint(3, 5)), "Count a row's True.")


@exercise.mistake(
    "The window is one too long: it counts the position itself. With w = 1 nothing but itself is "
    "seen."
)
def _one_more(length: int, window: int) -> np.ndarray:
    return window_mask(length, window + 1)


@exercise.mistake("The future is not hidden: your window reaches to both sides.")
def _both_sides(length: int, window: int) -> np.ndarray:
    place = np.arange(length)
    return abs(place[:, None] - place) < window


@exercise.mistake(
    "That cuts the text into blocks. The window slides: each position "
    "has its own, which ends there."
)
def _blocks(length: int, window: int) -> np.ndarray:
    place = np.arange(length)
    return window_mask(length, length) & (place[:, None] // window == place // window)


@exercise.mistake("You kept what is far away and hid what is near.")
def _far(length: int, window: int) -> np.ndarray:
    return window_mask(length, length) & ~window_mask(length, window)


exercise = page.exercise(
    title="The balance of experts",
    difficulty="medium",
    minutes=15,
    tolerance=1e-6,
    statement=r"""
    A router gives each token a probability for each expert and sends it to the best $k$. Compute
    the balancing loss $E \sum_e f_e P_e$: $f_e$ is the share of all places that expert $e$ got,
    $P_e$ the mean of its probability over the tokens.
    """,
    hints=(
        "Two vectors of length E. Which experts does each token choose, and how often is each "
        "chosen, as a share of tokens times k?",
        "`np.argsort(-chances, axis=1)[:, :k]` are the chosen ones, `np.bincount` counts them.",
        "`P` is `chances.mean(axis=0)`. If all is equal, the loss is 1.",
    ),
)


@exercise.solution
def balance_loss(chances: np.ndarray, k: int) -> float:
    """Return the loss that is smallest when the experts are used equally.

    Args:
        chances: The router's probability of each expert, shape (tokens, E),
            rows add up to 1.
        k: Experts that each token uses: its k most probable ones.

    Returns:
        ``E * sum(f * P)``. It is 1 if all experts are used alike.
    """
    tokens, experts = chances.shape
    chosen = np.argsort(-chances, axis=1)[:, :k]
    share = np.bincount(chosen.ravel(), minlength=experts) / (tokens * k)
    return float(experts * (share * chances.mean(axis=0)).sum())


def _chances(rng: Random, tokens: int, experts: int) -> np.ndarray:
    drawn = numbers(rng, 0.1, 2, tokens, experts, digits=3)
    drawn += np.arange(experts) / 1000  # no ties
    return drawn / drawn.sum(axis=1, keepdims=True)


@exercise.cases
def _balance_cases(rng: Random) -> Cases:
    high = rng.randint(6, 9) / 10
    pair = np.array([[high, 1 - high], [1 - high, high]])
    yield Case("two tokens, two experts", (pair, 1), "Each expert got one token. What is f?")
    same = np.array([[high, 1 - high]] * 3)
    yield Case("all to one expert", (same, 1), "What is f now, and what is P?")
    yield Case("four experts", (_chances(rng, 3, 4), 1), "Does your count have four entries?")
    one_leads = _chances(rng, 3, 4) + np.eye(4)[0]
    one_leads /= one_leads.sum(axis=1, keepdims=True)
    yield Case("two experts each", (one_leads, 2), "How many places are there in all?")


@exercise.mistake(
    "The factor E is missing. With it, the loss is 1 at perfect balance for any number of experts."
)
def _no_factor(chances: np.ndarray, k: int) -> float:
    return balance_loss(chances, k) / chances.shape[1]


@exercise.mistake(
    "You used the mean probabilities twice. The *share* comes from counting who was chosen; it "
    "has no gradient, and that is why the probabilities stand beside it."
)
def _probabilities_twice(chances: np.ndarray, k: int) -> float:
    return float(chances.shape[1] * (chances.mean(axis=0) ** 2).sum())


@exercise.mistake(
    "You used the shares twice. Shares come from counting and have no gradient, so nothing would "
    "pull at the router. One factor is the mean *probability*."
)
def _shares_twice(chances: np.ndarray, k: int) -> float:
    tokens, experts = chances.shape
    chosen = np.argsort(-chances, axis=1)[:, :k]
    share = np.bincount(chosen.ravel(), minlength=experts) / (tokens * k)
    return float(experts * (share**2).sum())


@exercise.mistake(
    "Only the first choice of each token is counted. A token that uses k experts takes k places."
)
def _first_choice(chances: np.ndarray, k: int) -> float:
    return balance_loss(chances, 1)


@exercise.mistake("Places are divided by the tokens, not by tokens times k: shares must add to 1.")
def _by_tokens(chances: np.ndarray, k: int) -> float:
    return balance_loss(chances, k) * k


@exercise.mistake("The least probable experts were chosen.")
def _worst(chances: np.ndarray, k: int) -> float:
    tokens, experts = chances.shape
    chosen = np.argsort(chances, axis=1)[:, :k]
    share = np.bincount(chosen.ravel(), minlength=experts) / (tokens * k)
    return float(experts * (share * chances.mean(axis=0)).sum())


exercise = page.exercise(
    title="What a layer keeps for a token",
    difficulty="easy",
    minutes=10,
    statement="""
    Multi-head, grouped-query and multi-query attention keep keys and values for their heads. MLA
    keeps one compressed vector and one rotated key. Count the numbers that a layer keeps for one
    token, and of how many tokens it keeps them.
    """,
    hints=(
        "For the first three the formula is the same: 2 x heads of keys and values x head size.",
        "MLA keeps `latent + rotary` numbers: there is no 2, since keys and values come from one "
        "vector.",
        "With a window, no more than `window` tokens are kept: `min(tokens, window)`.",
    ),
)


@exercise.solution
def kept_numbers(shape: dict[str, int], tokens: int) -> int:
    """Return how many numbers one layer keeps for a text.

    Args:
        shape: Either "kv_heads" and "head_dim", or "latent" and "rotary"
            (MLA). If it has "window", no more than that many of the newest
            tokens are kept.
        tokens: Tokens of the text.
    """
    kept = min(tokens, shape.get("window", tokens))
    if "latent" in shape:
        return (shape["latent"] + shape["rotary"]) * kept
    return 2 * shape["kv_heads"] * shape["head_dim"] * kept


@exercise.cases
def _kept_cases(rng: Random) -> Cases:
    heads = {"kv_heads": rng.choice([2, 4, 8]), "head_dim": rng.choice([64, 128])}
    tokens = rng.randint(100, 900)
    yield Case("grouped-query", (heads, tokens), "Keys and values, for each token.")
    mla = {"latent": 64 * rng.randint(2, 8), "rotary": 64}
    yield Case("MLA", (mla, tokens), "Is there a vector for keys and another for values?")
    window = heads | {"window": rng.randint(40, 90)}
    yield Case("a window, long text", (window, tokens), "How many tokens can still be seen?")
    yield Case("a window, short text", (window, rng.randint(5, 30)), "Which is smaller?")
    both = mla | {"window": rng.randint(40, 90)}
    yield Case("MLA with a window", (both, tokens), "Has MLA anything against a window?")


@exercise.mistake("MLA does not keep keys and values apart: both are computed from one vector.")
def _twice_latent(shape: dict[str, int], tokens: int) -> int:
    return kept_numbers(shape, tokens) * (2 if "latent" in shape else 1)


@exercise.mistake(
    "The rotated key of MLA is missing. It can't come from the compressed vector, so it is kept "
    "beside it."
)
def _no_rotary(shape: dict[str, int], tokens: int) -> int:
    return kept_numbers(shape | {"rotary": 0} if "latent" in shape else shape, tokens)


@exercise.mistake("Keys and values are both kept, so there is a 2.")
def _keys_only(shape: dict[str, int], tokens: int) -> int:
    return kept_numbers(shape, tokens) // (1 if "latent" in shape else 2)


@exercise.mistake(
    "You keep all tokens. Beyond the window no position looks back any more, so they can go."
)
def _all_tokens(shape: dict[str, int], tokens: int) -> int:
    return kept_numbers({key: size for key, size in shape.items() if key != "window"}, tokens)


@exercise.mistake("A text shorter than the window does not fill it: take the smaller of the two.")
def _whole_window(shape: dict[str, int], tokens: int) -> int:
    return kept_numbers(shape, shape.get("window", tokens))


@exercise.mistake("With MLA you do not look at the window. It limits the tokens there as well.")
def _no_window_of_latents(shape: dict[str, int], tokens: int) -> int:
    return _all_tokens(shape, tokens) if "latent" in shape else kept_numbers(shape, tokens)
