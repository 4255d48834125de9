"""Exercises: how few parameters LoRA trains: counts, shares, and why so few are enough."""

from companion.exercises.page import Page

page = Page("lora", __name__)

_D, _R = 4096, 8  # a layer of a 7B model, and a usual rank
_SHARE = f"{2 * _R * _D:,} of {_D * _D:,}, or {2 * _R / _D:.2%}".replace("%", " %")

exercise = page.exercise(
    title="LoRA of one matrix",
    difficulty="easy",
    minutes=5,
    tolerance=1e-6,
    statement=r"""
    A weight $W_0$ has $d = 4096$ outputs and $k = 4096$ inputs. It is frozen, and LoRA of rank $r =
    8$ trains $A \in \mathbb{R}^{r \times k}$ and $B \in \mathbb{R}^{d \times r}$. How many
    parameters are trained?
    """,
    hints=(
        "Two matrices are trained. How many entries has each?",
        "A has 8 rows of 4096 entries, B has 4096 rows of 8.",
        "r (k + d), with all numbers put in.",
    ),
)


@exercise.number(
    unit="parameters",
    mistakes={
        4096 * 4096: "That is the whole of the weight, which full fine-tuning would train.",
        8 * 4096: "That is one of the two matrices. A and B are both trained.",
        8 * 8: "That is r times r. A is r x k and B is d x r: each has a long side.",
        4096 * 4096 + 2 * 8 * 4096: (
            "Those are all parameters of the layer, with the frozen ones. The question is about "
            "those that are trained."
        ),
    },
)
def lora_entries() -> int:
    """Count the entries of A (r x k) and B (d x r)."""
    d, k, r = 4096, 4096, 8
    return r * k + d * r


exercise = page.exercise(
    title="LoRA of one matrix, as a share",
    difficulty="easy",
    minutes=5,
    tolerance=2e-3,
    statement="""
    A weight $W_0$ with $d = k = 4096$ again, and LoRA of rank $r = 8$. How many parameters have $A$
    and $B$ together, in percent of the entries of $W_0$? Give at least two digits.
    """,
    hints=(
        "Write both counts as formulas and divide before you put in numbers. What cancels?",
        "For d = k it is 2 r / d, as a fraction of 1.",
        "16 / 4096, times 100.",
    ),
)


@exercise.number(
    unit="percent",
    mistakes={
        16 / 4096: "That is the fraction of 1. In percent it is 100 times as much.",
        100 - 100 * 16 / 4096: (
            "That is the part that is *saved*. Asked for is the part that is trained."
        ),
        100 * 8 / 4096: "That is one of the two matrices, A or B.",
        100 * 65_536 / 16_842_752: (
            "You divided by all parameters of the layer, A and B included. That is a sensible "
            "share too, and `peft` prints it; here it is to be relative to the entries of W0."
        ),
    },
)
def lora_share() -> float:
    """Divide the entries of A and B by those of the weight."""
    d, k, r = 4096, 4096, 8
    return 100 * r * (k + d) / (d * k)


exercise = page.exercise(
    title="LoRA in GPT-2",
    difficulty="medium",
    minutes=10,
    tolerance=1e-6,
    statement="""
    GPT-2 with 124 million parameters has 12 blocks of width 768. In each, one linear layer,
    `c_attn`, computes query, key and value at once. It gets LoRA of rank 8. How many parameters are
    trained in the whole model?
    """,
    hints=(
        "How many inputs has `c_attn`? It gives three vectors of the model's width: how many "
        "outputs is that?",
        "768 inputs, 2304 outputs. LoRA adds r (inputs + outputs) to a layer.",
        "8 times 3072, for each of 12 blocks.",
    ),
)


@exercise.number(
    unit="parameters",
    mistakes={
        8 * (768 + 2304): "That is one block. There are 12.",
        12 * 8 * (768 + 768): (
            "You took a square matrix. `c_attn` gives query, key and value together, so it has "
            "three times as many outputs as inputs."
        ),
        12 * 3 * 8 * (768 + 768): (
            "You counted three separate matrices. As one layer, query, key and value share one A, "
            "so there are fewer."
        ),
        12 * 768 * 2304: (
            "Those are the frozen weights of the layers, which LoRA leaves as they are."
        ),
    },
)
def gpt2_lora_trained() -> int:
    """Add up r (inputs + outputs) over the layers c_attn of all blocks."""
    blocks, width, rank = 12, 768, 8
    return blocks * rank * (width + 3 * width)


