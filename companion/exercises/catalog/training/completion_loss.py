"""An exercise: the loss of instruction tuning."""

import math
from random import Random

import numpy as np

from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("instruction-tuning", __name__)

exercise = page.exercise(
    title="Cross-entropy over the tokens that count",
    difficulty="medium",
    minutes=20,
    statement=r"""
    Write the loss of instruction tuning, $-\frac{1}{N} \sum_t \log \pi_\theta(y_t \mid y_{<t})$
    over the $N$ tokens of the batch whose label is not -100. Here logits and labels have to be
    shifted against each other: nothing predicts the first token, and the last logits have nothing
    to predict. Your function must also stand large logits.
    """,
    hints=(
        "Shift first: drop the last logits and the first label. Then they stand side by side.",
        "A boolean array picks what counts: `scores[counts]` has shape (N, V). After that, rows of "
        "the batch are gone, and a plain mean over N numbers is left.",
        "`-log softmax` at the target is the logarithm of the sum of exponentials, minus the "
        "target's logit. Subtract the largest logit before `np.exp` and add it again outside.",
    ),
)


@exercise.solution
def completion_loss(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the next-token cross-entropy over the tokens that count.

    Args:
        logits: What the model returns, shape (B, T, V). Those at t predict the
            token at t + 1.
        labels: Token ids of the same text, not shifted, shape (B, T); -100 does
            not count.

    Returns:
        Mean over all tokens of the batch that count, in nats. At least one
        does.
    """
    scores, targets = logits[:, :-1], labels[:, 1:]
    counts = targets != -100
    scores, targets = scores[counts], targets[counts]  # (N, V) and (N,)
    highest = scores.max(axis=-1)
    log_total = highest + np.log(np.exp(scores - highest[:, None]).sum(axis=-1))
    return float(np.mean(log_total - scores[np.arange(len(targets)), targets]))


@exercise.cases
def _loss_cases(rng: Random) -> Cases:
    draw = np.random.default_rng(rng.getrandbits(32))
    size = rng.randint(3, 20)
    equal = np.zeros((1, 3, size)), np.array([[-100, rng.randrange(size), rng.randrange(size)]])
    yield Case(f"{size} tokens, equally likely", equal, f"What is minus the logarithm of 1/{size}?")
    sure = np.array([[[0.0, 3.0, 0.0], [0.0, 0.0, 3.0], [3.0, 0.0, 0.0]]]) * rng.randint(10, 30)
    yield Case(
        "sure, and right about the next token",
        (sure / 15, np.array([[-100, 1, 2]])),
        "Which logits predict the token at place 1?",
    )
    logits = np.round(draw.normal(size=(2, 4, 3)), 1)
    logits[1, 2] = [4.0, 0.0, 0.0]
    ragged = np.array([[-100, 0, 1, 2], [-100, -100, -100, 1]])
    yield Case(
        "a long answer and a short one",
        (logits, ragged),
        "How many tokens count in the whole batch? Does each of the four weigh the same?",
    )
    high = float(rng.randint(800, 3000))
    large = np.array([[[0.0, high], [1.0, 2.0], [0.0, 0.0]]]), np.array([[-100, 0, 0]])
    yield Case(
        "large logits",
        large,
        "What is exp(1000), and what is log(exp(-1000))? Can you do without either?",
    )


@exercise.mistake(
    "Nothing was shifted. The logits at t are compared with the token at t, which the model has "
    "already read; a model can learn that by copying its input."
)
def _not_shifted(logits: np.ndarray, labels: np.ndarray) -> float:
    empty = np.full((len(labels), 1), -100)
    padded = np.concatenate([logits, logits[:, -1:]], axis=1)
    return completion_loss(padded, np.concatenate([empty, labels], axis=1))


@exercise.mistake(
    "That is the mean over rows of their means. A token of a short answer then weighs more than "
    "one of a long answer. Here all tokens that count weigh the same."
)
def _mean_of_rows(logits: np.ndarray, labels: np.ndarray) -> float:
    rows = [(x, y) for x, y in zip(logits, labels, strict=True) if (y[1:] != -100).any()]
    return float(np.mean([completion_loss(x[None], y[None]) for x, y in rows]))


@exercise.mistake(
    "The sum is right, but it was divided by all places, ignored ones included. The more padding a "
    "batch has, the smaller that loss."
)
def _all_in_denominator(logits: np.ndarray, labels: np.ndarray) -> float:
    return completion_loss(logits, labels) * float((labels[:, 1:] != -100).mean())


@exercise.mistake(
    "Large logits give infinity: exp(1000) overflows, and a probability of exp(-1000) is rounded "
    "to 0 before its logarithm is taken. Stay with logarithms: the largest logit, plus the log of "
    "the sum of exp of what is left, minus the target's logit."
)
def _overflowing(logits: np.ndarray, labels: np.ndarray) -> float:
    mean = completion_loss(logits, labels)
    return mean if np.abs(logits).max() < 700 else math.inf
