"""Pocket and open: bookings as JSON, asked for in words, with examples, and held to by a mask.

Also what the mask takes away at each step, and whether a model repairs an answer that was not valid
when it is told what is wrong. Taught in :doc:`/book/applications/structured-output`.

pocket-chat is not shown the examples: with them the prompt is longer than its context.
"""

from collections.abc import Sequence
from typing import Any

import torch

from companion.backends.structured import SchemaConstraint
from companion.generation.decoding import generate
from companion.generation.params import SamplingParams
from companion.messages import Message, prompt_text
from companion.models.loading import LoadedModel
from companion.pocket.studies.bookings import ASK, SCHEMA, bookings

from ._side_by_side import COLUMNS, ORIGIN, check_split, load_columns, part
from ._structure import Watched, complaint, count, messages

ITEMS = 36
GREEDY = SamplingParams(temperature=0, max_new_tokens=80)
BATCH = 12
WAYS = {"pocket": ("words",), "open": ("words", "examples")}
AGAIN = "Write the booking once more. Write nothing but the JSON."


def measure(
    *, scale: float = 1.0, split: str = "held_out", columns: Sequence[str] = COLUMNS
) -> dict[str, Any]:
    """Let both chat models write bookings.

    Args:
        scale: Share of the messages to use, for a quick try.
        split: "held_out" for the record; "development" while prompts are being worded.
        columns: Some of "pocket" and "open".

    Returns:
        ``columns``, one entry each: by way to ask, "free" and "masked", what `count` returns; for
        "masked" also what `removed` returns; and for the open model ``repair``.
    """
    check_split(split)
    items = part(bookings(split, ITEMS), scale)
    results: dict[str, Any] = {}
    for name, column in load_columns(columns).items():
        results[name] = {way: compare(column.chat, items, way) for way in WAYS[name]}
        if "examples" in WAYS[name]:
            written = results[name]["examples"]["free"]["all"]
            results[name]["repair"] = repair(column.chat, items, written)
    return {"origin": ORIGIN, "split": split, "ask": ASK, "columns": results}


def compare(loaded: LoadedModel, items: Sequence[tuple[str, Any]], way: str) -> dict[str, Any]:
    """Ask in one way, free and masked."""
    asked = [messages(text, examples=way == "examples") for text, _ in items]
    free, _ = write(loaded, asked, masked=False)
    masked, watched = write(loaded, asked, masked=True)
    return {
        "free": count(items, free),
        "masked": count(items, masked) | removed(loaded, masked, watched),
    }


def write(
    loaded: LoadedModel, asked: Sequence[list[Message]], *, masked: bool
) -> tuple[list[str], list[Any]]:
    """Answer greedily; returns the texts, and for each one its steps under the mask."""
    prompts = [prompt_text(loaded.tokenizer, turns) for turns in asked]
    texts: list[str] = []
    steps: list[Any] = []
    for at in range(0, len(prompts), BATCH):
        watched = Watched(SchemaConstraint(*loaded, SCHEMA)) if masked else None
        some = prompts[at : at + BATCH]
        made = generate(*loaded, some, GREEDY, logits_filter=watched)
        texts += [one.text for one in made]
        for one, row in zip(made, watched.steps if watched else [], strict=False):
            for token, step in zip(one.token_ids, row, strict=True):
                step["token"] = token
            steps.append(row)
    return texts, steps


def removed(loaded: LoadedModel, texts: Sequence[str], steps: Sequence[Any]) -> dict[str, Any]:
    """Sum up what the mask took away, and show every step of the first answer."""
    every = [step for row in steps for step in row]
    logs = torch.tensor([step["mass"] for step in every]).clamp_min(1e-30).log()
    decode = loaded.tokenizer.decode
    first = [
        {
            "token": decode([step["token"]]),
            "wanted": decode([step["wanted"]]),
            "mass": float(f"{step['mass']:.3g}"),
            "allowed": step["allowed"],
        }
        for step in steps[0]
    ]
    return {
        "steps": len(every),
        "overruled": sum(step["overruled"] for step in every),
        "only_one": sum(step["allowed"] == 1 for step in every),
        "log_mass": round(logs.sum().item() / len(texts), 2),
        "first": first,
    }


def repair(
    loaded: LoadedModel, items: Sequence[tuple[str, Any]], texts: Sequence[str]
) -> dict[str, Any]:
    """Send answers that are not valid back once, with the complaint or without one."""
    failed = [(item, text) for item, text in zip(items, texts, strict=True) if complaint(text)]
    results: dict[str, Any] = {"failed": len(failed)}
    if not failed:
        return results
    for way in ("told what is wrong", "only asked again"):
        asked = []
        for (text, _), written in failed:
            told = f"That is not valid. {complaint(written)}. " if way.startswith("told") else ""
            turns = [
                {"role": "assistant", "content": written},
                {"role": "user", "content": told + AGAIN},
            ]
            asked.append([*messages(text, examples=True), *turns])
        again, _ = write(loaded, asked, masked=False)
        found = count([item for item, _ in failed], again)
        found["same"] = sum(new == old for new, (_, old) in zip(again, failed, strict=True))
        results[way] = found
    results["complaints"] = [complaint(text) for _, text in failed[:3]]
    return results
