"""Rollouts: the policy answers prompts, and every token of its answers is scored.

A batch looks like this (``.`` is padding, ``$`` the end of a turn)::

    ..PPPPaaaa$.     prompts end at the same column, so that the answers begin at the same one
    PPPPPPaa$...

Taught in :doc:`/book/training/ppo`.

Left out: a temperature other than 1 and filters. The policy that is trained must be the one that
wrote the tokens.

Shape letters: ``B`` responses, ``P`` tokens of the longest prompt, ``T`` of the longest response,
``V`` vocabulary size, ``D`` width of the hidden states.
"""

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from companion.errors import DataError
from companion.generation.batching import (
    context_length,
    eos_token_ids,
    left_pad,
    padding_id,
    position_ids,
)
from companion.generation.decoding import decode_steps
from companion.generation.params import SamplingParams
from companion.generation.sequences import GrowingSequence
from companion.messages import end_of_turn_id, prompt_text
from companion.training.data import Record, check_records

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


class Rollout(NamedTuple):
    """Responses to a batch of prompts."""

    input_ids: Tensor
    """Prompt, padded on the left, and response, padded on the right, shape ``(B, P + T)``."""
    attention_mask: Tensor
    """1 for real tokens, 0 for padding, shape ``(B, P + T)``."""
    completion_mask: Tensor
    """True for the tokens of the response, the one that ends it included, shape ``(B, T)``."""
    responses: list[str]
    """The responses as text, ``B``."""
    finished: list[bool]
    """Did the response end by itself, and not because ``max_new_tokens`` was reached? ``B``."""

    def rows(self, index: Tensor) -> "Rollout":
        """Return some of the responses, without the columns that only others need.

        Args:
            index: Which ones, shape ``(b,)``.

        Returns:
            A rollout of ``b`` responses. Tokens that count stay at the left end of
            ``completion_mask``.
        """
        prompts = self.input_ids.shape[1] - self.completion_mask.shape[1]  # P
        mask = self.attention_mask[index]
        used = mask.any(dim=0).nonzero()[:, 0]  # columns in which one of them has a token
        start, end = int(used[0]), int(used[-1]) + 1
        chosen = index.tolist()
        return Rollout(
            self.input_ids[index, start:end],
            mask[:, start:end],
            self.completion_mask[index, : end - prompts],
            [self.responses[i] for i in chosen],
            [self.finished[i] for i in chosen],
        )


class TokenScores(NamedTuple):
    """What a model says about the tokens of a rollout's responses."""

    logprobs: Tensor
    """Log-probability of each token in nats, 0 where there is none, shape ``(B, T)``."""
    entropy: Tensor
    """Entropy of the distribution it was drawn from in nats, 0 likewise, ``(B, T)``."""
    hidden_states: Tensor
    """Last hidden state *before* each token, what the token was chosen by, ``(B, T, D)``."""


def encode_records(
    tokenizer: "PreTrainedTokenizerBase", records: Sequence[Record], *, max_length: int | None
) -> list[list[int]]:
    """Tokenize the prompts of records through the chat template.

    Args:
        tokenizer: A `transformers` tokenizer with a chat template.
        records: Dicts with ``prompt``.
        max_length: Longest prompt allowed, in tokens. None: any.

    Returns:
        Token ids of each prompt, up to where the answer begins.

    Raises:
        DataError: If there are no records, or one is malformed or too long. It names the record.
    """
    rows = []
    for index, record in enumerate(check_records(records, ["prompt"])):
        try:
            text = prompt_text(tokenizer, record["prompt"])
        except ValueError as error:
            raise DataError(f"record {index}: {error}") from error
        ids = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        if max_length is not None and len(ids) > max_length:
            raise DataError(
                f"record {index} has {len(ids)} tokens, but at most {max_length} fit beside the "
                "new ones. Shorten or leave out the record, or lower max_new_tokens."
            )
        rows.append(list(ids))
    return rows


def longest_prompt(model: "PreTrainedModel", max_new_tokens: int) -> int | None:
    """Return how many tokens a prompt may have, or None if the model does not say.

    Raises:
        ValueError: If the new tokens alone fill the context.
    """
    limit = context_length(model.config)
    if limit is None:
        return None
    if max_new_tokens >= limit:
        raise ValueError(
            f"max_new_tokens must be below the context of the model, {limit}, got {max_new_tokens}"
        )
    return limit - max_new_tokens


