"""Exercises: the learning rate, one step of AdamW."""

import math
from random import Random

import numpy as np

from companion.exercises.catalog._draws import numbers
from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("pretraining", __name__)
Array = np.ndarray

exercise = page.exercise(
    title="Warm-up and cosine",
    difficulty="easy",
    minutes=10,
    tolerance=1e-9,
    statement="""
    Write the classic schedule of the learning rate: a straight line up to the peak, then half a
    cosine down to a tenth of it.
    """,
    hints=(
        "Two parts. In the first, the rate is a share of the peak: which share at step s?",
        "In the second, compute the progress from 0 to 1 between the end of the warm-up and "
        "`total`, and do not let it go beyond 1.",
        "`(1 + cos(pi * progress)) / 2` falls from 1 to 0. Nine tenths of the peak fall with it, "
        "one tenth stays.",
    ),
)


@exercise.solution
def cosine_schedule(step: int, peak: float, warmup: int, total: int) -> float:
    """Return the learning rate of a step: warm-up, then cosine to a tenth.

    Args:
        step: Number of the step, from 0.
        peak: The highest learning rate, reached at step ``warmup``.
        warmup: Steps in which it rises in a straight line from 0. May be 0.
        total: Step at which a tenth of the peak is reached; from there on it
            stays.
    """
    if step < warmup:
        return peak * step / warmup
    progress = min(1.0, (step - warmup) / (total - warmup))
    return peak * (0.1 + 0.9 * (1 + math.cos(math.pi * progress)) / 2)


