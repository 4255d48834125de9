"""What went wrong first in an episode, and a view of a conversation that forgets old results."""

import re
from collections.abc import Sequence

from companion.messages import Message
from companion.pocket.corpus.chains import GIVING_UP
from companion.pocket.studies.agents import Episode

NAME = re.compile(r"\b[A-Z][a-z]{3,}\b")
COMMON = frozenset(["What", "Where", "Which", "Who", "Tell", "Does", "The", "Best"])


def failure(episode: Episode) -> str:
    """Name what went wrong first in an episode that is not right; empty if it is right.

    Returns:
        ``"context full"``, ``"out of steps"``, ``"wrong tool"``, ``"wrong name"`` (a query with a
        name that nobody had written), ``"gave up"``, ``"stopped early"`` (an answer without the
        notes for it) or ``"misread"`` (a wrong answer with all notes).
    """
    if episode.right:
        return ""
    if episode.ended in ("context", "budget"):
        return {"context": "context full", "budget": "out of steps"}[episode.ended]
    known = episode.asked.question
    for step in episode.steps:
        if step.call is None:
            continue
        if step.outcome in ("unknown tool", "bad arguments", "unreadable"):
            return "wrong tool"
        queried = set(NAME.findall(str(step.call.arguments))) - COMMON
        if not queried <= set(NAME.findall(known)):
            return "wrong name"
        known += step.result
    if GIVING_UP in episode.answer:
        return "gave up"
    return "misread" if episode.found == len(episode.asked.notes) else "stopped early"


def clear_old(messages: Sequence[Message]) -> list[Message]:
    """Keep the newest result of a tool; of the others only that they were there."""
    results = [place for place, message in enumerate(messages) if message["role"] == "tool"]
    return [
        message | {"content": '{"notes": []}'} if place in results[:-1] else message
        for place, message in enumerate(messages)
    ]
