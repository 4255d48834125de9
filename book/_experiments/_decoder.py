"""A small decoder whose attention, positions and feed-forward layers can be exchanged.

RMSNorm before each part, no biases, tied embeddings, as in Llama; what differs is a `Decoder`'s
design. Taught in :doc:`/book/gpt/attention-variants`.

Shapes: B sequences of T tokens, H heads of D numbers, width W = H * D, E experts.

Left out: caches and generation. Every expert reads its tokens in a loop, which is clear and slow.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention, silu

POSITIONS = ("none", "learned", "sinusoidal", "rope", "alibi")


@dataclass(frozen=True, kw_only=True)
class Design:
    """What a decoder is made of.

    Args:
        width, layers, heads: Shape.
        kv_heads: Heads of keys and values; query heads share them in groups.
        latent: Numbers of the vector from which keys and values are computed (MLA); None: direct.
        rotary: With ``latent``, numbers of the one rotated key that all heads share.
        window: How many tokens a position sees, itself included; None: all before it.
        positions: How places enter, one of `POSITIONS`.
        experts: Feed-forward networks per layer, of which each token uses two; 0: one for all.
        balance: How the load of the experts is balanced: "none", "loss" or "bias".
    """

    width: int = 64
    layers: int = 3
    heads: int = 4
    kv_heads: int = 4
    latent: int | None = None
    rotary: int = 8
    window: int | None = None
    positions: str = "rope"
    experts: int = 0
    balance: str = "none"

    @property
    def head_dim(self) -> int:
        """Numbers of a head."""
        return self.width // self.heads

    @property
    def cached_numbers(self) -> int:
        """Numbers that all layers together keep for one token."""
        if self.latent:
            return self.layers * (self.latent + self.rotary)
        return self.layers * 2 * self.kv_heads * self.head_dim


def sinusoids(length: int, width: int) -> Tensor:
    """Return sines and cosines of each place, shape ``(length, width)``, sines first.

    Section 3.5 of Vaswani et al. 2017, https://arxiv.org/abs/1706.03762.
    """
    speeds = 10_000 ** (-torch.arange(0, width, 2) / width)
    angles = torch.arange(length)[:, None] * speeds
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


def rotate(x: Tensor) -> Tensor:
    """Turn pairs ``(j, j + D/2)`` of ``x``, shape ``(..., T, D)``, by their place (RoPE)."""
    length, width = x.shape[-2:]
    sin, cos = sinusoids(length, width).chunk(2, dim=-1)  # (T, D/2) each
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


def attention_bias(length: int, design: Design) -> Tensor:
    """Return what is added to the scores, shape ``(H, T, T)``: minus infinity where none may look.

    With ALiBi, head h of H has the slope ``2 ** (-8 * h / H)`` for h from 1 (section 3 of Press et
    al. 2022, https://arxiv.org/abs/2108.12409).
    """
    place = torch.arange(length)
    distance = place[:, None] - place  # (T, T)
    hidden = distance < 0
    if design.window:
        hidden = hidden | (distance >= design.window)
    bias = torch.zeros(design.heads, length, length)
    if design.positions == "alibi":
        slopes = 2 ** (-8 * torch.arange(1, design.heads + 1) / design.heads)
        bias = -slopes[:, None, None] * distance
    return bias.masked_fill(hidden, -torch.inf)


class Attention(nn.Module):
    """Causal attention with shared, compressed or full keys and values."""

    def __init__(self, design: Design) -> None:
        super().__init__()
        self.design = design
        width, dim = design.width, design.head_dim
        extra = design.rotary if design.latent else 0
        self.query = nn.Linear(width, design.heads * (dim + extra), bias=False)
        if design.latent:
            self.down = nn.Linear(width, design.latent, bias=False)
            self.place = nn.Linear(width, design.rotary, bias=False)
        source = design.latent or width
        self.key_value = nn.Linear(source, 2 * design.kv_heads * dim, bias=False)
        self.out = nn.Linear(width, width, bias=False)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """Mix the places of ``x``, shape ``(B, T, W)``; ``bias`` is that of `attention_bias`."""
        design, (batch, length, _) = self.design, x.shape
        q = self.query(x).view(batch, length, design.heads, -1).transpose(1, 2)
        source = self.down(x) if design.latent else x
        kv = self.key_value(source).view(batch, length, 2 * design.kv_heads, -1).transpose(1, 2)
        k, v = kv.chunk(2, dim=1)  # (B, kv_heads, T, D)
        if design.latent:
            q, turned = q.split([design.head_dim, design.rotary], dim=-1)
            q = torch.cat([q, rotate(turned)], dim=-1)
            shared = rotate(self.place(x))[:, None].expand(-1, design.heads, -1, -1)
            k = torch.cat([k, shared], dim=-1)
        elif design.positions == "rope":
            q, k = rotate(q), rotate(k)
        mixed = scaled_dot_product_attention(q, k, v, attn_mask=bias, enable_gqa=True)
        return self.out(mixed.transpose(1, 2).reshape(x.shape))


class FeedForward(nn.Module):
    """SwiGLU of ``hidden`` numbers."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.gate = nn.Linear(width, hidden, bias=False)
        self.up = nn.Linear(width, hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return an array of the shape of ``x``, ``(..., W)``."""
        return self.down(silu(self.gate(x)) * self.up(x))


class Experts(nn.Module):
    """A router and several feed-forward networks, of which each token uses the best two.

    After each call, ``share`` has the share of the places that each expert got, shape ``(E,)``, and
    ``loss`` what makes the shares equal: ``E * sum(share * mean probability)``, eq. 4 of Fedus et
    al. 2022, https://arxiv.org/abs/2101.03961. With "bias" the router's choice, and nothing else,
    sees a bias that rises for experts with too little to do (Wang et al. 2024,
    https://arxiv.org/abs/2408.15664).
    """

    USED = 2
    STEP = 0.01

    def __init__(self, design: Design, hidden: int) -> None:
        super().__init__()
        self.balance = design.balance
        self.router = nn.Linear(design.width, design.experts, bias=False)
        self.experts = nn.ModuleList(
            FeedForward(design.width, hidden // self.USED) for _ in range(design.experts)
        )
        self.register_buffer("bias", torch.zeros(design.experts))

    def forward(self, x: Tensor) -> Tensor:
        """Return an array of the shape of ``x``, ``(B, T, W)``."""
        tokens = x.flatten(0, 1)
        chances = self.router(tokens).softmax(dim=-1)  # (B * T, E)
        chosen = (chances + self.bias).topk(self.USED).indices
        weights = chances.gather(1, chosen)
        weights = weights / weights.sum(dim=-1, keepdim=True)
        out = torch.zeros_like(tokens)
        for number, expert in enumerate(self.experts):
            rows, place = (chosen == number).nonzero(as_tuple=True)
            out.index_add_(0, rows, weights[rows, place, None] * expert(tokens[rows]))
        count = len(self.experts)
        self.share = torch.bincount(chosen.flatten(), minlength=count) / chosen.numel()
        self.loss = count * (self.share * chances.mean(dim=0)).sum()
        if self.balance == "bias" and self.training:
            self.bias += self.STEP * (1 / count - self.share).sign()
        return out.view(x.shape)


class Decoder(nn.Module):
    """Token ids, shape ``(B, T)``, to scores, ``(B, T, V)``.

    Args:
        design: What it is made of.
        vocab_size: V.
        context: Most places that learned positions have.
    """

    def __init__(self, design: Design, *, vocab_size: int, context: int) -> None:
        super().__init__()
        self.design = design
        width, hidden = design.width, 3 * design.width
        self.embedding = nn.Embedding(vocab_size, width)
        if design.positions == "learned":
            self.places = nn.Embedding(context, width)
        self.attentions = nn.ModuleList(Attention(design) for _ in range(design.layers))
        self.networks = nn.ModuleList(
            Experts(design, hidden) if design.experts else FeedForward(width, hidden)
            for _ in range(design.layers)
        )
        self.norms = nn.ModuleList(nn.RMSNorm(width) for _ in range(2 * design.layers + 1))
        for parameter in self.parameters():
            if parameter.ndim == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor) -> Tensor:
        """Return the scores of the next token at each place."""
        length = ids.shape[1]
        x = self.embedding(ids)
        if self.design.positions == "learned":
            x = x + self.places.weight[:length]
        if self.design.positions == "sinusoidal":  # as large as the embeddings are at first
            x = x + 0.02 * 2**0.5 * sinusoids(length, x.shape[-1])
        bias = attention_bias(length, self.design)
        for layer, (attention, network) in enumerate(
            zip(self.attentions, self.networks, strict=True)
        ):
            x = x + attention(self.norms[2 * layer](x), bias)
            x = x + network(self.norms[2 * layer + 1](x))
        return self.norms[-1](x) @ self.embedding.weight.T
