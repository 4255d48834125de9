"""Exercises on measured reasoning: an interval for an accuracy, why chains of thought help."""

import math
import random
from collections.abc import Iterator

from companion.exercises.exercise import Case, CodeExercise, WordsExercise, Wrong

# -- an interval for an accuracy ------------------------------------------------------------------


def wilson_interval(right: int, total: int, z: float) -> tuple[float, float]:
    """Return the Wilson score interval of an accuracy.

    Args:
        right: Number of right answers.
        total: Number of questions.
        z: Quantile of the normal distribution; 1.96 for 95 %.

    Returns:
        Lower and upper end, as shares from 0 to 1.

    Raises:
        ValueError: If there are no questions.
    """
    if total < 1:
        raise ValueError(f"total must be at least 1, got {total}")
    p, stretch = right / total, 1 + z * z / total
    center = (p + z * z / (2 * total)) / stretch
    half = z * math.sqrt(p * (1 - p) / total + z * z / (4 * total * total)) / stretch
    return center - half, center + half


def _wald(right: int, total: int, z: float) -> tuple[float, float]:
    if total < 1:
        raise ValueError("no questions")
    p = right / total
    half = z * math.sqrt(p * (1 - p) / total)
    return p - half, p + half


def _around_the_share(right: int, total: int, z: float) -> tuple[float, float]:
    low, high = wilson_interval(right, total, z)
    return right / total - (high - low) / 2, right / total + (high - low) / 2


def _half_not_scaled(right: int, total: int, z: float) -> tuple[float, float]:
    low, high = wilson_interval(right, total, z)
    center, half = (low + high) / 2, (high - low) / 2 * (1 + z * z / total)
    return center - half, center + half


def _in_percent(right: int, total: int, z: float) -> tuple[float, float]:
    low, high = wilson_interval(right, total, z)
    return 100 * low, 100 * high


def _interval_cases(rng: random.Random) -> Iterator[Case]:
    few = rng.randint(16, 40)
    wrong = rng.randint(1, 3)
    case = (few - wrong, few, 1.96)
    yield Case(f"{few - wrong} of {few}", case, "Is the interval symmetric around the share?")
    total = rng.randint(41, 90)
    right = rng.randint(10, total - 10)
    yield Case(f"{right} of {total}", (right, total, 1.645), "Which z goes with 90 %?")
    few, many = rng.randint(8, 20), rng.randint(8, 20)
    yield Case("none right", (0, few, 1.96), f"{few} failures: is an accuracy of 5 % excluded?")
    yield Case("all right", (many, many, 1.96), "Can an accuracy be above 1?")
    yield Case("no questions", (0, 0, 1.96), "What is the accuracy of nothing?", refused=True)


WILSON_INTERVAL = CodeExercise(
    id="wilson-interval",
    title="How sure is 18 of 20?",
    section="prompting",
    page="prompting/few-shot",
    difficulty="easy",
    minutes=10,
    statement=(
        "An accuracy $p$ on $n$ questions is an estimate. The Wilson interval says which true "
        "accuracies are compatible with it:\n\n"
        "$$\\frac{p + \\frac{z^2}{2n} \\pm z \\sqrt{\\frac{p(1-p)}{n} + \\frac{z^2}{4n^2}}}"
        "{1 + \\frac{z^2}{n}}$$"
    ),
    hints=(
        "Compute the denominator once; it divides everything above it.",
        "The center is not p: it is pulled towards one half. With few questions by a lot.",
        "center = (p + z*z / (2*n)) / d, half = z * sqrt(p*(1-p)/n + z*z / (4*n*n)) / d, with "
        "d = 1 + z*z/n.",
    ),
    solution=wilson_interval,
    cases=_interval_cases,
    wrong=(
        Wrong(
            _wald,
            "That is the simple normal interval. It fails near 0 and 1: for 10 of 10 it has no "
            "width, as if ten questions proved perfection.",
        ),
        Wrong(
            _around_the_share,
            "The width is right, but the interval is centered on p, so it reaches beyond 0 or 1. "
            "The center has a term z^2 / (2n) and is divided too.",
        ),
        Wrong(
            _half_not_scaled,
            "Only the center is divided by 1 + z^2 / n. The half width stands above the same "
            "fraction line.",
        ),
        Wrong(_in_percent, "These are percents. Shares from 0 to 1 were asked for."),
    ),
    uses=("math",),
)

# -- why chains of thought help -------------------------------------------------------------------

WHY_CHAINS_HELP = WordsExercise(
    id="why-chains-help",
    title="Why a chain of thought helps",
    section="prompting",
    page="prompting/chain-of-thought",
    difficulty="medium",
    minutes=20,
    statement=(
        "Why does a chain of thought help with problems of several steps? Explain the mechanism on "
        "an example of your own. Give a published figure with its model and benchmark. Then say "
        "what a chain does not give you. Write about 100 words."
    ),
    hints=(
        "How much computation does a transformer spend on one token? What if the answer is one "
        "token and needs three calculations in a row?",
        "The page has a table from Wei et al. (2022). Differences of percentages are points.",
        "For the limits: which tasks gain little, which models, and is the text the true reason?",
    ),
    key_points=(
        "A pass through the model is a fixed amount of computation; written intermediate results "
        "are read back in, so that a later step can build on them.",
        "An example in which a problem is broken into steps that are each easy.",
        "A figure with its source: PaLM 540B on GSM8K went from 17.9 to 56.9 % (39.0 points), on "
        "SVAMP from 69.4 to 79.0 % (9.6 points), with 8 examples (Wei et al. 2022).",
        "The gain depends on task and model: it is large in mathematics and symbolic tasks, small "
        "elsewhere, and small models even lost in that paper.",
        "A chain is no proof: a mistake in it carries on, and the text need not show what the "
        "answer really rests on.",
    ),
    sample=(
        "A model computes one token with a fixed number of layers. Take: 3 boxes of 12 pens, 7 are "
        "lost, the rest is shared by two. An answer at once needs three calculations in one pass. "
        "Written down, 36, then 29, then 14.5 are single steps, and each result goes back in as "
        "input for the next. With 8 worked examples, PaLM 540B rose from 17.9 to 56.9 % on GSM8K, "
        "39.0 points (Wei et al. 2022). Common-sense questions gained far less (CSQA 1.8 points), "
        "and small models lost. The chain costs tokens. It is also no record of the computation: "
        "an early mistake is carried on, and a plausible text may hide what swayed the model."
    ),
)

EXERCISES = (WILSON_INTERVAL, WHY_CHAINS_HELP)
