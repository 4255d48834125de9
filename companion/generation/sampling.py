"""Draw a token from a distribution with one random number per token.

The wheel of fortune: lay the probabilities side by side on the line from 0 to 1, draw a uniform
number, take the token on whose stretch it falls (inverse transform sampling). Compared with
`torch.multinomial` it costs the same, uses exactly one random number per token, and gives the same
tokens on every processor, since a uniform number and a running sum are all it needs.

Shape letters: ``B`` rows of a batch, ``V`` vocabulary size, ``N`` tokens to generate.
"""

import torch
from torch import Tensor

from companion._shapes import widened


def draw_uniforms(rows: int, tokens: int, generator: torch.Generator | None = None) -> Tensor:
    """Draw every random number of a generation at once.

    Row ``i`` at step ``t`` uses number ``[i, t]``. Rows are therefore independent of each other:
    when one stops early, or further prompts are added behind it, the others draw what they drew
    before.

    Args:
        rows: Sequences in the batch.
        tokens: Tokens that each sequence may draw.
        generator: Source of randomness; the global one of torch if None.

    Returns:
        Float64 numbers in [0, 1) on the CPU, shape ``(rows, tokens)``.

    Example:
        >>> one, two = (torch.Generator().manual_seed(0) for _ in range(2))
        >>> torch.equal(draw_uniforms(1, 5, one)[0], draw_uniforms(3, 5, two)[0])
        True
    """
    device = "cpu" if generator is None else generator.device
    return torch.rand(rows, tokens, dtype=torch.float64, generator=generator, device=device).cpu()


def sample_tokens(logits: Tensor, uniforms: Tensor) -> Tensor:
    """Draw one token per row from ``softmax(logits)``. Taught in :doc:`/book/gpt/sampling`.

    Args:
        logits: Logits of each row, ``-inf`` for removed tokens, shape ``(B, V)``.
        uniforms: One number in [0, 1) per row, shape ``(B,)``.

    Returns:
        Token ids, shape ``(B,)``, on the device of ``logits``.

    Example:
        Probabilities 0.5, 0.3, 0.2 cover [0, 0.5), [0.5, 0.8) and [0.8, 1).

        >>> logits = torch.tensor([[0.5, 0.3, 0.2]]).log().expand(3, 3)
        >>> sample_tokens(logits, torch.tensor([0.1, 0.6, 0.9]))
        tensor([0, 1, 2])
    """
    probs = widened(logits).softmax(dim=-1).to(_summing_device(logits.device)).double()  # (B, V)
    upper_edges = probs.cumsum(dim=-1)  # (B, V), where each token's stretch ends
    uniforms = uniforms.double().to(probs.device, non_blocking=True)
    marks = uniforms[:, None] * upper_edges[:, -1:]  # (B, 1)
    # right=True takes the first edge *above* the mark, so a stretch of length 0 is never hit.
    tokens = torch.searchsorted(upper_edges, marks, right=True)  # (B, 1)
    tokens = tokens.clamp(max=logits.shape[-1] - 1)  # logits of NaN have no edge above the mark
    return tokens[:, 0].to(logits.device)


def _summing_device(device: torch.device) -> torch.device:
    """Return where to add up in float64: there, or on the CPU if that device can't do it exactly.

    Apple's GPUs have no float64, and torch calls CUDA's running sum nondeterministic.
    """
    there = device.type == "cuda" and not torch.are_deterministic_algorithms_enabled()
    return device if there else torch.device("cpu")
