"""Exercises: chains of thought: their number, a vote, why they help."""

import collections
import re
from random import Random

from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("chain-of-thought", __name__)

exercise = page.exercise(
    title="Read the answer out of a chain of thought",
    difficulty="medium",
    minutes=15,
    statement="""
    To score chains of thought, a program needs the number and not the text. Read it after the words
    "The answer is". When there is none, say so with None and don't guess.
    """,
    hints=(
        '`text.rpartition("The answer is")` cuts at the last occurrence. Its middle part is empty '
        "if the words are not there.",
        "In the rest, `re.search` finds the first number. Build the pattern from parts: a sign, "
        "digits, groups of a comma and three digits, decimals.",
        r"The pattern `-?\d+(?:,\d{3})*(?:\.\d+)?` does it. Remove the commas before `float`.",
    ),
)


@exercise.solution
def extract_number(text: str) -> float | None:
    """Return the number that a chain of thought arrives at.

    It is the first number after the last "The answer is". Numbers may have a
    minus sign, commas between groups of three digits, and decimals: -3, 1,234,
    2.50.

    Args:
        text: What the model wrote.

    Returns:
        The number, or None if there is no "The answer is", or no number after
        it.
    """
    _, marker, rest = text.rpartition("The answer is")
    match = re.search(r"-?\d+(?:,\d{3})*(?:\.\d+)?", rest)
    if not marker or not match:
        return None
    return float(match.group().replace(",", ""))


@exercise.cases
def _number_cases(rng: Random) -> Cases:
    a, b, c = rng.randint(20, 60), rng.randint(2, 9), rng.randint(61, 99)
    chain = f"{a} plus {b} is {a + b}. The answer is {a + b}, since {b} came later."
    yield Case("a chain", (chain,), "Which number is the answer, and which only explains?")
    large = (
        f"The answer is ${rng.randint(1, 9)},{rng.randint(100, 999)},{rng.randint(100, 999)}.50."
    )
    yield Case("dollars", (large,), "Commas, decimals, a period: which belong to it?")
    twice = f"The answer is {c}. Wait, that is wrong. The answer is {a}."
    yield Case("second thoughts", (twice,), "Which of the two answers is meant?")
    below = f"It falls by {a}. The answer is -{b}.5 degrees."
    yield Case("below zero", (below,), "Is there a sign? And a decimal?")
    nothing = f"{a} minus {a} is nothing. The answer is 0."
    yield Case("zero", (nothing,), "Is 0 an answer? What does `if number` ask?")
    cut = f"{a} times {b} is {a * b}. {a * b} plus"
    yield Case("cut off", (cut,), "Did the model arrive at an answer?")
    unknown = f"{a} of {c} are missing. The answer is unknown."
    yield Case("no number", (unknown,), "What does None say that 0 does not?")


@exercise.mistake(
    "This takes the last number of the whole text. A chain that was cut off then yields an "
    "intermediate result, and a remark after the answer replaces it."
)
def _last_number(text: str) -> float | None:
    numbers = re.findall(r"-?\d+(?:,\d{3})*(?:\.\d+)?", text)
    return float(numbers[-1].replace(",", "")) if numbers else None


@exercise.mistake(
    'The first "The answer is" is taken. If a model corrects itself, the last counts.'
)
def _first_marker(text: str) -> float | None:
    rest = text.partition("The answer is")[2]
    return extract_number("The answer is" + rest.partition("The answer is")[0]) if rest else None


@exercise.mistake(
    "Only the first run of digits is read: 1,234.50 becomes 1. Allow groups of three digits and "
    "decimals."
)
def _digits_only(text: str) -> float | None:
    match = re.search(r"-?\d+", text.rpartition("The answer is")[2])
    return float(match.group()) if match and "The answer is" in text else None


@exercise.mistake("The minus sign is lost.")
def _no_sign(text: str) -> float | None:
    number = extract_number(text)
    return number if number is None else abs(number)


@exercise.mistake(
    "A text without an answer gives 0. That is a guess, and in a vote it would count as an answer. "
    "Return None."
)
def _zero_for_none(text: str) -> float | None:
    return extract_number(text) or 0.0


@exercise.mistake(
    "The answer 0 is taken for no answer: in Python, 0 counts as false. Ask `is None`."
)
def _none_for_zero(text: str) -> float | None:
    return extract_number(text) or None


@exercise.mistake(
    "One comma is understood, two are not: 1,234,567 has two groups of three digits behind the "
    "first digit. Let the group in your pattern occur any number of times."
)
def _one_group(text: str) -> float | None:
    rest = text.rpartition("The answer is")[2]
    return extract_number(text.removesuffix(rest) + re.sub(r"(\d,\d{3}),", r"\1 ", rest))


exercise = page.exercise(
    id="self-consistency-vote",
    title="Let chains vote",
    difficulty="medium",
    minutes=12,
    statement="""
    Self-consistency samples several chains of thought and takes the answer that most of them give.
    Write the vote, and report the agreement: low agreement is a warning. Chains without an answer
    don't vote, but they lower the agreement.
    """,
    hints=(
        "Leave out None, then count. `collections.Counter` keeps the order of first sight.",
        "`most_common(1)` gives the winner and its votes; of equals, the first that was seen.",
        "Divide the votes by the number of all samples. An empty Counter has no winner: treat it "
        "first.",
    ),
)


