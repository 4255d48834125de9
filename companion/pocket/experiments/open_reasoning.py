"""Pocket and open: word problems of two steps, answered directly and with reasoning, and sums.

Both columns get the same items. Problems come in two kinds: ordinary ones, written for this book,
and those of the grammar that pocket-base was trained on. Taught in
:doc:`/book/start/pocket-and-open`.

Left out: several chains that vote, and the steps of a chain one by one.
"""

import random
from collections.abc import Sequence
from typing import Any, NamedTuple

from companion.models.loading import LoadedModel
from companion.phrases import CONCLUSION, TRIGGER
from companion.pocket.corpus import arithmetic
from companion.prompts import chain_of_thought, extract_number, few_shot

from ._side_by_side import (
    COLUMNS,
    ORIGIN,
    Column,
    as_message,
    check_split,
    load_columns,
    load_items,
    part,
    score,
)

SHOWN = 3
NUMBER_ONLY = " Answer with the number only."
GRAMMAR_PROBLEMS = {"development": 20, "held_out": 40}
SUMS = {"development": 10, "held_out": 40}
SEEDS = {"development": 3, "held_out": 4}


class Problem(NamedTuple):
    """A word problem, the calculations that lead to its answer, and the answer."""

    question: str
    reasoning: str
    answer: int


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
    found = {}
    for name, column in load_columns(columns).items():
        problems = {
            kind: _problems(column, shown, part(asked, scale))
            for kind, (shown, asked) in problem_items(split).items()
        }
        found[name] = {"problems": problems, "sums": _sums(column.text, scale, split)}
    return {"origin": ORIGIN, "split": split, "columns": found}


def problem_items(split: str) -> dict[str, tuple[list[Problem], list[Problem]]]:
    """Return three examples and the items of both kinds of problems."""
    stored = load_items("word_problems")
    shown = [
        Problem(one["question"], one["reasoning"], one["answer"]) for one in stored["examples"]
    ]
    ordinary = [Problem(one["question"], "", one["answer"]) for one in stored[split]]
    rng = random.Random(SEEDS[split])
    drawn = [arithmetic.problem(rng, "eval") for _ in range(SHOWN + GRAMMAR_PROBLEMS[split])]
    grammar = [
        Problem(one.question, one.reasoning.partition(f" {CONCLUSION}")[0], one.answer)
        for one in drawn
    ]
    return {"ordinary": (shown, ordinary), "grammar": (grammar[:SHOWN], grammar[SHOWN:])}


def _problems(column: Column, shown: Sequence[Problem], asked: Sequence[Problem]) -> dict[str, Any]:
    """Ask in four ways: as a text after three examples and as a message, without and with steps."""
    answers = [one.answer for one in asked]
    plain = [(one.question, str(one.answer)) for one in shown]
    reasoned = [(one.question, one.reasoning, str(one.answer)) for one in shown]
    texts = {
        "examples, answer only": ([few_shot(one.question, plain) for one in asked], 16),
        "examples with reasoning": (
            [chain_of_thought(one.question, reasoned) for one in asked],
            80,
        ),
    }
    messages = {
        "chat, number only": (NUMBER_ONLY, 24),
        "chat, step by step": (f" {TRIGGER}", 256),
    }
    found = {
        way: score(column.text, prompts, answers, same_number, max_new_tokens=longest)
        for way, (prompts, longest) in texts.items()
    }
    for way, (added, longest) in messages.items():
        prompts = [as_message(column.chat, one.question + added) for one in asked]
        found[way] = score(
            column.chat, prompts, answers, same_number, max_new_tokens=longest, stop=()
        )
    return found


def same_number(text: str, answer: int) -> bool:
    """Tell whether a text comes to the right number, by one rule for both models and all ways.

    It is the number after "The answer is" if these words are there, else the last number.

    Raises:
        AnswerNotFoundError: If there is no such number, or it can't be read.

    Example:
        >>> same_number("3 times 8 is 24. 24 minus 5 is 19.", 19)
        True
        >>> same_number("The answer is 19, not 20.", 19)
        True
    """
    concluded = CONCLUSION.lower() in text.lower()
    return extract_number(text, CONCLUSION if concluded else None) == answer


def _sums(loaded: LoadedModel, scale: float, split: str) -> dict[str, Any]:
    found = {}
    for name, (shown, asked) in sum_items(split).items():
        asked = part(asked, scale)
        examples = [(_sum(a, b), str(a + b)) for a, b in shown]
        prompts = [few_shot(_sum(a, b), examples) for a, b in asked]
        answers = [a + b for a, b in asked]
        found[name] = score(loaded, prompts, answers, same_number, max_new_tokens=8)
    return found


def sum_items(split: str) -> dict[str, tuple[list[tuple[int, int]], list[tuple[int, int]]]]:
    """Return three examples and the items, as pairs of numbers of one and of two digits."""
    found = {}
    for name, numbers in (("one digit", range(1, 10)), ("two digits", range(10, 100))):
        pairs = [(a, b) for a in numbers for b in numbers]
        random.Random(0).shuffle(pairs)
        first = SHOWN if split == "development" else SHOWN + SUMS["development"]
        found[name] = (pairs[:SHOWN], pairs[first : first + SUMS[split]])
    return found


def _sum(a: int, b: int) -> str:
    return f"What is {a} + {b}?"
