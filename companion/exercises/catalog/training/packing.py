"""An exercise: several records in one row."""

from random import Random

import numpy as np

from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("instruction-tuning", __name__)
Packed = dict[str, np.ndarray]

exercise = page.exercise(
    title="Records that share a row",
    difficulty="medium",
    minutes=15,
    statement="""
    Packing puts records one after another into one row. Two things keep them apart: positions that
    start at 0 in each record, and a mask that lets a token see its own record only. Make both from
    the lengths of the records.
    """,
    hints=(
        "Which record does each place belong to? `np.repeat` gives each place its number.",
        "Places of a record are counted from its own start: `np.arange(n)` for each, in a row.",
        "`which[:, None] == which` says same record; combine it with what is not in the future.",
    ),
)


@exercise.solution
def pack_row(lengths: list[int]) -> dict[str, np.ndarray]:
    """Return what a model needs to read several records in one row.

    Args:
        lengths: Tokens of each record, in the order in which they stand, each
            at least 1.

    Returns:
        ``"position_ids"``, shape (T,), and ``"visible"``, boolean, shape (T,
        T), True at [i, j] where i may see j. T is the sum of the lengths.
    """
    which = np.repeat(np.arange(len(lengths)), lengths)
    places = np.concatenate([np.arange(length) for length in lengths])
    same = which[:, None] == which
    return {"position_ids": places, "visible": same & (places[:, None] >= places)}


@exercise.run
def _run_pack(answer: object, lengths: list[int]) -> dict:
    import numpy as np

    row = answer(list(lengths))
    return {
        "position_ids": np.asarray(row["position_ids"]).astype(int),
        "visible": np.asarray(row["visible"]),
    }


@exercise.cases
def _pack_cases(rng: Random) -> Cases:
    first, second = rng.sample(range(1, 4), 2)
    yield Case("two records", ([first, second],), "What does the first token of the second see?")
    yield Case("one record", ([rng.randint(2, 4)],), "That is an ordinary row. Which mask has it?")
    three = [rng.randint(1, 3) for _ in range(3)]
    yield Case("three records", ([2, *three],), "How often does position 0 occur?")


@exercise.mistake(
    "The mask is the plain causal one. Each record also sees all records before it, so its logits "
    "depend on what it was packed with."
)
def _plain_causal(lengths: list[int]) -> Packed:
    total = sum(lengths)
    return pack_row(lengths) | {"visible": np.tril(np.ones((total, total), dtype=bool))}


@exercise.mistake(
    "Positions count through the whole row. Packed, a record then stands at other positions than "
    "alone: start again at 0."
)
def _counted_through(lengths: list[int]) -> Packed:
    return pack_row(lengths) | {"position_ids": np.arange(sum(lengths))}


@exercise.mistake(
    "Within a record the future is visible. Each token would see the one that it has to predict."
)
def _sees_ahead(lengths: list[int]) -> Packed:
    which = np.repeat(np.arange(len(lengths)), lengths)
    return pack_row(lengths) | {"visible": which[:, None] == which}


@exercise.mistake(
    "The mask compares positions only. A token then sees all earlier positions of *every* record, "
    "those of records behind it included."
)
def _by_position(lengths: list[int]) -> Packed:
    places = pack_row(lengths)["position_ids"]
    return pack_row(lengths) | {"visible": places[:, None] >= places}


@exercise.mistake("The mask is upside down: True means that a token may be seen.")
def _hidden(lengths: list[int]) -> Packed:
    row = pack_row(lengths)
    return row | {"visible": ~row["visible"]}


@exercise.mistake(
    "The mask is right in numbers, 1 and 0, but it is asked for as truth values. A float mask is "
    "*added* to the scores by many libraries, and would then hide nothing."
)
def _numbers(lengths: list[int]) -> Packed:
    row = pack_row(lengths)
    return row | {"visible": row["visible"].astype(float)}
