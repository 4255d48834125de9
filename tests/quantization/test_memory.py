"""The memory that generating takes: weights, cache, activations."""

import pytest

from companion.quantization.footprint import (
    GIB,
    count_weights,
    weight_bytes,
)
from companion.quantization.memory import generation_memory


def test_generating_needs_weights_cache_and_activations(llama_2_7b) -> None:
    counts = count_weights(llama_2_7b)

    plan = generation_memory(llama_2_7b.config, counts, tokens=4096)
    small = generation_memory(llama_2_7b.config, counts, quantization="nf4", tokens=4096)

    assert plan.kv_cache == 2 * GIB
    assert plan.activations == 4096 * 2 * (11_008 + 4096) * 2 + 4 * 32_000
    assert plan.total == plan.weights + plan.kv_cache + plan.activations
    assert small.kv_cache == plan.kv_cache
    assert small.weights == weight_bytes(counts, "nf4")


def test_a_batch_multiplies_cache_and_activations_and_not_the_weights(llama_2_7b) -> None:
    counts = count_weights(llama_2_7b)

    one, eight = (
        generation_memory(llama_2_7b.config, counts, tokens=100, batch_size=n) for n in (1, 8)
    )

    assert eight.kv_cache == 8 * one.kv_cache
    assert eight.activations == 8 * one.activations
    assert eight.weights == one.weights


@pytest.mark.parametrize(("tokens", "batch_size"), [(0, 1), (10, 0)])
def test_plans_need_something_to_generate(llama_2_7b, tokens: int, batch_size: int) -> None:
    with pytest.raises(ValueError, match="must be a whole number from 1"):
        generation_memory(
            llama_2_7b.config, count_weights(llama_2_7b), tokens=tokens, batch_size=batch_size
        )