@torch.no_grad()
def rollout(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    prompts: list[list[int]],
    *,
    max_new_tokens: int,
    generator: torch.Generator | None = None,
) -> Rollout:
    """Let a model answer prompts: plain sampling, all in one batch.

    Taught in :doc:`/book/training/ppo`.

    Args:
        model: A causal language model in eval mode.
        tokenizer: Its tokenizer, with a chat template.
        prompts: Token ids of each prompt, as from `encode_records`, ``B`` lists.
        max_new_tokens: Length at which a response is cut off.
        generator: Source of randomness; the global one of torch if None.

    Returns:
        The responses.
    """
    params = SamplingParams(max_new_tokens=max_new_tokens)
    written = empty_responses(model, tokenizer, len(prompts), params)
    deque(decode_steps(model, prompts, written, params, generator), maxlen=0)  # run to the end
    return assemble_written(model, tokenizer, prompts, written)


def empty_responses(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    count: int,
    params: SamplingParams,
) -> list[GrowingSequence]:
    """Return responses that nothing was written of yet. The end of a turn ends them."""
    ends = eos_token_ids(model, tokenizer) | {end_of_turn_id(tokenizer)}
    return [GrowingSequence("", tokenizer, params, ends) for _ in range(count)]


def assemble_written(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    prompts: list[list[int]],
    written: list[GrowingSequence],
) -> Rollout:
    """Put prompts and the responses that were written to them into one `Rollout`."""
    return assemble(
        prompts,
        [sequence.token_ids for sequence in written],
        responses=[sequence.text() for sequence in written],
        finished=[sequence.finish_reason == "eos" for sequence in written],
        pad_id=padding_id(tokenizer),
        device=model.device,
    )


def assemble(
    prompts: list[list[int]],
    completions: list[list[int]],
    *,
    responses: list[str],
    finished: list[bool],
    pad_id: int = 0,
    device: torch.device | str = "cpu",
) -> Rollout:
    """Put prompts and completions into one batch.

    Args:
        prompts: Token ids of each prompt, ``B`` lists.
        completions: Token ids of each response, none empty.
        responses: The same as texts.
        finished: Whether each one ended by itself.
        pad_id: Id that fills the gaps. It is masked, so any valid id does.
        device: Where the tensors shall be.

    Returns:
        The batch.

    Example:
        >>> batch = assemble([[5], [6, 7]], [[8, 2], [9]], responses=["", ""], finished=[True] * 2)
        >>> batch.input_ids
        tensor([[0, 5, 8, 2],
                [6, 7, 9, 0]])
        >>> batch.completion_mask
        tensor([[ True,  True],
                [ True, False]])
    """
    # Left half: prompts that end together. Right half: completions that begin together.
    before = left_pad(prompts, pad_id)  # (B, P)
    lengths = torch.tensor([len(ids) for ids in completions])  # (B,)
    width = int(lengths.max())
    after = torch.tensor([ids + [pad_id] * (width - len(ids)) for ids in completions])  # (B, T)
    counts = torch.arange(width) < lengths[:, None]  # (B, T)
    return Rollout(
        torch.cat([before.input_ids, after], dim=-1).to(device),
        torch.cat([before.attention_mask, counts.long()], dim=-1).to(device),
        counts.to(device),
        responses,
        finished,
    )


def score_tokens(model: "PreTrainedModel", batch: Rollout) -> TokenScores:
    """Run a model over prompts and responses and look at every token of the responses.

    `companion.generation.scoring.token_logprobs` gives the same log-probabilities of whole texts,
    without gradients. Taught in :doc:`/book/training/ppo`.

    Args:
        model: A causal language model in eval mode. Gradients flow into it unless they are off.
        batch: The responses.

    Returns:
        Log-probabilities, entropies and hidden states.
    """
    new_tokens = batch.completion_mask.shape[1]  # T
    output = model(
        input_ids=batch.input_ids,
        attention_mask=batch.attention_mask,
        position_ids=position_ids(batch.attention_mask),
        use_cache=False,
        output_hidden_states=True,
        logits_to_keep=new_tokens + 1,
    )
    # The state at t - 1 chooses the token at t, so the last one chooses nothing.
    spread = output.logits[:, -new_tokens - 1 : -1].float().log_softmax(dim=-1)  # (B, T, V)
    chosen = spread.gather(-1, batch.input_ids[:, -new_tokens:, None])[..., 0]  # (B, T)
    entropy = -(spread.exp() * spread).sum(dim=-1)  # (B, T)
    return TokenScores(
        torch.where(batch.completion_mask, chosen, 0.0),
        torch.where(batch.completion_mask, entropy, 0.0),
        output.hidden_states[-1][:, -new_tokens - 1 : -1],
    )
