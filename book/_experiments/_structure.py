"""How a booking is asked for, how an answer is judged, and a record of what a mask removes."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from companion._extras import require
from companion.backends.grammars import GrammarConstraint
from companion.messages import Message
from companion.pocket.studies.bookings import ASK, SCHEMA, bookings
from companion.prompts.evaluation import Accuracy

from ._side_by_side import counted

SHOWN = 3


class Watched:
    """A constraint that keeps a record of what it removes.

    Args:
        constraint: The constraint.

    Attributes:
        steps: For each sequence, one entry per token: ``mass``, the probability of all tokens that
            are allowed; ``allowed``, how many those are; ``wanted``, the id of the most probable
            token of all, and whether it is ``overruled``.
    """

    def __init__(self, constraint: GrammarConstraint) -> None:
        self.constraint = constraint
        self.steps: list[list[dict[str, Any]]] = []

    def __call__(self, logits: Tensor, token_ids: list[list[int]]) -> Tensor:
        """Remove what the constraint removes, shape ``(B, V)`` as before."""
        masked = self.constraint(logits, token_ids)
        self.steps = self.steps or [[] for _ in token_ids]
        kept = masked > float("-inf")
        mass = (logits.float().softmax(dim=-1) * kept).sum(dim=-1)
        wanted = logits.argmax(dim=-1)
        for row, ids in enumerate(token_ids):
            if not (ids and ids[-1] in self.constraint.eos_ids):
                step = {"mass": mass[row].item(), "allowed": int(kept[row].sum())}
                step |= {"wanted": int(wanted[row]), "overruled": not kept[row, wanted[row]].item()}
                self.steps[row].append(step)
        return masked


def messages(text: str, *, examples: bool) -> list[Message]:
    """Return the conversation that asks for a booking, with solved examples before it or not."""
    shown = bookings("examples", SHOWN) if examples else []
    turns = [
        turn
        for example, booking in shown
        for turn in (
            {"role": "user", "content": ASK.format(text=example)},
            {"role": "assistant", "content": json.dumps(booking)},
        )
    ]
    return [*turns, {"role": "user", "content": ASK.format(text=text)}]


def read(text: str) -> Mapping[str, Any] | None:
    """Return the JSON of an answer, nothing around it; None if it is not JSON."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value


def complaint(text: str) -> str:
    """Say what is wrong with an answer; the empty text if it is valid."""
    jsonschema = require("jsonschema", extra="tools")
    try:
        value = json.loads(text)
    except ValueError as error:
        return f"this is not JSON: {error}"
    wrong = jsonschema.Draft202012Validator(SCHEMA).iter_errors(value)
    return "; ".join(f"{'.'.join(map(str, e.absolute_path))}: {e.message}" for e in wrong)


def count(items: Sequence[tuple[str, Any]], texts: Sequence[str]) -> dict[str, Any]:
    """Count answers that are JSON, valid, and right, and the fields that are right."""
    values = [read(text) for text in texts]
    valid = [not complaint(text) for text in texts]
    total = len(items)
    right = {
        field: sum(
            isinstance(value, dict) and value.get(field) == booking[field]
            for value, (_, booking) in zip(values, items, strict=True)
        )
        for field in SCHEMA["properties"]
    }
    whole = [value == booking for value, (_, booking) in zip(values, items, strict=True)]
    return {
        "json": counted(Accuracy(sum(value is not None for value in values), total)),
        "valid": counted(Accuracy(sum(valid), total)),
        "right": counted(Accuracy(sum(whole), total)),
        "fields": right,
        "all": list(texts),
    }
