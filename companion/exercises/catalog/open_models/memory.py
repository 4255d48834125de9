"""Exercises: the memory of the weights, what 16 bits round away, what a weight costs in NF4."""

from random import Random

from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("quantization", __name__)

exercise = page.exercise(
    id="weights-memory",
    title="Memory of the weights",
    difficulty="easy",
    minutes=6,
    statement="""
    Before you download a model you want to know whether it fits. Compute the memory of its weights
    in GiB from their number and their format.
    """,
    hints=(
        "Start with the bits of one weight, then go to all weights, then to bytes, then to GiB.",
        "Keep a dict from the name of a format to its bits. For four bits, divide after "
        "multiplying.",
        "`parameters * bits[dtype] / 8 / 2**30`, after a check that the name is in the dict.",
    ),
)


@exercise.solution
def weights_gib(parameters: int, dtype: str) -> float:
    """Return the memory that a model's weights take, without scales or cache.

    Args:
        parameters: Number of weights.
        dtype: Format of each: "float32", "float16", "bfloat16", "int8" or
        "int4".

    Returns:
        Memory in GiB. 1 GiB is 2**30 bytes, 1 byte is 8 bits.

    Raises:
        ValueError: If the dtype is none of these.
    """
    bits = {"float32": 32, "float16": 16, "bfloat16": 16, "int8": 8, "int4": 4}
    if dtype not in bits:
        raise ValueError(f"dtype must be one of {list(bits)}, got {dtype!r}")
    return parameters * bits[dtype] / 8 / 2**30


@exercise.cases
def _memory_cases(rng: Random) -> Cases:
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
    for dtype in ("float16", "bfloat16"):
        yield Case(
            f"a random size, {dtype}",
            (rng.randint(10**9, 10**11), dtype),
            "Both 16-bit formats take the same room. What do they differ in?",
        )
    yield Case(
        "an unknown format",
        (rng.randint(100, 9999), rng.choice(("float12", "int3", "int12", "float48"))),
        "What should a function do with a name it does not know? Read Raises.",
        refused=True,
    )


@exercise.mistake(
    "That is GB: you divided by 10^9. A GiB has 2^30 bytes, so the number of GiB is about 7 % "
    "smaller."
)
def _gigabytes(parameters: int, dtype: str) -> float:
    return weights_gib(parameters, dtype) * 2**30 / 1e9


@exercise.mistake(
    "The result is 8 times too large: the formats are named by their bits, and a byte has 8 of "
    "them."
)
def _bits_as_bytes(parameters: int, dtype: str) -> float:
    return weights_gib(parameters, dtype) * 8


@exercise.mistake(
    "Four bits come out as no memory at all. A whole-number division of 4 by 8 gives 0; multiply "
    "first, or use half a byte."
)
def _whole_bytes(parameters: int, dtype: str) -> float:
    return 0.0 if dtype == "int4" else weights_gib(parameters, dtype)


@exercise.mistake(
    "The sizes are right, but an unknown format ends in a KeyError. Check the name and raise a "
    "ValueError that says which names are allowed."
)
def _table_only(parameters: int, dtype: str) -> float:
    size = {"float32": 4, "float16": 2, "bfloat16": 2, "int8": 1, "int4": 0.5}
    return parameters * size[dtype] / 2**30


@exercise.mistake(
    "bfloat16 is counted as 32 bits. It has the range of float32 and half of its bits: its "
    "mantissa is cut to 7."
)
def _brain_of_32(parameters: int, dtype: str) -> float:
    return weights_gib(parameters, "float32" if dtype == "bfloat16" else dtype)


@exercise.mistake("float16 is counted as 32 bits, those of float32. Its name says how many it has.")
def _half_of_32(parameters: int, dtype: str) -> float:
    return weights_gib(parameters, "float32" if dtype == "float16" else dtype)


@exercise.mistake(
    "You read the bits off the name, so a format that does not exist gets a number. Five names are "
    "known; raise a ValueError for all others."
)
def _bits_of_the_name(parameters: int, dtype: str) -> float:
    return parameters * int("".join(filter(str.isdigit, dtype))) / 8 / 2**30


exercise = page.exercise(
    id="seven-billion-4-bit",
    title="Seven billion in four bits",
    difficulty="easy",
    minutes=4,
    statement="""
    A model has 7,000,000,000 weights. How many GiB do they take in 4 bits each? Count the codes
    only, no scales.
    """,
    hints=(
        "How many weights fit into one byte?",
        "7e9 weights are 3.5e9 bytes. That is 3.5 GB. Is that 3.5 GiB?",
        "Divide the bytes by $2^{30} = 1{,}073{,}741{,}824$.",
    ),
)


