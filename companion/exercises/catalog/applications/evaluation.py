"""Exercises: McNemar's exact test, bits per byte."""

import math
from random import Random

from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("evaluation", __name__)

exercise = page.exercise(
    title="McNemar's exact test",
    difficulty="medium",
    minutes=15,
    tolerance=1e-9,
    statement=r"""
    Two systems answered the same items. Only the items on which exactly one of them is right say
    which is better. If both are equally good, each such item is a fair coin. Return the two-sided
    p-value: twice the probability that at most as many coins as the fewer side has fall on one
    side, and never more than 1.
    """,
    hints=(
        "Count the items that only the first solved, and those that only the second solved.",
        "With n such items: `sum(math.comb(n, k) for k in range(fewer + 1)) / 2**n` is one tail.",
        "Twice the tail can exceed 1 where both sides are equal. And n may be 0.",
    ),
)


@exercise.solution
def exact_mcnemar(before: list[bool], after: list[bool]) -> float:
    """Test whether two systems differ on the same items.

    Args:
        before: Whether the first system is right, for each item.
        after: Whether the second is right, for the same items.

    Returns:
        The exact two-sided p-value, at most 1; 1 if they never differ.
    """
    lost = sum(a and not b for a, b in zip(before, after, strict=True))
    won = sum(b and not a for a, b in zip(before, after, strict=True))
    n, fewer = lost + won, min(lost, won)
    tail = sum(math.comb(n, k) for k in range(fewer + 1)) / 2**n
    return min(1.0, 2 * tail)


def _outcomes(
    rng: Random, both: int, lost: int, won: int, neither: int
) -> tuple[list[bool], list[bool]]:
    """Return outcomes with so many items in each corner, in a random order."""
    pairs = [(True, True)] * both + [(True, False)] * lost
    pairs += [(False, True)] * won + [(False, False)] * neither
    rng.shuffle(pairs)
    return [a for a, _ in pairs], [b for _, b in pairs]


@exercise.cases
def _mcnemar_cases(rng: Random) -> Cases:
    yield Case(
        "two lost, many won",
        _outcomes(rng, rng.randint(20, 60), 2, rng.randint(12, 16), rng.randint(3, 20)),
        "Which items say that one is better?",
    )
    yield Case(
        "the other way round",
        _outcomes(rng, 5, rng.randint(9, 12), 3, 30),
        "Is it the same if the first system wins?",
    )
    yield Case("none lost", _outcomes(rng, 10, 0, 6, 4), "Six coins of six: how likely is that?")
    yield Case("equal", _outcomes(rng, 10, 4, 4, 2), "Can a probability be larger than 1?")
    yield Case("never different", _outcomes(rng, 8, 0, 0, 3), "With no coin, what can be said?")
    yield Case("one item", ([True], [False]), "A single coin always falls on some side.")


@exercise.mistake("That is one-sided: a difference the other way would be as surprising.")
def _one_sided(before: list[bool], after: list[bool]) -> float:
    p = exact_mcnemar(before, after)
    return p / 2 if p < 1 else 0.5


@exercise.mistake(
    "Those are coins of all items. Items that both solve, or neither, say nothing about which is "
    "better."
)
def _all_items(before: list[bool], after: list[bool]) -> float:
    n, fewer = len(before), min(sum(before), sum(after))
    return min(1.0, 2 * sum(math.comb(n, k) for k in range(fewer + 1)) / 2**n)


@exercise.mistake(
    "That is the tail up to the larger side. It holds half of everything or more, so that twice it "
    "is always 1."
)
def _larger_side(before: list[bool], after: list[bool]) -> float:
    lost = sum(a and not b for a, b in zip(before, after, strict=True))
    won = sum(b and not a for a, b in zip(before, after, strict=True))
    n, more = lost + won, max(lost, won)
    return min(1.0, 2 * sum(math.comb(n, k) for k in range(more + 1)) / 2**n)


