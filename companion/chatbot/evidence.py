"""What a message is answered from: the passages that are found for it, or none.

A message in a conversation is not always a question about the documents. Three rules, in this
order, taught in :doc:`/book/applications/chatbot`:

1. Small talk, and talk about the conversation itself, is answered without the documents: what has
   the form of it (`companion.chatbot.forms`), and what is like an example, unless a passage shares
   a word with it that says something.
2. What is found in the documents goes with all other messages, however little it is like them. What
   points back ("When was that?") is searched together with the question before it.
3. If nothing is found for a question, the answer is that the documents do not say. The model is not
   asked: it would answer from memory, and nobody could tell. With tools it is, since a tool may
   know. To a message that asks nothing, nothing is missing.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from companion.chatbot.forms import YOU, asks, is_of_the_talk
from companion.chatbot.history import Turn
from companion.chatbot.reply import Draft
from companion.chatbot.settings import ChatSettings
from companion.rag.answers import NOT_FOUND, one_line
from companion.rag.close import stems
from companion.rag.documents import Hit, body, passage
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

NEAR = 0.75
"""From how near to small talk on a question is taken for it. Others need what it says."""


class Evidence(NamedTuple):
    """What is known before the model is asked."""

    passages: list[Hit]
    missing: bool = False
    """Whether the documents were searched and hold nothing close."""


def gather(retriever: Any, message: str, turns: Sequence[Turn], settings: ChatSettings) -> Evidence:
    """Search for what a message is about.

    Args:
        retriever: Has ``search(query, k)``. None, or one without documents (`has_documents`), finds
            nothing, and nothing is missing then.
        message: The user's words.
        turns: The conversation before it.
        settings: Of these, ``k``, ``min_score`` and ``small_talk``.
    """
    if not has_documents(retriever):
        return Evidence([])
    limits = (settings.k, settings.min_score)
    before = [turn.messages[0]["content"] for turn in turns]
    query = with_context(message, before)
    if settings.small_talk is None:
        return Evidence(find_passages(retriever, query, *limits))
    talk = settings.small_talk(message)
    if talk >= 1 or is_of_the_talk(message, before):
        return Evidence([])
    is_near = talk >= NEAR or (talk > 0 and not asks(message))
    if is_near and not _speak_of(find_passages(retriever, message, *limits), message):
        return Evidence([])
    passages = find_passages(retriever, query, *limits)
    of_the_chat = talk > 0 and YOU.search(message)  # "What can you do?"
    return Evidence(passages, missing=not passages and asks(message) and not of_the_chat)


def has_documents(retriever: Any) -> bool:
    """Tell whether documents were given, even if nothing stands in them now.

    A retriever without an attribute ``given``, such as that of a `companion.rag.desk.Desk`, has
    some.
    """
    return retriever is not None and getattr(retriever, "given", True)


def _speak_of(hits: Sequence[Hit], message: str) -> bool:
    """Tell whether a passage shares a word with a message that says something of a matter.

    Passages are searched for the message by itself: with the question before it, "Thanks for that"
    would find much.
    """
    return any(stems(message) & stems(passage(hit.document)) for hit in hits)


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
