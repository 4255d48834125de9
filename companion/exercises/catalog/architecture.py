"""Exercises on architecture: LayerNorm, and what sets GPT and BERT apart."""

import random
from collections.abc import Iterator

import numpy as np

from companion.exercises.exercise import (
    Case,
    ChoiceExercise,
    CodeExercise,
    Option,
    WordsExercise,
    Wrong,
)

# -- LayerNorm ------------------------------------------------------------------------------------


def layer_norm(x: np.ndarray, scale: np.ndarray, shift: np.ndarray, eps: float) -> np.ndarray:
    """Return the LayerNorm of each vector.

    Every vector is shifted to mean 0 and divided by sqrt(variance + eps). Then each of its d
    numbers is multiplied by its learned scale, and its learned shift is added. The variance is the
    mean squared deviation.

    Args:
        x: One vector per position, shape (B, T, d).
        scale: Learned, shape (d,).
        shift: Learned, shape (d,).
        eps: Small number that keeps the division possible.

    Returns:
        Array of shape (B, T, d).
    """
    mean = x.mean(axis=-1, keepdims=True)
    variance = x.var(axis=-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + eps) * scale + shift


def _one_less(x: np.ndarray, scale: np.ndarray, shift: np.ndarray, eps: float) -> np.ndarray:
    variance = x.var(axis=-1, ddof=1, keepdims=True)
    return (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(variance + eps) * scale + shift


def _eps_outside(x: np.ndarray, scale: np.ndarray, shift: np.ndarray, eps: float) -> np.ndarray:
    deviation = x - x.mean(axis=-1, keepdims=True)
    return deviation / (x.std(axis=-1, keepdims=True) + eps) * scale + shift


def _no_eps(x: np.ndarray, scale: np.ndarray, shift: np.ndarray, eps: float) -> np.ndarray:
    with np.errstate(all="ignore"):
        return layer_norm(x, scale, shift, 0.0)


def _all_positions(x: np.ndarray, scale: np.ndarray, shift: np.ndarray, eps: float) -> np.ndarray:
    return (x - x.mean()) / np.sqrt(x.var() + eps) * scale + shift


def _not_learned(x: np.ndarray, scale: np.ndarray, shift: np.ndarray, eps: float) -> np.ndarray:
    return layer_norm(x, np.ones_like(scale), np.zeros_like(shift), eps)


def _norm_cases(rng: random.Random) -> Iterator[Case]:
    ones, zeros = np.ones(4), np.zeros(4)
    first, second = ([float(n) for n in rng.sample(range(a, a + 20), 4)] for a in (1, 20))
    yield Case(
        "one vector", (np.array([[first]]), ones, zeros, 1e-5), "Which variance: over 4 or over 3?"
    )
    scale, shift = np.array([2.0, 0.5, 1.0, -1.0]), np.array([0.0, 1.0, -1.0, 3.0])
    x = np.array([[first, second]])
    yield Case("two positions", (x, scale, shift, 1e-5), "Does each vector have its own mean?")
    flat = np.full((1, 1, 4), rng.randint(10, 99) / 10)
    yield Case("all numbers equal", (flat, ones, shift, 1e-5), "What is 0 divided by sqrt(0)?")
    small = np.array([[[0.01, -0.01, 0.02, -0.02]]]) * rng.randint(10, 30) / 20
    yield Case("tiny numbers", (small, ones, zeros, 1e-3), "Where exactly does eps stand?")


LAYER_NORM = CodeExercise(
    id="layer-norm",
    title="LayerNorm",
    section="gpt",
    page="gpt/architecture",
    difficulty="easy",
    minutes=10,
    statement=(
        "LayerNorm keeps the size of the numbers under control: "
        "$(x - \\mu) / \\sqrt{\\sigma^2 + \\epsilon} \\cdot \\gamma + \\beta$. Write it for a "
        "batch of texts."
    ),
    hints=(
        "Each position of each text is normalized on its own, over its d numbers.",
        "`mean` and `var` with `axis=-1, keepdims=True` give shape (B, T, 1).",
        "eps is added to the variance, inside the square root. NumPy's `var` already divides by d.",
    ),
    solution=layer_norm,
    cases=_norm_cases,
    wrong=(
        Wrong(
            _one_less,
            "The variance is divided by d - 1, which estimates the variance of a population. "
            "LayerNorm takes the plain mean of the squares: divide by d.",
        ),
        Wrong(
            _eps_outside,
            "eps is added after the square root. It belongs to the variance, inside it; with small "
            "numbers the difference is large, and trained weights rely on it.",
        ),
        Wrong(
            _no_eps,
            "eps is not used. A vector of equal numbers has variance 0, and 0 / 0 is nan.",
        ),
        Wrong(
            _all_positions,
            "Mean and variance are taken over the whole batch. Then a text's result depends on "
            "the other texts, and on tokens that come later. Normalize each vector alone.",
        ),
        Wrong(_not_learned, "The learned scale and shift are missing."),
    ),
    uses=("numpy",),
)

# -- five tasks -----------------------------------------------------------------------------------

ENCODER_TASKS = ChoiceExercise(
    id="encoder-tasks",
    title="GPT or BERT: five tasks",
    section="gpt",
    page="gpt/architecture",
    difficulty="easy",
    minutes=6,
    statement=(
        "You may train a small model for each of five tasks and run it cheaply, millions of times "
        "a day. For which of them is an encoder-only model (BERT, ModernBERT) the natural first "
        "choice rather than a decoder-only one (GPT)? Choose all that hold."
    ),
    hints=(
        "Ask of each task: is a text to be written, or is a given text to be judged?",
        "An encoder reads the whole text in both directions and gives a vector for each token.",
        "Three of the five tasks end in a label or a vector.",
    ),
    options=(
        Option(
            "sort incoming e-mails into eight folders",
            True,
            "The text is complete and one label comes out. An encoder reads it in both directions "
            "in a single pass.",
        ),
        Option(
            "finish a program from its first lines",
            False,
            "New text has to be written token by token, from left to right. That is what a decoder "
            "is trained for.",
        ),
        Option(
            "mark all names of people and places in a text",
            True,
            "Each token gets a label, and the words to its right help to decide. A causal model "
            "does not see them.",
        ),
        Option(
            "answer customers in a dialogue",
            False,
            "An answer is text of open length. BERT fills in gaps and has no loop that writes.",
        ),
        Option(
            "turn documents into vectors for a search",
            True,
            "One vector per text is wanted. Small encoders are the usual choice here, though "
            "decoder-only models also serve as embedders by now.",
        ),
    ),
)

# -- decoder-only and encoder-only ----------------------------------------------------------------

GPT_AND_BERT = WordsExercise(
    id="gpt-and-bert",
    title="Decoder-only and encoder-only",
    section="gpt",
    page="gpt/architecture",
    difficulty="easy",
    minutes=12,
    statement=(
        "Compare GPT and BERT: what a position may see, what each is trained to do, what each is "
        "good at, and one task for each. Write about 80 words."
    ),
    hints=(
        "Begin with the attention mask. Which of the two has one?",
        "What is hidden from each model during training: the rest of a text, or some words?",
        "For the strengths: which model can write, and which one has read the whole text before "
        "it judges a word?",
    ),
    key_points=(
        "GPT is decoder-only: a causal mask lets each position see itself and what came before.",
        "BERT is encoder-only: each position sees the whole text, left and right.",
        "GPT is trained to predict the next token; BERT to fill in hidden tokens (15 % are "
        "selected), and in the original also to tell whether one sentence follows another.",
        "GPT can write text, token by token, and so take on any task that can be put as a text; "
        "BERT gives a label or a vector for a complete text, cheaply and in one pass.",
        "A fitting task for each, such as dialogue or code for GPT, and classification, tagging or "
        "search for BERT.",
    ),
    sample=(
        "GPT is a stack of decoder blocks. A causal mask hides the future, so each position sees "
        "only itself and its past. It is trained to predict the next token, at all positions at "
        "once. That makes it a writer: dialogue, code and summaries are its field. BERT is a stack "
        "of encoder blocks without such a mask; each position sees the words on both sides. It is "
        "trained to fill in hidden tokens, 15 % of them, and in the original also to tell whether "
        "two sentences belong together. It can't write, but for a text that is complete it gives "
        "good labels and vectors in one pass: classification, names, search. The line is not "
        "sharp: decoders classify too."
    ),
)

EXERCISES = (LAYER_NORM, ENCODER_TASKS, GPT_AND_BERT)
