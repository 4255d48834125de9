"""Exercises on the memory of open models: bytes of the weights, what fits on a card."""

import random
from collections.abc import Iterator

from companion.exercises.exercise import (
    Case,
    ChoiceExercise,
    CodeExercise,
    NumericExercise,
    Option,
    Wrong,
)

# -- memory of the weights ------------------------------------------------------------------------


def weights_gib(parameters: int, dtype: str) -> float:
    """Return the memory that a model's weights take, without scales or cache.

    Args:
        parameters: Number of weights.
        dtype: Format of each: "float32", "float16", "bfloat16", "int8" or "int4".

    Returns:
        Memory in GiB. 1 GiB is 2**30 bytes, 1 byte is 8 bits.

    Raises:
        ValueError: If the dtype is none of these.
    """
    bits = {"float32": 32, "float16": 16, "bfloat16": 16, "int8": 8, "int4": 4}
    if dtype not in bits:
        raise ValueError(f"dtype must be one of {list(bits)}, got {dtype!r}")
    return parameters * bits[dtype] / 8 / 2**30


def _gigabytes(parameters: int, dtype: str) -> float:
    return weights_gib(parameters, dtype) * 2**30 / 1e9


def _bits_as_bytes(parameters: int, dtype: str) -> float:
    return weights_gib(parameters, dtype) * 8


def _whole_bytes(parameters: int, dtype: str) -> float:
    return 0.0 if dtype == "int4" else weights_gib(parameters, dtype)


def _table_only(parameters: int, dtype: str) -> float:
    size = {"float32": 4, "float16": 2, "bfloat16": 2, "int8": 1, "int4": 0.5}
    return parameters * size[dtype] / 2**30


def _memory_cases(rng: random.Random) -> Iterator[Case]:
    whole = rng.randint(1, 60)
    yield Case("GiB of bytes", (whole * 2**30, "int8"), "How many bytes does an 8-bit number take?")
    yield Case(
        "a small model in 32 bits",
        (rng.randint(10**8, 10**9), "float32"),
        "How many bytes is that? And how many bytes are in one GiB?",
    )
    yield Case(
        "four bits",
        (2 * rng.randint(10**9, 10**10), "int4"),
        "Two weights share a byte. Which of your steps goes wrong with half a byte?",
    )
    dtype = rng.choice(("float16", "bfloat16"))
    yield Case(
        f"a random size, {dtype}",
        (rng.randint(10**9, 10**11), dtype),
        "Both 16-bit formats take the same room. What do they differ in?",
    )
    yield Case(
        "an unknown format",
        (rng.randint(100, 9999), "float12"),
        "What should a function do with a name it does not know? Read Raises.",
        refused=True,
    )


WEIGHTS_MEMORY = CodeExercise(
    id="weights-memory",
    title="Memory of the weights",
    section="open-models",
    page="open-models/quantization",
    difficulty="easy",
    minutes=6,
    statement=(
        "Before you download a model you want to know whether it fits. Compute the memory of its "
        "weights in GiB from their number and their format."
    ),
    hints=(
        "Start with the bits of one weight, then go to all weights, then to bytes, then to GiB.",
        "Keep a dict from the name of a format to its bits. For four bits, divide after "
        "multiplying.",
        "`parameters * bits[dtype] / 8 / 2**30`, after a check that the name is in the dict.",
    ),
    solution=weights_gib,
    cases=_memory_cases,
    wrong=(
        Wrong(
            _gigabytes,
            "That is GB: you divided by 10^9. A GiB has 2^30 bytes, so the number of GiB is about "
            "7 % smaller.",
        ),
        Wrong(
            _bits_as_bytes,
            "The result is 8 times too large: the formats are named by their bits, and a byte "
            "has 8 of them.",
        ),
        Wrong(
            _whole_bytes,
            "Four bits come out as no memory at all. A whole-number division of 4 by 8 gives 0; "
            "multiply first, or use half a byte.",
        ),
        Wrong(
            _table_only,
            "The sizes are right, but an unknown format ends in a KeyError. Check the name and "
            "raise a ValueError that says which names are allowed.",
        ),
    ),
)

