"""Exercises: a log after a crash, and a plan from measured slopes."""

import json
from random import Random

import numpy as np

from companion.exercises.catalog._draws import some_words
from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("vector-stores", __name__)

exercise = page.exercise(
    id="replay-a-log",
    title="After a crash",
    difficulty="medium",
    minutes=15,
    statement="""
    A store appends a line to its log for each change, and acknowledges the change when the whole
    line is on the disk, its newline included. Then it was killed. Make the table again from what
    the log holds.
    """,
    hints=(
        "`json.loads` reads a line. Go through the lines in order: later ones count more.",
        "`log.split('\\n')` gives one piece more than there are newlines. What is the last one?",
        "To delete what may not be there: `rows.pop(name, None)`.",
    ),
)


@exercise.solution
def replay(log: str) -> dict[str, str]:
    """Return the rows that a log describes.

    A line is a JSON object: ``{"op": "put", "id": "a", "text": "new"}`` adds a
    row or replaces it, ``{"op": "delete", "id": "a"}`` removes it if it is
    there. What follows the last newline was not acknowledged. It does not
    count, even if it looks complete.

    Args:
        log: The text of the file.

    Returns:
        The text of each row by its id.
    """
    rows: dict[str, str] = {}
    *lines, _ = log.split("\n")
    for line in lines:
        entry = json.loads(line)
        if entry["op"] == "put":
            rows[entry["id"]] = entry["text"]
        else:
            rows.pop(entry["id"], None)
    return rows


def _put(name: str, text: str) -> str:
    return json.dumps({"op": "put", "id": name, "text": text}) + "\n"


def _delete(name: str) -> str:
    return json.dumps({"op": "delete", "id": name}) + "\n"


@exercise.cases
def _logs(rng: Random) -> Cases:
    a, b, c, d = some_words(rng, 4)
    two = _put(a, b) + _put(c, d)
    yield Case("two rows", (two,), "Which line is which row?")
    yield Case("an empty log", ("",), "What does a new store hold?")
    yield Case("a row replaced", (two + _put(a, d),), "Which of two lines about a row counts?")
    yield Case("a row deleted", (two + _delete(a),), "What does a delete leave?")
    yield Case(
        "deleted and put again",
        (two + _delete(c) + _put(c, a),),
        "Are the lines taken in their order?",
    )
    yield Case(
        "deleted twice", (two + _delete(a) + _delete(a),), "What if the row is not there any more?"
    )
    yield Case(
        "half a line",
        (two + _put(b, a)[: rng.randint(3, 9)],),
        "What did the kill leave at the end of the file?",
    )
    yield Case(
        "all but the newline",
        (two + _delete(c)[:-1],),
        "Was the last change acknowledged?",
    )


@exercise.mistake(
    "A line that can be read is taken, although its newline is missing. It was not acknowledged: "
    "the client was told nothing, and will send the change again."
)
def _readable(log: str) -> dict[str, str]:
    try:
        return replay(log + "\n" if log else log)
    except ValueError:
        return replay(log)


@exercise.mistake("The last full line is left out as well. Only what follows its newline was torn.")
def _one_too_few(log: str) -> dict[str, str]:
    return replay("".join(line + "\n" for line in log.split("\n")[:-2]))


@exercise.mistake("The first line about a row is kept. A later put replaces it.")
def _first_counts(log: str) -> dict[str, str]:
    rows: dict[str, str] = {}
    for line in log.split("\n")[:-1]:
        entry = json.loads(line)
        if entry["op"] == "put":
            rows.setdefault(entry["id"], entry["text"])
        else:
            rows.pop(entry["id"], None)
    return rows


@exercise.mistake("Deletes are skipped, so what was deleted comes back with the next start.")
def _deletes_skipped(log: str) -> dict[str, str]:
    entries = [json.loads(line) for line in log.split("\n")[:-1]]
    return {entry["id"]: entry["text"] for entry in entries if entry["op"] == "put"}


@exercise.mistake(
    "All deletes are done at the end. A row that was deleted and put again later is lost that way: "
    "take the lines in their order."
)
def _deletes_last(log: str) -> dict[str, str]:
    entries = [json.loads(line) for line in log.split("\n")[:-1]]
    gone = {entry["id"] for entry in entries if entry["op"] == "delete"}
    rows = {entry["id"]: entry["text"] for entry in entries if entry["op"] == "put"}
    return {name: text for name, text in rows.items() if name not in gone}


exercise = page.exercise(
    id="plan-from-slopes",
    title="A plan from measured sizes",
    difficulty="medium",
    minutes=15,
    statement="""
    Memory was measured at a few sizes. A server takes some without any vector, and each vector
    takes its share. Draw the straight line through the measurements that fits them best (least
    squares), and read off what a larger number of vectors will take.
    """,
    hints=(
        "The line has two numbers: a slope, per vector, and an intercept, with no vectors at all.",
        "`np.polyfit(x, y, 1)` returns slope and intercept.",
        "By hand: the slope is the sum of (x - mean x)(y - mean y), over that of (x - mean x)².",
    ),
)


@exercise.solution
def planned(counts: list[int], megabytes: list[float], target: int) -> float:
    """Go on with the best straight line to a larger number of vectors.

    Args:
        counts: Numbers of vectors that were measured, at least two different.
        megabytes: What was measured at each.
        target: The number of vectors to plan for.

    Returns:
        Megabytes at `target`, on the line of least squares through all
        measurements.
    """
    slope, intercept = np.polyfit(counts, megabytes, 1)
    return float(slope * target + intercept)


@exercise.cases
def _measurements(rng: Random) -> Cases:
    fixed, each = rng.randint(40, 200), rng.choice([0.002, 0.0025, 0.004])
    counts = [1_000, 5_000, 20_000]
    line = [fixed + each * count for count in counts]
    yield Case("on a line", (counts, line, 1_000_000), "What does the server take when empty?")
    off = [value + shift for value, shift in zip(line, (6, -9, 4), strict=True)]
    yield Case("beside a line", (counts, off, 1_000_000), "Do all three measurements count?")
    yield Case(
        "two sizes",
        ([10_000, 30_000], [float(fixed), fixed + 60.0], 500_000),
        "How much does each further vector take?",
    )
    yield Case(
        "in another order",
        (counts[::-1], off[::-1], 200_000),
        "Does the largest have to come last?",
    )


@exercise.mistake(
    "You took the last measurement as many times as the target holds it. That multiplies the "
    "memory of the empty server, too: it is there once."
)
def _in_proportion(counts: list[int], megabytes: list[float], target: int) -> float:
    return megabytes[-1] * target / counts[-1]


@exercise.mistake("The slope is right. What the server takes without any vector is missing.")
def _without_intercept(counts: list[int], megabytes: list[float], target: int) -> float:
    slope, _ = np.polyfit(counts, megabytes, 1)
    return float(slope * target)


@exercise.mistake(
    "The line goes through the first and the last measurement only. Least squares weighs all of "
    "them, so that one bad measurement moves it less."
)
def _first_and_last(counts: list[int], megabytes: list[float], target: int) -> float:
    slope = (megabytes[-1] - megabytes[0]) / (counts[-1] - counts[0])
    return megabytes[0] + slope * (target - counts[0])


@exercise.mistake(
    "The line is forced through zero. A server with no vectors takes memory, so the best line does "
    "not begin there, and forced to, its slope is too steep."
)
def _through_zero(counts: list[int], megabytes: list[float], target: int) -> float:
    x, y = np.array(counts, dtype=float), np.array(megabytes)
    return float(x @ y / (x @ x) * target)
