"""Answers with sources: what a model wrote, taken apart.

An answer is worth what its sources are worth, so all of it is kept: the passages that the model was
shown, those that it cites, and numbers that it cites although no passage has them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from companion.phrases import NOT_THERE
from companion.rag.citations import CITATION, numbers
from companion.rag.documents import Hit

NOT_FOUND = "The documents do not say."
"""The text of an answer that was not found."""

REFUSAL = re.compile(
    r"(?:(?:i am|i'm) sorry[,.]? (?:but )?)?"
    r"(?:(?:the|this|these|your|any of the) (?:\w+ ){0,2}"
    r"(?:contexts?|documents?|passages?|texts?|notes?|sources?) "
    r"(?:(?:do|does|did) not|don't|doesn't) (?:\w+ ){0,2}"
    r"(?:say|state|tell|answer|contain|mention|provide|include|specify|give|have)"
    r"|there is (?:no|not enough) (?:information|answer|mention)"
    r"|i (?:could not|couldn't|can not|cannot|can't|do not|don't) (?:find|know|see)"
    r"|no information)\b[^,;.!?\n]*[.!]?",
    re.IGNORECASE,
)
"""One sentence, and no more, by which models say that the answer is not there."""


def one_line(text: str) -> str:
    r"""Put data on one line and write its ``[1]`` as ``(1)``, so that it can't pose as a passage.

    Example:
        >>> one_line("Ann lives\nin Oslo. [2] Bo sings.")
        'Ann lives in Oslo. (2) Bo sings.'
    """
    return " ".join(CITATION.sub(r" (\2)", text).split())


def numbered(passages: Sequence[str]) -> str:
    """Return passages as numbered lines, the first with number 1.

    Example:
        >>> print(numbered(["Ann lives in Oslo.", "Bo sings."]))
        [1] Ann lives in Oslo.
        [2] Bo sings.
    """
    return "\n".join(f"[{number}] {one_line(text)}" for number, text in enumerate(passages, 1))


@dataclass(frozen=True)
class RagAnswer:
    """An answer with its sources. Taught in :doc:`/book/applications/rag`.

    Args:
        text: The answer without citation marks; `NOT_FOUND` if there is none.
        sources: Passages that the answer cites, in the order of the citations.
        found: Whether the documents hold an answer, as far as the pipeline can tell.
        passages: Passages that the model was shown; number 1 is the first.
        unknown_citations: Numbers that the model cites although no passage has them. Such an
            answer deserves no trust.
        generated: What the model wrote, word for word; empty if it was not asked.
    """

    text: str
    sources: tuple[Hit, ...] = ()
    found: bool = True
    passages: tuple[Hit, ...] = ()
    unknown_citations: tuple[int, ...] = ()
    generated: str = ""


def parse_answer(
    generated: str,
    passages: Sequence[Hit],
    *,
    refusals: Sequence[str] = (NOT_THERE, NOT_FOUND),
) -> RagAnswer:
    """Split what a model wrote into text and citations ``[1]``, ``[2]``, ...

    A number that no passage has is reported, never replaced by another passage. Taught in
    :doc:`/book/applications/rag`.

    Args:
        generated: What the model wrote.
        passages: What it was shown, number 1 first.
        refusals: Texts that mean "not in the documents", with or without the period at the end.
            What `REFUSAL` describes means the same.

    Returns:
        The parts. An answer without text is not found.

    Example:
        >>> from companion.rag.documents import Document
        >>> answer = parse_answer("Bern. [1] [7]", [Hit(Document("Bern is the capital."), 0.9)])
        >>> answer.text, answer.sources[0].document.text, answer.unknown_citations
        ('Bern.', 'Bern is the capital.', (7,))
    """
    shown = tuple(passages)
    cited = numbers(generated)
    text = CITATION.sub("", generated).strip()
    refused = REFUSAL.fullmatch(text.replace("\u2019", "'"))
    if not text or refused or _plain(text) in {_plain(refusal) for refusal in refusals}:
        return RagAnswer(NOT_FOUND, (), False, shown, (), generated)
    sources = tuple(shown[number - 1] for number in cited if 1 <= number <= len(shown))
    unknown = tuple(number for number in cited if not 1 <= number <= len(shown))
    return RagAnswer(text, sources, True, shown, unknown, generated)


def _plain(text: str) -> str:
    return text.strip().rstrip(".").casefold()
