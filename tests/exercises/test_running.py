"""A case is run on copies, and what came of it is read whoever wrote it."""

import json

import pytest

from companion.exercises.running import Outcome, pack, run_case, unpack


def test_a_call_gets_a_copy_of_its_arguments():
    numbers = [1, 2]

    outcome = run_case(lambda answer, given: answer(given), list.clear, (numbers,), seconds=1)

    assert outcome.state == "value"
    assert numbers == [1, 2]


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome("value", [1, 2.5, "a"]),
        Outcome("error", error="KeyError: 1", place="line 3", kinds=("KeyError", "LookupError")),
        Outcome("timeout"),
        Outcome("not run"),
    ],
)
def test_an_outcome_is_said_as_json_and_read_again(outcome):
    said = json.loads(json.dumps(pack(outcome)))

    assert unpack(said) == outcome


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ({}, "no result"),
        ({"state": "right"}, "no result"),
        ({"state": ["value"], "value": "1"}, "no result"),
        ({"state": "value"}, "the result can't be read"),
        ({"state": "value", "value": 7}, "the result can't be read"),
        ({"state": "value", "value": "{"}, "the result can't be read"),
    ],
)
def test_what_no_worker_says_is_an_error(message, error):
    assert unpack(message) == Outcome("error", error=error)


def test_of_a_long_message_little_is_kept():
    found = unpack({"state": "error", "error": "e" * 900, "place": 7, "kinds": [1] * 90})

    assert (len(found.error), found.place, found.kinds) == (500, "7", ("1",) * 20)
    assert unpack({"state": "error", "kinds": "text"}).kinds == ()


def test_an_error_says_where_and_of_which_kinds_it_is():
    def answer(number):
        return 1 / number

    outcome = run_case(lambda answer, *args: answer(*args), answer, (0,), seconds=1)

    assert outcome.error == "ZeroDivisionError: division by zero"
    assert "ArithmeticError" in outcome.kinds
    assert outcome.place.endswith("in answer: return 1 / number")


def test_where_nobody_interrupts_an_interrupt_is_an_error():
    def interrupt():
        raise KeyboardInterrupt

    outcome = run_case(lambda answer: answer(), interrupt, (), seconds=1, through=())

    assert (outcome.state, outcome.error) == ("error", "KeyboardInterrupt")


def test_an_interrupt_passes_through():
    def answer():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_case(lambda answer: answer(), answer, (), seconds=1)