exercise = page.exercise(
    title="What peft prints",
    difficulty="medium",
    minutes=5,
    statement="""
    GPT-2 has 124,439,808 parameters, and LoRA of rank 8 in all its `c_attn` layers adds 294,912.
    `peft` prints the trainable parameters in percent of all parameters that the model has *now*.
    Which percentage? Give four digits after the point.
    """,
    hints=(
        "What is frozen is part of the model. And what was added?",
        "All parameters: 124,439,808 + 294,912.",
        "294,912 / 124,734,720, times 100.",
    ),
)


@exercise.number(
    unit="percent",
    mistakes={
        100 * 294_912 / 124_439_808: (
            "You divided by the size of the original model. A and B are parameters too, and `peft` "
            "counts them in the total: 124,734,720."
        ),
        294_912 / 124_734_720: "That is the fraction of 1. Multiply by 100 for percent.",
        100 - 100 * 294_912 / 124_734_720: "That is the frozen part.",
        0.24: (
            "Rounded too far: with two digits, the total with and the one without A and B look the "
            "same."
        ),
    },
)
def gpt2_lora_share() -> float:
    """Divide what is trained by all parameters, the added ones included."""
    without, trained = 124_439_808, 294_912
    return 100 * trained / (without + trained)


exercise = page.exercise(
    id="lora-why",
    title="Why LoRA is parameter-efficient",
    difficulty="medium",
    minutes=15,
    statement="""
    Explain with formulas why LoRA needs so few trainable parameters, why they can be enough, and
    what this saves and does not save. Take a layer with $d = k = 4096$ and rank $8$ as your
    example.
    """,
    hints=(
        "What does LoRA write as a product of two thin matrices: the weight, or its change?",
        "Count the entries of a full matrix and those of A and B, and divide.",
        "Each trained parameter also needs a gradient and AdamW's two means. And what must the "
        "backward pass still run through?",
    ),
)

exercise.words(
    key_points=(
        "W0 stays frozen, and the change is written as (alpha / r) B A, with B of shape d x r and "
        "A of shape r x k.",
        f"r (d + k) parameters are trained instead of d k: {_SHARE}.",
        "It is the change that is assumed to be of low rank, not the weight: adapting a trained "
        "model takes few directions. Whether they suffice has to be measured.",
        "A starts random and B at 0, so training starts from the model as it was.",
        "Gradients and optimizer states are needed for A and B only. Activations are not saved, "
        "since the backward pass still runs through the frozen model.",
        "After training, the update can be added into W0, and the model is as fast as before.",
    ),
    sample=f"""
    LoRA freezes W0 and trains its change, a product: h = W0 x + (alpha / r) B A x, with B of shape
    d x r and A of shape r x k. That makes r (d + k) parameters instead of d k. For d = k = {_D} and
    r = {_R} these are {_SHARE}. It can be enough because adapting a trained
    model needs few directions; the weight itself is not of low rank. A is random and B is 0 at
    first, so the model starts unchanged. Gradients and AdamW's means are kept for A and B only.
    Activations are not saved. Merged into W0, the update costs no time.
    """,
)


exercise = page.exercise(
    title="A percentage, printed",
    difficulty="easy",
    minutes=5,
    statement="""
    Models wrapped by `peft` have a method `print_trainable_parameters`. Here is a small function in
    the same manner, and a call that is seen in many notebooks. What is printed?
    """,
    hints=(
        "Evaluate the inner call first. What does it print, and what does it return?",
        "The trained parameters are part of the total: 1 of how many?",
        "The outer `print` prints what the function returned.",
    ),
)


@exercise.output(
    why=(
        "The function prints a line and returns None, and the outer print shows that None. Call "
        "such a function without print around it. The share is 1 of 8, since the total includes "
        "what is trained."
    ),
    mistakes={
        "trainable: 12.5%": (
            "There is a second print around the call. It prints what the function returned."
        ),
        "trainable: 12.5%\ntrainable: 12.5%": (
            "The function prints its line and does not return it. What does a function without "
            "`return` give?"
        ),
        "trainable: 14.3%\nNone": (
            "That is 1 of 7. The total is all parameters, those that are trained included."
        ),
        "None": "The inner call prints its line before the outer print does.",
    },
)
def _print_trainable() -> None:
    def print_trainable(trained: int, frozen: int) -> None:
        print(f"trainable: {trained / (trained + frozen):.1%}")

    print(print_trainable(1, 7))
