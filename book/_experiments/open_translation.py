"""Pocket and open: English into French with 0, 1 and 4 examples, words and sentences.

Words are common ones of ordinary English; sentences are of the grammar that pocket-base was trained
on, held out from it. Two phrase books of four entries show what one wrong entry does: "Bon matin"
is "good morning" word by word, and nobody in France says it. Taught in
:doc:`/book/prompting/few-shot`.

Left out: translations that are right and not written down with the item.
"""

import random
import re
from collections.abc import Sequence
from typing import Any

from companion.models.loading import LoadedModel
from companion.pocket.corpus import translation
from companion.prompts import few_shot, zero_shot

from ._side_by_side import (
    COLUMNS,
    ORIGIN,
    ask,
    check_split,
    load_columns,
    load_items,
    part,
    score,
)

EXAMPLES = (0, 1, 4)
LABELS = {"input_label": "English", "output_label": "French"}
WORDS = {"development": 10, "held_out": 32}
SENTENCES = {"development": 8, "held_out": 16}
LONGEST = {"words": 12, "sentences": 24}
SEEDS = {"development": 6, "held_out": 7}
SHOWN_SEED = 8

Item = tuple[str, list[str]]


def measure(
    *, scale: float = 1.0, split: str = "held_out", columns: Sequence[str] = COLUMNS
) -> dict[str, Any]:
    """Ask both models for translations.

    Args:
        scale: Share of the items to use, for a quick try.
        split: "held_out" for the record; "development" while prompts are being worded.
        columns: Some of "pocket" and "open".

    Returns:
        ``columns``, one entry each: counts for ``words`` and ``sentences`` by number of examples,
        and the texts of ``phrases``, after a phrase book without and with the wrong entry.
    """
    check_split(split)
    results = {}
    for name, column in load_columns(columns).items():
        results[name] = {
            kind: _by_examples(column.text, shown, part(asked, scale), LONGEST[kind])
            for kind, (shown, asked) in translation_items(split).items()
        }
        results[name]["phrases"] = _phrases(column.text)
    return {"origin": ORIGIN, "split": split, "columns": results}


def translation_items(split: str) -> dict[str, tuple[list[tuple[str, str]], list[Item]]]:
    """Return four examples and the items of both kinds, each with all right translations."""
    stored = load_items("translations")
    words = [(word["english"], word["french"]) for word in stored[split][: WORDS[split]]]
    shown = [(word["english"], word["french"][0]) for word in stored["examples"]]
    return {"words": (shown, words), "sentences": _sentences(split)}


def _sentences(split: str) -> tuple[list[tuple[str, str]], list[Item]]:
    rng = random.Random(SHOWN_SEED)
    shown = [translation.sentence(rng, "eval") for _ in range(max(EXAMPLES))]
    drawn: dict[str, list[str]] = {}
    rng = random.Random(SEEDS[split])
    while len(drawn) < SENTENCES[split]:
        pair = translation.sentence(rng, "eval")
        if pair not in shown:
            drawn[pair.english] = [pair.french]
    return [(pair.english, pair.french) for pair in shown], list(drawn.items())


def _by_examples(
    loaded: LoadedModel, shown: Sequence[tuple[str, str]], asked: Sequence[Item], longest: int
) -> dict[str, Any]:
    results = {}
    for count in EXAMPLES:
        prompts = [
            few_shot(text, shown[:count], **LABELS) if count else zero_shot(text, **LABELS)
            for text, _ in asked
        ]
        answers = [french for _, french in asked]
        results[str(count)] = score(loaded, prompts, answers, translates, max_new_tokens=longest)
    return results


def translates(text: str, answers: Sequence[str]) -> bool:
    """Tell whether the first line is one of the translations, an article aside.

    Example:
        >>> translates(" Le soleil.", ["soleil"]), translates(" soleil couchant", ["soleil"])
        (True, False)
    """
    return _plain(text) in [_plain(answer) for answer in answers]


def _plain(text: str) -> str:
    line = text.strip().partition("\n")[0].strip(" .!?\u00a0").lower().replace("\u2019", "'")
    return re.sub(r"^(?:(?:les?|la|une?) |l')", "", line)


def _phrases(loaded: LoadedModel) -> dict[str, str]:
    """Return what a model writes for a phrase after four others, one of them right or wrong."""
    stored = load_items("translations")
    right = [tuple(pair) for pair in stored["phrases"]]
    wrong = [(e, stored["literal"] if e == "Good morning" else f) for e, f in right]
    prompts = [few_shot(stored["asked"], shown, **LABELS) for shown in (right, wrong)]
    answers = ask(loaded, prompts, [""] * 2, lambda *_: True, max_new_tokens=16)
    return dict(zip(("right examples", "one wrong example"), answers.texts, strict=True))
