"""Pocket and open: a chat of three turns, in which the model's own answers are part of the prompt.

The user says a name and where she lives, asks about the place, and then asks for the name. In the
experiment ``open_memory`` the turns before are the same for both models; here each model leads its
own conversation. Taught in :doc:`/book/applications/conversation`.
"""

import re
from collections.abc import Sequence
from typing import Any

from companion.generation.decoding import generate
from companion.generation.params import SamplingParams
from companion.messages import prompt_text
from companion.models.loading import LoadedModel
from companion.pocket.studies.memory import mentions, recalls
from companion.pocket.studies.memory import names as names_of
from companion.prompts.evaluation import Accuracy

from ._side_by_side import (
    BATCH,
    COLUMNS,
    ORIGIN,
    check_split,
    counted,
    load_columns,
    part,
)

TURNS = (
    "Hello! My name is {name}, and I live in {place}.",
    "What is my town famous for?",
    "What is my name?",
)
PLACES = ("Osaka", "Naples", "Lima", "Oslo", "Cairo")
NAMES = {"development": 10, "held_out": 16}
GREEDY = SamplingParams(temperature=0, max_new_tokens=48)
PRINTED = 2

Talk = list[dict[str, str]]


def measure(
    *, scale: float = 1.0, split: str = "held_out", columns: Sequence[str] = COLUMNS
) -> dict[str, Any]:
    """Talk to both chat models, and look at whether the last answer says the name.

    Args:
        scale: Share of the conversations to have, for a quick try.
        split: "held_out" for the record; "development" while turns are being worded.
        columns: Some of "pocket" and "open".

    Returns:
        ``columns``, one entry each: ``recalled`` as the user's name, ``mentioned`` in any way,
        ``place`` where the second answer names it, and the first conversations as ``talks``.
    """
    check_split(split)
    names = part(names_of(split)[: NAMES[split]], scale)
    results = {}
    for name, column in load_columns(columns).items():
        talks = converse(column.chat, names)
        last = [talk[-1]["content"] for talk in talks]
        towns = [
            re.search(place_of(at), talk[3]["content"]) is not None for at, talk in enumerate(talks)
        ]
        results[name] = {
            "recalled": counted(Accuracy(sum(map(recalls, last, names)), len(names))),
            "mentioned": counted(Accuracy(sum(map(mentions, last, names)), len(names))),
            "place": counted(Accuracy(sum(towns), len(names))),
            "talks": talks[:PRINTED],
        }
    return {"origin": ORIGIN, "split": split, "columns": results}


def converse(loaded: LoadedModel, names: Sequence[str]) -> list[Talk]:
    """Have one conversation for each name, all of them turn by turn in batches."""
    talks: list[Talk] = [[] for _ in names]
    for turn in TURNS:
        for at, (talk, name) in enumerate(zip(talks, names, strict=True)):
            text = turn.format(name=name, place=place_of(at))
            talk.append({"role": "user", "content": text})
        for start in range(0, len(talks), BATCH):
            some = talks[start : start + BATCH]
            prompts = [prompt_text(loaded.tokenizer, talk) for talk in some]
            answers = generate(loaded.model, loaded.tokenizer, prompts, GREEDY)
            for talk, answer in zip(some, answers, strict=True):
                talk.append({"role": "assistant", "content": answer.text.strip()})
    return talks


def place_of(at: int) -> str:
    """Return where the user of a conversation lives."""
    return PLACES[at % len(PLACES)]
