"""Exercises on answers: the number of a chain of thought, a vote, an interval."""

import collections
import random
import re
from collections.abc import Iterator

from companion.exercises.exercise import Case, CodeExercise, Wrong

# -- the number of a chain of thought -------------------------------------------------------------


def extract_number(text: str) -> float | None:
    """Return the number that a chain of thought arrives at.

    It is the first number after the last "The answer is". Numbers may have a minus sign, commas
    between groups of three digits, and decimals: -3, 1,234, 2.50.

    Args:
        text: What the model wrote.

    Returns:
        The number, or None if there is no "The answer is", or no number after it.
    """
    _, marker, rest = text.rpartition("The answer is")
    found = re.search(r"-?\d+(?:,\d{3})*(?:\.\d+)?", rest)
    if not marker or not found:
        return None
    return float(found.group().replace(",", ""))


def _last_number(text: str) -> float | None:
    found = re.findall(r"-?\d+(?:,\d{3})*(?:\.\d+)?", text)
    return float(found[-1].replace(",", "")) if found else None


def _first_marker(text: str) -> float | None:
    rest = text.partition("The answer is")[2]
    return extract_number("The answer is" + rest.partition("The answer is")[0]) if rest else None


def _digits_only(text: str) -> float | None:
    found = re.search(r"-?\d+", text.rpartition("The answer is")[2])
    return float(found.group()) if found and "The answer is" in text else None


def _no_sign(text: str) -> float | None:
    found = extract_number(text)
    return found if found is None else abs(found)


def _zero_for_none(text: str) -> float | None:
    return extract_number(text) or 0.0


def _number_cases(rng: random.Random) -> Iterator[Case]:
    a, b, c = rng.randint(20, 60), rng.randint(2, 9), rng.randint(61, 99)
    chain = f"{a} plus {b} is {a + b}. The answer is {a + b}, since {b} came later."
    yield Case("a chain", (chain,), "Which number is the answer, and which only explains?")
    large = f"The answer is ${rng.randint(1, 9)},{rng.randint(100, 999)}.50."
    yield Case("dollars", (large,), "Commas, decimals, a period: which belong to it?")
    twice = f"The answer is {c}. Wait, that is wrong. The answer is {a}."
    yield Case("second thoughts", (twice,), "Which of the two answers is meant?")
    yield Case("below zero", (f"It falls by {a}. The answer is -{b} degrees.",), "Is there a sign?")
    cut = f"{a} times {b} is {a * b}. {a * b} plus"
    yield Case("cut off", (cut,), "Did the model arrive at an answer?")
    unknown = f"{a} of {c} are missing. The answer is unknown."
    yield Case("no number", (unknown,), "What does None say that 0 does not?")


EXTRACT_NUMBER = CodeExercise(
    id="extract-number",
    title="Read the answer out of a chain of thought",
    section="prompting",
    page="prompting/chain-of-thought",
    difficulty="medium",
    minutes=15,
    statement=(
        "To score chains of thought, a program needs the number and not the text. Read it after "
        'the words "The answer is". When there is none, say so with None and don\'t guess.'
    ),
    hints=(
        '`text.rpartition("The answer is")` cuts at the last occurrence. Its middle part is '
        "empty if the words are not there.",
        "In the rest, `re.search` finds the first number. Build the pattern from parts: a sign, "
        "digits, groups of a comma and three digits, decimals.",
        r"The pattern `-?\d+(?:,\d{3})*(?:\.\d+)?` does it. Remove the commas before `float`.",
    ),
    solution=extract_number,
    cases=_number_cases,
    wrong=(
        Wrong(
            _last_number,
            "This takes the last number of the whole text. A chain that was cut off then yields an "
            "intermediate result, and a remark after the answer replaces it.",
        ),
        Wrong(
            _first_marker,
            'The first "The answer is" is taken. If a model corrects itself, the last counts.',
        ),
        Wrong(
            _digits_only,
            "Only the first run of digits is read: 1,234.50 becomes 1. Allow groups of three "
            "digits and decimals.",
        ),
        Wrong(_no_sign, "The minus sign is lost."),
        Wrong(
            _zero_for_none,
            "A text without an answer gives 0. That is a guess, and in a vote it would count as "
            "an answer. Return None.",
        ),
    ),
    uses=("re",),
)

