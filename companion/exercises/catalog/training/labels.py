"""Exercises: what instruction tuning reads: labels, and batches of ragged rows."""

from random import Random

import numpy as np

from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("instruction-tuning", __name__)

exercise = page.exercise(
    title="Labels for instruction tuning",
    difficulty="easy",
    minutes=10,
    statement="""
    In instruction tuning only what the assistant writes counts in the loss: the answer and the
    token that ends it. By convention, places that do not count get the label -100. Build one padded
    row and its labels.
    """,
    hints=(
        "Both lists have three parts: prompt, answer, padding. What stands in each of the parts?",
        "You know how long each part is. There is no need to look at single tokens.",
        "`[-100] * n` is a list of n labels that do not count.",
    ),
)


@exercise.solution
def completion_labels(
    prompt_ids: list[int], answer_ids: list[int], width: int, pad_id: int
) -> dict[str, list[int]]:
    """Return one padded row of a batch for instruction tuning, with its labels.

    Args:
        prompt_ids: Token ids of the prompt.
        answer_ids: Token ids of the answer; the last one is the token that ends
            the turn.
        width: Length of the row, at least that of prompt and answer together.
        pad_id: The padding token. In some tokenizers it is the token that ends
            the turn.

    Returns:
        ``"input_ids"``: prompt, answer, padding. ``"labels"``: at every place
        that the loss counts the token id that stands there, elsewhere -100.
        Nothing is shifted; the loss does that. Each has the length ``width``.
    """
    padding = width - len(prompt_ids) - len(answer_ids)
    return {
        "input_ids": prompt_ids + answer_ids + [pad_id] * padding,
        "labels": [-100] * len(prompt_ids) + answer_ids + [-100] * padding,
    }


@exercise.cases
def _label_cases(rng: Random) -> Cases:
    a, b, c, d, e = rng.sample(range(3, 100), 5)
    yield Case("no padding", ([a, b, c], [d, e, 2], 6, 0), "Who wrote which of the six tokens?")
    yield Case("two places of padding", ([b, d], [a, 2], 6, 0), "Should padding be learned?")
    yield Case(
        "the padding token also ends the turn",
        ([e, a], [c, b, 2], 7, 2),
        "From which token does the model learn to stop? What tells it from padding here?",
    )
    prompt = [rng.randint(3, 99) for _ in range(rng.randint(1, 4))]
    answer = [rng.randint(3, 99) for _ in range(rng.randint(1, 4))]
    yield Case("other tokens", (prompt, [*answer, 2], 10, 2), "How many labels are not -100?")


@exercise.mistake(
    "The prompt counts too. Then much of the gradient is about predicting what users write, and "
    "answers are learned more slowly."
)
def _prompt_counts(prompt_ids: list, answer_ids: list, width: int, pad_id: int) -> dict:
    row = completion_labels(prompt_ids, answer_ids, width, pad_id)
    return row | {"labels": prompt_ids + row["labels"][len(prompt_ids) :]}


@exercise.mistake(
    "Every place with the padding token was taken out of the loss, and with it the end of the turn "
    "where both are the same token. Such a model never learns to stop."
)
def _end_does_not_count(prompt_ids: list, answer_ids: list, width: int, pad_id: int) -> dict:
    row = completion_labels(prompt_ids, answer_ids, width, pad_id)
    return row | {"labels": [-100 if label == pad_id else label for label in row["labels"]]}


@exercise.mistake("Padding counts: the model is trained to write padding tokens.")
def _padding_counts(prompt_ids: list, answer_ids: list, width: int, pad_id: int) -> dict:
    row = completion_labels(prompt_ids, answer_ids, width, pad_id)
    return row | {"labels": [-100] * len(prompt_ids) + row["input_ids"][len(prompt_ids) :]}


@exercise.mistake(
    "The labels are shifted. The loss shifts them once more, and so the model would learn to "
    "predict the token after the next."
)
def _shifted(prompt_ids: list, answer_ids: list, width: int, pad_id: int) -> dict:
    row = completion_labels(prompt_ids, answer_ids, width, pad_id)
    return row | {"labels": [*row["labels"][1:], -100]}


