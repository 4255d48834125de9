"""An exercise: a LoRA layer."""

from random import Random

import numpy as np
import torch

from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("lora", __name__)

exercise = page.exercise(
    id="lora-layer",
    title="A LoRA layer",
    difficulty="medium",
    minutes=25,
    statement=r"""
    Write LoRA around an existing linear layer:

    $$h = W_0 x + \frac{\alpha}{r} B A x, \qquad B \in \mathbb{R}^{d \times r}, \quad A \in
    \mathbb{R}^{r \times k}.$$

    Only $A$ and $B$ are trained. At the start the new layer must give exactly what the old one
    gave, and training must be able to change that.
    """,
    hints=(
        "Call `super().__init__()` first. `base.requires_grad_(False)` freezes weight and bias. "
        "What a module is to train, it holds as `torch.nn.Parameter`.",
        "Which of the two matrices should be 0? If both were, neither would get a gradient. The "
        "docstring says which.",
        "The rows of x are inputs, so A x becomes `x @ self.lora_A.T`, and B follows in the same "
        "way. Multiply by alpha / rank and add it to `self.base(x)`.",
    ),
)


@exercise.solution
class LoRALayer(torch.nn.Module):
    """A frozen linear layer with a trainable update of low rank beside it.

    Attributes:
        base: The linear layer. Neither its weight nor its bias is trained.
        lora_A: Parameter of shape (rank, inputs), random at the start.
        lora_B: Parameter of shape (outputs, rank), 0 at the start.
    """

    def __init__(self, base: torch.nn.Linear, rank: int, alpha: float) -> None:
        """Freeze a layer and put an update beside it.

        Args:
            base: The layer, with or without a bias.
            rank: Rank r of the update.
            alpha: Strength of the update.
        """
        super().__init__()
        self.base = base.requires_grad_(False)
        self.scale = alpha / rank
        bound = base.in_features**-0.5
        self.lora_A = torch.nn.Parameter(torch.empty(rank, base.in_features))
        torch.nn.init.uniform_(self.lora_A, -bound, bound)
        self.lora_B = torch.nn.Parameter(torch.zeros(base.out_features, rank))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map x, (..., inputs), to W0 x + bias + (alpha / r) B A x."""
        return self.base(x) + self.scale * (x @ self.lora_A.T @ self.lora_B.T)


@exercise.run
def _run_lora(
    answer: object, weight: object, bias: object, rank: int, alpha: float, x: object
) -> dict:
    import torch

    outputs, inputs = weight.shape
    base = torch.nn.Linear(inputs, outputs, bias=bias is not None)
    with torch.no_grad():
        base.weight.copy_(torch.from_numpy(weight))
        if bias is not None:
            base.bias.copy_(torch.from_numpy(bias))
        x = torch.from_numpy(x).float()
        plain = base(x)
        layer = answer(base, rank, alpha)
        trained = [parameter.numel() for parameter in layer.parameters() if parameter.requires_grad]
        results = {
            "shape of lora_A": list(layer.lora_A.shape),
            "shape of lora_B": list(layer.lora_B.shape),
            "lora_A is zero at the start": not layer.lora_A.any().item(),
            "lora_A holds different numbers": layer.lora_A.unique().numel() > 1,
            "lora_B is zero at the start": not layer.lora_B.any().item(),
            "starts as the base layer": torch.allclose(layer(x), plain, atol=1e-5),
            "trainable parameters": sum(trained),
        }
        for matrix in (layer.lora_A, layer.lora_B):
            ramp = torch.arange(matrix.numel()) % 5 - 1.5
            matrix.copy_(ramp.reshape(matrix.shape) / 4)
        return results | {"output once A and B are trained": layer(x)}


@exercise.cases
def _lora_cases(rng: Random) -> Cases:
    draw = np.random.default_rng(rng.getrandbits(32)).normal

    def arrays(*shapes: tuple[int, ...]) -> list[np.ndarray]:
        return [np.round(draw(size=shape), 1) + 0.05 for shape in shapes]

    weight, x = arrays((3, 3), (1, 3))
    yield Case("rank 1", (weight, None, 1, 1.0, x), "What is the update before any training?")
    weight, bias, x = arrays((2, 4), (2,), (3, 4))
    yield Case(
        "four inputs, two outputs and a bias",
        (weight, bias, 2, 8.0, x),
        "Which parameters may training change? How many numbers are that?",
    )
    weight, x = arrays((4, 2), (2, 3, 2))
    yield Case(
        "a batch of sequences",
        (weight, None, 2, 1.0, x),
        "What is alpha / r here? Which axis of x does the layer act on?",
    )


@exercise.mistake(
    "B starts random, so the update is not 0. With normal numbers it is larger than the weights "
    "themselves: the trained layer is destroyed before the first step."
)
class _RandomB(LoRALayer):
    def __init__(self, base: torch.nn.Linear, rank: int, alpha: float) -> None:
        super().__init__(base, rank, alpha)
        torch.nn.init.normal_(self.lora_B)


@exercise.mistake(
    "A starts at 0 and B random. The update is 0 as well, but LoRA as published and in `peft` has "
    "it the other way: A random, B at 0."
)
class _ZeroA(LoRALayer):
    def __init__(self, base: torch.nn.Linear, rank: int, alpha: float) -> None:
        super().__init__(base, rank, alpha)
        torch.nn.init.zeros_(self.lora_A)
        torch.nn.init.normal_(self.lora_B)


@exercise.mistake(
    "A and B both start at 0. The gradient of each is a product with the other, so both are 0 for "
    "ever: nothing can be learned."
)
class _BothZero(LoRALayer):
    def __init__(self, base: torch.nn.Linear, rank: int, alpha: float) -> None:
        super().__init__(base, rank, alpha)
        torch.nn.init.zeros_(self.lora_A)


@exercise.mistake(
    "The factor alpha / r is missing. With it, the strength of the update stays about the same "
    "when the rank is changed."
)
class _NoScale(LoRALayer):
    def __init__(self, base: torch.nn.Linear, rank: int, _alpha: float) -> None:
        super().__init__(base, rank, rank)


@exercise.mistake("The update is multiplied by alpha. The factor is alpha / r.")
class _OnlyAlpha(LoRALayer):
    def __init__(self, base: torch.nn.Linear, rank: int, alpha: float) -> None:
        super().__init__(base, rank, alpha * rank)


@exercise.mistake(
    "The base layer still asks for gradients. Then nothing is saved: optimizer states are kept for "
    "the whole weight."
)
class _BaseTrained(LoRALayer):
    def __init__(self, base: torch.nn.Linear, rank: int, alpha: float) -> None:
        super().__init__(base, rank, alpha)
        self.base.requires_grad_(True)


@exercise.mistake("The bias of the base layer is still trained; freeze the whole layer.")
class _BiasTrained(LoRALayer):
    def __init__(self, base: torch.nn.Linear, rank: int, alpha: float) -> None:
        super().__init__(base, rank, alpha)
        if self.base.bias is not None:
            self.base.bias.requires_grad_(True)


@exercise.mistake(
    "Nothing is trainable. A and B must be `torch.nn.Parameter`; plain tensors are unknown to the "
    "optimizer."
)
class _NoParameters(LoRALayer):
    def __init__(self, base: torch.nn.Linear, rank: int, alpha: float) -> None:
        super().__init__(base, rank, alpha)
        self.requires_grad_(False)


@exercise.mistake(
    "The result of the base layer is missing. LoRA adds to it and does not replace it."
)
class _BaseForgotten(LoRALayer):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.scale * (x @ self.lora_A.T @ self.lora_B.T)


@exercise.mistake(
    "The shapes are turned around. As in `torch.nn.Linear` and in `peft`, the number of outputs "
    "comes first: A is (rank, inputs), B is (outputs, rank)."
)
class _Exchanged(LoRALayer):
    def __init__(self, base: torch.nn.Linear, rank: int, alpha: float) -> None:
        super().__init__(base, rank, alpha)
        self.lora_A = torch.nn.Parameter(torch.rand(base.in_features, rank))
        self.lora_B = torch.nn.Parameter(torch.zeros(rank, base.out_features))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.base(x) + self.scale * (x @ self.lora_A @ self.lora_B)


@exercise.mistake(
    "All numbers of A are the same at the start. Then all its rows stay alike, and the update has "
    "rank 1, whatever r is: A has to be random."
)
class _ConstantA(LoRALayer):
    def __init__(self, base: torch.nn.Linear, rank: int, alpha: float) -> None:
        super().__init__(base, rank, alpha)
        torch.nn.init.constant_(self.lora_A, 0.1)
