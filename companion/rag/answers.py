"""Answers with sources: what a model wrote, taken apart.

An answer is worth what its sources are worth, so all of it is kept: the passages that the model was
shown, those that it cites, and numbers that it cites although no passage has them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from companion.phrases import NOT_THERE
from companion.rag.citations import cited, in_parentheses, without_citations
from companion.rag.documents import Hit
from companion.rag.refusals import is_refusal, plain

NOT_FOUND = "The documents do not say."
"""The text of an answer that was not found."""


def one_line(text: str) -> str:
    r"""Put data on one line and write its ``[1]`` as ``(1)``, so that it can't pose as a passage.

    What can be no citation, such as ``row[1]``, stays; see `companion.rag.citations`.

    Example:
        >>> one_line("Ann lives\nin Oslo. [2] Bo sings.")
        'Ann lives in Oslo. (2) Bo sings.'
    """
    return in_parentheses(" ".join(text.split()))


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
        text: The answer without citations, except what may be something else, such as ``a[1]``;
            `NOT_FOUND` if there is none.
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
            What `companion.rag.refusals` knows means the same.

    Returns:
        The parts. An answer without text is not found.

    Example:
        >>> from companion.rag.documents import Document
        >>> answer = parse_answer("Bern. [1] [7]", [Hit(Document("Bern is the capital."), 0.9)])
        >>> answer.text, answer.sources[0].document.text, answer.unknown_citations
        ('Bern.', 'Bern is the capital.', (7,))
    """
    shown = tuple(passages)
    known, unknown = cited(generated, len(shown))
    text = without_citations(generated, len(shown)).strip()
    refused = plain(text) in {plain(refusal) for refusal in refusals}
    if not text or refused or (not known and is_refusal(text)):
        return RagAnswer(NOT_FOUND, (), False, shown, (), generated)
    sources = tuple(shown[number - 1] for number in known)
    return RagAnswer(text, sources, True, shown, tuple(unknown), generated)
