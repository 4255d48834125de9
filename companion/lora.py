"""LoRA from scratch: a trainable low-rank update beside a frozen linear layer.

The update starts at 0, so a model with LoRA starts as the model without. It is trained alone and
can be added into the weights afterwards. Same formula, start values and numbers as `peft`, checked
by the tests. Left out: embeddings, convolutions, quantized layers, several updates of one layer,
the variants (rsLoRA, DoRA); `peft` has them.

Shape letters: ``B`` batch, ``T`` tokens, ``in`` and ``out`` width of a layer, ``r`` rank.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from companion._checks import check_above_zero, check_whole, is_number
from companion.linear_layers import (
    Addition,
    Conv1D,
    check_call,
    check_plain,
    find_layers,
    freeze,
    layer_shape,
    replace_module,
)


class ParameterCount(NamedTuple):
    """How many parameters a model has.

    Args:
        trainable: Those that training changes.
        total: All of them. A tensor that two layers share counts once.
    """

    trainable: int
    total: int


class LoRALinear(Addition):
    """A frozen linear layer with a trainable update of low rank.

    ``h = W0 x + (alpha / r) B A x``, eq. 3 of Hu et al. 2022, https://arxiv.org/abs/2106.09685,
    plus the bias of the layer if it has one. B starts at 0, so the layer starts as it was. A is
    drawn as `peft` and the authors' code do it, uniformly from ``[-1/sqrt(in), 1/sqrt(in)]``
    (Kaiming-uniform with ``a = sqrt(5)``); the paper's text says Gaussian. Taught in
    :doc:`/book/training/lora`.

    Attributes:
        lora_A: Shape ``(r, in)``.
        lora_B: Shape ``(out, r)``.
        scale: ``alpha / rank``.
        merged: Whether the update is in the weight of ``base`` right now. A state dict keeps it.

    Example:
        >>> import torch
        >>> layer = LoRALinear(torch.nn.Linear(4096, 4096, bias=False), rank=8, alpha=16)
        >>> count_parameters(layer)
        ParameterCount(trainable=65536, total=16842752)
    """

    def __init__(
        self,
        base: nn.Module,
        *,
        rank: int,
        alpha: float,
        dropout: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> None:
        """Freeze a layer and put an update beside it.

        Args:
            base: The layer, an `nn.Linear` or the ``Conv1D`` of GPT-2, which keeps its weight
                transposed. It is frozen and becomes part of this module.
            rank: Rank ``r`` of the update.
            alpha: Strength: the update is multiplied by ``alpha / rank``.
            dropout: Share of the inputs of A that are dropped in training, 0 to 1.
            generator: Source of randomness for A; the global one of torch if None.

        Raises:
            ValueError: If a number is out of range, or ``base`` is another kind of layer or has no
                weight of its own: see `companion.linear_layers.check_plain`.
        """
        super().__init__()
        check_numbers(rank, alpha, dropout)
        inputs, outputs = layer_shape(base)
        check_plain(base)
        self.base = base.requires_grad_(False)
        self.scale = alpha / rank
        self.merged = False
        self.dropout = nn.Dropout(dropout)
        # Weights in 16 bits keep their update in 32, as in peft: small steps would be rounded away.
        weight = base.weight
        dtype = torch.float32 if weight.dtype in (torch.float16, torch.bfloat16) else weight.dtype
        start = torch.empty(rank, inputs, device=generator.device if generator else weight.device)
        nn.init.kaiming_uniform_(start, a=math.sqrt(5), generator=generator)
        self.lora_A = nn.Parameter(start.to(weight.device, dtype))
        self.lora_B = nn.Parameter(torch.zeros(outputs, rank, device=weight.device, dtype=dtype))
        self.train(base.training)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(..., in)`` to ``(..., out)``."""
        result = self.base(x)
        if self.merged:
            return result
        hidden = F.linear(self.dropout(x.to(self.lora_A.dtype)), self.lora_A)  # (..., r)
        return (result + F.linear(hidden, self.lora_B) * self.scale).to(result.dtype)

    @property
    def weight(self) -> Tensor:
        """The weight that the layer amounts to, update included, in the layout of ``base``.

        For modules that read the weight of a layer instead of calling it, such as torch's
        attention. The update gets its gradient this way as well.

        Raises:
            ValueError: In training with dropout, which acts on inputs and can't be in a weight.
        """
        if self.merged:
            return self.base.weight
        if self.training and self.dropout.p:
            raise ValueError(
                "the weight of a LoRA layer with dropout was read instead of calling the layer; "
                "use dropout=0 for this layer"
            )
        return self.base.weight + self.delta().to(self.base.weight.dtype)

    @property
    def bias(self) -> Tensor | None:
        """The bias of ``base``, if it has one."""
        return self.base.bias

    def added_parameters(self) -> list[nn.Parameter]:
        """Return A and B."""
        return [self.lora_A, self.lora_B]

    def get_extra_state(self) -> Tensor:
        """Tell a state dict whether the update is in the weight, which must not be added twice."""
        return torch.tensor(self.merged)

    def set_extra_state(self, state: Tensor) -> None:
        """Take over from a state dict whether the update is in the weight."""
        self.merged = bool(state)

    def delta(self) -> Tensor:
        """Return the update in the layout of the base layer's weight."""
        update = self.lora_B @ self.lora_A * self.scale  # (out, in)
        return update.T if isinstance(self.base, Conv1D) else update

    @torch.no_grad()
    def merge(self) -> None:
        """Add the update to the base layer's weight; the layer then costs what it cost before.

        A and B get no gradient until `unmerge`. Does nothing if the update is in already.
        """
        if not self.merged:
            self.base.weight += self.delta().to(self.base.weight.dtype)
            self.merged = True

    @torch.no_grad()
    def unmerge(self) -> None:
        """Subtract the update again. The old weight comes back up to rounding."""
        if self.merged:
            self.base.weight -= self.delta().to(self.base.weight.dtype)
            self.merged = False


