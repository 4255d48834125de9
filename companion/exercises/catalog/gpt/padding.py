"""An exercise: batches: left padding, the attention mask, positions."""

from random import Random

import numpy as np

from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("next-token", __name__)

exercise = page.exercise(
    id="left-padding",
    title="Left padding, mask and positions",
    difficulty="medium",
    minutes=15,
    statement="""
    A decoder reads the next token off the last column, so all prompts of a batch have to end there:
    padding goes to the left. Build the ids, the attention mask, and the positions that let each
    prompt look as if it were alone.
    """,
    hints=(
        "How long is the longest row? How many fillers does each of the others need?",
        "Build the mask from the lengths and not from the ids.",
        "Positions start at 0 with the first real token of each row: `[0] * gap + "
        "list(range(len(row)))`.",
    ),
)


@exercise.solution
def left_pad(rows: list[list[int]], pad_id: int) -> dict[str, np.ndarray]:
    """Make one batch of prompts of different lengths, padded on the left.

    Args:
        rows: Token ids of each prompt, none empty.
        pad_id: Fills the gaps. It may also occur as a real token, where padding
            and end of text have the same id.

    Returns:
        Three integer arrays of shape (B, T), T being the length of the longest
        prompt: "input_ids"; "attention_mask", 1 for real tokens and 0 for
        padding; and "position_ids", which number the real tokens of each row 0,
        1, 2, ... and are 0 at padding.
    """
    width = max(len(row) for row in rows)
    gaps = [width - len(row) for row in rows]
    batch = list(zip(gaps, rows, strict=True))
    return {
        "input_ids": np.array([[pad_id] * gap + row for gap, row in batch]),
        "attention_mask": np.array([[0] * gap + [1] * len(row) for gap, row in batch]),
        "position_ids": np.array([[0] * gap + list(range(len(row))) for gap, row in batch]),
    }


@exercise.cases
def _padding_cases(rng: Random) -> Cases:
    a, b, c, d = rng.sample(range(10, 100), 4)
    yield Case("ragged lengths", ([[a, b, c], [d]], 0), "At which column does each prompt end?")
    yield Case("equal lengths", ([[a, b], [c, d]], 0), "Is there anything to fill?")
    yield Case(
        "padding is the end of text",
        ([[a, 2, b], [2, c]], 2),
        "Token 2 is a real token here. Can the mask be read off the ids?",
    )
    yield Case("one prompt", ([[d, c, b]], 0), "What are its positions?")


@exercise.run
def _run_padding(answer: object, rows: list[list[int]], pad_id: int) -> dict:
    batch = answer(rows, pad_id)
    if not isinstance(batch, dict):
        return batch
    types = {name: str(getattr(array, "dtype", "int")) for name, array in batch.items()}
    return batch | {f"{name} holds integers": "int" in kind for name, kind in types.items()}


@exercise.mistake(
    "The padding is on the right. The last column then holds padding for the short prompts, and "
    "the model would continue that."
)
def _right(rows: list[list[int]], pad_id: int) -> dict[str, np.ndarray]:
    backwards = left_pad([row[::-1] for row in rows], pad_id)
    flipped = {name: array[:, ::-1].copy() for name, array in backwards.items()}
    mask = flipped["attention_mask"]
    return flipped | {"position_ids": np.maximum(mask.cumsum(axis=1) - 1, 0) * mask}


@exercise.mistake(
    "The mask is read off the ids, so it also hides real tokens that share their id with the "
    "padding, such as the end of text. Build it from the lengths."
)
def _mask_from_ids(rows: list[list[int]], pad_id: int) -> dict[str, np.ndarray]:
    batch = left_pad(rows, pad_id)
    mask = (batch["input_ids"] != pad_id).astype(int)
    positions = np.maximum(mask.cumsum(axis=1) - 1, 0)
    return batch | {"attention_mask": mask, "position_ids": positions}


@exercise.mistake(
    "Positions count columns, padding included. A short prompt would start at a later position "
    "than it would alone, and get other logits."
)
def _columns_as_positions(rows: list[list[int]], pad_id: int) -> dict[str, np.ndarray]:
    batch = left_pad(rows, pad_id)
    return batch | {
        "position_ids": np.zeros_like(batch["input_ids"]) + np.arange(len(batch["input_ids"][0]))
    }


@exercise.mistake(
    "Positions start at 1. The cumulative sum of the mask is one ahead: subtract 1, and keep 0 at "
    "the padding."
)
def _from_one(rows: list[list[int]], pad_id: int) -> dict[str, np.ndarray]:
    batch = left_pad(rows, pad_id)
    return batch | {"position_ids": batch["attention_mask"].cumsum(axis=1)}


@exercise.mistake("The mask is the wrong way round: 1 marks real tokens, which the model may see.")
def _mask_inverted(rows: list[list[int]], pad_id: int) -> dict[str, np.ndarray]:
    batch = left_pad(rows, pad_id)
    return batch | {"attention_mask": 1 - batch["attention_mask"]}


@exercise.mistake(
    "The numbers are right, but they are floats: that is what `np.zeros` and `np.full_like` of "
    "floats give. A table of embeddings has no row 3.0; give integers, as with `dtype=int`."
)
def _floats(rows: list[list[int]], pad_id: int) -> dict[str, np.ndarray]:
    return {name: array.astype(float) for name, array in left_pad(rows, pad_id).items()}
