"""Word problems of two steps: the items of both kinds, four ways to ask, one way of reading."""

import random
from collections.abc import Sequence
from typing import Any, NamedTuple

from companion.models.loading import LoadedModel
from companion.phrases import CONCLUSION, TRIGGER
from companion.pocket.corpus import arithmetic
from companion.prompts import chain_of_thought, extract_number, few_shot

from ._side_by_side import Column, as_message, load_items

SHOWN = 3
NUMBER_ONLY = " Answer with the number only."
GRAMMAR_PROBLEMS = {"development": 20, "held_out": 40}
SEEDS = {"development": 3, "held_out": 4}


class Problem(NamedTuple):
    """A word problem, the calculations that lead to its answer, and the answer."""

    question: str
    reasoning: str
    answer: int


class Asked(NamedTuple):
    """Prompts for one model, and how it answers them."""

    loaded: LoadedModel
    prompts: list[str]
    settings: dict[str, Any]
    """Longest answer and what ends it, as `_side_by_side.ask` takes them."""


def problem_items(split: str) -> dict[str, tuple[list[Problem], list[Problem]]]:
    """Return three examples and the items of both kinds of problems."""
    stored = load_items("word_problems")
    shown = [
        Problem(problem["question"], problem["reasoning"], problem["answer"])
        for problem in stored["examples"]
    ]
    ordinary = [Problem(problem["question"], "", problem["answer"]) for problem in stored[split]]
    rng = random.Random(SEEDS[split])
    drawn = [arithmetic.problem(rng, "eval") for _ in range(SHOWN + GRAMMAR_PROBLEMS[split])]
    grammar = [
        Problem(problem.question, problem.reasoning.partition(f" {CONCLUSION}")[0], problem.answer)
        for problem in drawn
    ]
    return {"ordinary": (shown, ordinary), "grammar": (grammar[:SHOWN], grammar[SHOWN:])}


def prompts_by_way(
    column: Column, shown: Sequence[Problem], questions: Sequence[str]
) -> dict[str, Asked]:
    """Ask in four ways: as a text after some examples and as a message, without and with steps."""
    plain = [(problem.question, str(problem.answer)) for problem in shown]
    reasoned = [(problem.question, problem.reasoning, str(problem.answer)) for problem in shown]
    texts = {
        "examples, answer only": ([few_shot(question, plain) for question in questions], 16),
        "examples with reasoning": (
            [chain_of_thought(question, reasoned) for question in questions],
            80,
        ),
    }
    messages = {
        "chat, number only": (NUMBER_ONLY, 24),
        "chat, step by step": (f" {TRIGGER}", 256),
    }
    ways = {
        way: Asked(column.text, prompts, {"max_new_tokens": longest})
        for way, (prompts, longest) in texts.items()
    }
    for way, (added, longest) in messages.items():
        prompts = [as_message(column.chat, question + added) for question in questions]
        ways[way] = Asked(column.chat, prompts, {"max_new_tokens": longest, "stop": ()})
    return ways


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
