"""Measure prompts: accuracy with a confidence interval, gains of one prompt over another, votes.

An accuracy without an interval says little: 18 right of 20 is anything from 70 to 97 %. Taught in
:doc:`/book/prompting/few-shot`.
"""

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from tqdm import tqdm

from companion.errors import AnswerNotFoundError
from companion.generation.decoding import generate
from companion.generation.params import SamplingParams
from companion.generation.sequences import Generation
from companion.prompts.answers import Vote, majority_vote

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

Z = 1.96  # standard deviations on either side that hold 95 % of a normal distribution


@dataclass(frozen=True)
class Accuracy:
    """Right answers out of all.

    Args:
        right: Number of items answered rightly.
        total: Number of items asked.
    """

    right: int
    total: int

    @property
    def share(self) -> float:
        """Share of right answers, 0 to 1."""
        return self.right / self.total

    @property
    def interval(self) -> tuple[float, float]:
        """95 % Wilson score interval of the share (Wilson 1927)."""
        n = self.total
        center = (self.share + Z * Z / (2 * n)) / (1 + Z * Z / n)
        half = (
            Z / (1 + Z * Z / n) * math.sqrt(self.share * (1 - self.share) / n + Z * Z / (4 * n * n))
        )
        # at 0 and 100 % the ends are exact; rounding must not put them on the wrong side
        return min(max(0.0, center - half), self.share), max(min(1.0, center + half), self.share)

    def __str__(self) -> str:
        """Write share and interval in percent.

        >>> print(Accuracy(18, 20))
        90 % (70 to 97)
        """
        low, high = self.interval
        return f"{100 * self.share:.0f} % ({100 * low:.0f} to {100 * high:.0f})"


@dataclass(frozen=True)
class Evaluation:
    """What a model wrote for each item, and whether it was right.

    Args:
        texts: Generated texts, one per item.
        outcomes: True where the text was right.
        unanswered: Number of texts in which no answer was found; they count as wrong.
        cut: Number of texts that ended only because ``max_new_tokens`` were reached. If it is not
            small, the limit was measured, too.
    """

    texts: tuple[str, ...]
    outcomes: tuple[bool, ...]
    unanswered: int = 0
    cut: int = 0

    @property
    def accuracy(self) -> Accuracy:
        """Right answers out of all."""
        return Accuracy(sum(self.outcomes), len(self.outcomes))


def evaluate_prompts(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    prompts: Sequence[str],
    answers: Sequence[Any],
    *,
    right: Callable[[str, Any], bool],
    params: SamplingParams | None = None,
    batch_size: int = 64,
    generator: torch.Generator | None = None,
) -> Evaluation:
    """Let a model continue every prompt and count how often it is right.

    Args:
        model: A causal language model in eval mode.
        tokenizer: Its tokenizer.
        prompts: One prompt per item.
        answers: What each item should give.
        right: Decides from the generated text and the answer. If it raises
            `AnswerNotFoundError`, as the functions of `companion.prompts.answers` do, the item is
            wrong.
        params: How to decode; greedily, up to 64 tokens, if None.
        batch_size: Prompts decoded at a time.
        generator: Source of randomness when ``params`` samples.

    Returns:
        The texts, the outcomes and their accuracy.

    Raises:
        ValueError: If there are no prompts, not one answer per prompt, or several samples asked.
    """
    if not prompts or len(prompts) != len(answers):
        raise ValueError(
            f"there must be one answer per prompt and at least one prompt, got {len(prompts)} "
            f"prompts and {len(answers)} answers"
        )
    params = params or SamplingParams(temperature=0)
    if params.n != 1:
        raise ValueError(f"n must be 1, got {params.n}. For several samples: self_consistency.")
    written = _decode(model, tokenizer, prompts, params, batch_size, generator)
    texts = tuple(generation.text for generation in written)
    outcomes, unanswered = [], 0
    for text, answer in zip(texts, answers, strict=True):
        try:
            outcomes.append(bool(right(text, answer)))
        except AnswerNotFoundError:
            outcomes.append(False)
            unanswered += 1
    cut = sum(generation.finish_reason == "length" for generation in written)
    return Evaluation(texts, tuple(outcomes), unanswered, cut)


