"""Exercises: McNemar's test, a verdict from two orders, bits per byte, a win rate with ties."""

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
        _outcomes(rng, 30, rng.randint(9, 12), 3, 5),
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
    title="A verdict from two orders",
    difficulty="easy",
    minutes=10,
    statement="""
    A judge was asked about the answers one and two in both orders. `forward` is the letter it
    said when answer one was called A (and two B), `swapped` the letter when answer two was called
    A. Only a verdict that survives the swap counts. What is no letter A or B is no verdict.
    """,
    hints=(
        "In the second order the letters have changed hands: A is answer two.",
        "Which answer did it choose the first time, and which the second time?",
        '`forward == "A" and swapped == "B"` is a win of answer one.',
    ),
)


@exercise.solution
def two_order_verdict(forward: str, swapped: str) -> str:
    """Combine the verdicts of both orders.

    Args:
        forward: What the judge said with answer one as A: "A", "B" or another text.
        swapped: What it said with answer two as A.

    Returns:
        "one" or "two" if both verdicts name the same answer, else "tie".
    """
    if (forward, swapped) == ("A", "B"):
        return "one"
    return "two" if (forward, swapped) == ("B", "A") else "tie"


@exercise.cases
def _verdict_cases(rng: Random) -> Cases:
    yield Case("one, both times", ("A", "B"), "Who is B after the swap?")
    yield Case("two, both times", ("B", "A"), "Who is A after the swap?")
    yield Case("always A", ("A", "A"), "Did it choose the same answer twice, or the same place?")
    yield Case("always B", ("B", "B"), "Did it choose the same answer twice, or the same place?")
    odd = rng.choice(["both are good", "C", "", "neither"])
    yield Case("no letter first", (odd, "A"), "One of the two is no verdict.")
    yield Case("no letter after the swap", ("A", odd), "One of the two is no verdict.")
    yield Case("no letter at all", (odd, odd), "There is no verdict.")


@exercise.mistake(
    "The letters were not swapped back: the same letter twice is the same place, and two different "
    "answers."
)
def _same_letter(forward: str, swapped: str) -> str:
    if forward == swapped == "A":
        return "one"
    return "two" if forward == swapped == "B" else "tie"


@exercise.mistake(
    "That takes the first order only. Its verdict may be the place and not the answer."
)
def _first_order(forward: str, _swapped: str) -> str:
    return {"A": "one", "B": "two"}.get(forward, "tie")


@exercise.mistake(
    "A missing verdict is filled up with the other one. Then it has not survived the swap."
)
def _filled(forward: str, swapped: str) -> str:
    if forward not in ("A", "B"):
        return {"A": "two", "B": "one"}.get(swapped, "tie")
    if swapped not in ("A", "B"):
        return {"A": "one", "B": "two"}.get(forward, "tie")
    return two_order_verdict(forward, swapped)


@exercise.mistake("One and two are exchanged: with answer one as A, the letter A means one.")
def _exchanged(forward: str, swapped: str) -> str:
    return two_order_verdict(swapped, forward)


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


exercise = page.exercise(
    title="A win rate with ties",
    difficulty="medium",
    minutes=12,
    tolerance=1e-9,
    statement="""
    A judge compared two systems on several answers to each prompt. Return the win rate of the first
    system: a win counts 1, a tie one half, a loss 0. First take the mean within each prompt, then
    the mean over the prompts, so that a prompt that was judged more often counts no more than
    another. A prompt without verdicts is left out.
    """,
    hints=(
        '`{"win": 1, "tie": 0.5, "loss": 0}` gives the points of a verdict.',
        "What was sampled are prompts. Average within each of them first.",
        "Skip empty lists before you divide.",
    ),
)


@exercise.solution
def win_rate(verdicts: list[list[str]]) -> float:
    """Compute a win rate over prompts.

    Args:
        verdicts: For each prompt, the verdicts "win", "tie" or "loss" of the first system. At
            least one prompt has some.

    Returns:
        The mean over the prompts of the mean points within each, from 0 to 1.
    """
    points = {"win": 1.0, "tie": 0.5, "loss": 0.0}
    means = [sum(points[one] for one in some) / len(some) for some in verdicts if some]
    return sum(means) / len(means)


@exercise.cases
def _win_cases(rng: Random) -> Cases:
    yield Case("one verdict each", ([["win"], ["loss"], ["win"], ["tie"]],), "What is a tie worth?")
    yield Case("only ties", ([["tie"], ["tie", "tie"]],), "Two equal systems: what is the rate?")
    often = [["loss"] * rng.randint(6, 9), ["win"], ["win", "tie"]]
    yield Case("one judged more often", (often,), "How much does the first prompt count?")
    yield Case("a prompt without verdicts", ([["win"], [], ["tie", "loss"]],), "Is it a loss?")
    yield Case("always won", ([["win", "win"], ["win"]],), "Are those all the points there are?")
    mixed = [[rng.choice(["win", "tie", "loss"]) for _ in range(k)] for k in (1, 4, 2, 5)]
    yield Case("mixed", (mixed,), "Average within prompts, then over them.")


@exercise.mistake(
    "Ties are left out of the count. A judge that hesitates says that both are close."
)
def _without_ties(verdicts: list[list[str]]) -> float:
    decided = [[one for one in some if one != "tie"] for some in verdicts]
    return win_rate(decided) if any(decided) else 0.0


@exercise.mistake("Ties count as losses. Then two equal systems have a rate below one half.")
def _ties_lost(verdicts: list[list[str]]) -> float:
    return win_rate([["win" if one == "win" else "loss" for one in some] for some in verdicts])


@exercise.mistake("All verdicts are averaged at once: prompts that were judged often count more.")
def _pooled(verdicts: list[list[str]]) -> float:
    return win_rate([[one for some in verdicts for one in some]])


@exercise.mistake("A prompt without verdicts counts as lost. Nobody has judged it.")
def _empty_lost(verdicts: list[list[str]]) -> float:
    return win_rate([some or ["loss"] for some in verdicts])


@exercise.mistake("The majority decides each prompt. What is lost is how clear it was.")
def _majority(verdicts: list[list[str]]) -> float:
    rates = [win_rate([some]) for some in verdicts if some]
    return sum(1.0 if r > 0.5 else 0.5 if r == 0.5 else 0.0 for r in rates) / len(rates)
