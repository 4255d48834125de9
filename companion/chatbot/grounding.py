"""Grounding: put retrieved passages before the user's words, in the form pocket-chat knows.

The conversation keeps the user's own words and the passages apart. Only the newest turn is sent
with passages; each question retrieves anew. Passages are data from anywhere: they can hold
instructions (see :doc:`/book/prompting/injection`). Taught in :doc:`/book/applications/chatbot`.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from companion.chatbot.history import Source
from companion.prompts import fill
from companion.rag.answers import PROMPT, numbered
from companion.rag.documents import passage


def grounded_prompt(question: str, passages: Sequence[str]) -> str:
    r"""Return the user's message with numbered passages before the question.

    The form is that of pocket-chat's training data, ``Answer:`` left out as in its conversations.
    A passage is put on one line, without marks such as ``[1]``, so that it can't pose as another.
    Taught in
    :doc:`/book/applications/chatbot`.

    Args:
        question: The user's own words.
        passages: Texts, the best first. Without any, the question is returned as it is.

    Returns:
        The content of a message.

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
    return fill(PROMPT, context=numbered(passages), question=question)


def find_sources(
    retriever: Any, question: str, *, k: int, min_score: float | None = None
) -> list[Source]:
    """Ask a retriever, and return what it found in a form that a file can hold.

    Args:
        retriever: Has ``search(query, k)``, which returns hits with ``document`` and ``score``.
        question: What to look for.
        k: Passages at most.
        min_score: Leave out hits below this score; None keeps all.

    Returns:
        The passages, the best first, each with title and headings before its text.
    """
    found = []
    for hit in retriever.search(question, k):
        score = float(hit.score)
        if min_score is None or score >= min_score:
            metadata = _plain(hit.document.metadata)
            found.append(
                Source(passage(hit.document), metadata, score if math.isfinite(score) else None)
            )
    return found


def _plain(metadata: Mapping[str, Any]) -> dict[str, str | int | float | bool]:
    """Keep what JSON can hold; everything else becomes text."""
    return {
        str(key): value
        if isinstance(value, str | bool | int)
        or (isinstance(value, float) and math.isfinite(value))
        else str(value)
        for key, value in metadata.items()
    }