@exercise.solution
def vote(answers: list[float | None]) -> tuple[float | None, float]:
    """Return the winner of self-consistency, and how far the samples agree.

    Args:
        answers: The answer of each sampled chain; None where a chain had none.

    Returns:
        The most frequent answer (of equals, the one that came first), and the
        share of *all* samples that gave it. (None, 0.0) if no chain had an
        answer.
    """
    counts = collections.Counter(answer for answer in answers if answer is not None)
    if not counts:
        return None, 0.0
    winner, votes = counts.most_common(1)[0]
    return winner, votes / len(answers)


@exercise.cases
def _vote_cases(rng: Random) -> Cases:
    a, b, c = sorted(rng.sample(range(1, 60), 3))
    yield Case("a clear winner", ([a, c, a, a],), "Is the winner the average?")
    yield Case("a tie", ([b, a, c, a, b, c],), "All three have two votes. Which one came first?")
    yield Case("mostly without answer", ([None, None, b, None, c, b],), "Is None an answer?")
    nobody = [None] * rng.randint(2, 9)
    yield Case("nobody has an answer", (nobody,), "Who wins if nobody votes?")
    yield Case("no samples", ([],), "How many votes are there to divide by?")
    yield Case("the answer is 0", ([0, b, 0, None],), "Is 0 an answer? What does `if answer` ask?")


@exercise.mistake(
    "None takes part in the vote and can win it. A chain without an answer has no vote."
)
def _none_votes(answers: list[float | None]) -> tuple[float | None, float]:
    if not answers:
        return None, 0.0
    winner, votes = collections.Counter(answers).most_common(1)[0]
    return winner, votes / len(answers)


@exercise.mistake(
    "The agreement is a share of the chains that had an answer. Two of two looks certain, although "
    "most of ten chains may have failed: divide by all samples."
)
def _share_of_answered(answers: list[float | None]) -> tuple[float | None, float]:
    return vote([answer for answer in answers if answer is not None])


@exercise.mistake(
    "A tie goes to the answer whose first vote came last. The one that came first should win."
)
def _tie_to_the_last(answers: list[float | None]) -> tuple[float | None, float]:
    return vote(answers[::-1])


@exercise.mistake(
    "A tie goes to the smallest number. Nothing speaks for small numbers; the answer that came "
    "first should win."
)
def _tie_to_the_smallest(answers: list[float | None]) -> tuple[float | None, float]:
    given = sorted(answer for answer in answers if answer is not None)
    return vote(given + [None] * (len(answers) - len(given)))


@exercise.mistake(
    "More than half of the samples is required. The most frequent answer wins, however few votes "
    "it has; the agreement tells how few."
)
def _more_than_half(answers: list[float | None]) -> tuple[float | None, float]:
    winner, share = vote(answers)
    return (winner, share) if share > 0.5 else (None, 0.0)


@exercise.mistake(
    "That is the mean. One wild answer moves it, and it may be a number that no chain gave. Count "
    "votes."
)
def _average(answers: list[float | None]) -> tuple[float | None, float]:
    given = [answer for answer in answers if answer is not None]
    if not given:
        return None, 0.0
    mean = sum(given) / len(given)
    return mean, given.count(mean) / len(answers)


@exercise.mistake(
    "Chains whose answer is 0 have no vote: in Python, 0 counts as false. Ask `is not None`."
)
def _zero_left_out(answers: list[float | None]) -> tuple[float | None, float]:
    return vote([answer or None for answer in answers])


exercise = page.exercise(
    id="why-chains-help",
    title="Why a chain of thought helps",
    difficulty="medium",
    minutes=20,
    statement="""
    Why does a chain of thought help with problems of several steps? Explain the mechanism on an
    example of your own. Give a published figure with its model and benchmark. Then say what a chain
    does not give you. Write about 100 words.
    """,
    hints=(
        "How much computation does a transformer spend on one token? What if the answer is one "
        "token and needs three calculations in a row?",
        "The page has a table from Wei et al. (2022). Differences of percentages are points.",
        "For the limits: which tasks gain little, which models, and is the text the true reason?",
    ),
)

exercise.words(
    key_points=(
        "A pass through the model is a fixed amount of computation; written intermediate results "
        "are read back in, so that a later step can build on them.",
        "An example in which a problem is broken into steps that are each easy.",
        "A figure with its source: PaLM 540B on GSM8K went from 17.9 to 56.9 % (39.0 points), on "
        "SVAMP from 69.4 to 79.0 % (9.6 points), with 8 examples (Wei et al. 2022).",
        "The gain depends on task and model: it is large in mathematics and symbolic tasks, small "
        "elsewhere, and small models even lost in that paper.",
        "A chain is no proof: a mistake in it carries on, and the text need not show what the "
        "answer really rests on.",
    ),
    sample="""
    A model computes one token with a fixed number of layers. Take: 3 boxes of 12 pens, 7 are lost,
    the rest is shared by two. An answer at once needs three calculations in one pass. Written down,
    36, then 29, then 14.5 are single steps, and each result goes back in as input for the next.
    With 8 worked examples, PaLM 540B rose from 17.9 to 56.9 % on GSM8K, 39.0 points (Wei et al.
    2022). Common-sense questions gained far less (CSQA 1.8 points), and small models lost. The
    chain costs tokens. It is also no record of the computation: an early mistake is carried on, and
    a plausible text may hide what swayed the model.
    """,
)