# -- a vote ---------------------------------------------------------------------------------------


def vote(answers: list[float | None]) -> tuple[float | None, float]:
    """Return the winner of self-consistency, and how far the samples agree.

    Args:
        answers: The answer of each sampled chain; None where a chain had none.

    Returns:
        The most frequent answer (of equals, the one that came first), and the share of *all*
        samples that gave it. (None, 0.0) if no chain had an answer.
    """
    counts = collections.Counter(answer for answer in answers if answer is not None)
    if not counts:
        return None, 0.0
    winner, votes = counts.most_common(1)[0]
    return winner, votes / len(answers)


def _none_votes(answers: list[float | None]) -> tuple[float | None, float]:
    if not answers:
        return None, 0.0
    winner, votes = collections.Counter(answers).most_common(1)[0]
    return winner, votes / len(answers)


def _share_of_answered(answers: list[float | None]) -> tuple[float | None, float]:
    return vote([answer for answer in answers if answer is not None])


def _tie_to_the_last(answers: list[float | None]) -> tuple[float | None, float]:
    return vote(answers[::-1])


def _tie_to_the_smallest(answers: list[float | None]) -> tuple[float | None, float]:
    found = sorted(answer for answer in answers if answer is not None)
    return vote(found + [None] * (len(answers) - len(found)))


def _more_than_half(answers: list[float | None]) -> tuple[float | None, float]:
    winner, share = vote(answers)
    return (winner, share) if share > 0.5 else (None, 0.0)


def _average(answers: list[float | None]) -> tuple[float | None, float]:
    found = [answer for answer in answers if answer is not None]
    if not found:
        return None, 0.0
    mean = sum(found) / len(found)
    return mean, found.count(mean) / len(answers)


def _vote_cases(rng: random.Random) -> Iterator[Case]:
    a, b, c = sorted(rng.sample(range(1, 60), 3))
    yield Case("a clear winner", ([a, c, a, a],), "Is the winner the average?")
    yield Case("a tie", ([b, a, c, a, b, c],), "All three have two votes. Which one came first?")
    yield Case("mostly without answer", ([None, None, b, None, c, b],), "Is None an answer?")
    nobody = [None] * rng.randint(2, 9)
    yield Case("nobody has an answer", (nobody,), "Who wins if nobody votes?")
    yield Case("no samples", ([],), "How many votes are there to divide by?")


VOTE = CodeExercise(
    id="self-consistency-vote",
    title="Let chains vote",
    section="prompting",
    page="prompting/chain-of-thought",
    difficulty="medium",
    minutes=12,
    statement=(
        "Self-consistency samples several chains of thought and takes the answer that most of them "
        "give. Write the vote, and report the agreement: low agreement is a warning. Chains "
        "without an answer don't vote, but they lower the agreement."
    ),
    hints=(
        "Leave out None, then count. `collections.Counter` keeps the order of first sight.",
        "`most_common(1)` gives the winner and its votes; of equals, the first that was seen.",
        "Divide the votes by the number of all samples. An empty Counter has no winner: treat it "
        "first.",
    ),
    solution=vote,
    cases=_vote_cases,
    wrong=(
        Wrong(
            _none_votes,
            "None takes part in the vote and can win it. A chain without an answer has no vote.",
        ),
        Wrong(
            _share_of_answered,
            "The agreement is a share of the chains that had an answer. Two of two looks certain, "
            "although most of ten chains may have failed: divide by all samples.",
        ),
        Wrong(
            _tie_to_the_last,
            "A tie goes to the answer whose first vote came last. The one that came first should "
            "win.",
        ),
        Wrong(
            _tie_to_the_smallest,
            "A tie goes to the smallest number. Nothing speaks for small numbers; the answer that "
            "came first should win.",
        ),
        Wrong(
            _more_than_half,
            "More than half of the samples is required. The most frequent answer wins, however few "
            "votes it has; the agreement tells how few.",
        ),
        Wrong(
            _average,
            "That is the mean. One wild answer moves it, and it may be a number that no chain "
            "gave. Count votes.",
        ),
    ),
    uses=("collections",),
)

EXERCISES = (EXTRACT_NUMBER, VOTE)
