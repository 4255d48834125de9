"""Does it fit, and how fast would it be? Memory of a process and time of a step, computed.

Estimates for planning, tested on two processes on a CPU only as far as counting goes. Memory leaves
out what libraries take (some hundred MiB to a few GiB on a GPU) and what gets lost between tensors.
Taught in :doc:`/book/training/many-processes`.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from torch import nn

from companion._checks import check_above_zero, check_whole
from companion.quantization.footprint import GB, GIB, weight_bytes
from companion.training.processes.sharing import blocks

DIVIDED: Mapping[str, frozenset[str]] = {
    "ddp": frozenset(),
    "zero1": frozenset({"optimizer"}),
    "zero2": frozenset({"optimizer", "gradients"}),
    "fsdp": frozenset({"optimizer", "gradients", "weights"}),
}
"""What the processes divide among them, the rest is copied; "fsdp" is ZeRO's stage 3."""


class RankMemory(NamedTuple):
    """Bytes that training takes in one process."""

    weights: float
    gradients: float
    optimizer: float
    """The two means of AdamW, and in mixed precision the weights in float32."""
    collected: float
    """Weights of others, collected to compute with them."""
    activations: float

    @property
    def total(self) -> float:
        """All of it, in bytes."""
        return sum(self)

    def __str__(self) -> str:
        """Write the total in GB and GiB, and the parts.

        >>> print(RankMemory(2e9, 2e9, 12e9, 0, 1e9))  # doctest: +NORMALIZE_WHITESPACE
        17.0 GB (15.8 GiB): weights 2.0, gradients 2.0, optimizer 12.0, collected 0.0,
        activations 1.0 GB
        """
        parts = ", ".join(
            f"{name} {value / GB:.1f}" for name, value in zip(self._fields, self, strict=True)
        )
        return f"{self.total / GB:.1f} GB ({self.total / GIB:.1f} GiB): {parts} GB"


def rank_memory(
    parameters: int,
    processes: int,
    *,
    sharing: str,
    collected: int = 0,
    mixed_precision: bool = True,
    activations: float = 0,
) -> RankMemory:
    """Compute what training with AdamW takes in each process.

    16 bytes for each parameter. In mixed precision: weights and gradients in 16 bits, 2 and 2, and
    in float32 the weights once more and two means, 12 (Rajbhandari et al. 2020, section 3.1,
    https://arxiv.org/abs/1910.02054). All in float32: 4, 4 and 8. Libraries differ by some bytes:
    DDP under autocast keeps weights and gradients in float32, and 16-bit copies besides. Taught in
    :doc:`/book/training/many-processes`.

    Args:
        parameters: Weights of the model, all of them trained.
        processes: How many share them.
        sharing: A key of `DIVIDED`.
        collected: With "fsdp", weights that are whole at one time, see `collected_at_once`.
        mixed_precision: Whether blocks compute in 16 bits.
        activations: Bytes of the activations, see `activation_bytes`.

    Returns:
        Bytes of each part.

    Raises:
        ValueError: If the sharing is unknown or a number is out of range.

    Example:
        >>> [rank_memory(10**9, 8, sharing=sharing).total / 1e9 for sharing in DIVIDED]
        [16.0, 5.5, 3.75, 2.0]
    """
    _check_sharing(sharing)
    check_whole(parameters=parameters, processes=processes)
    check_whole(0, collected=collected)
    dtype = "bfloat16" if mixed_precision else "float32"
    size, exact = weight_bytes(parameters, dtype=dtype), weight_bytes(parameters, dtype="float32")
    full = {
        "weights": size,
        "gradients": size,
        "optimizer": (3 if mixed_precision else 2) * exact,
    }
    share = {
        name: size / processes if name in DIVIDED[sharing] else size for name, size in full.items()
    }
    copies = weight_bytes(collected, dtype=dtype) if sharing == "fsdp" else 0
    return RankMemory(**share, collected=copies, activations=activations)


def collected_at_once(model: nn.Module) -> int:
    """Count the weights that FSDP2 collects at one time: all outside the blocks, and two blocks.

    One block computes while the next one is collected. Works on the "meta" device, where a model of
    any size takes no memory.

    Args:
        model: A model, not yet wrapped.
    """
    sizes = [sum(weight.numel() for weight in block.parameters()) for block in blocks(model)]
    every = sum(weight.numel() for weight in model.parameters())
    return every - sum(sizes) + sum(sorted(sizes)[-2:])