# -- seven billion in four bits -------------------------------------------------------------------


def seven_billion_in_four_bits() -> float:
    """Return the GiB of 7e9 codes of 4 bits."""
    bits = 7e9 * 4
    return bits / 8 / 2**30


SEVEN_BILLION = NumericExercise(
    id="seven-billion-4-bit",
    title="Seven billion in four bits",
    section="open-models",
    page="open-models/quantization",
    difficulty="easy",
    minutes=4,
    statement=(
        "A model has 7,000,000,000 weights. How many GiB do they take in 4 bits each? Count the "
        "codes only, no scales."
    ),
    hints=(
        "How many weights fit into one byte?",
        "7e9 weights are 3.5e9 bytes. That is 3.5 GB. Is that 3.5 GiB?",
        "Divide the bytes by $2^{30} = 1{,}073{,}741{,}824$.",
    ),
    compute=seven_billion_in_four_bits,
    unit="GiB",
    wrong=(
        Wrong(3.5, "That is in GB, 10^9 bytes. One GiB is 2^30 bytes, so there are fewer of them."),
        Wrong(6.519, "That is one byte, 8 bits, for each weight. Two 4-bit codes share a byte."),
        Wrong(26.077, "That is 4 bytes for each weight, as in FP32. The format has 4 bits."),
        Wrong(
            3.363,
            "That includes the scales of NF4 with double quantization. Right for a real file; "
            "here only the codes are asked for.",
        ),
    ),
)

# -- what fits ------------------------------------------------------------------------------------

WHAT_FITS = ChoiceExercise(
    id="what-fits",
    title="Which model can you use?",
    section="open-models",
    page="open-models/landscape",
    difficulty="medium",
    minutes=8,
    statement=(
        "A firm wants to sell a product that chats with customers. It has one card with 24 GB "
        "($24 \\cdot 10^9$ bytes) and needs 4 GB of them for the cache and the rest. NF4 costs "
        "4.127 bits per weight; take it for all weights. Which of these models can it use as they "
        "are? Choose all that hold."
    ),
    hints=(
        "There are 20 GB for the weights. Compute the GB of each model first.",
        "In a mixture of experts every token may need other experts. So which weights have to be "
        "in memory?",
        "Two of the models are small enough and still unsuitable: look at the license and at what "
        "they were trained to do.",
    ),
    options=(
        Option(
            "32 billion weights, instruct, NF4, Apache-2.0",
            right=True,
            why="32 x 4.127 / 8 = 16.5 GB, and the license allows a product.",
        ),
        Option(
            "mixture of experts, 47 billion weights, 13 billion active, instruct, NF4, Apache-2.0",
            right=False,
            why="All 47 billion have to be in memory, 24.2 GB. The active weights decide the "
            "computing per token, not the memory.",
        ),
        Option(
            "14 billion weights, instruct, BF16, MIT",
            right=False,
            why="Two bytes per weight make 28 GB, more than the card has. In 8 bits it would fit.",
        ),
        Option(
            "8 billion weights, instruct, BF16, MIT",
            right=True,
            why="Two bytes per weight make 16 GB, which leaves 8 GB for the cache.",
        ),
        Option(
            "13 billion weights, instruct, 8 bits, for non-commercial use only",
            right=False,
            why="13 GB fit, but a product is commercial use. Memory is not the only limit.",
        ),
        Option(
            "8 billion weights, base, NF4, Apache-2.0",
            right=False,
            why="It fits and is free to use, but a base model continues text. It was not trained "
            "to answer; it would have to be tuned first.",
        ),
    ),
)

EXERCISES = (WEIGHTS_MEMORY, SEVEN_BILLION, WHAT_FITS)
