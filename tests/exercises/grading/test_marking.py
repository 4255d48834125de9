"""What a worker says is marked as plain values: nothing else in it is believed."""

import json

import pytest

from companion.exercises import catalog
from companion.exercises.grading.marking import mark
from companion.exercises.judging import AnswerKey
from companion.exercises.running import pack
from companion.exercises.values import encode, freeze

MASK = catalog.find("causal-mask")
NUMBER = catalog.find("llama-2-cache")


@pytest.fixture(scope="module")
def key():
    return AnswerKey(MASK, "a secret of the test")


def right(key):
    """What a worker says of the right answer."""
    return [{"case": number, **pack(one)} for number, one in enumerate(key.expected)]


def test_right_values_get_all_points_whatever_their_order(key):
    marked, problem = mark(MASK, key, right(key)[::-1])

    assert (marked["state"], marked["share"], problem) == ("right", 1.0, "")
    assert json.loads(json.dumps(marked)) == marked


def test_what_was_not_said_has_not_run_and_earns_less(key):
    marked, _ = mark(MASK, key, right(key)[:1])

    assert marked["state"] == "partly right"
    assert 0 < marked["share"] < 1


def test_a_known_mistake_is_named_by_its_number(key):
    said = [{"case": number, **pack(one)} for number, one in enumerate(key.known[0])]

    marked, _ = mark(MASK, key, said)

    assert (marked["state"], marked["wrong"]) == ("wrong", 0)
    assert MASK.wrong[0].message[:20] in marked["text"]


def test_the_end_of_a_worker_is_the_error_of_the_first_case_that_is_missing(key):
    marked, _ = mark(MASK, key, [*right(key)[:1], {"ended": "your code ended the process"}])

    assert "your code ended the process" in marked["text"]
    assert marked["text"].count("your code ended the process") == 1


@pytest.mark.parametrize(
    "messages", [[], [{"missing": "nothing"}], [{"case": "0"}, {"case": True}]]
)
def test_nothing_that_counts_is_not_attempted(key, messages):
    marked, problem = mark(MASK, key, messages)

    assert (marked["state"], marked["share"], problem) == ("not attempted", 0.0, "")
    assert "What was handed in has no answer to this exercise." in marked["text"]
    assert "this cell" not in marked["text"]


def test_something_that_cannot_be_called_is_named(key):
    marked, _ = mark(MASK, key, [{"missing": "ndarray"}])

    assert marked["state"] == "wrong"
    assert "not an object of type ndarray" in marked["text"]


def test_a_claim_to_be_right_is_no_result(key):
    said = [{"case": number, "state": "right"} for number in range(len(key.cases))]

    assert mark(MASK, key, said)[0]["share"] == 0


@pytest.mark.parametrize(
    ("value", "state", "says"),
    [
        (encode(freeze(NUMBER.compute())), "right", "right"),
        (encode(freeze(-1.0)), "wrong", ""),
        ("{", "wrong", "give a plain value"),
        (encode(freeze(object())), "wrong", "give a plain value"),
    ],
)
def test_a_number_is_read_from_its_value(value, state, says):
    marked, problem = mark(NUMBER, None, [{"value": value}])

    assert marked["state"] == state
    assert says in marked["text"]
    assert problem == ""


def test_a_number_that_was_not_said_is_not_attempted():
    assert mark(NUMBER, None, [{"value": None}])[0]["state"] == "not attempted"


def test_a_judge_that_fails_costs_this_answer_and_is_named(key, monkeypatch):
    monkeypatch.setattr(AnswerKey, "judge", lambda *_: [][0])

    marked, problem = mark(MASK, key, right(key))

    assert (marked["state"], marked["share"]) == ("wrong", 0.0)
    assert "could not be judged" in marked["text"]
    assert problem.startswith("causal-mask could not be judged: IndexError")


def test_no_argument_of_a_hidden_case_is_told(key):
    said = [{"case": number, "state": "error", "error": "E"} for number in range(len(key.cases))]

    marked, _ = mark(MASK, key, said)

    assert "answer(" not in marked["text"]
    assert not any(f"causal_mask({case.args[0]})" in marked["text"] for case in key.cases)
