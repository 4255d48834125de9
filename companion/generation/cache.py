"""The key/value cache: run a model with it, measure it, compute its size.

Without a cache, every new token makes the model read the whole sequence again. Earlier tokens
cannot see later ones (causal mask), so their keys and values never change and can be kept: each
step then feeds a single token. Taught in :doc:`/book/gpt/kv-cache`.

The cache object is made by the model (`transformers.DynamicCache`), or by
`companion.generation.llama`, which reads models of Llama's shape faster. Left out: sliding-window,
quantized and offloaded caches.

Shape letters: ``B`` rows of a batch, ``T`` tokens so far, ``V`` vocabulary size.
"""

from typing import Any

import torch
from torch import Tensor, nn

from companion._checks import check_whole
from companion.generation.forward import read
from companion.generation.llama import LlamaCache
from companion.generation.plain_llama import is_plain_llama


@torch.no_grad()
def next_token_logits(
    model: nn.Module,
    input_ids: Tensor,
    attention_mask: Tensor,
    cache: Any = None,
    *,
    use_cache: bool = True,
) -> tuple[Tensor, Any]:
    """Run the model and return the logits of the token that comes next.

    The first call (``cache=None``) reads the whole prompt, the *prefill*. Later calls pass the
    cache back in and read only the newest token. The mask and the positions always describe the
    whole sequence, since the new token attends to all of it.

    Args:
        model: A causal language model, see `companion.generation.forward`.
        input_ids: All tokens so far, left-padded, shape ``(B, T)``.
        attention_mask: 1 for real tokens, 0 for padding, shape ``(B, T)``.
        cache: What the previous call returned.
        use_cache: False recomputes everything at every call. Same logits, more work.

    Returns:
        Float32 logits, shape ``(B, V)``, and the cache to pass next time. It is None without one,
        or if the model keeps no keys and values (Mamba, RWKV): then each call reads everything.
    """
    if use_cache and cache is None and is_plain_llama(model):
        cache = LlamaCache(model, attention_mask)
    if isinstance(cache, LlamaCache):
        # A copy, since nobody may write into a tensor of inference mode: a filter of logits might.
        return cache.read(input_ids, attention_mask).float().clone(), cache
    logits, cache = read(
        model, input_ids, attention_mask, cache=cache, use_cache=use_cache, last=True
    )
    return logits[:, -1].float(), cache


def kv_cache_bytes(
    config: Any, tokens: int, *, batch_size: int = 1, bytes_per_value: int = 2
) -> int:
    """Compute the size of a key/value cache without allocating it.

    ``2 * layers * kv_heads * head_dim * bytes_per_value * tokens * batch_size``; the 2 stands for
    keys and values. Grouped-query attention (fewer key/value heads than query heads, Ainslie et
    al. 2023, https://arxiv.org/abs/2305.13245) shrinks it by the ratio of the two. Taught in
    :doc:`/book/gpt/kv-cache`.

    Args:
        config: A `transformers` configuration, or any object with ``num_hidden_layers``,
            ``num_attention_heads``, ``hidden_size`` and, where they differ from the default,
            ``num_key_value_heads`` and ``head_dim``.
        tokens: Cached tokens per sequence.
        batch_size: Sequences.
        bytes_per_value: 2 for float16 and bfloat16, 4 for float32.

    Returns:
        Size in bytes.

    Raises:
        ValueError: If a count is not positive.

    Example:
        Llama-2-7B (32 layers, 32 heads of 128) needs half a MiB per token.

        >>> from types import SimpleNamespace
        >>> llama = SimpleNamespace(
        ...     num_hidden_layers=32, num_attention_heads=32, hidden_size=4096
        ... )
        >>> kv_cache_bytes(llama, tokens=1)
        524288
    """
    check_whole(tokens=tokens, batch_size=batch_size, bytes_per_value=bytes_per_value)
    heads = config.num_attention_heads
    kv_heads = getattr(config, "num_key_value_heads", None) or heads
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // heads
    values_per_token = 2 * config.num_hidden_layers * kv_heads * head_dim
    return values_per_token * bytes_per_value * tokens * batch_size


def measured_cache_bytes(cache: Any) -> int:
    """Add up what the tensors of a cache really occupy, to check `kv_cache_bytes` against.

    Args:
        cache: The cache that `next_token_logits` returned.

    Returns:
        Size in bytes, without the room that a cache may have ahead.
    """
    tensors = [tensor for layer in cache.layers for tensor in (layer.keys, layer.values)]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
