"""Reviews of one sentence with a label: ordinary ones, and those of the pocket models' grammar."""

import random

from companion.pocket.corpus import rules
from companion.prompts import extract_choice

from ._side_by_side import load_items

LABELS = ("positive", "negative")
REVIEW = {"input_label": "Review", "output_label": "Label"}
REVIEW_QUESTION = "Is this review positive or negative? Answer with one word.\n{text}"
GRAMMAR_REVIEWS = {"development": 20, "held_out": 60}
SEEDS = {"development": 1, "held_out": 2}

Review = tuple[str, str]


def review_items(split: str) -> dict[str, tuple[list[Review], list[Review]]]:
    """Return five examples and the items of both kinds of reviews, as texts with labels."""
    stored = load_items("reviews")
    ordinary = (
        [(review["text"], review["label"]) for review in stored["examples"]],
        [(review["text"], review["label"]) for review in stored[split]],
    )
    rng, drawn = random.Random(SEEDS[split]), {}
    while len(drawn) < 5 + GRAMMAR_REVIEWS[split]:
        text, good = rules.sentiment(rng)
        drawn[text] = LABELS[0] if good else LABELS[1]
    pairs = list(drawn.items())
    return {"ordinary": ordinary, "grammar": (pairs[:5], pairs[5:])}


def names_label(text: str, label: str) -> bool:
    """Tell whether a text names one of the two labels, and this one."""
    return extract_choice(text, LABELS) == label
