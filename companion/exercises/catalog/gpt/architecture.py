"""Exercises: LayerNorm, what sets GPT and BERT apart, the parameters of GPT-2."""

from random import Random

import numpy as np

from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("architecture", __name__)

exercise = page.exercise(
    title="LayerNorm",
    difficulty="easy",
    minutes=10,
    statement=r"""
    LayerNorm keeps the size of the numbers under control: $(x - \mu) / \sqrt{\sigma^2 + \epsilon}
    \cdot \gamma + \beta$. Write it for a batch of texts.
    """,
    hints=(
        "Each position of each text is normalized on its own, over its d numbers.",
        "`mean` and `var` with `axis=-1, keepdims=True` give shape (B, T, 1).",
        "eps is added to the variance, inside the square root. NumPy's `var` already divides by d.",
    ),
)


@exercise.solution
def layer_norm(
    x: np.ndarray,
    scale: np.ndarray,
    shift: np.ndarray,
    eps: float,
) -> np.ndarray:
    """Return the LayerNorm of each vector.

    Every vector is shifted to mean 0 and divided by sqrt(variance + eps). Then
    each of its d numbers is multiplied by its learned scale, and its learned
    shift is added. The variance is the mean squared deviation.

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


@exercise.cases
def _norm_cases(rng: Random) -> Cases:
    ones, zeros = np.ones(4), np.zeros(4)
    first, second = ([float(n) for n in rng.sample(range(a, a + 20), 4)] for a in (1, 20))
    yield Case(
        "one vector", (np.array([[first]]), ones, zeros, 1e-5), "Which variance: over 4 or over 3?"
    )
    scale, shift = np.array([2.0, 0.5, 1.0, -1.0]), np.array([0.0, 1.0, -1.0, 3.0])
    x = np.array([[first, second], [second, first]])
    yield Case(
        "two texts of two tokens", (x, scale, shift, 1e-5), "Does each vector have its own mean?"
    )
    flat = np.full((1, 1, 4), rng.randint(10, 99) / 10)
    yield Case("all numbers equal", (flat, ones, shift, 1e-5), "What is 0 divided by sqrt(0)?")
    small = np.array([[[0.01, -0.01, 0.02, -0.02]]]) * rng.randint(10, 30) / 20
    yield Case("tiny numbers", (small, ones, zeros, 1e-3), "Where exactly does eps stand?")


@exercise.mistake(
    "The variance is divided by d - 1, which estimates the variance of a population. LayerNorm "
    "takes the plain mean of the squares: divide by d."
)
def _one_less(x: np.ndarray, scale: np.ndarray, shift: np.ndarray, eps: float) -> np.ndarray:
    variance = x.var(axis=-1, ddof=1, keepdims=True)
    return (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(variance + eps) * scale + shift


@exercise.mistake(
    "eps is added after the square root. It belongs to the variance, inside it; with small numbers "
    "the difference is large, and trained weights rely on it."
)
def _eps_outside(x: np.ndarray, scale: np.ndarray, shift: np.ndarray, eps: float) -> np.ndarray:
    deviation = x - x.mean(axis=-1, keepdims=True)
    return deviation / (x.std(axis=-1, keepdims=True) + eps) * scale + shift


@exercise.mistake("eps is not used. A vector of equal numbers has variance 0, and 0 / 0 is nan.")
def _no_eps(x: np.ndarray, scale: np.ndarray, shift: np.ndarray, eps: float) -> np.ndarray:
    with np.errstate(all="ignore"):
        return layer_norm(x, scale, shift, 0.0)


@exercise.mistake(
    "Mean and variance are taken over the whole batch. Then a text's result depends on the other "
    "texts, and on tokens that come later. Normalize each vector alone."
)
def _all_positions(x: np.ndarray, scale: np.ndarray, shift: np.ndarray, eps: float) -> np.ndarray:
    return (x - x.mean()) / np.sqrt(x.var() + eps) * scale + shift


@exercise.mistake("The learned scale and shift are missing.")
def _not_learned(x: np.ndarray, scale: np.ndarray, shift: np.ndarray, eps: float) -> np.ndarray:
    return layer_norm(x, np.ones_like(scale), np.zeros_like(shift), eps)


exercise = page.exercise(
    id="encoder-tasks",
    title="GPT or BERT: five tasks",
    difficulty="easy",
    minutes=6,
    statement="""
    You may train a small model for each of five tasks and run it cheaply, millions of times a day.
    For which of them is an encoder-only model (BERT, ModernBERT) the natural first choice rather
    than a decoder-only one (GPT)? Choose all that hold.
    """,
    hints=(
        "Ask of each task: is a text to be written, or is a given text to be judged?",
        "An encoder reads the whole text in both directions and gives a vector for each token.",
        "Three of the five tasks end in a label or a vector.",
    ),
)

exercise.choice(
    """
    - [x] sort incoming e-mails into eight folders

      The text is complete and one label comes out. An encoder reads it in both directions in a
      single pass.
    - [ ] finish a program from its first lines

      New text has to be written token by token, from left to right. That is what a decoder is
      trained for.
    - [x] mark all names of people and places in a text

      Each token gets a label, and the words to its right help to decide. A causal model does not
      see them.
    - [ ] answer customers in a dialogue

      An answer is text of open length. BERT fills in gaps and has no loop that writes.
    - [x] turn documents into vectors for a search

      One vector per text is wanted. Small encoders are the usual choice here, though decoder-only
      models also serve as embedders by now.
    """
)


exercise = page.exercise(
    id="gpt-and-bert",
    title="Decoder-only and encoder-only",
    difficulty="easy",
    minutes=12,
    statement="""
    Compare GPT and BERT: what a position may see, what each is trained to do, what each is good at,
    and one task for each. Write about 80 words.
    """,
    hints=(
        "Begin with the attention mask. Which of the two has one?",
        "What is hidden from each model during training: the rest of a text, or some words?",
        "For the strengths: which model can write, and which one has read the whole text before it "
        "judges a word?",
    ),
)

exercise.words(
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
    sample="""
    GPT is a stack of decoder blocks. A causal mask hides the future, so each position sees only
    itself and its past. It is trained to predict the next token, at all positions at once. That
    makes it a writer: dialogue, code and summaries are its field. BERT is a stack of encoder blocks
    without such a mask; each position sees the words on both sides. It is trained to fill in hidden
    tokens, 15 % of them, and in the original also to tell whether two sentences belong together. It
    can't write, but for a text that is complete it gives good labels and vectors in one pass:
    classification, names, search. The line is not sharp: decoders classify too.
    """,
)


exercise = page.exercise(
    title="Count the parameters of GPT-2",
    difficulty="medium",
    minutes=15,
    statement="""
    How many parameters does a GPT-2 have? Write the formula as a function of four sizes. The parts
    are listed in the docstring. Count to the last digit: the smallest GPT-2 has 124,439,808.
    """,
    hints=(
        "Start with one block: attention, MLP, two LayerNorms.",
        "The matrices of a block have 12 d^2 weights. Biases and LayerNorms are small, but there "
        "are 13 d of them.",
        "V d + n_ctx d + L (12 d^2 + 13 d) + 2 d.",
    ),
)


@exercise.solution
def gpt2_parameters(vocab_size: int, n_ctx: int, d: int, n_layer: int) -> int:
    """Return the number of parameters of a GPT-2.

    It has a token table (a row of d numbers per token), a position table (a row
    per position), n_layer blocks and a final LayerNorm. A block has two
    LayerNorms, four attention matrices d x d (queries, keys, values, output)
    and the two matrices of the MLP, d x 4d and 4d x d. Each matrix of a block
    has a bias, one number per output. A LayerNorm has a scale and a shift. The
    output scores use the token table again (tied weights).

    Args:
        vocab_size: Number of tokens in the vocabulary.
        n_ctx: Number of positions.
        d: Width of the model.
        n_layer: Number of blocks.

    Returns:
        Distinct parameters; what is shared counts once.
    """
    attention = 4 * (d * d + d)
    mlp = (d * 4 * d + 4 * d) + (4 * d * d + d)
    norms = 2 * 2 * d
    return vocab_size * d + n_ctx * d + n_layer * (attention + mlp + norms) + 2 * d


@exercise.cases
def _parameter_cases(rng: Random) -> Cases:
    tables = rng.randint(10, 60), rng.randint(4, 20), 2 * rng.randint(2, 9)
    yield Case("no blocks", (*tables, 0), "Two tables and one LayerNorm. Anything else?")
    blocks = rng.randint(3, 48)
    yield Case(
        f"GPT-2 with {blocks} blocks",
        (50_257, 1024, 768, blocks),
        "Is every part of the list in your sum? With 12 blocks it is GPT-2 124M.",
    )
    d = rng.randint(3, 9)
    yield Case("a tiny one", (rng.randint(20, 60), 16, d, 2), "Count one block on paper.")


@exercise.mistake(
    "The token table is counted twice. GPT-2 uses it for the input and for the output scores, but "
    "stores it once: the weights are tied."
)
def _table_twice(vocab_size: int, n_ctx: int, d: int, n_layer: int) -> int:
    return gpt2_parameters(2 * vocab_size, n_ctx, d, n_layer)


@exercise.mistake(
    "The biases are missing: 9 d per block, from 4 d in attention and 4 d + d in the MLP."
)
def _no_biases(vocab_size: int, n_ctx: int, d: int, n_layer: int) -> int:
    return gpt2_parameters(vocab_size, n_ctx, d, n_layer) - 9 * d * n_layer


@exercise.mistake("The last LayerNorm, after the blocks, is missing: 2 d numbers.")
def _no_final_norm(vocab_size: int, n_ctx: int, d: int, n_layer: int) -> int:
    return gpt2_parameters(vocab_size, n_ctx, d, n_layer) - 2 * d


@exercise.mistake("The position table is missing. GPT-2 learns a vector for each of its positions.")
def _no_positions(vocab_size: int, n_ctx: int, d: int, n_layer: int) -> int:
    return gpt2_parameters(vocab_size, 0, d, n_layer)


@exercise.mistake(
    "Only the matrices are counted. Biases and LayerNorms add 13 d per block, and 2 d at the end."
)
def _weights_only(vocab_size: int, n_ctx: int, d: int, n_layer: int) -> int:
    return vocab_size * d + n_ctx * d + 12 * d * d * n_layer


@exercise.mistake("A bias has one number per output. The first matrix of the MLP has 4 d outputs.")
def _narrow_mlp_bias(vocab_size: int, n_ctx: int, d: int, n_layer: int) -> int:
    return gpt2_parameters(vocab_size, n_ctx, d, n_layer) - 3 * d * n_layer
