"""Additions in which the same numbers are cut into tokens in different ways.

A sum is written as ``447+385=832``, most significant digit first. Pieces of numbers, the two signs
and the end are the whole vocabulary of a model; only what stands behind ``=`` is in its loss.
Taught in :doc:`/book/gpt/tokenization`.

Left out: other operations, and reversed answers, which are easier.
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from tqdm import tqdm

from ._decoder import Decoder, Design
from ._loop import learn, plateau

Cut = Callable[[str], list[str]]
Sum = tuple[int, int]

DIGITS = 3  # of an addend, at most; at least two
DESIGN = Design(width=48, layers=2, positions="learned")
STEPS, BATCH, WARMUP, LAST = 2000, 64, 50, 0.5
LEARNING_RATE = 6e-3
ASKED = 1000
UNSEEN = {"development": range(100), "held_out": range(100, 200)}  # of 1,009 parts
PAD, PLUS, EQUALS, END = range(4)
IGNORED = -100


def from_left(digits: str, size: int) -> list[str]:
    """Cut a number into groups, the first one full.

    Example:
        >>> from_left("1234", 3)
        ['123', '4']
    """
    return [digits[at : at + size] for at in range(0, len(digits), size)]


def from_right(digits: str, size: int) -> list[str]:
    """Cut a number into groups, the last one full, as in 1,234.

    Example:
        >>> from_right("1234", 3)
        ['1', '234']
    """
    return [group[::-1] for group in from_left(digits[::-1], size)][::-1]


CUTS: dict[str, Cut] = {
    "digits apart": lambda digits: from_left(digits, 1),
    "pairs from the left": lambda digits: from_left(digits, 2),
    "pairs from the right": lambda digits: from_right(digits, 2),
    "one token up to 999": lambda digits: from_right(digits, 3),
}


def part_of(a: int, b: int) -> str:
    """Return the part to which a sum belongs, whichever addend comes first."""
    a, b = sorted((a, b))
    number = (7919 * a + 104_729 * b + 31 * a * b) % 1009
    return next((part for part, numbers in UNSEEN.items() if number in numbers), "train")


def sums(seed: int, part: str) -> Iterator[Sum]:
    """Yield two addends of two digits or two of three, as often one as the other, without end."""
    rng = random.Random(f"{seed}-{part}")
    while True:
        size = rng.randint(2, DIGITS)
        a, b = (rng.randrange(10 ** (size - 1), 10**size) for _ in range(2))
        if part_of(a, b) == part:
            yield a, b


def carries(a: int, b: int) -> int:
    """Return how often one is carried when two numbers are added in columns.

    Example:
        >>> carries(447, 385), carries(12, 34)
        (2, 0)
    """
    return (sum(map(int, f"{a}{b}")) - sum(map(int, str(a + b)))) // 9


class Numerals:
    """The tokens of sums, for one way to cut numbers.

    Args:
        cut: Cuts the digits of a number.
    """

    def __init__(self, cut: Cut) -> None:
        self.cut = cut
        pieces = {piece for n in range(2 * 10**DIGITS - 1) for piece in cut(str(n))}
        self.numbered = {piece: END + 1 + at for at, piece in enumerate(sorted(pieces))}
        largest = 10**DIGITS - 1
        self.length = sum(map(len, self.row(largest, largest)))

    def __len__(self) -> int:
        """Return the number of tokens."""
        return END + 1 + len(self.numbered)

    def ids(self, n: int) -> list[int]:
        """Return the tokens of a number."""
        return [self.numbered[piece] for piece in self.cut(str(n))]

    def row(self, a: int, b: int) -> tuple[list[int], list[int]]:
        """Return the tokens of the question, ``=`` included, and of the answer with its end."""
        return [*self.ids(a), PLUS, *self.ids(b), EQUALS], [*self.ids(a + b), END]

    def rows(self, asked: Sequence[Sum]) -> tuple[Tensor, Tensor]:
        """Return ids and targets, shape ``(N, T)``; a target outside of the answer is `IGNORED`."""
        ids = torch.full((len(asked), self.length), PAD)
        targets = torch.full((len(asked), self.length), IGNORED)
        for number, (a, b) in enumerate(asked):
            question, answer = self.row(a, b)
            end = len(question) + len(answer)
            ids[number, :end] = torch.tensor(question + answer)
            targets[number, len(question) - 1 : end - 1] = torch.tensor(answer)
        return ids, targets


def answered(model: Decoder, ids: Tensor, targets: Tensor) -> Tensor:
    """Tell which sums a model gets right to the last token, shape ``(N,)``.

    The tokens before are the right ones. If the likeliest token is right at each place, greedy
    decoding writes the answer, and otherwise it does not.
    """
    with torch.no_grad():
        likeliest = model(ids).argmax(dim=-1)
    return ((likeliest == targets) | (targets == IGNORED)).all(dim=1)


def taught(numerals: Numerals, *, seed: int, steps: int) -> Decoder:
    """Train a decoder on sums and return it in eval mode; all cuts read the same sums."""
    ids, targets = numerals.rows(list(islice(sums(seed, "train"), steps * BATCH)))
    torch.manual_seed(seed)
    model = Decoder(DESIGN, vocab_size=len(numerals), context=numerals.length)

    def loss(chosen: Tensor) -> Tensor:
        return cross_entropy(
            model(ids[chosen]).flatten(0, 1), targets[chosen].flatten(), ignore_index=IGNORED
        )

    learn(
        model,
        torch.arange(len(ids)).split(BATCH),
        loss,
        lambda step: LEARNING_RATE * plateau(step, steps, warmup=WARMUP, last=LAST),
        fused=True,
    )
    return model.eval()


def counted(right: Sequence[bool], asked: Sequence[Sum]) -> list[dict[str, Any]]:
    """Return right answers by the digits of the addends and by whether one is carried."""
    groups: dict[tuple[int, bool], list[bool]] = {}
    for hit, (a, b) in zip(right, asked, strict=True):
        groups.setdefault((len(str(a)), carries(a, b) > 0), []).append(hit)
    return [
        {"digits": digits, "carried": carried, "right": sum(hits), "total": len(hits)}
        for (digits, carried), hits in sorted(groups.items())
    ]


def measure_sums(*, scale: float, seeds: int, part: str = "held_out") -> list[dict[str, Any]]:
    """Train one decoder for each way to cut numbers and each seed.

    Args:
        scale: Below 1, fewer steps and questions.
        seeds: Number of trainings.
        part: Which sums are asked, a key of `UNSEEN`.

    Returns:
        A dict each: ``cut``, ``seed``, ``vocab_size``, ``parameters``, ``tokens`` of the longest
        sum, ``seconds`` of training, and ``groups``, what `counted` returns.
    """
    steps = max(2, round(STEPS * scale))
    asked = list(islice(sums(seeds, part), max(20, round(ASKED * scale))))
    runs = []
    for seed in tqdm(range(seeds), disable=None, unit="seed"):
        for name, cut in CUTS.items():
            numerals, begun = Numerals(cut), time.process_time()
            model = taught(numerals, seed=seed, steps=steps)
            seconds = time.process_time() - begun
            right = answered(model, *numerals.rows(asked)).tolist()
            runs.append(
                {
                    "cut": name,
                    "seed": seed,
                    "vocab_size": len(numerals),
                    "parameters": sum(parameter.numel() for parameter in model.parameters()),
                    "tokens": numerals.length,
                    "seconds": round(seconds),
                    "groups": counted(right, asked),
                }
            )
    return runs
