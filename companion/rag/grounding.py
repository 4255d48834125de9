"""Grounding: put passages before a question, as many of the best as fit.

Passages are data from anywhere: they can hold instructions (see :doc:`/book/prompting/injection`).
What can be prevented is that one ends its turn or poses as another passage. Taught in
:doc:`/book/applications/chatbot`.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from companion.phrases import RETRIEVAL_PROMPT
from companion.prompts import fill
from companion.rag.answers import numbered
from companion.rag.documents import Document, Hit, passage


def grounded_prompt(
    question: str,
    passages: Sequence[str],
    *,
    template: str = RETRIEVAL_PROMPT,
    clean: Callable[[str], str] = str,
) -> str:
    r"""Return the user's message with numbered passages before the question.

    The form is that of pocket-chat's training data, ``Answer:`` left out as in its conversations.
    A passage is put on one line, without marks such as ``[1]``, so that it can't pose as another.
    Taught in :doc:`/book/applications/chatbot`.

    Args:
        question: The user's own words.
        passages: Texts, the best first. Without any, the question is returned as it is.
        template: The message, with ``{context}`` and ``{question}``.
        clean: Takes special tokens out of the passages, such as the ``clean`` of a backend.

    Returns:
        The content of a message.

    Raises:
        PromptError: If the template lacks a field.

    Example:
        >>> print(grounded_prompt("Where does Ann live?", ["Ann lives in Oslo.", "Bo\nsings."]))
        Answer the question with the context only.
        Context:
        [1] Ann lives in Oslo.
        [2] Bo sings.
        Question: Where does Ann live?
    """
    if not passages:
        return question
    context = numbered([clean(text) for text in passages])
    return fill(template, context=context, question=question)


def find_passages(
    retriever: Any, question: str, k: int, min_score: float | None = None
) -> list[Hit]:
    """Ask a retriever, and return what it found in a form that a file can hold.

    Args:
        retriever: Has ``search(query, k)``, which returns hits with ``document`` and ``score``.
        question: What to look for.
        k: Passages at most.
        min_score: Leave out hits below this score; None keeps all.

    Returns:
        The hits, the best first.
    """
    hits = retriever.search(question, k)
    return [_hit(hit) for hit in hits if min_score is None or float(hit.score) >= min_score]


def best_fitting(hits: Sequence[Hit], fits: Callable[[Sequence[Hit]], bool]) -> list[Hit]:
    """Return the best passages that fit together: from the best on, each that still has room.

    Args:
        hits: Passages, the best first.
        fits: Whether some of them fit, together with everything else that the model reads.

    Returns:
        Some of them, in their order; none if none fits.

    Example:
        >>> hits = [Hit(Document(text), 1.0) for text in ("aa", "bbbbb", "c")]
        >>> some = best_fitting(hits, lambda part: sum(len(one.text) for one in part) < 4)
        >>> [one.text for one in some]
        ['aa', 'c']
    """
    if fits(hits):
        return list(hits)
    kept: list[Hit] = []
    for hit in hits:
        kept += [hit] if fits([*kept, hit]) else []
    return kept


def _hit(hit: Any) -> Hit:
    """Return a hit of our own kind, whatever the retriever's are."""
    score, document = float(hit.score), hit.document
    if not isinstance(document, Document):
        document = Document(passage(document), _plain(document.metadata))
    return Hit(document, score if math.isfinite(score) else None)


def _plain(metadata: Mapping[str, Any]) -> dict[str, str | int | float | bool]:
    """Keep what JSON can hold; everything else becomes text."""
    return {
        str(key): value
        if isinstance(value, str | bool | int)
        or (isinstance(value, float) and math.isfinite(value))
        else str(value)
        for key, value in metadata.items()
    }
