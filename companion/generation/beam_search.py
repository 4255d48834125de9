"""Beam search: keep the ``num_beams`` most probable sequences at every step, not just one.

Greedy decoding can't undo a choice; beam search carries several unfinished sequences, the beams,
and so may find a text with a higher probability. A higher probability is not a better text: for
open-ended writing the result is repetitive (Holtzman et al. 2020,
https://arxiv.org/abs/1904.09751).

The rules are those of ``model.generate(num_beams=..., early_stopping=True)`` in `transformers`: a
prompt is done as soon as ``num_beams`` sequences have ended. (``early_stopping=False``, its
default, goes on while a longer one could still win.) Left out: penalties and filters, sampling
within the beams, diverse beams. Taught in :doc:`/book/gpt/decoding`.

Shape letters: ``B`` prompts, ``K`` beams per prompt, ``T`` tokens so far, ``R`` running beams of
all prompts, ``V`` vocabulary size.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from companion._checks import check_whole
from companion.generation.batching import (
    check_context,
    encode_prompts,
    eos_token_ids,
    left_pad,
    padding_id,
)
from companion.generation.cache import next_token_logits
from companion.generation.sequences import Generation, decode_text


def beam_search(
    model: Any,
    tokenizer: Any,
    prompts: str | list[str],
    *,
    num_beams: int = 4,
    max_new_tokens: int = 64,
    length_penalty: float = 1.0,
    num_return_sequences: int = 1,
) -> list[Generation]:
    """Search for the most probable continuation of each prompt.

    Finished sequences are ranked by ``log p(sequence) / length ** length_penalty``, where length
    counts the generated tokens, EOS included. A log-probability is negative and falls with every
    token, so without the division short texts win: 0 ranks by plain probability, 1 by the average
    per token, more than 1 favors long texts. (Wu et al. 2016, https://arxiv.org/abs/1609.08144,
    eq. 14, divides by ``((5 + length) / 6) ** alpha`` instead.) Deterministic; ties between equally
    probable beams are left to torch. Taught in :doc:`/book/gpt/decoding`.

    Args:
        model: A causal language model in eval mode.
        tokenizer: Its tokenizer.
        prompts: One text or a list of texts, none empty.
        num_beams: Sequences kept per prompt. 1 is greedy decoding.
        max_new_tokens: Tokens to generate at most. A beam cut off here counts as ended.
        length_penalty: Exponent of the length.
        num_return_sequences: Sequences returned per prompt, at most ``num_beams``.

    Returns:
        The best sequences of each prompt, best first, with `Generation.score` set. Fewer than
        ``num_return_sequences`` only if no more exist (a tiny vocabulary).

    Raises:
        ValueError: If a number is out of range or a prompt is empty.
        ContextLengthError: If a prompt plus ``max_new_tokens`` exceeds the model's context.
    """
    _check_settings(num_beams, max_new_tokens, num_return_sequences)
    prompts = [prompts] if isinstance(prompts, str) else list(prompts)
    if not prompts:
        return []
    rows = encode_prompts(tokenizer, prompts)
    check_context(model.config, max(map(len, rows)), max_new_tokens)
    eos_ids = eos_token_ids(model, tokenizer)
    beams = [Beams(num_beams, length_penalty, eos_ids) for _ in prompts]
    _search(model, padding_id(tokenizer), rows, beams, max_new_tokens)
    return [
        _generation(tokenizer, prompt, beam, prompt_beams)
        for prompt, prompt_beams in zip(prompts, beams, strict=True)
        for beam in prompt_beams.ended[:num_return_sequences]
    ]


@dataclass(frozen=True)
class Hypothesis:
    """A partial or ended sequence."""

    token_ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    total: float = 0.0
    """Sum of ``logprobs``, in nats."""

    def extend(self, token: int, logprob: float, total: float) -> "Hypothesis":
        """Return a copy that is one token longer."""
        return Hypothesis([*self.token_ids, token], [*self.logprobs, logprob], total)

    def score(self, length_penalty: float) -> float:
        """Return the number that ended sequences are ranked by."""
        return self.total / len(self.token_ids) ** length_penalty


@dataclass
class Beams:
    """The beams of one prompt: those still running, and the best that have ended."""

    num_beams: int
    length_penalty: float
    eos_ids: Collection[int]
    running: list[Hypothesis] = field(default_factory=lambda: [Hypothesis()])
    ended: list[Hypothesis] = field(default_factory=list)

    def advance(self, logprobs: Tensor, *, last: bool) -> list[int]:
        """Extend the running beams by one token and keep the best.

        All continuations of all beams compete. Enough of them are looked at that ``K`` unfinished
        ones remain even if every beam's best continuation is EOS. Only the first ``K`` may end a
        sequence: an EOS further down would not have survived as a beam either.

        Args:
            logprobs: Next-token log-probabilities of the running beams, shape ``(K, V)``; fewer
                than ``K`` rows at the start, when there is one beam.
            last: True at the last step, which ends every sequence.

        Returns:
            For each beam that runs on, the row of ``logprobs`` that it extends.
        """
        # 1. Every child of every beam, and the best of them, in descending order.
        vocab_size = logprobs.shape[-1]
        so_far = logprobs.new_tensor([beam.total for beam in self.running])
        totals = (so_far[:, None] + logprobs).flatten()  # (K * V,)
        wanted = (1 + max(1, len(self.eos_ids))) * self.num_beams
        best = totals.topk(min(wanted, len(totals)))
        indices, steps = best.indices.tolist(), logprobs.flatten()[best.indices].tolist()

        # 2. From the best down: what ends is put aside, what does not is a beam of the next step.
        parents, running = [], []
        for rank, (index, logprob, total) in enumerate(
            zip(indices, steps, best.values.tolist(), strict=True)
        ):
            parent, token = divmod(index, vocab_size)
            child = self.running[parent].extend(token, logprob, total)
            if last or token in self.eos_ids:
                if rank < self.num_beams and total > float("-inf"):
                    self.ended.append(child)
            elif len(running) < self.num_beams and total > float("-inf"):
                running.append(child)
                parents.append(parent)

        # 3. Of all that have ended so far, the best K stay; with K of them the prompt is done.
        self.ended.sort(key=lambda beam: -beam.score(self.length_penalty))
        del self.ended[self.num_beams :]
        done = last or len(self.ended) == self.num_beams
        self.running = [] if done else running
        return [] if done else parents


def _search(
    model: Any, pad_id: int, prompt_ids: list[list[int]], beams: list[Beams], max_new_tokens: int
) -> None:
    """Advance the beams of all prompts together, one row of the batch per running beam.

    The first step has one row per prompt. After each step the rows are chosen again: a beam may
    have several children or none, and a prompt that is done has no rows any more. The cache is
    re-ordered in the same way, so that each row keeps the past of its own sequence.
    """
    ids, mask = (tensor.to(model.device) for tensor in left_pad(prompt_ids, pad_id))  # (R, T)
    cache = None
    for step in range(1, max_new_tokens + 1):
        # 1. The model reads the newest token of every running beam of every prompt.
        logits, cache = next_token_logits(model, ids, mask, cache)  # (R, V)
        blocks = logits.log_softmax(dim=-1).split(
            [len(prompt_beams.running) for prompt_beams in beams]
        )

        # 2. Each prompt chooses among its own; its rows are counted from its first one.
        first_row, parents = 0, []
        for prompt_beams, logprobs in zip(beams, blocks, strict=True):
            if prompt_beams.running:
                rows = prompt_beams.advance(logprobs, last=step == max_new_tokens)
                parents += [first_row + row for row in rows]
                first_row += len(logprobs)
        if not parents:
            return

        # 3. Rows of the next step: each child takes over its parent's tokens and cache.
        chosen = torch.tensor(parents, device=ids.device)
        tokens = torch.tensor(
            [beam.token_ids[-1:] for prompt_beams in beams for beam in prompt_beams.running],
            device=ids.device,
        )  # (R, 1)
        if cache is not None:
            cache.reorder_cache(chosen)
        ids = torch.cat([ids[chosen], tokens], dim=-1)
        mask = torch.cat([mask[chosen], torch.ones_like(tokens)], dim=-1)


def _generation(tokenizer: Any, prompt: str, beam: Hypothesis, beams: Beams) -> Generation:
    has_eos = beam.token_ids[-1] in beams.eos_ids
    return Generation(
        prompt=prompt,
        text=decode_text(tokenizer, beam.token_ids[: -1 if has_eos else None]),
        token_ids=beam.token_ids,
        logprobs=beam.logprobs,
        finish_reason="eos" if has_eos else "length",
        score=beam.score(beams.length_penalty),
    )


def _check_settings(num_beams: int, max_new_tokens: int, num_return_sequences: int) -> None:
    check_whole(num_beams=num_beams, max_new_tokens=max_new_tokens)
    if not 1 <= num_return_sequences <= num_beams:
        raise ValueError(
            f"num_return_sequences must be from 1 to num_beams={num_beams}, got "
            f"{num_return_sequences}"
        )
