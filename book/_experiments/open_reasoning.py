"""Pocket and open: word problems of two steps, answered directly and with reasoning, and sums.

Both columns get the same items. Problems come in two kinds: ordinary ones, written for this book,
and those of the grammar that pocket-base was trained on. Taught in
:doc:`/book/start/pocket-and-open`.

Left out: several chains that vote, and the steps of a chain one by one.
"""

import random
from collections.abc import Sequence
from typing import Any

from companion.models.loading import LoadedModel
from companion.prompts import few_shot

from ._side_by_side import COLUMNS, ORIGIN, Column, check_split, load_columns, part, score
from ._word_problems import SHOWN, Problem, problem_items, prompts_by_way, same_number

SUMS = {"development": 10, "held_out": 40}


def measure(
    *, scale: float = 1.0, split: str = "held_out", columns: Sequence[str] = COLUMNS
) -> dict[str, Any]:
    """Ask both models for the answers of word problems in four ways, and for single sums.

    Args:
        scale: Share of the items to use, for a quick try.
        split: "held_out" for the record; "development" while prompts are being worded.
        columns: Some of "pocket" and "open".

    Returns:
        ``columns``, one entry each, with counts for ``problems`` by kind and way, and ``sums``.
    """
    check_split(split)
    results = {}
    for name, column in load_columns(columns).items():
        problems = {
            kind: _problems(column, shown, part(asked, scale))
            for kind, (shown, asked) in problem_items(split).items()
        }
        results[name] = {"problems": problems, "sums": _sums(column.text, scale, split)}
    return {"origin": ORIGIN, "split": split, "columns": results}


def _problems(column: Column, shown: Sequence[Problem], asked: Sequence[Problem]) -> dict[str, Any]:
    answers = [problem.answer for problem in asked]
    ways = prompts_by_way(column, shown, [problem.question for problem in asked])
    return {
        way: score(asked_so.loaded, asked_so.prompts, answers, same_number, **asked_so.settings)
        for way, asked_so in ways.items()
    }


def _sums(loaded: LoadedModel, scale: float, split: str) -> dict[str, Any]:
    results = {}
    for name, (shown, asked) in sum_items(split).items():
        asked = part(asked, scale)
        examples = [(_sum(a, b), str(a + b)) for a, b in shown]
        prompts = [few_shot(_sum(a, b), examples) for a, b in asked]
        answers = [a + b for a, b in asked]
        results[name] = score(loaded, prompts, answers, same_number, max_new_tokens=8)
    return results


def sum_items(split: str) -> dict[str, tuple[list[tuple[int, int]], list[tuple[int, int]]]]:
    """Return three examples and the items, as pairs of numbers of one and of two digits."""
    items = {}
    for name, numbers in (("one digit", range(1, 10)), ("two digits", range(10, 100))):
        pairs = [(a, b) for a in numbers for b in numbers]
        random.Random(0).shuffle(pairs)
        first = SHOWN if split == "development" else SHOWN + SUMS["development"]
        items[name] = (pairs[:SHOWN], pairs[first : first + SUMS[split]])
    return items


def _sum(a: int, b: int) -> str:
    return f"What is {a} + {b}?"
