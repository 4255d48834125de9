"""Questions for capitals, in four ways: the fact that both columns of pocket and open were told.

pocket-base read each of them in training, in the forms of "question" and "statement"; what
SmolLM2-135M-Instruct has read of them nobody counted.
"""

from collections.abc import Sequence
from typing import Any

from companion.models.loading import LoadedModel
from companion.pocket.corpus.facts import CAPITALS, capital_countries
from companion.prompts import few_shot, zero_shot

from ._side_by_side import Column, as_message, part, score

SHOWN = 3


def capitals(column: Column, scale: float, split: str) -> dict[str, Any]:
    """Ask for capitals in four ways.

    An answer is right if it names the capital within its first line.
    """
    countries = part(capital_countries(split), scale)
    shown = [
        (_question(country), CAPITALS[country])
        for country in capital_countries("development")[:SHOWN]
    ]
    ways = {
        "question": [zero_shot(_question(country)) for country in countries],
        "statement": [f"The capital of {country} is" for country in countries],
        "3 examples": [few_shot(_question(country), shown) for country in countries],
    }
    answers = [CAPITALS[country] for country in countries]
    counts = {
        way: score(column.text, prompts, answers, names_capital, max_new_tokens=16)
        for way, prompts in ways.items()
    }
    return counts | {"chat": capitals_by_chat(column.chat, countries)}


def capitals_by_chat(loaded: LoadedModel, countries: Sequence[str]) -> dict[str, Any]:
    """Ask for capitals by messages."""
    prompts = [as_message(loaded, _question(country)) for country in countries]
    answers = [CAPITALS[country] for country in countries]
    return score(loaded, prompts, answers, names_capital, max_new_tokens=24)


def names_capital(text: str, capital: str) -> bool:
    """Tell whether a text names the capital, in capital letters as usual."""
    return capital in text


def _question(country: str) -> str:
    return f"What is the capital of {country}?"
