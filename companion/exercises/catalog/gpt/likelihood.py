"""Exercises: cross-entropy, perplexity of a padded batch, perplexity by hand."""

import math
from random import Random

import numpy as np

from companion.exercises.catalog._draws import numbers
from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("next-token", __name__)
Array = np.ndarray

exercise = page.exercise(
    id="stable-cross-entropy",
    title="Cross-entropy that never overflows",
    difficulty="medium",
    minutes=12,
    statement=r"""
    The loss of a language model is the mean of $-\log P(x_i \mid x_{<i})$. Compute it from logits.
    The softmax and its logarithm belong together: taken one after the other, they lose large and
    small numbers.
    """,
    hints=(
        "Write the logarithm of the softmax: log p_i = z_i - log(sum of exp(z_j)).",
        "Subtract the maximum of each row from its logits first. The formula stays true, and the "
        "largest exp is 1.",
        "`logprobs[np.arange(N), targets]` picks one entry per row. Negate their mean.",
    ),
)


@exercise.solution
def cross_entropy(logits: np.ndarray, targets: np.ndarray) -> float:
    """Return the mean negative log-probability of the target tokens.

    Args:
        logits: Logits, one row per prediction, shape (N, V).
        targets: The token that really came, shape (N,).

    Returns:
        Loss per prediction, in nats. Finite for all finite logits.
    """
    shifted = logits - logits.max(axis=-1, keepdims=True)
    logprobs = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return -logprobs[np.arange(len(targets)), targets].mean()


@exercise.cases
def _entropy_cases(rng: Random) -> Cases:
    z = np.array([[round(rng.uniform(-2, 2), 2) for _ in range(4)] for _ in range(3)])
    ids = np.array([rng.randrange(4) for _ in range(3)])
    yield Case("three predictions", (z, ids), "Is a loss positive? Is it a sum or a mean?")
    size = rng.randint(5, 40)
    even = np.full((2, size), rng.randint(-9, 9) / 2)
    targets = np.array([rng.randrange(size), 0])
    yield Case("no idea", (even, targets), f"{size} equally likely tokens: how many nats?")
    large = rng.randint(800, 3000) - np.array([[0.0, rng.randint(1, 4), 10.0]])
    yield Case("large logits", (large, np.array([1])), "What is exp(1000) in floating point?")
    sure = np.array([[0.0, -float(rng.randint(1500, 3000))]])
    yield Case(
        "confident and wrong",
        (sure, np.array([1])),
        "exp(-2000) is 0 in floating point. Does your way ever take the logarithm of it?",
    )


@exercise.mistake(
    "The softmax is computed first and the logarithm after it. A probability below 1e-308 or so "
    "has become 0 by then, and its logarithm is minus infinity."
)
def _log_of_softmax(logits: Array, targets: Array) -> float:
    with np.errstate(all="ignore"):
        weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
        probs = weights / weights.sum(axis=-1, keepdims=True)
        return -np.log(probs[np.arange(len(targets)), targets]).mean()


@exercise.mistake(
    "exp of a large logit overflows. Subtract each row's maximum before exp; the difference z - "
    "log(sum of exp) does not change."
)
def _exp_overflows(logits: Array, targets: Array) -> float:
    with np.errstate(all="ignore"):
        logprobs = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
        return -logprobs[np.arange(len(targets)), targets].mean()


@exercise.mistake(
    "That is the sum. The loss is the mean per prediction, so that it does not depend on the size "
    "of the batch."
)
def _summed(logits: Array, targets: Array) -> float:
    return cross_entropy(logits, targets) * len(targets)


@exercise.mistake(
    "The sign is missing. Log-probabilities are negative; the loss is their negative mean."
)
def _sign_lost(logits: Array, targets: Array) -> float:
    return -cross_entropy(logits, targets)


@exercise.mistake("That is in bits, from a logarithm to base 2. Nats were asked for.")
def _in_bits(logits: Array, targets: Array) -> float:
    return cross_entropy(logits, targets) / math.log(2)


exercise = page.exercise(
    id="padded-perplexity",
    title="Perplexity of a padded batch",
    difficulty="hard",
    minutes=25,
    statement=r"""
    Perplexity is $\exp\big(-\frac{1}{n} \sum_i \log P(x_i \mid x_{<i})\big)$, over the $n$
    predicted tokens. Compute it from the logits of a batch. Two details decide whether the number
    means anything: which logits belong to which token, and what counts.
    """,
    hints=(
        "The last logits of a row predict a token that is not there. The first token of a row is "
        "predicted by nothing. What remains has T - 1 columns.",
        "Align three arrays: `logits[:, :-1]`, `input_ids[:, 1:]`, `attention_mask[:, 1:]`.",
        "`np.take_along_axis(logprobs, targets[..., None], axis=-1)` picks the log-probability of "
        "each target. Multiply by the mask, add up everything, divide by the sum of the mask.",
    ),
)


@exercise.solution
def perplexity(
    logits: np.ndarray,
    input_ids: np.ndarray,
    attention_mask: np.ndarray,
) -> float:
    """Return the perplexity of a batch of texts, padded on the right.

    The logits at position i are about the token at position i + 1. The first
    token of a text is not predicted, and padding is not text.

    Args:
        logits: What the model gave for `input_ids`, shape (B, T, V).
        input_ids: Token ids, shape (B, T).
        attention_mask: 1 for tokens, 0 for padding, shape (B, T).

    Returns:
        exp of the mean negative log-likelihood, over all predicted tokens of
        the batch together.
    """
    logits, targets, counts = logits[:, :-1], input_ids[:, 1:], attention_mask[:, 1:]
    shifted = logits - logits.max(axis=-1, keepdims=True)
    logprobs = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    picked = np.take_along_axis(logprobs, targets[..., None], axis=-1)[..., 0]  # (B, T - 1)
    return math.exp(-(picked * counts).sum() / counts.sum())


