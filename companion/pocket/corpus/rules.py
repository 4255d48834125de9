"""In-context rules: pairs that follow one hidden rule, which only the examples tell.

With no example the rule is anybody's guess; with three it is plain. That difference is what few-shot prompting measures.
"""

import random
from collections.abc import Callable

from .holdout import Split
from .lexicon import known_word, made_up_word

RULES: dict[str, Callable[[str], str]] = {
    "upper": str.upper,
    "first": lambda word: word[0],
    "double": lambda word: f"{word} {word}",
    "last": lambda word: word[-1],
    "title": str.capitalize,
    "same": lambda word: word,
    "plural": lambda word: f"{word}s",
    "exclaim": lambda word: f"{word}!",
    "quote": lambda word: f'"{word}"',
    "re": lambda word: f"re{word}",
    "dash": lambda word: f"{word}-{word}",
    "bracket": lambda word: f"({word})",
}
EVALUATED_RULES = ("upper", "first", "double")

_GOOD = "lovely warm fresh kind bright tasty clean friendly funny brilliant pleasant superb cheerful excellent".split()
_BAD = "awful cold stale rude dull bland dirty hostile boring terrible noisy broken gloomy dreadful".split()
_THINGS = "soup hotel film book room waiter song train garden cake phone lesson game coat".split()
_LABELS = (
    "positive negative",
    "good bad",
    "plus minus",
    "yes no",
    "up down",
    "A B",
    "1 0",
    "red blue",
    "foo bar",
)
_STYLES = (
    ("{x} -> {y}", "\n"),
    ("Input: {x}\nOutput: {y}", "\n\n"),
    ("{x} = {y}", "\n"),
    ("{x} => {y}", "\n"),
)


def word(rng: random.Random, split: Split) -> str:
    """Return a real or invented word that is on the side of ``split``."""
    return (
        known_word(rng, split) if rng.random() < 0.5 else made_up_word(rng, split, syllables=(1, 2))
    )


def sentiment(rng: random.Random) -> tuple[str, bool]:
    """Return a short review and whether it is favorable."""
    good = rng.random() < 0.5
    a, b = rng.sample(_GOOD if good else _BAD, 2)
    thing = rng.choice(_THINGS)
    return rng.choice(
        (
            f"The {thing} was {a} and {b}.",
            f"What a {a} {thing}!",
            f"I found the {thing} {a}.",
            f"A {a}, {b} {thing}.",
        )
    ), good


def _label_document(rng: random.Random) -> str:
    names = rng.choice(_LABELS).split()
    if rng.random() < 0.5:
        names.reverse()
    pattern, gap = rng.choice(
        (("{x} // {y}", "\n"), ("Review: {x}\nLabel: {y}", "\n\n"), ("{x} -> {y}", "\n"))
    )
    reviews = [sentiment(rng) for _ in range(rng.randint(4, 10))]
    return gap.join(
        pattern.format(x=text, y=names[0] if good else names[1]) for text, good in reviews
    )


def _number_document(rng: random.Random) -> str:
    step, factor = rng.randint(1, 9), rng.choice((1, 1, 1, 2, 10))
    pattern, gap = rng.choice(_STYLES)
    values = rng.sample(range(1, 60), rng.randint(5, 9))
    return gap.join(
        pattern.format(x=v, y=factor * v + (step if factor == 1 else 0)) for v in values
    )


def document(rng: random.Random, split: Split) -> str:
    """Return one training document: a list of pairs under one rule."""
    kind = rng.random()
    if kind < 0.22:
        return _label_document(rng)
    if kind < 0.30:
        return _number_document(rng)
    rule = RULES[rng.choice(tuple(RULES))]
    pattern, gap = rng.choice(_STYLES)
    words = dict.fromkeys(word(rng, split) for _ in range(rng.randint(5, 12)))
    return gap.join(pattern.format(x=w, y=rule(w)) for w in words)


def item(rng: random.Random, split: Split, *, rule: str, examples: int) -> tuple[str, str]:
    """Return a prompt with ``examples`` solved pairs and one open pair, and its answer.

    Args:
        rng: Source of randomness.
        split: Side of the words.
        rule: Key of `RULES`.
        examples: Number of solved pairs before the open one.

    Returns:
        Prompt that ends in ``->`` and the expected continuation.
    """
    words: dict[str, None] = {}
    while len(words) <= examples:
        words[word(rng, split)] = None
    *shown, asked = words
    apply = RULES[rule]
    return "".join(f"{w} -> {apply(w)}\n" for w in shown) + f"{asked} ->", apply(asked)
