"""Exercises: rows with absmax, blocks with a codebook."""

from random import Random

import numpy as np

from companion.exercises.catalog._draws import numbers
from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("quantization", __name__)
Arrays = tuple[np.ndarray, np.ndarray]

exercise = page.exercise(
    title="Absmax in 8 bits",
    difficulty="medium",
    minutes=12,
    statement=r"""
    Quantize a matrix to int8, row by row: $s = \max_i |x_i| / 127$ and $q_i =
    \operatorname{round}(x_i / s)$. Return the codes and the scales.
    """,
    hints=(
        "First the scale of each row: a maximum over the second axis. Of what?",
        "To divide each row by its scale, the scales need the shape (rows, 1): `scales[:, None]`.",
        "For rows of zeros, divide by `np.where(scales == 0, 1, scales)`. Use `np.round` before "
        "`.astype(np.int8)`.",
    ),
)


@exercise.solution
def absmax_quantize(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Quantize each row to 8-bit integers with a scale of its own.

    The largest magnitude of a row becomes 127 or -127. ``codes * scales[:,
    None]`` gives the weights back, up to rounding.

    Args:
        weights: Weights, shape (rows, d).

    Returns:
        Codes, int8, shape (rows, d), each rounded to the nearest integer; and
        scales, shape (rows,). A row of zeros has the scale 0 and the codes 0,
        without a division by zero.
    """
    scales = np.abs(weights).max(axis=1) / 127
    divisors = np.where(scales == 0, 1, scales)
    codes = np.round(weights / divisors[:, None]).astype(np.int8)
    return codes, scales


@exercise.run
def _run_absmax(answer: object, weights: object) -> dict[str, object]:
    import numpy as np

    with np.errstate(all="raise"):
        codes, scales = answer(weights)
        restored = np.asarray(codes, dtype=float) * np.asarray(scales)[:, None]
    return {"codes": codes, "type": str(codes.dtype), "scales": scales, "restored": restored}


@exercise.cases
def _absmax_cases(rng: Random) -> Cases:
    row = np.append(numbers(rng, -1, 1, 4, digits=2), rng.randint(101, 199) / 100)
    yield Case("one row", (row[None],), "What is the scale? What is the code of the largest?")
    first, second = rng.randint(200, 300) / 100, rng.randint(20, 90) / 100
    negative = np.array([[-first, second, 1.0]])
    yield Case(
        "the largest is negative",
        (negative,),
        f"Which of {-first} and 1.0 is larger in magnitude?",
    )
    outlier = np.array([[0.1, -0.2, 0.15], [100.0, 3.0, -1.0]]) * rng.randint(11, 40) / 10
    yield Case(
        "a row with an outlier",
        (outlier,),
        "How many different codes should the first row have? What does the outlier do to it?",
    )
    zeros = np.array([[0.0, 0.0, 0.0], [first, -second, 0.13]])
    yield Case("a row of zeros", (zeros,), "What do you divide the first row by?")
    draw = np.random.default_rng(rng.getrandbits(32))
    yield Case(
        "random rows",
        (draw.normal(size=(3, 4)),),
        "Is no restored weight off by more than half a scale?",
    )


@exercise.mistake(
    "The largest magnitude became 128, and int8 ends at 127: 128 wraps around to -128, so the "
    "largest weight changes its sign. Divide by 127."
)
def _by_128(weights: np.ndarray) -> Arrays:
    scales = np.abs(weights).max(axis=1) / 128
    divisors = np.where(scales == 0, 1, scales)
    codes = np.round(weights / divisors[:, None]).astype(np.int16)
    return codes.astype(np.int8), scales


@exercise.mistake(
    "The codes are cut off toward zero, not rounded: `astype` drops the decimals. The error can "
    "then be a whole step instead of half a step."
)
def _truncated(weights: np.ndarray) -> Arrays:
    scales = absmax_quantize(weights)[1]
    return (weights / np.where(scales == 0, 1, scales)[:, None]).astype(np.int8), scales


@exercise.mistake(
    "A row of zeros has the scale 0, and 0 / 0 is not a number. Divide such a row by something "
    "harmless, such as 1."
)
def _zero_divided(weights: np.ndarray) -> Arrays:
    if (weights == 0).all(axis=1).any():
        raise FloatingPointError("invalid value encountered in divide")
    return absmax_quantize(weights)


@exercise.mistake(
    "There is one scale for the whole matrix. A single large weight then takes the codes away from "
    "all other rows."
)
def _one_for_all(weights: np.ndarray) -> Arrays:
    scale = max(np.abs(weights).max() / 127, 1e-30)
    codes = np.round(weights / scale).astype(np.int8)
    return codes, np.full(len(weights), np.abs(weights).max() / 127)


@exercise.mistake(
    "The scale comes from the largest number, not from the largest magnitude. Where a negative "
    "weight is larger, its code falls out of the range."
)
def _largest_signed(weights: np.ndarray) -> Arrays:
    scales = weights.max(axis=1) / 127
    codes = np.round(weights / np.where(scales == 0, 1, scales)[:, None])
    return codes.astype(np.int64).astype(np.int8), scales


exercise = page.exercise(
    id="codebook-blocks",
    title="Blocks with a codebook",
    difficulty="hard",
    minutes=25,
    statement="""
    NF4 cuts the weights into blocks, divides each block by its largest magnitude, and stores for
    every weight the position of the nearest value in a table. Write it for any table: return the
    positions and the scales.
    """,
    hints=(
        "Make it a matrix with one block per row. What can you fill up the last row with, so that "
        "its maximum does not change?",
        "After the division all numbers lie from -1 to 1. Compare every number with every value of "
        "the table: `grid[:, :, None] - codebook` has the shape (blocks, block_size, m).",
        "`np.abs(...).argmin(axis=-1)` gives the nearest, and the first, that is the lower, of two "
        "equally near. Then flatten and cut off what you filled up.",
    ),
)


@exercise.solution
def quantize_blocks(
    values: np.ndarray, codebook: np.ndarray, block_size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Replace numbers by the nearest of a codebook, block by block, like NF4.

    Args:
        values: Weights, shape (n,).
        codebook: Rising values from -1 to 1, shape (m,).
        block_size: Neighbors that share a scale. The last block may be shorter.

    Returns:
        Codes, positions in the codebook, shape (n,); and scales, the largest
        magnitude of each block, shape (blocks,). A number halfway between two
        values takes the lower one. A block of zeros has the scale 0 and the
        code of the value nearest to 0.
    """
    blocks = -(-len(values) // block_size)  # rounded up
    padded = np.zeros(blocks * block_size)
    padded[: len(values)] = values
    grid = padded.reshape(blocks, block_size)
    scales = np.abs(grid).max(axis=1)
    relative = grid / np.where(scales == 0, 1, scales)[:, None]
    distances = np.abs(relative[:, :, None] - codebook)  # (blocks, block_size, m)
    return distances.argmin(axis=-1).reshape(-1)[: len(values)], scales


@exercise.run
def _run_blocks(
    answer: object, values: object, codebook: object, block_size: int
) -> dict[str, object]:
    import numpy as np

    with np.errstate(all="raise"):
        codes, scales = answer(values, codebook, block_size)
    return {"codes": codes, "scales": scales}


@exercise.cases
def _block_cases(rng: Random) -> Cases:
    codebook = np.array([-1.0, -0.5, 0.0, 0.25, 0.5, 1.0])
    k = rng.randint(3, 40) / 2
    two = np.array([0.1, -0.2, 0.06, 0.19, 10.0, -6.0, 2.6, 4.0]) * k
    yield Case("two blocks", (two, codebook, 4), "How many scales are there? What is each of them?")
    short = np.array([1.0, 0.7, -0.3, 0.3, 0.02]) * k
    yield Case("a short last block", (short, codebook, 2), "To which block does the last belong?")
    halfway = np.array([-2.0, 1.5, -0.5, 0.25]) * k
    yield Case("halfway", (halfway, codebook, 4), "3/4 lies between 0.5 and 1. Which is lower?")
    zeros = np.array([0.0, 0.0, 3.0, -1.0]) * k
    yield Case("a block of zeros", (zeros, codebook, 2), "What do you divide the first block by?")
    other = np.array([-1.0, -0.2, 0.4, 1.0])
    yield Case("no zero in the codebook", (zeros, other, 2), "Which value is nearest to 0?")
    draw = np.random.default_rng(rng.getrandbits(32))
    yield Case(
        "random weights",
        (draw.normal(size=11), codebook, 4),
        "Is the largest magnitude of each block kept exactly, up to its sign?",
    )


@exercise.mistake(
    "All blocks share one scale. A large weight then spoils the small ones in every block; that is "
    "what blocks are there to prevent."
)
def _one_scale(values: np.ndarray, codebook: np.ndarray, block_size: int) -> Arrays:
    codes, scales = quantize_blocks(values, codebook, len(values))
    return codes, np.repeat(scales, -(-len(values) // block_size))


@exercise.mistake(
    "Each number takes the next larger value of the table, not the nearest one. `np.searchsorted` "
    "finds where to insert; the value below may be closer."
)
def _next_value(values: np.ndarray, codebook: np.ndarray, block_size: int) -> Arrays:
    scales = np.repeat(quantize_blocks(values, codebook, block_size)[1], block_size)[: len(values)]
    codes = np.searchsorted(codebook, values / np.where(scales == 0, 1, scales))
    return codes, scales[::block_size]


@exercise.mistake("The short block at the end is lost: these weights could never be restored.")
def _whole_blocks_only(values: np.ndarray, codebook: np.ndarray, block_size: int) -> Arrays:
    return quantize_blocks(values[: len(values) // block_size * block_size], codebook, block_size)


@exercise.mistake(
    "The numbers were looked up without dividing by the scale of their block. The table only "
    "reaches from -1 to 1."
)
def _unscaled_lookup(values: np.ndarray, codebook: np.ndarray, block_size: int) -> Arrays:
    codes = np.abs(values[:, None] - codebook).argmin(axis=-1)
    return codes, quantize_blocks(values, codebook, block_size)[1]


@exercise.mistake(
    "A block of zeros has the scale 0, and 0 / 0 is not a number. Divide such a block by 1 instead."
)
def _zero_block_divided(values: np.ndarray, codebook: np.ndarray, block_size: int) -> Arrays:
    codes, scales = quantize_blocks(values, codebook, block_size)
    if (scales == 0).any():
        raise FloatingPointError("invalid value encountered in divide")
    return codes, scales


@exercise.mistake(
    "A block of zeros gets the first code that is not below 0. If the table has no 0, a value "
    "below it may be nearer."
)
def _zero_looked_up(values: np.ndarray, codebook: np.ndarray, block_size: int) -> Arrays:
    codes, scales = quantize_blocks(values, codebook, block_size)
    empty = np.repeat(scales == 0, block_size)[: len(codes)]
    return np.where(empty, np.searchsorted(codebook, 0.0), codes), scales
