"""The forward pass of Llama, written out for decoding: the same numbers, with less around them.

In a small model a step takes longer for what surrounds the products than for the products: a dozen
Python objects per layer, and a cache that is copied to make room for one more token. Here a layer
is one turn of a loop over plain tensors, and keys and values go where room was left for them.
Taught in :doc:`/book/gpt/kv-cache`.

Nothing is copied from the model. Its own parameters are read, so the next text knows what was
trained since the last one. Half precision rounds where `transformers` rounds. Which models are
read in this way says `companion.generation.plain_llama`. Left out: gradients.

Shape letters: ``B`` rows of a batch, ``T`` tokens so far, ``N`` tokens read now (the prompts, then
one), ``R = B * N``, ``W`` width, ``H`` query heads, ``K`` key/value heads, ``D`` size of a head,
``C`` tokens that there is room for, ``V`` vocabulary size.
"""

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from companion.generation.batching import position_ids

ROOM = 64
"""Tokens that there is room for beyond the prompt. When it is full, the whole room doubles."""


class LayerWeights(NamedTuple):
    """Parameters of one layer; matrices as ``(in, out)``. Views of the model's, not copies."""

    attention_norm: Tensor
    query: Tensor
    key: Tensor
    value: Tensor
    output: Tensor
    mlp_norm: Tensor
    gate: Tensor
    up: Tensor
    down: Tensor

    @classmethod
    def of(cls, layer: Any) -> "LayerWeights":
        """Collect the parameters of a layer of `transformers`."""
        attention, mlp = layer.self_attn, layer.mlp
        return cls(
            layer.input_layernorm.weight,
            attention.q_proj.weight.T,
            attention.k_proj.weight.T,
            attention.v_proj.weight.T,
            attention.o_proj.weight.T,
            layer.post_attention_layernorm.weight,
            mlp.gate_proj.weight.T,
            mlp.up_proj.weight.T,
            mlp.down_proj.weight.T,
        )


class RMSNorm:
    """Divide by the root mean square, computed in float32; then multiply by a weight.

    Args:
        weight: The weight of one norm of the model, for its size, dtype and device.
        epsilon: Added to the mean square.
    """

    def __init__(self, weight: Tensor, epsilon: float) -> None:
        self.shape, self.epsilon, self.root = weight.shape, epsilon, math.sqrt(len(weight))
        self.zero, self.offset = weight.new_tensor([0, self.root * math.sqrt(epsilon)])

    def __call__(self, hidden: Tensor, weight: Tensor) -> Tensor:
        """Normalize ``hidden``, shape ``(R, W)``, with ``weight``, shape ``(W,)``."""
        if hidden.dtype != torch.float32:
            normed = F.rms_norm(hidden.float(), self.shape, eps=self.epsilon)
            return weight * normed.to(weight.dtype)
        # The same in half as many calls: sqrt(W) x / |x|, where |x| is never below the offset.
        length = torch.linalg.vector_norm(hidden, dim=-1, keepdim=True).hypot_(self.offset)
        return torch.addcdiv(self.zero, hidden, length, value=self.root).mul_(weight)


class LayerCache(NamedTuple):
    """Keys and values of one layer, shape ``(B, K, T, D)`` each."""

    keys: Tensor
    values: Tensor


