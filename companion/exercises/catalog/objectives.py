"""Exercises on losses: of instruction tuning, and of a reward model."""

import math
import random
from collections.abc import Iterator

import numpy as np

from companion.exercises.catalog._draws import numbers
from companion.exercises.exercise import Case, CodeExercise, Wrong

# -- the loss -------------------------------------------------------------------------------------


def completion_loss(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the cross-entropy of next-token prediction over the tokens that count.

    Args:
        logits: What the model returns, shape (B, T, V). Those at t predict the token at t + 1.
        labels: Token ids of the same text, not shifted, shape (B, T); -100 does not count.

    Returns:
        Mean over all tokens of the batch that count, in nats. At least one does.
    """
    scores, targets = logits[:, :-1], labels[:, 1:]
    counts = targets != -100
    scores, targets = scores[counts], targets[counts]  # (N, V) and (N,)
    highest = scores.max(axis=-1)
    log_total = highest + np.log(np.exp(scores - highest[:, None]).sum(axis=-1))
    return float(np.mean(log_total - scores[np.arange(len(targets)), targets]))


def _not_shifted(logits: np.ndarray, labels: np.ndarray) -> float:
    empty = np.full((len(labels), 1), -100)
    padded = np.concatenate([logits, logits[:, -1:]], axis=1)
    return completion_loss(padded, np.concatenate([empty, labels], axis=1))


def _mean_of_rows(logits: np.ndarray, labels: np.ndarray) -> float:
    rows = [(x, y) for x, y in zip(logits, labels, strict=True) if (y[1:] != -100).any()]
    return float(np.mean([completion_loss(x[None], y[None]) for x, y in rows]))


def _all_in_denominator(logits: np.ndarray, labels: np.ndarray) -> float:
    return completion_loss(logits, labels) * float((labels[:, 1:] != -100).mean())


def _overflowing(logits: np.ndarray, labels: np.ndarray) -> float:
    mean = completion_loss(logits, labels)
    return mean if np.abs(logits).max() < 700 else math.inf


def _loss_cases(rng: random.Random) -> Iterator[Case]:
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


COMPLETION_LOSS = CodeExercise(
    id="completion-loss",
    title="Cross-entropy over the tokens that count",
    section="training",
    page="training/instruction-tuning",
    difficulty="medium",
    minutes=20,
    statement=(
        "Write the loss of instruction tuning, "
        "$-\\frac{1}{N} \\sum_t \\log \\pi_\\theta(y_t \\mid y_{<t})$ over the $N$ tokens of the "
        "batch whose label is not -100. Here logits and labels have to be shifted against each "
        "other: nothing predicts the first token, and the last logits have nothing to predict. "
        "Your function must also stand large logits."
    ),
    hints=(
        "Shift first: drop the last logits and the first label. Then they stand side by side.",
        "A boolean array picks what counts: `scores[counts]` has shape (N, V). After that, rows "
        "of the batch are gone, and a plain mean over N numbers is left.",
        "`-log softmax` at the target is the logarithm of the sum of exponentials, minus the "
        "target's logit. Subtract the largest logit before `np.exp` and add it again outside.",
    ),
    solution=completion_loss,
    cases=_loss_cases,
    wrong=(
        Wrong(
            _not_shifted,
            "Nothing was shifted. The logits at t are compared with the token at t, which the "
            "model has already read; a model can learn that by copying its input.",
        ),
        Wrong(
            _mean_of_rows,
            "That is the mean over rows of their means. A token of a short answer then weighs more "
            "than one of a long answer. Here all tokens that count weigh the same.",
        ),
        Wrong(
            _all_in_denominator,
            "The sum is right, but it was divided by all places, ignored ones included. The more "
            "padding a batch has, the smaller that loss.",
        ),
        Wrong(
            _overflowing,
            "Large logits give infinity: exp(1000) overflows, and a probability of exp(-1000) is "
            "rounded to 0 before its logarithm is taken. Stay with logarithms: the largest logit, "
            "plus the log of the sum of exp of what is left, minus the target's logit.",
        ),
    ),
    uses=("numpy",),
)

# -- a reward model -------------------------------------------------------------------------------


def pairwise_loss(chosen_rewards: np.ndarray, rejected_rewards: np.ndarray) -> float:
    """Return the Bradley-Terry loss of a reward model, averaged over the pairs.

    Args:
        chosen_rewards: Reward of each preferred answer, shape (B,).
        rejected_rewards: Reward of the other answer to the same prompt, shape (B,).

    Returns:
        Mean of -log sigmoid(chosen - rejected), in nats.
    """
    margins = chosen_rewards - rejected_rewards
    return float(np.logaddexp(0.0, -margins).mean())


def _sides_swapped(chosen_rewards: np.ndarray, rejected_rewards: np.ndarray) -> float:
    return pairwise_loss(rejected_rewards, chosen_rewards)


def _no_logarithm(chosen_rewards: np.ndarray, rejected_rewards: np.ndarray) -> float:
    losses = np.logaddexp(0.0, rejected_rewards - chosen_rewards)
    return float(-np.exp(-losses).mean())


def _summed(chosen_rewards: np.ndarray, rejected_rewards: np.ndarray) -> float:
    return len(chosen_rewards) * pairwise_loss(chosen_rewards, rejected_rewards)


def _unstable(chosen_rewards: np.ndarray, rejected_rewards: np.ndarray) -> float:
    with np.errstate(all="ignore"):
        share = 1 / (1 + np.exp(rejected_rewards - chosen_rewards))
        return float(-np.log(share).mean())


def _pair_cases(rng: random.Random) -> Iterator[Case]:
    equal = numbers(rng, -3, 3, 2)
    yield Case("equal", (equal, equal), "Which probability has each side if the margin is 0?")
    chosen = np.array([2.0, 0.0, 1.0]) + numbers(rng, -0.5, 0.5, 3)
    unequal = chosen, np.array([0.0, 1.5, -3.0])
    yield Case("three pairs", unequal, "In which of the pairs is the model wrong?")
    draw = np.random.default_rng(rng.getrandbits(32)).normal
    other = np.round(draw(size=4), 1) + 5, np.round(draw(size=4), 1) + 3
    yield Case("four other pairs", other, "Would the loss change if all rewards rose by 100?")
    far = np.array([0.0, 3.0]), np.array([float(rng.randint(800, 3000)), 3.0])
    yield Case("very sure and very wrong", far, "What is log(1 + exp(1000)), about? Why?")


PAIRWISE_LOSS = CodeExercise(
    id="pairwise-loss",
    title="The loss of a reward model",
    section="training",
    page="training/reward-model",
    difficulty="medium",
    minutes=10,
    statement=(
        "A reward model learns from pairs: $y_w$ was preferred to $y_l$. Write its loss, "
        "$-\\log \\sigma\\bigl(r_\\phi(x, y_w) - r_\\phi(x, y_l)\\bigr)$, averaged over a batch of "
        "pairs. It must stay finite where the model is very sure and wrong."
    ),
    hints=(
        "Only the difference of the two rewards counts. If it is 0, a pair costs log 2.",
        "$-\\log \\sigma(z) = \\log(1 + e^{-z})$. For a large negative $z$ this is about $-z$.",
        "`np.logaddexp(0, x)` is log(1 + exp(x)) and does not overflow.",
    ),
    solution=pairwise_loss,
    cases=_pair_cases,
    wrong=(
        Wrong(
            _sides_swapped,
            "The sign of the margin is turned. Such a model learns to give the rejected answers "
            "the higher rewards.",
        ),
        Wrong(
            _no_logarithm,
            "The logarithm is missing: this is minus the probability of what was chosen. It is "
            "almost flat where the model is sure and wrong, just where it should learn most.",
        ),
        Wrong(_summed, "The losses were summed. Here the mean over the pairs is asked for."),
        Wrong(
            _unstable,
            "Sigmoid first, logarithm second: where the model is very sure and wrong, the "
            "sigmoid is rounded to 0 and its logarithm is minus infinity. Write it in one piece.",
        ),
    ),
    uses=("numpy",),
)

EXERCISES = (COMPLETION_LOSS, PAIRWISE_LOSS)
