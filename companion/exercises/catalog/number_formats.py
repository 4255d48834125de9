"""Exercises on number formats: what 16 bits round away, what a weight costs in NF4."""

from companion.exercises.exercise import NumericExercise, OutputExercise, Wrong

# -- sixteen bits ---------------------------------------------------------------------------------


def _sixteen_bits() -> None:
    import torch

    large = torch.tensor(70000.0)
    print(large.to(torch.float16).item())
    print(large.to(torch.bfloat16).item())
    one = torch.tensor(1.0, dtype=torch.bfloat16)
    print((one + 0.001).item())


SIXTEEN_BITS = OutputExercise(
    id="sixteen-bits",
    title="Two formats of 16 bits",
    section="open-models",
    page="open-models/quantization",
    difficulty="medium",
    minutes=8,
    statement=(
        "FP16 has 5 bits of exponent and 10 of mantissa, BF16 has 8 and 7. What does this print? "
        "(A number that is too large for its format becomes infinity, printed as `inf`.)"
    ),
    hints=(
        "The largest number in FP16 is 65,504. BF16 reaches as far as FP32.",
        "With 7 bits of mantissa, there are $2^7 = 128$ steps from one power of two to the next. "
        "70,000 lies between $2^{16} = 65{,}536$ and $2^{17}$: how long is a step there?",
        "The step is $65{,}536 / 128 = 512$, and $70{,}000 / 512 = 136.7$. At 1 it is $1/128$.",
    ),
    program=_sixteen_bits,
    why=(
        "FP16 ends at 65,504, so 70,000 becomes infinity. BF16 has the range of FP32, but near "
        "70,000 its step is 512, and the nearest multiple is 137 x 512 = 70,144. At 1 its step is "
        "1/128, so adding 0.001 changes nothing. This is why small updates are lost if the "
        "weights are trained in BF16 alone."
    ),
    wrong=(
        Wrong(
            "70000.0\n70000.0\n1.001",
            "As if 16 bits could hold any number. Both formats have fewer digits than FP32, and "
            "one of them a smaller range.",
        ),
        Wrong(
            "65504.0\n70144.0\n1.0",
            "65,504 is the largest number of FP16, but PyTorch does not stop there: what is "
            "larger becomes infinity.",
        ),
        Wrong(
            "inf\ninf\n1.0",
            "BF16 does not overflow here. It has 8 bits of exponent, as many as FP32, and reaches "
            "3.4e38.",
        ),
        Wrong(
            "inf\n70000.0\n1.0",
            "BF16 has the range but not the digits: near 70,000 it only holds multiples of 512.",
        ),
    ),
)

# -- bits of NF4 ----------------------------------------------------------------------------------


def bits_of_nf4() -> float:
    """Return the bits per weight of NF4 with double quantization."""
    code = 4
    scale = 8 / 64  # 8 bits for 64 weights
    scale_of_scales = 32 / (64 * 256)  # 32 bits for 256 scales of 64 weights each
    return code + scale + scale_of_scales


NF4_BITS = NumericExercise(
    id="nf4-bits",
    title="What a weight costs in NF4",
    section="open-models",
    page="open-models/quantization",
    difficulty="medium",
    minutes=8,
    statement=(
        "NF4 stores a 4-bit code for each weight. Each block of 64 weights has a scale. With "
        "double quantization this scale has 8 bits, and 256 such scales share one more scale of "
        "32 bits. How many bits does a weight cost, all included? Give at least three decimals."
    ),
    hints=(
        "Three things are stored. Spread each over the weights that share it.",
        "A scale of a block costs $8/64$ bits for each weight. How many weights share one of the "
        "32-bit scales?",
        "256 scales of 64 weights each: $64 \\cdot 256$ weights share 32 bits.",
    ),
    compute=bits_of_nf4,
    unit="bits per weight",
    tolerance=1e-4,
    wrong=(
        Wrong(
            4, "That is the code alone. Without its scale nobody can turn it back into a weight."
        ),
        Wrong(
            4.5,
            "That is NF4 without double quantization: a scale of 32 bits for 64 weights. Here the "
            "scales themselves have only 8 bits.",
        ),
        Wrong(4.125, "Nearly: the 32-bit scale that 256 of the 8-bit scales share is missing."),
        Wrong(
            4.25,
            "You divided the 32 bits by 256. But 256 is a number of scales, and each of them "
            "stands for 64 weights.",
        ),
    ),
)

EXERCISES = (SIXTEEN_BITS, NF4_BITS)
