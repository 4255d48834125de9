"""Read the answer out of generated text, and let several answers vote.

A model writes text; a program needs a number or a label. Each function here either returns what
it found or raises `AnswerNotFoundError`, never a guess.
"""

import re
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from companion.errors import AnswerNotFoundError
from companion.number_text import number_at
from companion.phrases import CONCLUSION


def extract_after(text: str, marker: str = CONCLUSION) -> str:
    """Return what follows the last ``marker``, to the end of its line.

    A period at the end is left out. Taught in :doc:`/book/prompting/chain-of-thought`.

    Args:
        text: What the model wrote.
        marker: Words before the answer; upper and lower case are the same.

    Returns:
        The answer, stripped, never empty.

    Raises:
        AnswerNotFoundError: If the marker is not there or nothing follows it.
        ValueError: If the marker is empty.

    Example:
        >>> extract_after("2 + 3 = 5. The answer is 5.")
        '5'
    """
    if not marker:
        raise ValueError("marker must not be empty: it tells where the answer begins")
    *before, rest = re.split(re.escape(marker), text, flags=re.IGNORECASE)
    answer = (rest.split("\n")[0] if before else "").strip().removeprefix(":").strip()
    answer = answer.removesuffix(".").strip()
    if not answer:
        raise AnswerNotFoundError(f"no answer after {marker!r} in {_shown(text)}")
    return answer


def extract_number(text: str, marker: str | None = CONCLUSION) -> int | float:
    """Return the number that follows ``marker``, or the last number of a text without markers.

    See `companion.number_text` for the forms that it understands. Other forms are refused, never
    read in part. Taught in :doc:`/book/prompting/chain-of-thought`.

    Args:
        text: What the model wrote.
        marker: Words before the answer; None takes the last number of the text, which in a chain
            of thought is only a guess at the result.

    Returns:
        An int if the number is whole, else a float.

    Raises:
        AnswerNotFoundError: If there is no such number, or it can't be read.

    Example:
        >>> extract_number("She pays 2 x 3 = 6 dollars. The answer is $6.00.")
        6
    """
    try:
        answer, index = (text, -1) if marker is None else (extract_after(text, marker), 0)
        number = number_at(answer, index)
    except ValueError as error:
        raise AnswerNotFoundError(f"no number in {_shown(text)}: {error}") from error
    if number is None:
        raise AnswerNotFoundError(f"no number in the answer of {_shown(text)}")
    return number


def extract_choice(text: str, choices: Sequence[str]) -> str:
    """Return which of some labels an answer names.

    Labels count as whole words, in upper or lower case. Naming two is naming none. Taught in
    :doc:`/book/prompting/few-shot`.

    Args:
        text: What the model wrote.
        choices: The labels, at least one.

    Returns:
        The label, as written in ``choices``.

    Raises:
        AnswerNotFoundError: If the text names no label, or several.
        ValueError: If there are no labels.

    Example:
        >>> extract_choice(" Negative.", ["positive", "negative"])
        'negative'
    """
    if not choices:
        raise ValueError("choices must name at least one label")
    named = [c for c in choices if re.search(rf"(?<!\w){re.escape(c)}(?!\w)", text, re.IGNORECASE)]
    if len(named) != 1:
        names = " and ".join(map(repr, named)) or "none"
        raise AnswerNotFoundError(
            f"{_shown(text)} names {names} of the labels {', '.join(map(repr, choices))}; it must "
            "name exactly one"
        )
    return named[0]


@dataclass(frozen=True)
class Vote:
    """Outcome of a vote among answers.

    Args:
        counts: Votes per answer, in the order in which the answers first came up.
        samples: Texts that were asked for, those without an answer included.
    """

    counts: dict[Hashable, int]
    samples: int

    @property
    def answer(self) -> Hashable:
        """The answer with the most votes; of equals, the one that came up first.

        Raises:
            AnswerNotFoundError: If no text had an answer.
        """
        if not self.counts:
            raise AnswerNotFoundError(f"none of {self.samples} texts had an answer to count")
        return max(self.counts, key=lambda answer: self.counts[answer])

    @property
    def agreement(self) -> float:
        """Share of all samples that gave the winning answer, 0 to 1."""
        return max(self.counts.values(), default=0) / self.samples


def majority_vote(answers: Iterable[Hashable], *, samples: int | None = None) -> Vote:
    """Count answers: the vote of self-consistency (Wang et al. 2023).

    https://arxiv.org/abs/2203.11171. Taught in :doc:`/book/prompting/chain-of-thought`.

    Args:
        answers: The answers that were found.
        samples: Texts that were asked for; as many as answers if None.

    Returns:
        The vote. With no answers at all, its `Vote.answer` raises.

    Raises:
        ValueError: If ``samples`` is below the number of answers, or nothing was asked.

    Example:
        >>> vote = majority_vote([7, 8, 7])
        >>> vote.answer, round(vote.agreement, 2)
        (7, 0.67)
    """
    counts: dict[Hashable, int] = {}
    for answer in answers:
        counts[answer] = counts.get(answer, 0) + 1
    total = sum(counts.values())
    samples = total if samples is None else samples
    if samples < max(total, 1):
        raise ValueError(f"samples must be at least 1 and the {total} answers, got {samples}")
    return Vote(counts, samples)


def _shown(text: str) -> str:
    """Quote the end of a text, where answers are."""
    return repr(text if len(text) <= 80 else "..." + text[-77:])