def self_consistency(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    prompts: Sequence[str],
    *,
    extract: Callable[[str], Hashable],
    params: SamplingParams,
    batch_size: int = 64,
    generator: torch.Generator | None = None,
) -> list[Vote]:
    """Sample ``params.n`` chains of thought per prompt and let their answers vote.

    Wang et al. 2023, https://arxiv.org/abs/2203.11171: wrong chains scatter, right ones agree.
    Taught in :doc:`/book/prompting/chain-of-thought`.

    Args:
        model: A causal language model in eval mode.
        tokenizer: Its tokenizer.
        prompts: One prompt per item.
        extract: Returns the answer of a text, or raises `AnswerNotFoundError`: no vote then.
        params: How to sample, with ``n`` samples per prompt and a temperature above 0.
        batch_size: Sequences decoded at a time.
        generator: Source of randomness.

    Returns:
        One vote per prompt.

    Raises:
        ValueError: If there are no prompts, or the temperature is 0 (all samples are the same).
    """
    if not prompts:
        raise ValueError("there must be at least one prompt, got none")
    if params.temperature == 0:
        raise ValueError("temperature must be above 0: greedy samples are all the same")
    rows = max(1, batch_size // params.n)
    written = _decode(model, tokenizer, prompts, params, rows, generator)
    votes = []
    for start in range(0, len(written), params.n):
        answers = []
        for generation in written[start : start + params.n]:
            try:
                answers.append(extract(generation.text))
            except AnswerNotFoundError:
                continue
        votes.append(majority_vote(answers, samples=params.n))
    return votes


@dataclass(frozen=True)
class Gain:
    """By how much one prompt beats another on the same items, as shares of all items.

    Args:
        difference: Share right after, minus share right before.
        low: Lower end of the 95 % interval.
        high: Upper end.
    """

    difference: float
    low: float
    high: float


def gain(before: Sequence[bool], after: Sequence[bool]) -> Gain:
    """Compare two sets of outcomes on the same items, with a 95 % interval.

    The score interval for paired proportions, method 10 of Newcombe 1998,
    https://doi.org/10.1002/(SICI)1097-0258(19981130)17:22<2635::AID-SIM954>3.0.CO;2-C. It
    accounts for items being the same, and holds at 0 and 100 %, where the usual formula fails.
    Taught in :doc:`/book/prompting/chain-of-thought`.

    Args:
        before: Outcome of each item with the first prompt.
        after: Outcome of the same items, in the same order, with the second.

    Returns:
        The gain in shares; times 100, in points.

    Raises:
        ValueError: If the numbers of items differ or there are none.

    Example:
        >>> result = gain([False] * 10, [True] * 8 + [False] * 2)
        >>> f"{result.difference:.2f} ({result.low:.2f} to {result.high:.2f})"
        '0.80 (0.38 to 0.94)'
    """
    if not before or len(before) != len(after):
        raise ValueError(
            f"both must have an outcome for each item, got {len(before)} and {len(after)}"
        )
    n = len(before)
    both = sum(b and a for b, a in zip(before, after, strict=True))
    neither = sum(not b and not a for b, a in zip(before, after, strict=True))
    first, second = Accuracy(sum(before), n), Accuracy(sum(after), n)
    phi = _correlation(both, first.right - both, second.right - both, neither)
    difference = second.share - first.share
    (low_1, high_1), (low_2, high_2) = first.interval, second.interval

    def distance(x: float, y: float) -> float:
        return math.sqrt(max(0.0, x * x - 2 * phi * x * y + y * y))

    return Gain(
        difference,
        difference - distance(second.share - low_2, high_1 - first.share),
        difference + distance(high_2 - second.share, first.share - low_1),
    )


def _correlation(both: int, first_only: int, second_only: int, neither: int) -> float:
    """Return the phi coefficient of a table of pairs, corrected as by Newcombe."""
    n = both + first_only + second_only + neither
    margins = (
        (both + first_only)
        * (second_only + neither)
        * (both + second_only)
        * (first_only + neither)
    )
    if not margins:
        return 0.0
    product = both * neither - first_only * second_only
    if product > 0:
        product = max(0.0, product - n / 2)
    return product / math.sqrt(margins)


def _decode(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    prompts: Sequence[str],
    params: SamplingParams,
    rows: int,
    generator: torch.Generator | None,
) -> list[Generation]:
    """Continue all prompts, ``rows`` of them at a time, with a bar on a terminal."""
    written: list[Generation] = []
    for start in tqdm(range(0, len(prompts), rows), disable=None, unit="batch", leave=False):
        part = list(prompts[start : start + rows])
        written += generate(model, tokenizer, part, params, generator=generator)
    return written
