"""An exercise: a power law, fitted and held against another run."""

from random import Random

import numpy as np

from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("pretraining", __name__)
Array = np.ndarray

exercise = page.exercise(
    title="What a scaling law promises",
    difficulty="medium",
    minutes=15,
    statement=r"""
    A scaling law is a straight line in logarithms: $L = a\,C^{-b}$. Fit it to some runs by least
    squares on $\log L$ and $\log C$, and say which loss it promises for another amount of compute.
    """,
    hints=(
        "Take logarithms of both. What is the intercept of the line, and what is its slope?",
        "`np.polyfit(x, y, 1)` gives slope and intercept of the best line.",
        "`np.exp(intercept + slope * np.log(budget))`: back from the logarithm at the end.",
    ),
)


@exercise.solution
def promised_loss(
    compute: np.ndarray,
    loss: np.ndarray,
    budget: float,
) -> float:
    """Return the loss that a power law promises.

    Args:
        compute: Operations of each run, shape (N,), N at least 2.
        loss: Loss of each run, in nats per token, shape (N,).
        budget: Operations of a run that was not made.

    Returns:
        Loss on the line through the runs, fitted by least squares to log loss
        and log compute.
    """
    slope, intercept = np.polyfit(np.log(compute), np.log(loss), 1)
    return float(np.exp(intercept + slope * np.log(budget)))


@exercise.cases
def _scaling_cases(rng: Random) -> Cases:
    first = rng.randint(30, 60) / 10
    two = np.array([1e12, 1e14]), np.array([first, first / 2])
    yield Case("two runs", (*two, 1e18), "The loss halves with each factor of 100. How often?")
    yield Case("between the runs", (*two, 1e13), "Halfway in the logarithm, is it halfway in loss?")
    runs = np.array([1e11, 1e12, 1e13, 1e14])
    falling = np.array([5.0, 3.9, 3.1, 2.4]) + np.array([rng.randint(-3, 3) / 10 for _ in runs])
    yield Case("four runs", (runs, falling, 1e17), "Does your line pass near all four?")
    order = rng.sample(range(4), 4)
    yield Case("in any order", (runs[order], falling[order], 2e15), "Does the order matter?")


@exercise.mistake(
    "The line was fitted to the numbers themselves. Compute spans factors of thousands, so the "
    "largest run decides alone, and the loss soon falls below 0. Take logarithms of both."
)
def _no_logarithms(compute: Array, loss: Array, budget: float) -> float:
    slope, intercept = np.polyfit(compute, loss, 1)
    return float(intercept + slope * budget)


@exercise.mistake(
    "Only compute is in logarithms. That is another law: so many nats less for each factor of ten. "
    "It falls below 0 as well. The loss needs its logarithm, too."
)
def _one_logarithm(compute: Array, loss: Array, budget: float) -> float:
    slope, intercept = np.polyfit(np.log(compute), loss, 1)
    return float(intercept + slope * np.log(budget))


@exercise.mistake(
    "Two bases are mixed: the line was fitted to logarithms of base 10, and `exp` undoes those of "
    "base e. Undo `log10` by a power of 10, or use `np.log` throughout."
)
def _two_bases(compute: Array, loss: Array, budget: float) -> float:
    slope, intercept = np.polyfit(np.log10(compute), np.log10(loss), 1)
    return float(np.exp(intercept + slope * np.log10(budget)))


@exercise.mistake(
    "The sign of the slope is turned, so the loss rises with compute. The b of the formula is "
    "minus the slope of the line: the slope has its sign already."
)
def _slope_turned(compute: Array, loss: Array, budget: float) -> float:
    slope, intercept = np.polyfit(np.log(compute), np.log(loss), 1)
    return float(np.exp(intercept - slope * np.log(budget)))


@exercise.mistake("That is the logarithm of the loss. Its exponential was asked for.")
def _still_logarithm(compute: Array, loss: Array, budget: float) -> float:
    return float(np.log(promised_loss(compute, loss, budget)))


@exercise.mistake(
    "The line goes through the first and the last run. Least squares listens to all of them."
)
def _two_runs_only(compute: Array, loss: Array, budget: float) -> float:
    return promised_loss(compute[[0, -1]], loss[[0, -1]], budget)


@exercise.mistake(
    "The fit is the wrong way around: compute as a function of loss, then turned. Least squares "
    "then measures distances along the other axis and gives another line."
)
def _turned(compute: Array, loss: Array, budget: float) -> float:
    slope, intercept = np.polyfit(np.log(loss), np.log(compute), 1)
    return float(np.exp((np.log(budget) - intercept) / slope))
