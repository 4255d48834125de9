"""Does it fit? Weights, KV cache and activations of a model that generates text.

Estimates for planning. What a process really takes is more: the CUDA context alone is some
hundred MiB. Taught in :doc:`/book/open-models/quantization`.
"""

from typing import Any, NamedTuple

from companion._checks import check_whole
from companion.generation.cache import kv_cache_bytes
from companion.quantization.footprint import (
    FORMAT_BITS,
    GB,
    GIB,
    WeightCounts,
    weight_bytes,
)


class MemoryPlan(NamedTuple):
    """Bytes that generating takes."""

    weights: float
    kv_cache: float
    activations: float

    @property
    def total(self) -> float:
        """All three, in bytes."""
        return sum(self)

    def __str__(self) -> str:
        """Write the total in GB and GiB, and the parts.

        >>> print(MemoryPlan(4e9, 1e9, 0))
        5.00 GB (4.66 GiB): weights 4.00, KV cache 1.00, activations 0.00 GB
        """
        return (
            f"{self.total / GB:.2f} GB ({self.total / GIB:.2f} GiB): weights "
            f"{self.weights / GB:.2f}, KV cache {self.kv_cache / GB:.2f}, activations "
            f"{self.activations / GB:.2f} GB"
        )


def generation_memory(
    config: Any,
    counts: WeightCounts,
    *,
    quantization: str | None = None,
    dtype: str = "bfloat16",
    tokens: int,
    batch_size: int = 1,
) -> MemoryPlan:
    """Compute what generating up to ``tokens`` tokens per sequence takes.

    Activations are estimated by the largest that exist at one time while the prompt is read with
    an attention that never writes its whole matrix (FlashAttention, SDPA): two of the width of
    the feed-forward layer and two of the model's width per token, and the logits of one position,
    in float32, per sequence.

    Args:
        config: Configuration of a `transformers` model.
        counts: Result of `count_weights`.
        quantization: Format of the linear layers, as in `weight_bytes`.
        dtype: Format of everything else, the KV cache included.
        tokens: Prompt and answer together.
        batch_size: Sequences at a time.

    Returns:
        Bytes of each part.

    Raises:
        ValueError: If a format is unknown or a number is not positive.
    """
    check_whole(tokens=tokens, batch_size=batch_size)
    weights = weight_bytes(counts, quantization, dtype=dtype)
    size = int(FORMAT_BITS[dtype]) // 8
    width = 2 * (getattr(config, "intermediate_size", 4 * config.hidden_size) + config.hidden_size)
    return MemoryPlan(
        weights,
        kv_cache_bytes(config, tokens, batch_size=batch_size, bytes_per_value=size),
        batch_size * (tokens * width * size + 4 * config.vocab_size),
    )
