"""Turn prompts of different lengths into one left-padded batch.

A causal model predicts the next token at the *last* column, so the prompts must all end there:
padding goes to the left. Two things make padding invisible to the model. The attention mask hides
it, and the positions count real tokens only. With both in place the id used for padding does not
matter. Taught in :doc:`/book/gpt/decoding`.

Shape letters: ``B`` prompts, ``T`` tokens of the longest prompt.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from companion.errors import ContextLengthError


class PromptBatch(NamedTuple):
    """A left-padded batch of prompts."""

    input_ids: Tensor
    """Token ids, shape ``(B, T)``."""
    attention_mask: Tensor
    """1 for real tokens, 0 for padding, shape ``(B, T)``."""


def left_pad(rows: list[list[int]], pad_id: int = 0) -> PromptBatch:
    """Stack token lists of different lengths, padding on the left.

    Args:
        rows: Token ids of each prompt, none empty.
        pad_id: Id that fills the gaps. It is masked, so any valid id does.

    Returns:
        Ids and mask, both of shape ``(B, T)`` and dtype int64.

    Example:
        >>> left_pad([[5, 6, 7], [8]]).input_ids
        tensor([[5, 6, 7],
                [0, 0, 8]])
    """
    width = max(len(row) for row in rows)
    ids = [[pad_id] * (width - len(row)) + row for row in rows]
    mask = [[0] * (width - len(row)) + [1] * len(row) for row in rows]
    return PromptBatch(torch.tensor(ids), torch.tensor(mask))


def position_ids(attention_mask: Tensor) -> Tensor:
    """Number the real tokens of each row 0, 1, 2, ..., wherever the padding is.

    Args:
        attention_mask: 1 for real tokens, 0 for padding, shape ``(B, T)``.

    Returns:
        Positions, shape ``(B, T)``. Padding gets 0, which the mask makes irrelevant.

    Example:
        >>> position_ids(torch.tensor([[1, 1, 1], [0, 0, 1]]))
        tensor([[0, 1, 2],
                [0, 0, 0]])
    """
    return (attention_mask.long().cumsum(dim=-1) - 1).clamp(min=0)


def encode_prompts(tokenizer: Any, prompts: list[str]) -> list[list[int]]:
    """Tokenize prompts one by one, with the special tokens that the tokenizer puts around a text.

    A prompt that already begins with the BOS token (as chat templates write it) does not get a
    second one.

    Args:
        tokenizer: A `transformers` tokenizer.
        prompts: The texts.

    Returns:
        Token ids of each prompt.

    Raises:
        ValueError: If a prompt has no tokens: a causal model needs at least one to predict from.
    """
    rows = []
    for index, prompt in enumerate(prompts):
        has_bos = bool(tokenizer.bos_token) and prompt.startswith(tokenizer.bos_token)
        # verbose=False: a text longer than the context gets our error, not a log line as well.
        ids = tokenizer(prompt, add_special_tokens=not has_bos, verbose=False)["input_ids"]
        if not ids:
            start = tokenizer.bos_token or tokenizer.eos_token
            hint = f" To start from nothing, pass {start!r}." if start else ""
            raise ValueError(
                f"prompt {index} is empty: the model needs at least one token to predict the "
                f"next one.{hint}"
            )
        rows.append(list(ids))
    return rows


def context_length(config: Any) -> int | None:
    """Return how many tokens a model can read, or None if its configuration does not say."""
    limit = getattr(config, "max_position_embeddings", None)
    return limit if limit is not None and limit > 0 else None  # XLNet says -1


def check_context(config: Any, prompt_tokens: int, new_tokens: int = 0) -> None:
    """Refuse a request that does not fit the context, before any work is done.

    A model with learned positions (GPT-2) would fail with an index error, one with rotary
    positions (Llama) would go on and write nonsense, which is worse.

    Args:
        config: Configuration of the model.
        prompt_tokens: Tokens of the longest prompt.
        new_tokens: Tokens to generate.

    Raises:
        ContextLengthError: If they do not fit.
    """
    limit = context_length(config)
    if limit is None or prompt_tokens + new_tokens <= limit:
        return
    if prompt_tokens >= limit:
        raise ContextLengthError(
            f"the text has {prompt_tokens} tokens and the context of this model is {limit}"
            f"{': no room is left for a new token' if new_tokens else ''}. Shorten the text."
        )
    raise ContextLengthError(
        f"the prompt has {prompt_tokens} tokens and max_new_tokens is {new_tokens}: "
        f"{prompt_tokens + new_tokens} together, but the context of this model is {limit}. "
        f"Set max_new_tokens to at most {limit - prompt_tokens}, or shorten the prompt."
    )


def eos_token_ids(model: Any, tokenizer: Any) -> frozenset[int]:
    """Return the ids that end a text: those of the generation config, else the tokenizer's.

    Chat models often have several, such as end of turn and end of text.
    """
    ids = getattr(getattr(model, "generation_config", None), "eos_token_id", None)
    if ids is None:
        ids = tokenizer.eos_token_id
    if ids is None:
        return frozenset()
    return frozenset([ids] if isinstance(ids, int) else ids)


def padding_id(tokenizer: Any) -> int:
    """Return an id to fill gaps with: the padding token, else EOS, else 0. It is always masked."""
    candidates = (tokenizer.pad_token_id, tokenizer.eos_token_id, 0)
    return next(token for token in candidates if token is not None)
