"""Pocket and open: examples in the prompt, exchanged labels, rules in context, ways to ask.

Both columns get the same items. Reviews come in two kinds: ordinary ones, written for this book,
and those of the grammar that pocket-base was trained on. Taught in
:doc:`/book/start/pocket-and-open`.

Left out: other orders and other choices of the examples, other labels than the usual two.
"""

import random
from collections.abc import Sequence
from typing import Any

from companion.models.loading import LoadedModel
from companion.pocket.corpus import rules
from companion.prompts import few_shot, zero_shot

from ._capitals import capitals
from ._reviews import LABELS, REVIEW, REVIEW_QUESTION, Review, names_label, review_items
from ._side_by_side import (
    COLUMNS,
    ORIGIN,
    Column,
    as_message,
    check_split,
    load_columns,
    part,
    score,
)

EXCHANGED = dict(zip(LABELS, reversed(LABELS), strict=True))
REVIEW_EXAMPLES = (0, 1, 3, 5)
RULE_EXAMPLES = (0, 1, 3, 8)
RULE_WORDS = {"development": 7, "held_out": 20}  # for each of three rules
RULE_SEEDS = {"development": 1, "held_out": 2}


def measure(
    *, scale: float = 1.0, split: str = "held_out", columns: Sequence[str] = COLUMNS
) -> dict[str, Any]:
    """Ask both models for labels of reviews, for words after a rule, and for capitals.

    Args:
        scale: Share of the items to use, for a quick try.
        split: "held_out" for the record; "development" while prompts are being worded.
        columns: Some of "pocket" and "open".

    Returns:
        ``columns``, one entry each, with counts for ``reviews``, ``rules`` and ``capitals``.
    """
    check_split(split)
    results = {
        name: {
            "reviews": _reviews(column, scale, split),
            "rules": _rules(column.text, scale, split),
            "capitals": capitals(column, scale, split),
        }
        for name, column in load_columns(columns).items()
    }
    return {"origin": ORIGIN, "split": split, "columns": results}


def _reviews(column: Column, scale: float, split: str) -> dict[str, Any]:
    results = {}
    for kind, (shown, asked) in review_items(split).items():
        asked = part(asked, scale)
        texts, labels = zip(*asked, strict=True)
        usual = {
            str(count): _labelled(column.text, shown[:count], texts, labels)
            for count in REVIEW_EXAMPLES
        }
        turned = [(text, EXCHANGED[label]) for text, label in shown]
        exchanged = {
            str(count): _labelled(
                column.text, turned[:count], texts, [EXCHANGED[label] for label in labels]
            )
            for count in (1, 3)
        }
        prompts = [as_message(column.chat, REVIEW_QUESTION.format(text=text)) for text in texts]
        chat = score(column.chat, prompts, labels, names_label, max_new_tokens=24, stop=())
        results[kind] = {"usual": usual, "exchanged": exchanged, "chat": chat}
    return results


def _labelled(
    loaded: LoadedModel, shown: Sequence[Review], texts: Sequence[str], labels: Sequence[str]
) -> dict[str, Any]:
    prompts = [
        few_shot(text, shown, **REVIEW) if shown else zero_shot(text, **REVIEW) for text in texts
    ]
    return score(loaded, prompts, labels, names_label, max_new_tokens=8)


def _rules(loaded: LoadedModel, scale: float, split: str) -> dict[str, Any]:
    results = {}
    for count in RULE_EXAMPLES:
        items = rule_items(count, max(1, round(RULE_WORDS[split] * scale)), split)
        prompts, answers = zip(*items, strict=True)
        results[str(count)] = score(loaded, prompts, answers, same_line, max_new_tokens=16)
    return results


def rule_items(examples: int, count: int, split: str) -> list[tuple[str, str]]:
    """Return prompts and answers: of the same lists of words, the first ``examples`` are shown."""
    rng, items = random.Random(RULE_SEEDS[split]), []
    for name in rules.EVALUATED_RULES:
        apply = rules.RULES[name]
        for _ in range(count):
            words: dict[str, None] = {}
            while len(words) <= max(RULE_EXAMPLES):
                words[rules.word(rng, "eval")] = None
            *shown, asked = words
            lines = [f"{word} -> {apply(word)}" for word in shown[:examples]]
            items.append(("\n".join([*lines, f"{asked} ->"]), apply(asked)))
    return items


def same_line(text: str, answer: str) -> bool:
    """Tell whether the text, which ends at a line break, is the answer."""
    return text.strip() == answer
