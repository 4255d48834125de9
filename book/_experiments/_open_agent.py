"""SmolLM2 as an agent, asked all questions, and what of them it got right."""

from typing import Any

from companion.models.loading import LoadedModel
from companion.pocket.studies.agents import holds
from companion.pocket.studies.open_agent import one_episode, open_questions


def ask_open(loaded: LoadedModel, count: int, *, forced: bool = False) -> dict[str, Any]:
    """Ask the open model; returns how many answers are right, and all that was written."""
    asked = open_questions(count)
    episodes = [one_episode(loaded, question, notes, forced=forced) for question, notes, _ in asked]
    told = [
        not last[1] and holds(last[0], city)
        for (*_, city), (*_, last) in zip(asked, episodes, strict=True)
    ]
    return {
        "items": count,
        "right": sum(told),
        "first note": sum(
            any(notes[0] in result for _, result in steps)
            for (_, notes, _), steps in zip(asked, episodes, strict=True)
        ),
        "both notes": sum(
            all(any(note in result for _, result in steps) for note in notes)
            for (_, notes, _), steps in zip(asked, episodes, strict=True)
        ),
        "questions": [question for question, *_ in asked],
        "steps": episodes,
    }
