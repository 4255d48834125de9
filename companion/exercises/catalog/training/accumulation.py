"""Exercises: which weights decay, gradients of micro-batches, model FLOPs utilization."""

from random import Random

import numpy as np

from companion.exercises.catalog._draws import numbers
from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("your-own-gpt", __name__)

exercise = page.exercise(
    title="Which weights decay?",
    difficulty="easy",
    minutes=8,
    statement="""
    Weight decay is for matrices. Biases and the scales of norms are vectors and are left alone.
    Sort the weights of a model into the two groups of the optimizer.
    """,
    hints=(
        "Names don't help: `ln_f.weight` is a vector, `wte.weight` a matrix. What else is known?",
        "The number of dimensions is the length of the shape.",
        "Keep the order of the model in both lists: two comprehensions over the items.",
    ),
)


@exercise.solution
def decay_groups(shapes: dict[str, list[int]]) -> tuple[list[str], list[str]]:
    """Sort weights into those that decay and those that do not.

    Args:
        shapes: Name of each weight tensor with its shape, in the model's order.

    Returns:
        Names of the tensors with two or more dimensions, which decay, and
        names of the others.
    """
    decaying = [name for name, shape in shapes.items() if len(shape) >= 2]
    resting = [name for name, shape in shapes.items() if len(shape) < 2]
    return decaying, resting


@exercise.cases
def _group_cases(rng: Random) -> Cases:
    width = 8 * rng.randint(2, 20)
    norm = {"ln_f.weight": [width], "ln_f.bias": [width]}
    yield Case("a last norm", (norm,), "Is a tensor that is called weight always a matrix?")
    layer = {"c_fc.weight": [width, 4 * width], "c_fc.bias": [4 * width]}
    yield Case("a linear layer", (layer,), "Which of the two has two dimensions?")
    model = {"wte.weight": [rng.randint(500, 900), width], **layer, **norm}
    yield Case("a small model", (model,), "And the embedding? Look at its shape only.")
    scale = {"norm.scale": [width], "experts.up": [4, width, 2 * width]}
    yield Case("experts", (scale,), "Some weights have three dimensions.")
    single = {"head.weight": [width, rng.randint(2, 9)], "temperature": [], "head.bias": [width]}
    yield Case("a single number", (single,), "How many dimensions has the shape []?")


@exercise.mistake(
    "You went by the name. `ln_f.weight` is called weight too, but it is a vector: decay would "
    "pull the scale of the norm away from 1."
)
def _by_name(shapes: dict[str, list[int]]) -> tuple[list[str], list[str]]:
    decaying = [name for name in shapes if name.endswith("weight")]
    return decaying, [name for name in shapes if name not in decaying]


@exercise.mistake("Everything decays, biases and norms too. Those are to be left alone.")
def _all_decay(shapes: dict[str, list[int]]) -> tuple[list[str], list[str]]:
    return list(shapes), []


@exercise.mistake("The two groups are exchanged: the first holds what decays.")
def _exchanged(shapes: dict[str, list[int]]) -> tuple[list[str], list[str]]:
    decaying, resting = decay_groups(shapes)
    return resting, decaying


@exercise.mistake(
    "Only tensors with exactly two dimensions decay in your version. The matrices of several "
    "experts are often stored as one tensor with three."
)
def _exactly_two(shapes: dict[str, list[int]]) -> tuple[list[str], list[str]]:
    decaying = [name for name, shape in shapes.items() if len(shape) == 2]
    return decaying, [name for name in shapes if name not in decaying]


@exercise.mistake(
    "A tensor that holds a single number gets lost: its shape is empty. What does not have two "
    "dimensions or more belongs to the second group."
)
def _vectors_only(shapes: dict[str, list[int]]) -> tuple[list[str], list[str]]:
    decaying, resting = decay_groups(shapes)
    return decaying, [name for name in resting if len(shapes[name]) == 1]


exercise = page.exercise(
    title="Gradients of micro-batches",
    difficulty="medium",
    minutes=12,
    statement="""
    A batch did not fit into memory and was cut into micro-batches. For each you have the gradient
    of its *mean* loss per token, and how many tokens it has. Compute the gradient of the mean loss
    of the whole batch.
    """,
    hints=(
        "Each token of the whole batch must count the same, wherever it stood.",
        "The gradient of a *sum* of losses is the mean's gradient times the number of tokens. Sums "
        "may be added.",
        "A weighted mean: each gradient times its tokens, added up, divided by all tokens.",
    ),
)


