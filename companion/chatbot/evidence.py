"""What a message is answered from: the passages that are found for it, or none.

A message in a conversation is not always a question about the documents. Three rules, in this
order, taught in :doc:`/book/applications/chatbot`:

1. Small talk, and talk about the conversation itself, is answered without the documents, unless
   they hold something that is as near to it.
2. What points back ("When was that?") is searched together with the question before it.
3. If nothing is close, the answer is that the documents do not say. The model is not asked: it
   would answer from memory, and nobody could tell. With tools it is, since a tool may know.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from companion.chatbot.history import Turn
from companion.chatbot.reply import Draft
from companion.chatbot.settings import ChatSettings
from companion.rag.answers import NOT_FOUND, one_line
from companion.rag.documents import Hit, body
from companion.rag.grounding import find_passages

MAX_BACK = 3
"""Questions before a message that are searched with it, at most."""

POINTING = re.compile(
    r"\b(?:it|its|he|him|his|she|her|hers|they|them|their|theirs|this|that|these|those|then|"
    r"(?<!is )(?<!are )(?<!was )(?<!were )there)\b|"
    r"^\W*(?:and|but|or|so|also|what about|how about|what if)\b",
    re.IGNORECASE,
)
"""Words that point at something said before."""

FEW_WORDS = 3
"""A question of so few words leaves out what the one before it has said, unless it is `WHOLE`."""

WHOLE = re.compile(r"\b(?:[Ii]|[Mm][ey]|[Yy]ours?|[Yy]ou)\b|\s\W*[A-Z0-9]")
"""Persons and names: "How are you?" and "Who founded Sakiti?" lack nothing."""


TALK_LEAD = 0.1
"""How much nearer a message has to be to small talk than to the nearest passage, as a cosine."""


class Evidence(NamedTuple):
    """What is known before the model is asked."""

    passages: list[Hit]
    missing: bool = False
    """Whether the documents were searched and hold nothing close."""


def gather(retriever: Any, message: str, turns: Sequence[Turn], settings: ChatSettings) -> Evidence:
    """Search for what a message is about.

    Args:
        retriever: Has ``search(query, k)``. None, or one without anything in it, finds nothing,
            and nothing is missing then.
        message: The user's words.
        turns: The conversation before it.
        settings: Of these, ``k``, ``min_score`` and ``small_talk``.
    """
    if not has_documents(retriever):
        return Evidence([])
    small_talk, limits = settings.small_talk, (settings.k, settings.min_score)
    if small_talk is not None and _is_talk(small_talk(message), retriever, message, limits):
        return Evidence([])
    before = [turn.messages[0]["content"] for turn in turns]
    passages = find_passages(retriever, with_context(message, before), *limits)
    return Evidence(passages, missing=not passages and small_talk is not None)


def has_documents(retriever: Any) -> bool:
    """Tell whether there is anything to be searched."""
    return retriever is not None and (not hasattr(retriever, "__len__") or len(retriever) > 0)


def _is_talk(talk: float, retriever: Any, message: str, limits: tuple[int, float | None]) -> bool:
    """Tell whether a message that is so near to small talk is nearer to it than to the documents.

    It is searched for by itself: with the question before it, "Thanks for that" would find much.
    """
    if not 0 < talk < 1:
        return bool(talk)
    hits = find_passages(retriever, message, *limits)
    return not hits or talk >= TALK_LEAD + max(hit.score or 0.0 for hit in hits)


def without_model(draft: Draft) -> Iterator[str]:
    """Answer with the best passage and its number, or that the documents do not say."""
    text = NOT_FOUND
    if draft.found:
        text = f"{one_line(body(draft.passages[0].document))} [1]"
    draft.pieces.append(text)
    yield text


def with_context(message: str, before: Sequence[str]) -> str:
    """Return what to search for: a message, and in front of it what it points back at.

    Args:
        message: The user's words.
        before: What the user said earlier, oldest first.

    Example:
        >>> with_context("When was that?", ["Who sells honey?", "Who founded Sakiti?"])
        'Who founded Sakiti? When was that?'
        >>> with_context("Who sells honey in Dorgel?", ["Who founded Sakiti?"])
        'Who sells honey in Dorgel?'
    """
    joined = [message]
    for text in reversed(before[-MAX_BACK:]):
        if not points_back(joined[0]):
            break
        joined.insert(0, text)
    return " ".join(joined)


def points_back(message: str) -> bool:
    """Tell whether a message can be understood only with the one before it.

    Example:
        >>> [points_back(text) for text in ("And in winter?", "Since when?", "How are you?")]
        [True, True, False]
    """
    brief = len(message.split()) <= FEW_WORDS and message.rstrip().endswith("?")
    return bool(POINTING.search(message)) or (brief and not WHOLE.search(message))
