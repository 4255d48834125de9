"""Pocket and open: does the model know the user's name after some turns?

The user says a name, the conversation goes on about other things, and the user asks for the name.
What the assistant says before is the same for both models, so that only the last answer differs.
Taught in :doc:`/book/start/pocket-and-open`.

Left out: other facts than names, and conversations that the model itself has led.
"""

import random
from collections.abc import Sequence
from typing import Any

from companion.messages import prompt_text
from companion.models.loading import LoadedModel
from companion.prompts.evaluation import Accuracy

from ._names import mentions, recalls
from ._side_by_side import (
    COLUMNS,
    ORIGIN,
    ask,
    check_split,
    counted,
    load_columns,
    load_items,
    part,
)

TURNS = (1, 2, 4)
SEED = 5


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
    stored = load_items("names")
    names = part(stored[split], scale)
    prompts = [
        prompt_text(loaded.tokenizer, conversation(stored, name, at, turns))
        for at, name in enumerate(names)
    ]
    answers = ask(loaded, prompts, names, recalls, max_new_tokens=32, stop=())
    mentioned = sum(map(mentions, answers.texts, names))
    return {
        "recalled": counted(answers.accuracy) | {"texts": list(answers.texts[:2])},
        "mentioned": counted(Accuracy(mentioned, len(names))),
    }


def conversation(stored: dict[str, Any], name: str, at: int, turns: int) -> list[dict[str, str]]:
    """Return ``turns`` turns of user and assistant, the first with the name, and the question.

    Args:
        stored: The file ``names`` of the items.
        name: Of the user.
        at: Number of the item, which chooses the words.
        turns: Turns before the question.
    """
    introduction = stored["introductions"][at % len(stored["introductions"])]
    reply = stored["replies"][at % len(stored["replies"])]
    said = [(introduction.format(name=name), reply.format(name=name))]
    said += random.Random(SEED + at).sample(stored["fillers"], turns - 1)
    messages = [
        {"role": role, "content": text}
        for pair in said
        for role, text in zip(("user", "assistant"), pair, strict=True)
    ]
    return [*messages, {"role": "user", "content": stored["question"]}]