@exercise.solution
def accumulated(grads: list[np.ndarray], tokens: list[int]) -> np.ndarray:
    """Return the gradient of the mean loss over all tokens of a batch.

    Args:
        grads: Of each micro-batch, the gradient of its mean loss, one shape.
        tokens: Number of tokens of each that count in its loss.

    Returns:
        Array of the same shape.
    """
    weighted = sum(count * grad for grad, count in zip(grads, tokens, strict=True))
    return weighted / sum(tokens)


@exercise.cases
def _accumulation_cases(rng: Random) -> Cases:
    first, second = numbers(rng, 0.1, 2, 2), numbers(rng, -2, -0.1, 2)
    size = rng.randint(3, 9)
    yield Case("equal parts", ([first, second], [size, size]), "Then it is the plain mean.")
    yield Case("only one part", ([first], [rng.randint(3, 9)]), "Is there anything to change?")
    counts = [rng.randint(10, 20), rng.randint(1, 4)]
    yield Case(
        "a long and a short part",
        ([first, second], counts),
        "How many tokens does the batch have, and how much may each of them say?",
    )
    three = [numbers(rng, -2, 2, 2, 2) for _ in range(3)]
    yield Case(
        "three parts", (three, [2, 5, rng.randint(8, 12)]), "By what is the sum to be divided?"
    )


@exercise.mistake(
    "That is the mean of the means: tokens of a short micro-batch count more than those of a long "
    "one. Libraries had this bug for years."
)
def _mean_of_means(grads: list[np.ndarray], tokens: list[int]) -> np.ndarray:
    return sum(grads) / len(grads)


@exercise.mistake(
    "The gradients are added and not divided, so the step grows with the number of micro-batches."
)
def _only_added(grads: list[np.ndarray], tokens: list[int]) -> np.ndarray:
    return sum(grads)


@exercise.mistake(
    "You divided by the number of micro-batches. The sum over tokens is divided by the tokens."
)
def _divided_by_parts(grads: list[np.ndarray], tokens: list[int]) -> np.ndarray:
    return accumulated(grads, tokens) * sum(tokens) / len(tokens)


@exercise.mistake(
    "That is the gradient of the last micro-batch only. Each `backward` adds to the ones before; "
    "reset after the step, not between."
)
def _last_part(grads: list[np.ndarray], tokens: list[int]) -> np.ndarray:
    return grads[-1]


exercise = page.exercise(
    title="Model FLOPs utilization",
    difficulty="easy",
    minutes=8,
    statement="""
    How well does a training run use its processors? Compute its MFU: operations that the model
    needs per second, as a share of those that all processors could do.
    """,
    hints=(
        "Training takes 6 operations for each parameter and token: 2 forward, 4 backward.",
        "The tokens per second are those of the whole run. So the peak is that of all processors.",
        "`6 * parameters * tokens_per_second / (processors * peak)`.",
    ),
)


@exercise.solution
def utilization(
    parameters: float,
    tokens_per_second: float,
    processors: int,
    peak: float,
) -> float:
    """Return the model FLOPs utilization of a training run, attention left out.

    Args:
        parameters: Weights that are used for each token.
        tokens_per_second: Tokens that the whole run reads in a second.
        processors: Number of processors.
        peak: Floating-point operations that one processor can do in a second.

    Returns:
        A share, 1 at best.
    """
    return 6 * parameters * tokens_per_second / (processors * peak)


@exercise.cases
def _utilization_cases(rng: Random) -> Cases:
    size, speed = rng.randint(2, 9) * 1e8, rng.randint(3, 6) * 1e4
    yield Case("one processor", (size, speed, 1, 1e15), "How many operations per token?")
    count = rng.choice([16, 64, 256])
    yield Case(
        f"{count} processors",
        (7e9, count * rng.randint(5, 9) * 1e3, count, 1e15),
        "The speed is that of the whole run. And the peak?",
    )
    yield Case("a laptop", (4e5, rng.randint(6, 9) * 1e3, 2, 5e10), "Two cores have two peaks.")


@exercise.mistake(
    "You count 2 operations per parameter and token. That is the forward pass; the backward pass "
    "takes twice as many again."
)
def _forward_only(
    parameters: float, tokens_per_second: float, processors: int, peak: float
) -> float:
    return utilization(parameters, tokens_per_second, processors, peak) / 3


@exercise.mistake(
    "The number of processors is missing: the tokens are read by all of them together, so all "
    "their peaks count."
)
def _one_processor(
    parameters: float, tokens_per_second: float, processors: int, peak: float
) -> float:
    return utilization(parameters, tokens_per_second, 1, peak)


@exercise.mistake("The ratio is upside down: needed operations per second by possible ones.")
def _upside_down(
    parameters: float, tokens_per_second: float, processors: int, peak: float
) -> float:
    return 1 / utilization(parameters, tokens_per_second, processors, peak)