exercise = page.exercise(
    title="A batch of ragged rows",
    difficulty="easy",
    minutes=10,
    statement="""
    Records have different lengths, and a tensor has one width. Write the function that fills the
    rows on the right and says in a mask what is padding.
    """,
    hints=(
        "First find the width. Then fill every row to it, and make a row of the mask beside it.",
        "The mask follows from the *lengths*: so many ones, then zeros.",
        '`row + [pad_id] * (width - len(row))`, and `np.array` of all such rows for "input_ids".',
    ),
)


@exercise.solution
def collate(rows: list[list[int]], pad_id: int) -> dict[str, np.ndarray]:
    """Put rows of different lengths into one batch for training.

    Args:
        rows: Token ids of each record, at least one record.
        pad_id: Fills the places on the right. Rows may hold this token
            themselves.

    Returns:
        ``"input_ids"`` and ``"attention_mask"``, integer arrays of shape (B,
        T), where T is the length of the longest row. The mask is 1 for tokens
        of the record and 0 for padding.
    """
    width = max(len(row) for row in rows)
    return {
        "input_ids": np.array([row + [pad_id] * (width - len(row)) for row in rows]),
        "attention_mask": np.array([[1] * len(row) + [0] * (width - len(row)) for row in rows]),
    }


@exercise.run
def _run_collate(answer: object, rows: list, pad_id: int) -> dict:
    import numpy as np

    batch = {name: np.asarray(values) for name, values in answer(rows, pad_id).items()}
    kinds = {f"{name} holds integers": array.dtype.kind in "iu" for name, array in batch.items()}
    return batch | kinds


@exercise.cases
def _collate_cases(rng: Random) -> Cases:
    a, b, c, d = rng.sample(range(3, 100), 4)
    yield Case("two lengths", ([[a, b, c], [d]], 0), "How wide must the batch be?")
    yield Case("one row", ([[d, b, 2]], 0), "Is there anything to fill?")
    yield Case(
        "the padding token also ends each row",
        ([[c, 2], [a, d, b, 2]], 2),
        "Is a 2 always padding? What else tells you which places belong to the record?",
    )
    rows = [[rng.randint(3, 99) for _ in range(length)] for length in rng.sample(range(1, 5), 3)]
    yield Case("three rows", (rows, 0), "How many ones does the mask have in each row?")


@exercise.mistake(
    "The rows were filled on the left. Generation in batches needs that, so that all rows end at "
    "the same place; here the filling belongs on the right."
)
def _left(rows: list[list[int]], pad_id: int) -> dict[str, np.ndarray]:
    mirrored = collate([row[::-1] for row in rows], pad_id)
    return {name: array[:, ::-1] for name, array in mirrored.items()}


@exercise.mistake(
    "The mask was made by comparing with the padding token. Where a record holds the same token, "
    "for instance at its end, that token is hidden too."
)
def _mask_by_id(rows: list[list[int]], pad_id: int) -> dict[str, np.ndarray]:
    ids = collate(rows, pad_id)["input_ids"]
    return {"input_ids": ids, "attention_mask": (ids != pad_id).astype(int)}


@exercise.mistake(
    "The rows were cut to the length of the shortest, and the ends of the others are lost."
)
def _cut_to_shortest(rows: list[list[int]], pad_id: int) -> dict[str, np.ndarray]:
    width = min(len(row) for row in rows)
    return collate([row[:width] for row in rows], pad_id)


@exercise.mistake("The mask is upside down: 1 means a token of the record.")
def _inverted_mask(rows: list[list[int]], pad_id: int) -> dict[str, np.ndarray]:
    batch = collate(rows, pad_id)
    return batch | {"attention_mask": 1 - batch["attention_mask"]}


@exercise.mistake(
    "The numbers are right, but they are floats: `np.ones` and `np.zeros` give these unless you "
    "say `dtype=int`. Ids are looked up in a table, which has no row 3.0."
)
def _floats(rows: list[list[int]], pad_id: int) -> dict[str, np.ndarray]:
    return {name: array.astype(float) for name, array in collate(rows, pad_id).items()}