@exercise.cases
def _perplexity_cases(rng: Random) -> Cases:
    def draw(rows: int, length: int) -> tuple[np.ndarray, np.ndarray]:
        z = [[[round(rng.uniform(-1, 1), 1) for _ in range(5)] for _ in range(length)]] * rows
        return np.array(z), np.array([[rng.randrange(5) for _ in range(length)]] * rows)

    z, ids = draw(1, 4)
    yield Case("one text", (z, ids, np.ones_like(ids)), "Which logits are about the second token?")
    size, length = rng.randint(4, 12), rng.randint(3, 6)
    even = np.array([[rng.randrange(size) for _ in range(length)]])
    yield Case(
        "equally likely tokens",
        (np.zeros((1, length, size)), even, np.ones_like(even)),
        "Among how many tokens is the model undecided?",
    )
    z = np.zeros((2, 4, 3))
    z[:, :, 1] = np.array([[1.0, 2.0, 0.5, 3.0], [-1.5, -0.5, 2.0, 2.5]])
    z[:, :, 1] += numbers(rng, -0.4, 0.4, 2, 4)
    ids = np.array([[0, 1, 2, 1], [2, 1, 0, 0]])
    mask = np.array([[1, 1, 1, 1], [1, 1, 0, 0]])
    yield Case(
        "a padded batch",
        (z, ids, mask),
        "Three predictions stand in the first row and one in the second. What does each count?",
    )


@exercise.mistake(
    "Logits and tokens are not shifted against each other: each token is scored by the logits of "
    "its own position, where the model has already read it."
)
def _unshifted(logits: Array, input_ids: Array, attention_mask: Array) -> float:
    before = np.zeros_like(logits[:, :1])
    first = np.zeros_like(input_ids[:, :1])
    mask = np.concatenate([first, attention_mask], axis=1)
    ids = np.concatenate([first, input_ids], axis=1)
    return perplexity(np.concatenate([logits, before], axis=1), ids, mask)


@exercise.mistake(
    "Padding is counted as text. Leave out the positions whose target has the mask 0, in the sum "
    "and in the number of tokens."
)
def _padding_counted(logits: Array, input_ids: Array, attention_mask: Array) -> float:
    return perplexity(logits, input_ids, np.ones_like(attention_mask))


@exercise.mistake(
    "That is the exponential of the sum, which grows with the length of the text. Take the mean "
    "per predicted token first."
)
def _total(logits: Array, input_ids: Array, attention_mask: Array) -> float:
    mean = math.log(perplexity(logits, input_ids, attention_mask))
    return math.exp(mean * attention_mask[:, 1:].sum())


@exercise.mistake(
    "The rows are averaged one by one, so that each token of a short text weighs more. Divide the "
    "sum over all tokens by their number."
)
def _mean_of_rows(logits: Array, input_ids: Array, attention_mask: Array) -> float:
    rows = zip(logits, input_ids, attention_mask, strict=True)
    means = [math.log(perplexity(z[None], ids[None], mask[None])) for z, ids, mask in rows]
    return math.exp(sum(means) / len(means))


@exercise.mistake("That is the mean loss in nats. Perplexity is its exponential.")
def _no_exp(logits: Array, input_ids: Array, attention_mask: Array) -> float:
    return math.log(perplexity(logits, input_ids, attention_mask))


@exercise.mistake(
    "Padding is left out of the sum, but the sum is divided by all places. Divide by the number of "
    "predicted tokens, the sum of the mask."
)
def _all_columns(logits: Array, input_ids: Array, attention_mask: Array) -> float:
    return perplexity(logits, input_ids, attention_mask) ** attention_mask[:, 1:].mean()


exercise = page.exercise(
    title="Perplexity of three tokens",
    difficulty="easy",
    minutes=5,
    statement="""
    A model gives the three tokens of a text the probabilities 1/2, 1/4 and 1/32, each given the
    tokens before it. What is the perplexity of the text?
    """,
    hints=(
        "What is the probability of the whole text?",
        "Perplexity is one over the geometric mean of the probabilities.",
        "The product is 1/256. Take the third root of 256.",
    ),
)


@exercise.number(
    unit="equally likely tokens",
    mistakes={
        256.0: "That is one over the probability of the text. Take the mean per token.",
        96 / 25: (
            "That is one over the mean of the probabilities. The mean is taken over their "
            "logarithms, which makes it a geometric mean."
        ),
        38 / 3: (
            "That is the mean of 2, 4 and 32. Perplexity averages their logarithms: it is their "
            "geometric mean."
        ),
        8 * math.log(2) / 3: "That is the mean loss in nats. Perplexity is exp of it.",
        8 / 3: "That is the mean loss in bits. Perplexity is 2 to the power of it.",
        math.exp(8 / 3): "Bits went into an exponential with base e. Use 2 for bits.",
    },
)
def perplexity_by_hand() -> float:
    """Return the perplexity of a text of three tokens from their probabilities."""
    probabilities = [1 / 2, 1 / 4, 1 / 32]
    nats = [-math.log(p) for p in probabilities]
    return math.exp(sum(nats) / len(nats))  # 256 ** (1 / 3)
