"""Exercises: a verdict from two orders, a win rate with ties."""

from random import Random

from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("evaluation", __name__)

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
        forward: What the judge said with answer one as A: "A", "B" or another
            text.
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
    for same in "AB":
        think = "The same answer twice, or the same place?"
        yield Case(f"{same} twice", (same, same), think)
    odd = rng.choice(["both are good", "C", "neither"]) + "." * rng.randint(0, 9)
    yield Case("no letter first", (odd, "A"), "One of the two is no verdict.")
    yield Case("no letter after the swap", ("B", odd), "One of the two is no verdict.")
    long = "A" + rng.choice([" or B", ", perhaps", " bit of both"]) + "!" * rng.randint(0, 9)
    yield Case("a letter in a sentence", (long, "B"), "Is that the letter, or another text?")
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


@exercise.mistake(
    "You take the first letter of what the judge wrote. A sentence that begins with an A is not "
    "the verdict A: compare the whole text."
)
def _first_letter(forward: str, swapped: str) -> str:
    return two_order_verdict(forward[:1], swapped[:1])


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
        verdicts: For each prompt, the verdicts "win", "tie" or "loss" of the
            first system. At least one prompt has some.

    Returns:
        The mean over the prompts of the mean points within each, from 0 to 1.
    """
    points = {"win": 1.0, "tie": 0.5, "loss": 0.0}
    means = [sum(points[one] for one in some) / len(some) for some in verdicts if some]
    return sum(means) / len(means)


@exercise.cases
def _win_cases(rng: Random) -> Cases:
    yield Case("one verdict each", ([["win"], ["loss"], ["win"], ["tie"]],), "What is a tie worth?")
    yield Case(
        "only ties",
        ([["tie"], ["tie"] * rng.randint(2, 9)],),
        "Two equal systems: what is the rate?",
    )
    often = [["loss"] * rng.randint(6, 9), ["win"], ["win", "tie"]]
    yield Case("one judged more often", (often,), "How much does the first prompt count?")
    silent = [["win"], [], ["tie", "loss"]]
    yield Case("a prompt without verdicts", (silent,), "Is no verdict a loss?")
    yield Case(
        "always won",
        ([["win"] * rng.randint(2, 9), ["win"]],),
        "Are those all the points there are?",
    )
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
