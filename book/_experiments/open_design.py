"""Pocket and open: weak and strong wordings of four principles, scored, with some of the texts.

The principles are those of the page about prompt design that need no made-up facts: a clear
instruction, a format, a constraint, examples. All prompts are messages to the chat models. Taught
in :doc:`/book/prompting/prompt-design`.

Left out: several wordings of one principle, of which the best could be chosen on other items.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from companion.models.loading import LoadedModel
from companion.pocket.corpus.facts import CAPITALS, capital_countries
from companion.prompts import few_shot, fill

from ._reviews import REVIEW, names_label, review_items
from ._side_by_side import (
    COLUMNS,
    ORIGIN,
    as_message,
    ask,
    check_split,
    counted,
    load_columns,
    load_items,
    part,
)

LONGEST = 24
REVIEWS = 32
OTHERS = 16
PRINTED = 2
CLEAR = "Is this review positive or negative? Answer with one word.\n{text}"


class Pair(NamedTuple):
    """Two wordings of one task, and its items."""

    weak: str
    strong: str
    items: Sequence[tuple[str, Any]]
    right: Callable[[str, Any], bool]


def measure(
    *, scale: float = 1.0, split: str = "held_out", columns: Sequence[str] = COLUMNS
) -> dict[str, Any]:
    """Put weak and strong prompts to both chat models.

    Args:
        scale: Share of the items to use, for a quick try.
        split: "held_out" for the record; "development" while prompts are being worded.
        columns: Some of "pocket" and "open".

    Returns:
        The ``prompts`` by principle, and ``columns``, one entry each: by principle, for "weak" and
        "strong", the counts and the first texts.
    """
    check_split(split)
    tasks = pairs(split)
    results = {}
    for name, column in load_columns(columns).items():
        known: dict[str, dict[str, Any]] = {}  # a wording of two principles is asked once
        results[name] = {
            principle: _compare(column.chat, pair._replace(items=part(pair.items, scale)), known)
            for principle, pair in tasks.items()
        }
    prompts = {key: {"weak": pair.weak, "strong": pair.strong} for key, pair in tasks.items()}
    return {"origin": ORIGIN, "split": split, "prompts": prompts, "columns": results}


def pairs(split: str) -> dict[str, Pair]:
    """Return the wordings of each principle with the items of a split."""
    shown, reviews = review_items(split)["ordinary"]
    reviews = reviews[:REVIEWS]
    lists = [(words, words.split(", ")) for words in load_items("designs")["words"][split]]
    lists = lists[:OTHERS]
    capitals = [(country, CAPITALS[country]) for country in capital_countries(split)[:OTHERS]]
    only = " Answer with the name only."
    listed = "Write a bulleted list with these items: {text}"
    solved = few_shot("{text}", shown[:4], **REVIEW)
    return {
        "clear instruction": Pair(
            "What do you think of this review?\n{text}", CLEAR, reviews, names_label
        ),
        "output format": Pair("Make a list.\n{text}", listed, lists, lists_words),
        "constraint": Pair(
            "What is the capital of {text}?",
            "What is the capital of {text}?" + only,
            capitals,
            is_only,
        ),
        "examples": Pair(CLEAR, solved, reviews, names_label),
    }


def _compare(loaded: LoadedModel, pair: Pair, known: dict[str, dict[str, Any]]) -> dict[str, Any]:
    for wording in (pair.weak, pair.strong):
        if wording not in known:
            known[wording] = _score(loaded, wording, pair)
    return {"weak": known[pair.weak], "strong": known[pair.strong]}


def _score(loaded: LoadedModel, wording: str, pair: Pair) -> dict[str, Any]:
    inputs, answers = zip(*pair.items, strict=True)
    prompts = [as_message(loaded, fill(wording, text=text)) for text in inputs]
    asked = ask(loaded, prompts, answers, pair.right, max_new_tokens=LONGEST, stop=())
    printed = zip(inputs[:PRINTED], asked.texts, strict=False)
    return counted(asked.accuracy) | {
        "cut": asked.cut,
        "texts": [{"input": text, "text": written} for text, written in printed],
    }


def lists_words(text: str, words: Sequence[str]) -> bool:
    r"""Tell whether a text is these words, one on each line, bullets and numbers aside.

    Example:
        >>> lists_words("1. cat\n2. dog", ["cat", "dog"]), lists_words("cat, dog", ["cat", "dog"])
        (True, False)
    """
    lines = [re.sub(r"^\s*(?:[-*\u2022]|\d+[.)])\s*", "", line) for line in text.splitlines()]
    return [line.strip().lower() for line in lines if line.strip()] == list(words)


def is_only(text: str, name: str) -> bool:
    """Tell whether a text is a name and nothing else, a period aside."""
    return text.strip().removesuffix(".") == name
