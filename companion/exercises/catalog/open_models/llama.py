"""Exercises: RMSNorm and SwiGLU."""

from random import Random

import numpy as np

from companion.exercises.catalog._draws import numbers
from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("inside-llama", __name__)

exercise = page.exercise(
    title="RMSNorm",
    difficulty="easy",
    minutes=6,
    tolerance=1e-5,
    statement=r"""
    Llama normalizes with RMSNorm, $x / \sqrt{\tfrac{1}{d}\sum_i x_i^2 + \epsilon} \odot g$. Write
    it for arrays of any number of dimensions: each vector along the last axis is normalized by
    itself.
    """,
    hints=(
        "Square, mean, root: the name says it backward.",
        "The mean goes over the last axis only. What do you need so that the division still fits?",
        "`(x**2).mean(axis=-1, keepdims=True)`, then add eps, then take the root.",
    ),
)


@exercise.solution
def rms_norm(x: np.ndarray, gain: np.ndarray, eps: float = 1e-5) -> np.ndarray:
    """Divide each vector by its root mean square, then scale each dimension.

    Args:
        x: Vectors, shape (..., d).
        gain: Learned scale of each dimension, shape (d,).
        eps: Added to the mean square, inside the root.

    Returns:
        Array of the shape of x.
    """
    mean_square = (x**2).mean(axis=-1, keepdims=True)
    return x / np.sqrt(mean_square + eps) * gain


@exercise.cases
def _rms_cases(rng: Random) -> Cases:
    row = numbers(rng, -9, 9, 2)
    yield Case("one vector", (row, np.ones(2)), "What is the mean of the two squares? Its root?")
    same = np.full(3, rng.randint(11, 90) / 10)
    yield Case(
        "all equal",
        (same, np.array([1.0, 2.0, 3.0])),
        "What would LayerNorm make of a constant vector? What does RMSNorm make of it?",
    )
    tiny = np.array([[1e-3, -2e-3], [0.0, 0.0]]) * rng.randint(5, 20) / 10
    yield Case(
        "tiny numbers and zeros",
        (tiny, np.ones(2)),
        "Here eps is larger than the mean square. Is it added before or after the root?",
    )
    draw = np.random.default_rng(rng.getrandbits(32)).normal
    batch = draw(size=(2, 3, 4)) * np.array([1.0, 10.0])[:, None, None]
    yield Case(
        "a batch of two",
        (batch, draw(size=4), 1e-6),
        "The second sequence is 10 times as large. Does it change the first one?",
    )


@exercise.mistake(
    "You subtract the mean first. That is LayerNorm; RMSNorm leaves the mean where it is and saves "
    "that step."
)
def _layer_norm(x: np.ndarray, gain: np.ndarray, eps: float = 1e-5) -> np.ndarray:
    return rms_norm(x - x.mean(axis=-1, keepdims=True), gain, eps)


@exercise.mistake(
    "eps is added after the root. Inside the root it has another size: the root of 1e-5 is about "
    "0.003. Weights trained with one version do not fit the other."
)
def _eps_outside(x: np.ndarray, gain: np.ndarray, eps: float = 1e-5) -> np.ndarray:
    return x / (np.sqrt((x**2).mean(axis=-1, keepdims=True)) + eps) * gain


@exercise.mistake(
    "One mean was taken over the whole array. Then a token's vector depends on the other tokens "
    "and on the other texts of the batch."
)
def _over_everything(x: np.ndarray, gain: np.ndarray, eps: float = 1e-5) -> np.ndarray:
    return x / np.sqrt((x**2).mean() + eps) * gain


@exercise.mistake(
    "You divide by the length of the vector: a sum instead of a mean. The result is smaller by the "
    "square root of d."
)
def _euclidean(x: np.ndarray, gain: np.ndarray, eps: float = 1e-5) -> np.ndarray:
    return x / np.sqrt((x**2).sum(axis=-1, keepdims=True) + eps) * gain