@exercise.mistake(
    "That is the probability of exactly this count. What is more one-sided counts as well."
)
def _exactly(before: list[bool], after: list[bool]) -> float:
    lost = sum(a and not b for a, b in zip(before, after, strict=True))
    won = sum(b and not a for a, b in zip(before, after, strict=True))
    n = lost + won
    return min(1.0, 2 * math.comb(n, min(lost, won)) / 2**n)


@exercise.mistake("Twice the tail is more than 1 where both sides are equal. Stop at 1.")
def _above_one(before: list[bool], after: list[bool]) -> float:
    lost = sum(a and not b for a, b in zip(before, after, strict=True))
    won = sum(b and not a for a, b in zip(before, after, strict=True))
    n, fewer = lost + won, min(lost, won)
    return 2 * sum(math.comb(n, k) for k in range(fewer + 1)) / 2**n


@exercise.mistake(
    "That is the approximation by chi-square. With few items that differ it is not exact."
)
def _chi_square(before: list[bool], after: list[bool]) -> float:
    lost = sum(a and not b for a, b in zip(before, after, strict=True))
    won = sum(b and not a for a, b in zip(before, after, strict=True))
    if lost == won:
        return 1.0
    return math.erfc(abs(won - lost) / math.sqrt(2 * (won + lost)))


exercise = page.exercise(
    title="Bits per byte",
    difficulty="easy",
    minutes=8,
    tolerance=1e-9,
    statement=r"""
    Perplexity per token can't be compared between tokenizers. Turn it into bits per byte: the loss
    of all tokens of the text, in bits, divided by the bytes of the text in UTF-8. The perplexity
    is $e^{\bar L}$ with $\bar L$ the mean loss per token in nats.
    """,
    hints=(
        "`math.log2(perplexity)` is the loss of one token in bits, on average.",
        "Times the tokens, it is the loss of the text.",
        "`len(text.encode())` counts bytes. `len(text)` counts characters.",
    ),
)


@exercise.solution
def bits_per_byte(perplexity: float, tokens: int, text: str) -> float:
    """Make a perplexity comparable between tokenizers.

    Args:
        perplexity: Per token, over the whole text.
        tokens: Number of tokens that were predicted.
        text: The text.

    Returns:
        Bits per byte of UTF-8.
    """
    return math.log2(perplexity) * tokens / len(text.encode())


@exercise.cases
def _bits_cases(rng: Random) -> Cases:
    text = "the old harbor " * rng.randint(2, 5)
    yield Case(
        "English",
        (round(rng.uniform(5, 30), 1), len(text) // 4, text),
        "Bits, not nats: which log?",
    )
    yield Case("two per byte", (4.0, 8, "abcdefgh"), "Each token costs 2 bits and is one byte.")
    yield Case("sure of everything", (1.0, 12, text), "What does a token cost that is certain?")
    yield Case("Japanese", (9.0, 6, "東京の天気"), "How many bytes does a character have here?")
    yield Case("accents", (7.5, 5, "Le garçon a été là."), "A character can have two bytes.")
    one = "word " * rng.randint(3, 9)
    yield Case("long tokens", (50.0, 4, one), "How many tokens were guessed?")


@exercise.mistake("That is in nats. A bit is log 2 = 0.69 nats.")
def _nats(perplexity: float, tokens: int, text: str) -> float:
    return math.log(perplexity) * tokens / len(text.encode())


@exercise.mistake("That is per character. Outside of ASCII a character has several bytes.")
def _per_character(perplexity: float, tokens: int, text: str) -> float:
    return math.log2(perplexity) * tokens / len(text)


@exercise.mistake("That is bits per token. How many tokens does the text have, and how many bytes?")
def _per_token(perplexity: float, _tokens: int, _text: str) -> float:
    return math.log2(perplexity)


@exercise.mistake(
    "That divides the perplexity itself. Perplexities multiply; their logarithms add."
)
def _no_logarithm(perplexity: float, tokens: int, text: str) -> float:
    return perplexity * tokens / len(text.encode())