class LlamaCache:
    """A batch while it is written: what a plain Llama has read so far, and how it reads on.

    Args:
        model: A model that `is_plain_llama`.
        attention_mask: 1 for real tokens of the prompts, 0 for padding, shape ``(B, T)``.
    """

    def __init__(self, model: Any, attention_mask: Tensor) -> None:
        config, decoder = model.config, model.model
        self.embedding, self.unembedding = decoder.embed_tokens.weight, model.lm_head.weight
        self.layer_weights = [
            LayerWeights.of(layer) for layer in decoder.layers[: config.num_hidden_layers]
        ]
        self.last_norm = decoder.norm.weight
        self.norm = RMSNorm(self.last_norm, decoder.norm.variance_epsilon)
        self.head_dim = decoder.layers[0].self_attn.head_dim
        self.rotary_emb = decoder.rotary_emb
        self.padded = not attention_mask.all()
        self.length = 0
        rows, tokens = attention_mask.shape
        layers, heads = len(self.layer_weights), config.num_key_value_heads
        self._take_room(
            *(
                self.embedding.new_empty(layers, rows, heads, tokens + ROOM, self.head_dim)
                for _ in ("keys", "values")
            )
        )

    def _take_room(self, keys: Tensor, values: Tensor) -> None:
        """Keep ``(layers, B, K, C, D)``, and the rotation of each of the ``C`` positions."""
        self.keys, self.values = keys, values
        positions = torch.arange(keys.shape[3], device=keys.device)[None]
        cosine, sine = self.rotary_emb(keys, positions)  # (1, C, D)
        sine[..., : self.head_dim // 2].neg_()  # `rotate` needs -sin in the first half
        self.cosine, self.sine = cosine[0, :, None], sine[0, :, None]  # (C, 1, D)

    @property
    def layers(self) -> list[LayerCache]:
        """What is in use, without the room ahead."""
        return self._layers(0, self.length)

    def _layers(self, start: int, end: int) -> list[LayerCache]:
        parts = (tensor[:, :, :, start:end].unbind() for tensor in (self.keys, self.values))
        return [LayerCache(*pair) for pair in zip(*parts, strict=True)]

    def reorder_cache(self, rows: Tensor) -> None:
        """Let row ``i`` go on from what row ``rows[i]`` has read, as a beam search needs it."""
        self.keys, self.values = self.keys[:, rows], self.values[:, rows]

    @torch.inference_mode()
    def read(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Read the tokens that are new and return the logits of the token that comes next.

        Args:
            input_ids: All tokens so far, left-padded, shape ``(B, T)``.
            attention_mask: 1 for real tokens, 0 for padding, shape ``(B, T)``.

        Returns:
            Logits in the dtype of the model, shape ``(B, V)``; a tensor of inference mode.
        """
        # 1. Room for the new tokens, and what they see.
        start, end = self.length, input_ids.shape[1]
        while self.keys.shape[3] < end:
            self._take_room(
                *(torch.cat([old, torch.empty_like(old)], 3) for old in (self.keys, self.values))
            )
        self.length = end
        cosine, sine, seen = self._positions(attention_mask, start)
        hidden = F.embedding(input_ids[:, start:], self.embedding)  # (B, N, W)
        heads = (*hidden.shape[:2], -1, self.head_dim)  # (B, N, H or K, D)
        hidden = hidden.flatten(0, 1)  # (R, W)

        # 2. The layers. A new token's key and value are written once and never moved.
        for weights, new, kept in zip(
            self.layer_weights, self._layers(start, end), self.layers, strict=True
        ):
            normed = self.norm(hidden, weights.attention_norm)
            query = rotate(normed.mm(weights.query).view(heads), cosine, sine)
            key = rotate(normed.mm(weights.key).view(heads), cosine, sine)
            new.keys.copy_(key.transpose(1, 2))
            new.values.copy_(normed.mm(weights.value).view(heads).transpose(1, 2))
            mixed = attend(query, kept, seen)  # (B, N, H, D)
            hidden += mixed.view(len(hidden), -1).mm(weights.output)
            normed = self.norm(hidden, weights.mlp_norm)
            gate = F.silu(normed.mm(weights.gate), inplace=True)
            hidden += gate.mul_(normed.mm(weights.up)).mm(weights.down)

        # 3. What comes next is asked of the last token of each row only.
        last = hidden.view(len(input_ids), end - start, -1)[:, -1]  # (B, W)
        return F.linear(self.norm(last, self.last_norm), self.unembedding)

    def _positions(
        self, attention_mask: Tensor, start: int
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return how the new tokens are rotated, and which tokens they see.

        Without padding both are the same in every row: slices of the tables, and no mask.

        Returns:
            Cosine and sine, shape ``(N, 1, D)`` or ``(B, N, 1, D)``, and true for what is seen,
            shape ``(B, 1, 1 or N, T)``.
        """
        if not self.padded:
            return self.cosine[start : self.length], self.sine[start : self.length], None
        places = position_ids(attention_mask)[:, start:]  # (B, N)
        seen = attention_mask.bool()[:, None, None]  # (B, 1, 1, T)
        if start == 0:
            earlier = seen.new_ones(self.length, self.length).tril()
            itself = seen.new_ones(self.length).diag()  # padding too: a softmax of nothing is NaN
            seen = seen & earlier | itself
        return self.cosine[places], self.sine[places], seen


def rotate(heads: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Turn the pair ``(x[i], x[i + D/2])`` of each head by an angle that grows with the position.

    Args:
        heads: Queries or keys, shape ``(B, N, H, D)``.
        cosine: Shape ``(N, 1, D)`` or ``(B, N, 1, D)``.
        sine: The same shape, negative in the first half.
    """
    return heads * cosine + heads.roll(heads.shape[-1] // 2, -1) * sine


def attend(query: Tensor, kept: LayerCache, seen: Tensor | None) -> Tensor:
    """Let the query heads look at the keys and values of their group.

    The ``H / K`` heads of a group share keys and values. With one new token they are the rows of
    one product: no key has to be repeated.

    Args:
        query: Shape ``(B, N, H, D)``.
        kept: Keys and values of all tokens so far.
        seen: True where a token is seen; None: each sees itself and what came before.

    Returns:
        One vector per head, shape ``(B, N, H, D)``.
    """
    batch, new, heads, size = query.shape
    shared = kept.keys.shape[1]
    if new == 1:
        grouped = query.view(batch, shared, heads // shared, size)  # (B, K, H / K, D)
        mixed = F.scaled_dot_product_attention(grouped, *kept, attn_mask=seen)
        return mixed.reshape(query.shape)
    mixed = F.scaled_dot_product_attention(
        query.transpose(1, 2),  # (B, H, N, D)
        *kept,
        attn_mask=seen,
        is_causal=seen is None,
        enable_gqa=heads != shared,
    )
    return mixed.transpose(1, 2).contiguous()