exercise = page.exercise(
    title="SwiGLU",
    difficulty="easy",
    minutes=8,
    statement=r"""
    The feed-forward network of Llama has three matrices,
    $W_\text{down}\bigl(\text{SiLU}(W_\text{gate}\, x) \odot W_\text{up}\, x\bigr)$ with
    $\text{SiLU}(z) = z\,\sigma(z)$. The weights are stored as (out, in), so for row vectors each
    product is `x @ W.T`. Write it.
    """,
    hints=(
        "Two products go in, one comes out. Which of the two is squashed?",
        r"$\sigma(z) = 1 / (1 + e^{-z})$, so $\text{SiLU}(z) = z / (1 + e^{-z})$.",
        "`z = x @ gate.T`, then `z / (1 + np.exp(-z)) * (x @ up.T)`, then `@ down.T`.",
    ),
)


@exercise.solution
def swiglu(
    x: np.ndarray,
    gate: np.ndarray,
    up: np.ndarray,
    down: np.ndarray,
) -> np.ndarray:
    """Return the feed-forward network of Llama.

    ``down (SiLU(gate x) * (up x))``, with ``SiLU(z) = z * sigmoid(z)``.

    Args:
        x: Vectors, shape (T, d).
        gate: Weights of the gate, shape (hidden, d), as in `torch.nn.Linear`.
        up: Weights, shape (hidden, d).
        down: Weights, shape (d, hidden).

    Returns:
        Array of shape (T, d).
    """
    opened = x @ gate.T
    opened = opened / (1 + np.exp(-opened))  # (T, hidden)
    return (opened * (x @ up.T)) @ down.T


@exercise.cases
def _swiglu_cases(rng: Random) -> Cases:
    weight = np.array([[1.0]])
    a, b = (n / 10 for n in rng.sample(range(10, 50), 2))
    yield Case(
        "one number",
        (weight, a * weight, b * weight, weight),
        f"What is SiLU({a})? By what is it multiplied? And which of the two is squashed?",
    )
    closed = (np.array([[-a - 2]]), weight, b * weight, weight)
    yield Case("a closed gate", closed, "What is SiLU(-4)? Is it nearly 0, or -4, or 0.018?")
    draw = np.random.default_rng(rng.getrandbits(32)).normal
    some = (draw(size=(3, 2)), draw(size=(4, 2)), draw(size=(4, 2)), draw(size=(2, 4)))
    yield Case("three tokens", some, "Which shape has each product? (T, d) becomes (T, hidden).")
    zero = (np.zeros((2, 2)), *some[1:])
    yield Case("zeros", zero, "There are no biases. What must come out of zero?")


@exercise.mistake(
    "Gate and up are swapped: SiLU belongs to the gate. With trained weights the network would "
    "compute something else, without any error."
)
def _swapped(x: np.ndarray, gate: np.ndarray, up: np.ndarray, down: np.ndarray) -> np.ndarray:
    return swiglu(x, up, gate, down)


@exercise.mistake(
    "The gate went through a sigmoid. That is the older GLU; SwiGLU multiplies the sigmoid by its "
    "own input once more, which is SiLU."
)
def _sigmoid_gate(x: np.ndarray, gate: np.ndarray, up: np.ndarray, down: np.ndarray) -> np.ndarray:
    return (x @ up.T / (1 + np.exp(-x @ gate.T))) @ down.T


@exercise.mistake(
    "SiLU was taken of the product. Only the gate is squashed; then it switches the other half on "
    "and off."
)
def _silu_of_product(
    x: np.ndarray, gate: np.ndarray, up: np.ndarray, down: np.ndarray
) -> np.ndarray:
    product = (x @ gate.T) * (x @ up.T)
    return product / (1 + np.exp(-product)) @ down.T


@exercise.mistake("The matrix `up` is not used: there is nothing for the gate to switch.")
def _no_gate(x: np.ndarray, gate: np.ndarray, up: np.ndarray, down: np.ndarray) -> np.ndarray:
    inner = x @ gate.T
    return inner / (1 + np.exp(-inner)) @ down.T
