"""How probable does a model find a given text? Log-probabilities and perplexity.

The chain rule: ``log p(x) = sum over t of log p(x_t | x_1 .. x_{t-1})``. The model gives every
term in one forward pass, since position ``t - 1`` predicts token ``t``. Taught in
:doc:`/book/gpt/next-token`.

Left out: gradients (these functions only measure), and sliding windows for texts longer than the
context.

Shape letters: ``B`` texts in a batch, ``T`` tokens, ``V`` vocabulary size.
"""

import math
from typing import Any

import torch
from torch import Tensor

from companion.generation.batching import check_context, encode_prompts
from companion.generation.forward import read


@torch.no_grad()
def token_logprobs(model: Any, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
    """Score every token of a batch but the first, given the tokens before it.

    Column ``j`` belongs to token ``j + 1``: the first token has nothing before it that could
    predict it. Padding, left or right, is hidden from the model and scores 0, so sums over a row
    count real tokens only. Taught in :doc:`/book/gpt/next-token`.

    Args:
        model: A causal language model in eval mode.
        input_ids: Token ids, shape ``(B, T)`` with ``T >= 2``.
        attention_mask: 1 for real tokens, 0 for padding, shape ``(B, T)``. None: no padding.

    Returns:
        Log-probabilities in nats, float32, shape ``(B, T - 1)``.

    Raises:
        ValueError: If a shape is wrong or there are fewer than two tokens.
        ContextLengthError: If ``T`` exceeds the model's context.
    """
    if input_ids.dim() != 2 or input_ids.shape[1] < 2:
        raise ValueError(
            f"input_ids must have shape (B, T) with T >= 2, got {tuple(input_ids.shape)}: the "
            "first token has no probability, so one more is needed."
        )
    mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
    if mask.shape != input_ids.shape:
        raise ValueError(
            f"attention_mask must have the shape of input_ids {tuple(input_ids.shape)}, got "
            f"{tuple(mask.shape)}"
        )
    check_context(model.config, int(mask.sum(dim=-1).max()))
    logits, _ = read(model, input_ids, mask)  # (B, T, V)
    logprobs = logits[:, :-1].float().log_softmax(dim=-1)
    chosen = logprobs.gather(-1, input_ids[:, 1:, None])[..., 0]  # (B, T-1)
    counts = (mask[:, 1:] * mask[:, :-1]).bool()  # a real token, predicted from a real token
    return torch.where(counts, chosen, 0.0)


def sequence_logprob(model: Any, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
    """Add up `token_logprobs`: the log-probability of each text given its first token.

    Args:
        model: A causal language model in eval mode.
        input_ids: Token ids, shape ``(B, T)`` with ``T >= 2``.
        attention_mask: 1 for real tokens, 0 for padding, shape ``(B, T)``. None: no padding.

    Returns:
        Log-probabilities in nats, shape ``(B,)``.
    """
    return token_logprobs(model, input_ids, attention_mask).sum(dim=-1)


def perplexity(model: Any, tokenizer: Any, text: str) -> float:
    """Compute ``exp`` of the average negative log-probability per token.

    A model that is as unsure as if it chose evenly among ``k`` tokens at each step has perplexity
    ``k``. The average is over all tokens but the first, which nothing predicts (put the BOS token
    in front to score it as well). Perplexities of models with different tokenizers can't be
    compared: their tokens are not the same. Taught in :doc:`/book/gpt/next-token`.

    Args:
        model: A causal language model in eval mode.
        tokenizer: Its tokenizer.
        text: A text of at least two tokens.

    Returns:
        Perplexity, at least 1.

    Raises:
        ValueError: If the text has fewer than two tokens.
        ContextLengthError: If the text exceeds the model's context.
    """
    (ids,) = encode_prompts(tokenizer, [text])
    input_ids = torch.tensor([ids], device=model.device)
    return math.exp(-token_logprobs(model, input_ids).mean().item())
