"""The key/value cache: published sizes, the real size, and that it changes no logit."""

import copy
from types import SimpleNamespace

import pytest
import torch

from companion.generation.batching import left_pad
from companion.generation.cache import kv_cache_bytes, measured_cache_bytes, next_token_logits

LLAMA_2_7B = SimpleNamespace(num_hidden_layers=32, num_attention_heads=32, hidden_size=4096)
LLAMA_3_8B = SimpleNamespace(**vars(LLAMA_2_7B), num_key_value_heads=8, head_dim=128)
GIB = 2**30


def test_llama_2_needs_half_a_mebibyte_per_token() -> None:
    assert kv_cache_bytes(LLAMA_2_7B, 1) == 524_288
    assert kv_cache_bytes(LLAMA_2_7B, 4096) == 2 * GIB


def test_llama_3_with_grouped_queries_needs_a_quarter() -> None:
    assert kv_cache_bytes(LLAMA_3_8B, 1) == 131_072
    assert kv_cache_bytes(LLAMA_3_8B, 8192) == 1 * GIB


def test_an_explicit_head_dim_wins_over_the_quotient() -> None:
    wide = SimpleNamespace(**vars(LLAMA_2_7B), head_dim=256)

    assert kv_cache_bytes(wide, 1) == 2 * 524_288


def test_the_formula_equals_the_bytes_of_a_real_cache(tiny_model) -> None:
    ids, mask = left_pad([[5, 6, 7, 8], [9, 10]])

    _, cache = next_token_logits(tiny_model, ids, mask)

    expected = kv_cache_bytes(tiny_model.config, 4, batch_size=2, bytes_per_value=4)
    assert measured_cache_bytes(cache) == expected


def test_a_half_precision_cache_is_half_as_large(llama) -> None:
    model = copy.deepcopy(llama).to(torch.bfloat16)
    ids, mask = left_pad([[5, 6, 7]])

    logits, cache = next_token_logits(model, ids, mask)

    assert measured_cache_bytes(cache) == kv_cache_bytes(model.config, 3)
    assert logits.dtype == torch.float32


def test_the_cache_changes_no_logit(tiny_model, threads: int) -> None:
    ids, mask = left_pad([[5, 6, 7, 8], [9, 10]])
    more, ones = torch.tensor([[11], [12]]), torch.ones(2, 1, dtype=torch.long)

    _, cache = next_token_logits(tiny_model, ids, mask)
    ids, mask = torch.cat([ids, more], 1), torch.cat([mask, ones], 1)
    with_cache, _ = next_token_logits(tiny_model, ids, mask, cache)
    without, nothing = next_token_logits(tiny_model, ids, mask, use_cache=False)

    torch.testing.assert_close(with_cache, without, rtol=1e-4, atol=1e-4)
    assert nothing is None


def test_no_gradient_is_kept(llama) -> None:
    logits, _ = next_token_logits(llama, *left_pad([[5, 6]]))

    assert not logits.requires_grad


@pytest.mark.parametrize("name", ["tokens", "batch_size", "bytes_per_value"])
def test_counts_must_be_positive(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be a whole number from 1, got 0"):
        kv_cache_bytes(LLAMA_2_7B, **{"tokens": 1, name: 0})