def activation_bytes(config: Any, tokens: int, *, recompute: bool = False) -> float:
    """Estimate the activations that a process keeps for the backward pass, in 16 bits.

    34 bytes per token, layer and number of the model's width, as Korthikanti et al. 2022, eq. 2,
    https://arxiv.org/abs/2205.05198, count for a GPT layer; without the term for the attention
    matrix, which FlashAttention and SDPA never write. With activation checkpointing, 2 bytes for
    what enters each layer, and one layer in full while it is computed again. The logits and their
    gradient, in float32, come on top. Taught in :doc:`/book/training/many-processes`.

    Args:
        config: Configuration of a `transformers` model.
        tokens: Tokens that a process reads at a time.
        recompute: Whether activations are computed again in the backward pass.

    Returns:
        Bytes.

    Raises:
        ValueError: If ``tokens`` is not a whole number from 1.
    """
    check_whole(tokens=tokens)
    layer = 34 * config.hidden_size
    layers = config.num_hidden_layers
    kept = 2 * config.hidden_size * layers + layer if recompute else layer * layers
    return float(tokens * (kept + 2 * 4 * config.vocab_size))


def traffic_bytes(
    parameters: int, processes: int, *, sharing: str, bytes_per_value: float = 2
) -> float:
    """Compute what a process sends in one step, and receives.

    A ring all-reduce of the gradients, or its two halves: ``2 (W - 1) / W`` values per parameter.
    "fsdp" collects the weights twice and scatters the gradients, ``3 (W - 1) / W``: half as much
    again (Rajbhandari et al. 2020, section 7). Taught in :doc:`/book/training/many-processes`.

    Args:
        parameters: Weights of the model.
        processes: How many, ``W``.
        sharing: A key of `DIVIDED`.
        bytes_per_value: 2 for bfloat16, 4 for float32.

    Returns:
        Bytes per step.

    Raises:
        ValueError: If the sharing is unknown or a number is out of range.

    Example:
        >>> [traffic_bytes(1000, 4, sharing=sharing) for sharing in ("ddp", "fsdp")]
        [3000.0, 4500.0]
    """
    _check_sharing(sharing)
    check_whole(parameters=parameters, processes=processes)
    check_above_zero(bytes_per_value=bytes_per_value)
    passes = 3 if sharing == "fsdp" else 2
    return passes * (processes - 1) / processes * parameters * bytes_per_value


class StepTime(NamedTuple):
    """Seconds of a training step."""

    compute: float
    communication: float

    @property
    def at_best(self) -> float:
        """Seconds if all communication hides behind the computation."""
        return max(self)

    @property
    def at_worst(self) -> float:
        """Seconds if one follows the other."""
        return sum(self)


def step_time(
    parameters: int, tokens: int, *, peak: float, mfu: float, traffic: float, bandwidth: float
) -> StepTime:
    """Estimate the time of a step: operations by speed, and bytes by bandwidth.

    6 operations per parameter and token; latencies, the attention matrix, loading and waiting are
    left out. Taught in :doc:`/book/training/many-processes`.

    Args:
        parameters: Weights of the model.
        tokens: Tokens that *one* process reads in a step.
        peak: Operations per second of its processor.
        mfu: Share of the peak that is reached while it computes, at most 1.
        traffic: Bytes that it sends, see `traffic_bytes`.
        bandwidth: Bytes per second in one direction, of the narrowest place on the ring: what a GPU
            sends within its machine, or all network cards of a machine together, since rings run
            side by side, one through each card.

    Returns:
        Both parts in seconds.

    Raises:
        ValueError: If a number is out of range.

    Example:
        >>> step_time(10**9, 10**5, peak=1e15, mfu=0.5, traffic=4e9, bandwidth=4e10)
        StepTime(compute=1.2, communication=0.1)
    """
    check_whole(parameters=parameters, tokens=tokens)
    check_above_zero(peak=peak, mfu=mfu, bandwidth=bandwidth)
    if mfu > 1:
        raise ValueError(f"mfu must be at most 1, got {mfu}")
    return StepTime(6 * parameters * tokens / (peak * mfu), traffic / bandwidth)


def _check_sharing(sharing: str) -> None:
    if sharing not in DIVIDED:
        raise ValueError(f"sharing must be one of {', '.join(DIVIDED)}, got {sharing!r}")