def inject_lora(
    model: nn.Module,
    targets: Sequence[str],
    *,
    rank: int,
    alpha: float,
    dropout: float = 0.0,
    generator: torch.Generator | None = None,
) -> list[str]:
    """Freeze a model and give the named layers a `LoRALinear` each, in place.

    It can be called again for other layers, with another rank for example. What was added before
    goes on being trained. Taught in :doc:`/book/training/lora`.

    Args:
        model: Any module.
        targets: Names of layers, as ``target_modules`` of `peft`: ``"q_proj"`` stands for every
            layer whose name is ``q_proj`` or ends in ``.q_proj``.
            `companion.linear_layers.linear_names` lists them.
        rank: See `LoRALinear`.
        alpha: See `LoRALinear`.
        dropout: See `LoRALinear`.
        generator: Source of randomness for all layers in turn.

    Returns:
        Full names of the layers that now have LoRA.

    Raises:
        ValueError: If a number is out of range, or a target matches nothing or a layer that can't
            take an update: see `companion.linear_layers.find_layers`. The model is then unchanged.
    """
    check_numbers(rank, alpha, dropout)
    # A module that reads the weight of a layer finds the update in it, unless inputs are dropped.
    layers = find_layers(model, targets, must_be_called=dropout > 0)
    freeze(model)
    for name, layer in layers.items():
        replace_module(
            model,
            name,
            LoRALinear(layer, rank=rank, alpha=alpha, dropout=dropout, generator=generator),
        )
    return list(layers)


def merge_lora(model: nn.Module) -> list[str]:
    """Add each update to its layer's weight and put the plain layer back, in place.

    The weights stay frozen. Taught in :doc:`/book/training/lora`.

    Returns:
        Names of the layers that were merged.

    Raises:
        ValueError: If the model has no LoRA layer, or one that is no longer plain, such as one that
            was given a hook since: see `companion.linear_layers.check_plain`. The model is then
            unchanged.
    """
    layers = {n: m for n, m in model.named_modules() if n and isinstance(m, LoRALinear)}
    if not layers:
        raise ValueError("the model has no LoRA layer to merge: call inject_lora first")
    for name, layer in layers.items():
        check_call(layer, name)
        check_plain(layer.base, f"{name}.base")
    for name, layer in layers.items():
        layer.merge()
        replace_module(model, name, layer.base)
    return list(layers)


def lora_parameters(model: nn.Module) -> list[nn.Parameter]:
    """Return A and B of every LoRA layer: all that an optimizer needs, and all that is saved."""
    layers = [module for module in model.modules() if isinstance(module, LoRALinear)]
    return [parameter for layer in layers for parameter in (layer.lora_A, layer.lora_B)]


def count_parameters(model: nn.Module) -> ParameterCount:
    """Count the parameters of a model. Works on the meta device, without any weights."""
    parameters = list(model.parameters())  # each tensor once
    return ParameterCount(
        trainable=sum(p.numel() for p in parameters if p.requires_grad),
        total=sum(p.numel() for p in parameters),
    )


def lora_parameter_count(shapes: Iterable[tuple[int, int]], rank: int) -> int:
    """Count the parameters that LoRA adds: ``r (in + out)`` per layer.

    Taught in :doc:`/book/training/lora`.

    Args:
        shapes: Width in and out of each layer, in either order.
        rank: Rank of the updates.

    Raises:
        ValueError: If the rank is not a whole number from 1.

    Example:
        The attention layers of GPT-2 124M map 768 values to query, key and value.

        >>> lora_parameter_count([(768, 3 * 768)] * 12, rank=8)
        294912
    """
    check_numbers(rank, 1.0, 0.0)
    return sum(rank * (a + b) for a, b in shapes)


def check_numbers(rank: int, alpha: float, dropout: float) -> None:
    """Refuse settings out of range, with a `ValueError`."""
    check_whole(rank=rank)
    check_above_zero(alpha=alpha)
    if not is_number(dropout) or not 0 <= dropout < 1:
        raise ValueError(f"dropout must be at least 0 and below 1, got {dropout!r}")
