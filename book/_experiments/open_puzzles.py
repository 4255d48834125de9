"""Pocket and open: three word problems of textbooks in four ways, as texts to read.

The tennis balls are the example of Wei et al. 2022, https://arxiv.org/abs/2201.11903, figure 1. The
experiment ``open_reasoning`` counts on many problems what these three only show. Taught in
:doc:`/book/prompting/chain-of-thought`.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from companion.errors import AnswerNotFoundError

from ._side_by_side import COLUMNS, ORIGIN, ask, load_columns
from ._word_problems import problem_items, prompts_by_way, same_number


class Puzzle(NamedTuple):
    """A problem and its answer."""

    question: str
    answer: int


PUZZLES = {
    "tennis balls": Puzzle(
        "Roger has 5 tennis balls. He buys 2 more cans of tennis balls. Each can has 3 tennis "
        "balls. How many tennis balls does he have now?",
        11,
    ),
    "restaurant": Puzzle(
        "A restaurant serves 23 guests at noon and 11 guests in the evening. Each guest has 2 "
        "drinks. How many drinks are that in all?",
        68,
    ),
    "apples": Puzzle(
        "A shop has 25 apples. It sells 8 of them in the morning and 6 at noon. Then 10 more are "
        "delivered. How many apples does it have now?",
        21,
    ),
}


def measure(*, scale: float = 1.0, columns: Sequence[str] = COLUMNS) -> dict[str, Any]:
    """Ask both models for the answers of the three problems.

    Args:
        scale: Not used: there are only three.
        columns: Some of "pocket" and "open".

    Returns:
        ``puzzles`` with ``question`` and ``answer``, and ``columns``, one entry each: by way to ask
        and puzzle the ``text`` and whether it is ``right``. Nothing here is a rate.
    """
    shown, _ = problem_items("held_out")["ordinary"]
    results: dict[str, Any] = {}
    for name, column in load_columns(columns).items():
        results[name] = {}
        questions = [puzzle.question for puzzle in PUZZLES.values()]
        for way, asked in prompts_by_way(column, shown, questions).items():
            answers = [puzzle.answer for puzzle in PUZZLES.values()]
            written = ask(asked.loaded, asked.prompts, answers, same_number, **asked.settings)
            results[name][way] = {
                key: {"text": text, "right": comes_to(text, puzzle.answer)}
                for (key, puzzle), text in zip(PUZZLES.items(), written.texts, strict=True)
            }
    puzzles = {key: puzzle._asdict() for key, puzzle in PUZZLES.items()}
    return {"origin": ORIGIN, "puzzles": puzzles, "columns": results}


def comes_to(text: str, answer: int) -> bool:
    """Tell whether a text comes to a number; a text without one does not."""
    try:
        return same_number(text, answer)
    except AnswerNotFoundError:
        return False
