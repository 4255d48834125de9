"""What a worker says is read within limits, and little of it is kept."""

import json
import tracemalloc

import pytest

from companion.exercises.grading.transcript import TooMuch, Transcript


def transcript():
    cases = {"cases": ["[]"] * 3}
    return Transcript(2, ({"id": "one", **cases}, {"id": "two", **cases}), 0)


def said(*messages):
    """What is kept of messages."""
    found = transcript()
    for message in messages:
        found.feed(json.dumps(message).encode() + b"\n")
    return found


def test_only_known_fields_of_the_exercise_that_runs_are_kept():
    found = said(
        {"held": ["x"]},
        {"cell": 1}, {"cell": "C" * 9_000}, {"cell": True}, {"cell": 10**30},
        {"cell": 1, "error": "e" * 1000}, {"exercise": "two", "case": 0, "state": "value"},
        {"exercise": "one"},
        {"exercise": "one", "case": 0, "state": "value", "value": "1", "more": [{}] * 100},
        {"exercise": "one", "case": 0, "state": "value", "value": "2"},
        {"exercise": "one", "case": True, "state": "value"},
        {"exercise": "one", "case": 3, "state": "value"},
        {"exercise": "one", "case": 10**40, "state": "value"},
        {"exercise": "one", "case": 1, "state": ["right"], "error": 7, "kinds": "x", "value": {}},
        {"exercise": "one", "case": 2, "state": "error", "error": "\udcff" * 900,
         "kinds": ["k" * 1000, 3] * 50, "place": []},
        {"exercise": ["one"]}, {"held": ["y"]}, [], None, "text", {"cell": 2},
    )  # fmt: skip

    assert found.notes == [(1, "e" * 300)]
    assert found.found == {
        "one": [
            {"case": 0, "state": "value", "value": "1"},
            {"case": 1},
            {"case": 2, "state": "error", "error": "?" * 500, "kinds": ["k" * 100] * 10},
        ]
    }
    assert (found.held, found.cell, found.reached, found.done) == (("x",), 1, "one", False)


@pytest.mark.parametrize(
    "line",
    [
        b"{}," * 10_000_000,
        b'{"cell":1}\n' * 200_000,
        b'"' + b"x" * 7_000_000 + b'"\n',
        (b'"' + b"x" * 1_000_000 + b'"\n') * 40,
    ],
    ids=["one line without end", "many lines", "a long line", "many long lines"],
)
def test_too_much_ends_the_reading(line):
    found = transcript()

    def feed():
        for start in range(0, len(line), 2**16):
            found.feed(line[start : start + 2**16])

    with pytest.raises(TooMuch):
        feed()


@pytest.mark.parametrize("junk", ["[]", '{"exercise":"one"}'])
def test_of_what_is_said_little_is_kept(junk):
    line = f'{{"exercise":"one","case":0,"x":[{junk}{f",{junk}" * 20_000}]}}\n'.encode()
    found = transcript()
    found.feed(b'{"exercise":"one"}\n')

    tracemalloc.start()
    for _ in range(20):
        found.feed(line)
    kept, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert kept < 100_000
    assert most < 40 * len(line)
