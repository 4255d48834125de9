"""Pocket and open: does the model know the user's name after some turns?

The user says a name, the conversation goes on about other things, and the user asks for the name.
What the assistant says before is the same for both models, so that only the last answer differs.
Taught in :doc:`/book/start/pocket-and-open`.

Left out: other facts than names, and conversations that the model itself has led.
"""

from collections.abc import Sequence
from typing import Any

from companion.models.loading import LoadedModel
from companion.pocket.studies.memory import ask_names, mentions, names
from companion.prompts.evaluation import Accuracy

from ._side_by_side import (
    COLUMNS,
    ORIGIN,
    check_split,
    counted,
    load_columns,
    part,
)

TURNS = (1, 2, 4)


def measure(
    *, scale: float = 1.0, split: str = "held_out", columns: Sequence[str] = COLUMNS
) -> dict[str, Any]:
    """Ask both chat models for a name that was said 1, 2 and 4 turns before.

    Args:
        scale: Share of the names to use, for a quick try.
        split: "held_out" for the record; "development" while prompts are being worded.
        columns: Some of "pocket" and "open".

    Returns:
        ``columns``, one entry each: ``recalled`` and ``mentioned``, with counts by turns.
    """
    check_split(split)
    results = {}
    for name, column in load_columns(columns).items():
        rows = {str(turns): _one_length(column.chat, turns, scale, split) for turns in TURNS}
        results[name] = {
            measure: {turns: row[measure] for turns, row in rows.items()}
            for measure in ("recalled", "mentioned")
        }
    return {"origin": ORIGIN, "split": split, "columns": results}


def _one_length(loaded: LoadedModel, turns: int, scale: float, split: str) -> dict[str, Any]:
    asked = part(names(split), scale)
    answers = ask_names(loaded, turns, asked)
    mentioned = sum(map(mentions, answers.texts, asked))
    return {
        "recalled": counted(answers.accuracy) | {"texts": list(answers.texts[:2])},
        "mentioned": counted(Accuracy(mentioned, len(asked))),
    }