@exercise.cases
def _schedule_cases(rng: Random) -> Cases:
    warm, peak = 2 * rng.randint(20, 200), rng.randint(2, 9) * 1e-4
    total = warm * rng.randint(5, 12)
    run = (peak, warm, total)
    yield Case("half of the warm-up", (warm // 2, *run), "Where on the way from 0 to the peak?")
    yield Case("end of the warm-up", (warm, *run), "How far has the decay come here?")
    short = rng.randint(5, 30)
    yield Case("no warm-up", (0, peak, 0, short), "What happens at step 0, and what is 0 / 0?")
    step = rng.randint(2 * warm, total - warm)
    yield Case(f"step {step}", (step, *run), "How many steps does the decay take?")
    yield Case("last step", (total, *run), "The cosine of pi is -1. What is left?")
    late = total + rng.randint(total // 4, total // 2)
    yield Case("a longer run", (late, *run), "Should the rate ever rise again?")


@exercise.mistake(
    "Without the floor, the rate falls to 0, and the last steps teach nothing. A tenth of the peak "
    "should be left."
)
def _to_zero(step: int, peak: float, warmup: int, total: int) -> float:
    rate = cosine_schedule(step, peak, warmup, total)
    return rate if step < warmup else (rate - 0.1 * peak) / 0.9


@exercise.mistake(
    "The cosine goes down to 0 and is cut off at a tenth. That has a kink; the half cosine should "
    "itself run from the peak to a tenth."
)
def _cut_at_floor(step: int, peak: float, warmup: int, total: int) -> float:
    rate = _to_zero(step, peak, warmup, total)
    return rate if step < warmup else max(rate, 0.1 * peak)


@exercise.mistake(
    "Off by one: at step s the rate is s / warmup of the peak. As it is, the peak is reached one "
    "step early."
)
def _one_early(step: int, peak: float, warmup: int, total: int) -> float:
    if step < warmup:
        return peak * (step + 1) / warmup
    return cosine_schedule(step, peak, warmup, total)


@exercise.mistake(
    "The progress of the cosine is counted from step 0. At the end of the warm-up the rate then "
    "jumps down."
)
def _cosine_from_zero(step: int, peak: float, warmup: int, total: int) -> float:
    if step < warmup:
        return peak * step / warmup
    return cosine_schedule(step, peak, 0, total)


@exercise.mistake("Beyond the last step the cosine rises again. Progress should stop at 1.")
def _rises_again(step: int, peak: float, warmup: int, total: int) -> float:
    return cosine_schedule(step if step <= total else 2 * total - step, peak, warmup, total)


exercise = page.exercise(
    title="One step of AdamW, with a bug",
    difficulty="medium",
    minutes=15,
    statement=r"""
    This step of AdamW runs, and models train with it. But it is not AdamW: large and small weights
    do not shrink by the same share. Find the bug and fix it. The formula is

    $$m \leftarrow \beta_1 m + (1 - \beta_1) g, \quad v \leftarrow \beta_2 v + (1 - \beta_2) g^2,
    \quad \theta \leftarrow (1 - \eta \lambda)\,\theta - \eta\,
    \frac{m / (1 - \beta_1^t)}{\sqrt{v / (1 - \beta_2^t)} + \epsilon}$$
    """,
    hints=(
        "Go through the formula from left to right and find each part in the code. Where does "
        r"$\lambda$ stand, and where does the code use `decay`?",
        "What is added to the gradient is later divided by the root of v, like the gradient. So a "
        "weight with large gradients hardly decays. That is Adam with an L2 penalty.",
        "Leave `grad` alone, and multiply the weight by `1 - lr * decay` in the last line.",
    ),
)


@exercise.solution
def adamw_step(
    weight: np.ndarray,
    grad: np.ndarray,
    m: np.ndarray,
    v: np.ndarray,
    step: int,
    lr: float,
    decay: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Make one step of AdamW with betas 0.9 and 0.95 and eps 1e-8.

    Args:
        weight: Weights before the step, any shape.
        grad: Gradient of the loss, same shape.
        m: Running mean of the gradient so far, same shape; 0 at first.
        v: Running mean of its square, likewise.
        step: Number of this step, from 1.
        lr: Learning rate.
        decay: Weight decay. It shrinks the weights by the share lr * decay.

    Returns:
        New weights, new m, new v.
    """
    m = 0.9 * m + 0.1 * grad
    v = 0.95 * v + 0.05 * grad**2
    update = (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.95**step)) + 1e-8)
    return (1 - lr * decay) * weight - lr * update, m, v


@exercise.start
def _coupled_decay(
    weight: Array, grad: Array, m: Array, v: Array, step: int, lr: float, decay: float
) -> tuple[Array, Array, Array]:
    grad = grad + decay * weight
    m = 0.9 * m + 0.1 * grad
    v = 0.95 * v + 0.05 * grad**2
    update = (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.95**step)) + 1e-8)
    return weight - lr * update, m, v


@exercise.cases
def _adamw_cases(rng: Random) -> Cases:
    zero = np.zeros(2)
    large, small = numbers(rng, 0.5, 4, 2), numbers(rng, -0.9, -0.1, 2)
    yield Case(
        "first step, no decay",
        (np.array([large[0], -2.0]), np.array([0.5, small[0] / 100]), zero, zero, 1, 0.1, 0.0),
        "How far does each of the weights move? Does the size of its gradient matter?",
    )
    yield Case(
        "first step, no gradient",
        (np.array([large[1], small[1]]), zero, zero, zero, 1, 0.1, 0.2),
        "Only the decay acts. By which share should each weight shrink? Do both by the same?",
    )
    draw = np.random.default_rng(rng.getrandbits(32)).normal
    weight, grad, m = (np.round(draw(size=3), 1) for _ in range(3))
    v = np.round(m**2 + 0.1, 2)
    yield Case("a later step", (weight, grad, m, v, 5, 0.1, 0.1), "What do m and v hold?")
    tiny = np.array([1.0, -1.0]) * rng.randint(5, 20) * 1e-9
    start = (np.array([large[0], small[0]]), tiny, zero, zero, 1, 0.5, 0.0)
    yield Case("a tiny gradient", start, "Where exactly does eps stand?")
    late = np.array([[3.0, -1.0], [2.0, 0.5]]) + numbers(rng, -0.4, 0.4, 2, 2)
    step = rng.randint(1500, 3000)
    more = (np.full((2, 2), 0.3), np.full((2, 2), 0.2), np.full((2, 2), 0.1), step, 0.05, 0.1)
    yield Case("a late step", (late, *more), f"Is there anything left to correct at step {step}?")


@exercise.mistake(
    "Now nothing decays. The decay was in the wrong place, but it belongs to the step."
)
def _no_decay(weight: Array, grad: Array, m: Array, v: Array, step: int, *rest: float) -> tuple:
    return adamw_step(weight, grad, m, v, step, rest[0], 0.0)


@exercise.mistake(
    "The weights shrink by the share `decay`. In the formula it is lr times decay, so that the "
    "decay follows the schedule of the learning rate."
)
def _decay_without_rate(
    weight: Array, grad: Array, m: Array, v: Array, step: int, *rest: float
) -> tuple:
    return adamw_step(weight, grad, m, v, step, rest[0], rest[1] / rest[0])


@exercise.mistake(
    "The correction by 1 - beta^t is missing. m and v begin at 0 and are too small at first, each "
    "by another factor; the first steps come out wrong."
)
def _no_correction(
    weight: Array, grad: Array, m: Array, v: Array, step: int, *rest: float
) -> tuple:
    return adamw_step(weight, grad, m, v, 10**6, *rest)


@exercise.mistake(
    "The decay now acts twice: on the weight, where it belongs, and still through the gradient."
)
def _decay_twice(weight: Array, grad: Array, m: Array, v: Array, step: int, *rest: float) -> tuple:
    moved, m, v = _coupled_decay(weight, grad, m, v, step, *rest)
    return moved - rest[0] * rest[1] * weight, m, v


@exercise.mistake(
    "eps stands inside the root with you. It is added to the root: where gradients are tiny, that "
    "makes a difference."
)
def _eps_inside(weight: Array, grad: Array, m: Array, v: Array, step: int, *rest: float) -> tuple:
    _, m, v = adamw_step(weight, grad, m, v, step, *rest)
    update = (m / (1 - 0.9**step)) / np.sqrt(v / (1 - 0.95**step) + 1e-8)
    return (1 - rest[0] * rest[1]) * weight - rest[0] * update, m, v
