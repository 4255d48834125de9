"""Arithmetic, and word problems of two and three steps, answered directly or with the reasoning written out."""

import random
from typing import NamedTuple

from companion.phrases import CONCLUSION, TRIGGER

from .holdout import Split, draw, held_out
from .lexicon import FIRST_NAMES, pronouns

_THINGS = "apples books coins stamps cards shells pencils cookies marbles stickers eggs oranges tickets buttons candles pears".split()
_BOXES = "boxes bags packs baskets jars".split()
EVENTS = ("box", "find", "give", "share")


class Problem(NamedTuple):
    """A word problem: its text, the reasoning with the answer at its end, and the answer alone."""

    question: str
    reasoning: str
    answer: int
    steps: int


def _say(a: int, op: str, b: int) -> tuple[str, int]:
    word, value = {"+": ("plus", a + b), "-": ("minus", a - b), "*": ("times", a * b)}[op]
    return f"{a} {word} {b} is {value}.", value


PLOTS = {  # what may happen in the problems of the training documents, by number of events
    2: (("box", "give"), ("box", "find"), ("box", "share"), ("find", "box")),
    3: (
        ("box", "give", "find"),
        ("box", "find", "give"),
        ("find", "box", "give"),
        ("box", "box", "give"),
        ("box", "share", "find"),
    ),
}


def _events(rng: random.Random, kinds: tuple[str, ...]) -> list[tuple[str, int, int]]:
    """Choose what happens after the start: (kind, amount, size of a box)."""
    return [
        (
            kind,
            rng.randint(2, 9) if kind in ("box", "share") else rng.randint(3, 40),
            rng.randint(2, 9),
        )
        for kind in kinds
    ]


def _tell(rng: random.Random, start: int, events: list[tuple[str, int, int]]) -> Problem | None:
    name, thing, box = rng.choice(FIRST_NAMES), rng.choice(_THINGS), rng.choice(_BOXES)
    they = pronouns(name)["They"]
    sentences, said, total = [f"{name} has {start} {thing}."], [], start
    for kind, amount, size in events:
        if kind == "box":
            sentences.append(f"{they} buys {amount} {box} with {size} {thing} each.")
            text, bought = _say(amount, "*", size)
            more, total = _say(total, "+", bought)
            said += [text, more]
        elif kind == "share":
            sentences.append(f"{they} gives {size} {thing} to each of {amount} friends.")
            text, given = _say(amount, "*", size)
            more, total = _say(total, "-", given)
            said += [text, more]
        else:
            sentences.append(
                f"{they} finds {amount} more {thing}."
                if kind == "find"
                else f"{they} gives away {amount} {thing}."
            )
            more, total = _say(total, "+" if kind == "find" else "-", amount)
            said.append(more)
        if total < 0:
            return None
    question = " ".join(sentences) + f" How many {thing} does {name} have now?"
    return Problem(question, " ".join(said) + f" {CONCLUSION} {total}.", total, len(said))


def problem(rng: random.Random, split: Split, *, events: int = 2, free: bool = False) -> Problem:
    """Return a word problem with ``events`` things that happen; its numbers are on the side of ``split``.

    With ``free``, anything may happen in any order. Without, it is one of `PLOTS`.
    """

    def sample(source: random.Random) -> tuple[object, Problem | None]:
        start = source.randint(5, 60)
        plot = tuple(source.choices(EVENTS, k=events)) if free else source.choice(PLOTS[events])
        chosen = _events(source, plot)
        return (start, *chosen), _tell(source, start, chosen)

    while True:
        drawn = draw(rng, split, sample)
        if drawn is not None:
            return drawn


def direct(problem: Problem) -> str:
    """Return the problem answered at once."""
    return f"Question: {problem.question}\nAnswer: {problem.answer}"


def reasoned(problem: Problem, *, trigger: bool = True) -> str:
    """Return the problem with its reasoning written out."""
    return f"Question: {problem.question}\nAnswer: {TRIGGER + ' ' if trigger else ''}{problem.reasoning}"


def word_problem_document(rng: random.Random, split: Split) -> str:
    """Return one to three word problems, all answered in the same manner."""
    manner = rng.random()
    problems = [
        problem(rng, split, events=rng.choice((2, 2, 3))) for _ in range(rng.choice((1, 2, 2, 3)))
    ]
    if manner < 0.25:
        return "\n\n".join(direct(p) for p in problems)
    return "\n\n".join(reasoned(p, trigger=manner < 0.65) for p in problems)


def _calculation(rng: random.Random, split: Split) -> str:
    while True:
        op = rng.choice("++--*")
        a, b = (
            (rng.randint(2, 12), rng.randint(2, 12))
            if op == "*"
            else (rng.randint(0, 99), rng.randint(0, 99))
        )
        if op == "-" and a < b:
            a, b = b, a
        if op == "*" or held_out(a, op, b) == (split == "eval"):
            break
    text, value = _say(a, op, b)
    return rng.choice(
        (text, f"{a} {op} {b} = {value}", f"Question: What is {a} {op} {b}?\nAnswer: {value}")
    )


def calculation_document(rng: random.Random, split: Split) -> str:
    """Return a handful of single calculations, one to a line."""
    return "\n".join(_calculation(rng, split) for _ in range(rng.randint(4, 10)))


def _shown() -> str:
    """Return two training problems answered at once: without them, the model reasons unasked."""
    rng = random.Random(0)
    return "".join(direct(problem(rng, "train")) + "\n\n" for _ in range(2))


def item(rng: random.Random, split: Split, *, reasoning: bool, events: int = 2) -> tuple[str, str]:
    """Return a prompt for one problem, and the number that answers it.

    With ``reasoning``, the prompt ends in the trigger phrase. Without, two problems that are answered at once come first.
    """
    drawn = problem(rng, split, events=events)
    asked = f"Question: {drawn.question}\nAnswer:"
    return (f"{asked} {TRIGGER}" if reasoning else _shown() + asked), str(drawn.answer)
