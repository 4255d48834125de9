"""Tools for models that were not trained to call them: what they are told and shown."""

import json

import pytest

from companion.tools import Toolbox, ToolCall
from companion.tools.calculator import calculator
from companion.tools.instruction import (
    ANSWER,
    INSTRUCTION,
    NO_CALL,
    SHOWN,
    nearest_examples,
    with_instruction,
)
from companion.tools.search import search_tool
from companion.tools.weather import get_weather

TOOLS = Toolbox([calculator, get_weather, search_tool(None)])
SUM = ToolCall("calculator", {"expression": "6 * 7"})


def lamp(on: bool) -> str:
    """Switch the lamp.

    Args:
        on: Whether it shines.
    """
    return "done"


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


@pytest.mark.parametrize(
    ("request_", "wanted"),
    [
        ("Does it rain in Bergen?", "get_weather"),
        ("How much is 12 plus 30?", "calculator"),
        ("Search for jazz.", "search"),
        ("Good evening!", None),
    ],
)
def test_the_example_before_the_request_is_the_one_most_like_it(request_, wanted) -> None:
    found = nearest_examples(request_, TOOLS)

    answer = found[-1][1]
    assert (json.loads(answer)["name"] if answer.startswith("{") else None) == wanted
    assert len(found) == len(set(found)) == SHOWN


def test_every_example_of_a_tool_is_a_call_that_fits_it() -> None:
    for request, answer in nearest_examples("What is 3 times 4?", TOOLS, most=100):
        if (request, answer) not in NO_CALL:
            call = json.loads(answer)
            assert TOOLS.check(ToolCall(call["name"], call["arguments"])) is None


@pytest.mark.parametrize("request_", ["", " \n", "\u200b", "x" * 5000])
def test_odd_requests_are_shown_examples_as_well(request_) -> None:
    told = with_instruction([user(request_)], TOOLS)

    assert len(told) == 1 + 2 * SHOWN + 1
    assert told[-1]["content"] == request_


def test_a_model_reads_the_tools_the_examples_and_then_the_request() -> None:
    told = with_instruction([user("What is 6 times 7?")], TOOLS)

    first, *shown, last = told
    assert first["content"].startswith(INSTRUCTION)
    assert "\nget_weather(city: string): Get the current weather in a city." in first["content"]
    assert [message["role"] for message in shown] == ["user", "assistant"] * SHOWN
    assert last == user("What is 6 times 7?")


def test_a_system_message_stays_first_and_tools_without_examples_need_none() -> None:
    asked = [{"role": "system", "content": "Be kind."}, user("Light!")]

    told = with_instruction(asked, Toolbox([lamp]))

    assert [message["role"] for message in told] == ["system", "user"]
    assert told[0]["content"].startswith("Be kind.\nYou are a helpful assistant with functions.")
    assert told[0]["content"].endswith("lamp(on: boolean): Switch the lamp.")


def test_with_its_results_a_request_is_asked_again_without_tools() -> None:
    before = [user("Hello!"), {"role": "assistant", "content": "Hello."}]
    calls = f"{SUM.text()}\n{SUM.text()}"
    asked = [
        {"role": "system", "content": "Be kind."},
        *before,
        user("6 x 7?"),
        {"role": "assistant", "content": calls},
        {"role": "tool", "content": '{"value": 42}'},
        {"role": "tool", "content": '{"error": "asked twice"}'},
    ]

    told = with_instruction(asked, TOOLS)

    assert told[:3] == asked[:3]
    assert told[3:] == [
        user(
            f'6 x 7?\n\n{calls}\nreturned: {{"value": 42}}\n'
            f'returned: {{"error": "asked twice"}}\n{ANSWER}'
        )
    ]


def test_results_of_earlier_turns_do_not_end_the_calls() -> None:
    done = [
        user("6 x 7?"),
        {"role": "assistant", "content": SUM.text()},
        {"role": "tool", "content": '{"value": 42}'},
        {"role": "assistant", "content": "It is 42."},
    ]

    told = with_instruction([*done, user("And 7 x 8?")], TOOLS)

    assert told[0]["content"].startswith(INSTRUCTION)
    assert told[-5:] == [*done, user("And 7 x 8?")]