@exercise.number(
    unit="GiB",
    mistakes={
        3.5: "That is in GB, 10^9 bytes. One GiB is 2^30 bytes, so there are fewer of them.",
        6.519: "That is one byte, 8 bits, for each weight. Two 4-bit codes share a byte.",
        26.077: "That is 4 bytes for each weight, as in FP32. The format has 4 bits.",
        3.363: (
            "That includes the scales of NF4 with double quantization. Right for a real file; here "
            "only the codes are asked for."
        ),
    },
)
def seven_billion_in_four_bits() -> float:
    """Return the GiB of 7e9 codes of 4 bits."""
    bits = 7e9 * 4
    return bits / 8 / 2**30


exercise = page.exercise(
    title="Two formats of 16 bits",
    difficulty="medium",
    minutes=8,
    statement="""
    FP16 has 5 bits of exponent and 10 of mantissa, BF16 has 8 and 7. What does this print? (A
    number that is too large for its format becomes infinity, printed as `inf`.)
    """,
    hints=(
        "The largest number in FP16 is 65,504. BF16 reaches as far as FP32.",
        "With 7 bits of mantissa, there are $2^7 = 128$ steps from one power of two to the next. "
        "70,000 lies between $2^{16} = 65{,}536$ and $2^{17}$: how long is a step there?",
        "The step is $65{,}536 / 128 = 512$, and $70{,}000 / 512 = 136.7$. At 1 it is $1/128$.",
    ),
)


@exercise.output(
    prints="inf\n70144.0\n1.0",  # the page has no torch
    why=(
        "FP16 ends at 65,504, so 70,000 becomes infinity. BF16 has the range of FP32, but near "
        "70,000 its step is 512, and the nearest multiple is 137 x 512 = 70,144. At 1 its step is "
        "1/128, so adding 0.001 changes nothing. This is why small updates are lost if the weights "
        "are trained in BF16 alone."
    ),
    mistakes={
        "70000.0\n70000.0\n1.001": (
            "As if 16 bits could hold any number. Both formats have fewer digits than FP32, and "
            "one of them a smaller range."
        ),
        "65504.0\n70144.0\n1.0": (
            "65,504 is the largest number of FP16, but PyTorch does not stop there: what is larger "
            "becomes infinity."
        ),
        "inf\ninf\n1.0": (
            "BF16 does not overflow here. It has 8 bits of exponent, as many as FP32, and reaches "
            "3.4e38."
        ),
        "inf\n70000.0\n1.0": (
            "BF16 has the range but not the digits: near 70,000 it only holds multiples of 512."
        ),
    },
)
def _sixteen_bits() -> None:
    import torch

    large = torch.tensor(70000.0)
    print(large.to(torch.float16).item())
    print(large.to(torch.bfloat16).item())
    number = torch.tensor(1.0, dtype=torch.bfloat16)
    print((number + 0.001).item())


exercise = page.exercise(
    id="nf4-bits",
    title="What a weight costs in NF4",
    difficulty="medium",
    minutes=8,
    tolerance=1e-4,
    statement="""
    NF4 stores a 4-bit code for each weight. Each block of 64 weights has a scale. With double
    quantization this scale has 8 bits, and 256 such scales share one more scale of 32 bits. How
    many bits does a weight cost, all included? Give at least three decimals.
    """,
    hints=(
        "Three things are stored. Spread each over the weights that share it.",
        "A scale of a block costs $8/64$ bits for each weight. How many weights share one of the "
        "32-bit scales?",
        r"256 scales of 64 weights each: $64 \cdot 256$ weights share 32 bits.",
    ),
)


@exercise.number(
    unit="bits per weight",
    mistakes={
        4: "That is the code alone. Without its scale nobody can turn it back into a weight.",
        4.5: (
            "That is NF4 without double quantization: a scale of 32 bits for 64 weights. Here the "
            "scales themselves have only 8 bits."
        ),
        4.125: "Nearly: the 32-bit scale that 256 of the 8-bit scales share is missing.",
        4.25: (
            "You divided the 32 bits by 256. But 256 is a number of scales, and each of them "
            "stands for 64 weights."
        ),
    },
)
def bits_of_nf4() -> float:
    """Return the bits per weight of NF4 with double quantization."""
    code = 4
    scale = 8 / 64  # 8 bits for 64 weights
    scale_of_scales = 32 / (64 * 256)  # 32 bits for 256 scales of 64 weights each
    return code + scale + scale_of_scales
