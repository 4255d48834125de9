"""Several orders, written together in one batch, each with settings of its own.

The loop is that of `companion.generate`, which takes one setting for all rows. Here a filter of
logits chooses each row's token in the way of its order, and leaves nothing else for the loop to
choose. So an order gets the tokens that `companion.generate` would give it alone, from the same
seed, up to rounding. Taught in :doc:`/book/open-models/serving`.

Shape letters: ``B`` rows, ``V`` vocabulary size.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from companion.generation.batching import eos_token_ids
from companion.generation.decoding import decode_steps, shape_logits
from companion.generation.params import SamplingParams
from companion.generation.sampling import draw_uniforms, sample_tokens
from companion.generation.sequences import GrowingSequence
from companion.generation.stopping import settled_length
from companion.serving.order import Order

LEFT = "left"
"""``finish_reason`` of a row that nobody waits for any more."""


class Token(NamedTuple):
    """A token that was written."""

    token: int
    """Its id."""
    logprob: float
    """Its log-probability in nats, before temperature, filters and constraints."""
    top: list[tuple[int, float]]
    """The most probable tokens in its place, with theirs; as many as the order asks for."""


class Part(NamedTuple):
    """A part of one of the texts of an order."""

    row: int
    """Which of them."""
    text: str
    token: Token
    finish: str | None
    """``"eos"``, ``"stop"`` or ``"length"`` in the last part of a text."""


@dataclass
class Row:
    """One text of an order, as far as it has been written."""

    index: int
    prompt: list[int]
    sequence: GrowingSequence
    uniforms: Tensor | None
    """A random number for each token, shape ``(max_new_tokens,)``."""
    shown: int = 0
    """Characters that were handed out."""


class Writing:
    """An order while it is written.

    Args:
        order: The order.
        model: The model.
        tokenizer: Its tokenizer.
    """

    def __init__(self, order: Order, model: Any, tokenizer: Any) -> None:
        self.order, self.error = order, ""
        params, eos_ids = order.params, eos_token_ids(model, tokenizer)
        uniforms = None
        if params.temperature > 0:
            generator = torch.Generator().manual_seed(order.seed)
            uniforms = draw_uniforms(order.rows, params.max_new_tokens, generator)
        self.rows = [
            Row(
                at,
                order.prompts[at // params.n],
                GrowingSequence(order.texts[at // params.n], tokenizer, params, eos_ids),
                None if uniforms is None else uniforms[at],
            )
            for at in range(order.rows)
        ]

    @property
    def live(self) -> list[Row]:
        """Its texts that have not ended."""
        return [row for row in self.rows if not row.sequence.finish_reason]

    @property
    def to_write(self) -> int:
        """How many tokens its texts may still get."""
        written = min((len(row.sequence.token_ids) for row in self.live), default=0)
        return self.order.params.max_new_tokens - written

    def leave(self, error: str = "") -> None:
        """End it where it is: nobody waits for it any more, or it can't go on."""
        self.error = self.error or error
        for row in self.live:
            row.sequence.finish_reason = LEFT

    def choose(self, logits: Tensor, rows: Sequence[Row], scores: Tensor) -> None:
        """Choose the next token of some of its rows.

        Args:
            logits: Raw logits of these rows, shape ``(rows, V)``.
            rows: The rows. Those that have ended are left alone.
            scores: What is chosen gets a score here, and what is not gets -inf, shape
                ``(rows, V)``.
        """
        try:
            self._choose(logits, rows, scores)
        except ValueError as error:
            self.leave(str(error))

    def _choose(self, logits: Tensor, rows: Sequence[Row], scores: Tensor) -> None:
        written = [list(row.sequence.token_ids) for row in rows]
        if self.order.constraint is not None:
            logits = self.order.constraint(logits, written)
        for at, row in enumerate(rows):
            if row.sequence.finish_reason:
                continue
            so_far = torch.tensor([row.prompt + written[at]], device=logits.device)  # (1, T)
            shaped = shape_logits(logits[at : at + 1], so_far, self.order.params)  # (1, V)
            if not torch.isfinite(shaped.amax()):
                raise ValueError("no token can be chosen: the model or a constraint leaves none")
            if row.uniforms is not None:
                drawn = sample_tokens(shaped, row.uniforms[len(written[at])][None])  # (1,)
                shaped = torch.full_like(shaped, float("-inf")).index_fill_(1, drawn, 0.0)
            scores[at] = shaped[0]

    def part(self, row: Row, token: Token) -> Part | None:
        """Return what a new token brings; None for a row that was given up."""
        sequence, text = row.sequence, row.sequence.text()
        finish, shown = sequence.finish_reason, row.shown
        if finish == LEFT:
            return None
        end = len(text) if finish else settled_length(text, self.order.params.stop)
        row.shown = max(shown, end)
        return Part(row.index, text[shown:end], token, finish)


def write_together(model: Any, writings: Sequence[Writing]) -> Iterator[list[list[Part]]]:
    """Write several orders in one batch, a token of each text per step.

    What was written of them before is read again with their prompts. So a batch can be left after
    any step, and its orders can go on in another one.

    Args:
        model: The model.
        writings: The orders, each with a text that has not ended.

    Yields:
        After each step, what it has brought to each order.
    """
    groups = [writing.live for writing in writings]
    most = max(writing.order.top or 0 for writing in writings)
    found: list[list[tuple[int, float]]] = []

    def choose(logits: Tensor, _: list[list[int]]) -> Tensor:
        found[:] = _alternatives(logits, most)
        scores, sizes = logits.clone(), [len(rows) for rows in groups]
        pieces = zip(writings, logits.split(sizes), groups, scores.split(sizes), strict=True)
        for writing, part, rows, into in pieces:
            writing.choose(part, rows, into)
        scores[~torch.isfinite(scores.amax(dim=-1))] = 0.0  # rows that were given up
        return scores

    flat = [row for rows in groups for row in rows]
    steps = decode_steps(
        model,
        [row.prompt + row.sequence.token_ids for row in flat],
        [row.sequence for row in flat],
        SamplingParams(max_new_tokens=max(one.to_write for one in writings), temperature=0),
        logits_filter=choose,
    )
    for step in steps:
        new, brought = zip(step, found, strict=True), []
        for writing, rows in zip(writings, groups, strict=True):
            tokens = [next(new) for _ in rows]
            parts = [
                writing.part(row, Token(*token, alternatives[: writing.order.top or 0]))
                for row, (token, alternatives) in zip(rows, tokens, strict=True)
                if token is not None
            ]
            brought.append([part for part in parts if part is not None])
        yield brought


def _alternatives(logits: Tensor, most: int) -> list[list[tuple[int, float]]]:
    """Return the most probable tokens of each row, with their log-probabilities."""
    if not most:
        return [[] for _ in logits]
    logprobs, tokens = logits.log_softmax(dim=-1).topk(most, dim=-1)  # (B, most)
    pairs = zip(tokens.tolist(), logprobs.tolist(), strict=True)
    return [list(zip(*pair, strict=True)) for pair in pairs]
