"""From a call to a result: allow-list, validation, limits, errors for the model."""

import json
import threading
import time

import pytest

from companion.errors import ToolDefinitionError, ToolError
from companion.tools import Tool, Toolbox, ToolCall
from companion.tools.calculator import calculator
from companion.tools.weather import get_weather
from tests.tools.acting import ACT, box


def test_a_valid_call_is_run(toolbox) -> None:
    result = toolbox.run(ToolCall("calculator", {"expression": "12 * 7"}))

    assert (result.outcome, result.value, result.error) == ("ok", {"value": 84}, "")
    assert result.content() == '{"value": 84}'
    assert 0 <= result.seconds < 5


def test_the_declarations_are_those_of_the_training(toolbox) -> None:
    assert toolbox.system_text() == (
        "You can call these tools: "
        '[{"name": "calculator", "parameters": {"expression": "string"}}, '
        '{"name": "get_weather", "parameters": {"city": "string"}}]'
    )


def test_declarations_for_an_endpoint_are_json_schema(toolbox) -> None:
    weather = toolbox.declarations("openai")[1]

    assert weather == {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "Get the current weather in a city.",
            "strict": True,
            "parameters": {
                "type": "object",
                "properties": {
                    "city": {"type": "string", "description": "Name of the city, such as Paris."}
                },
                "required": ["city"],
                "additionalProperties": False,
            },
        },
    }


def test_changing_a_declaration_does_not_change_the_tool(toolbox) -> None:
    toolbox.declarations()[0]["function"]["parameters"]["properties"].clear()

    assert toolbox.declarations()[0]["function"]["parameters"]["properties"]


def test_an_unknown_style_is_refused(toolbox) -> None:
    with pytest.raises(ValueError, match="style must be 'openai' or 'pocket', got 'xml'"):
        toolbox.declarations("xml")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("calculatr", "there is no tool 'calculatr'. Did you mean calculator?"),
        ("rm", "there is no tool 'rm'. The tools are calculator, get_weather."),
        ("", "there is no tool ''. The tools are calculator, get_weather."),
        ("run", "there is no tool 'run'. The tools are calculator, get_weather."),
        ("__class__", "there is no tool '__class__'. The tools are calculator, get_weather."),
    ],
)
def test_what_is_not_on_the_list_is_not_run(toolbox, name: str, told: str) -> None:
    result = toolbox.run(ToolCall(name, {"expression": "1"}))

    assert (result.outcome, result.error) == ("unknown tool", told)
    assert json.loads(result.content()) == {"error": told}


def test_a_very_long_name_is_not_repeated_in_full(toolbox) -> None:
    assert len(toolbox.run(ToolCall("x" * 10_000)).error) < 200


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({}, "'n' is a required property"),
        ({"n": 1, "m": 2}, "'m' was unexpected"),
        ({"n": "1"}, "['n']: '1' is not of type 'integer'"),
        ({"n": 1.0}, "['n']: 1.0 is not of type 'integer'"),
        ({"n": True}, "['n']: True is not of type 'integer'"),
        ({"n": None}, "['n']: None is not of type 'integer'"),
        ({"n": 1, "names": ["a", 3]}, "['names'][1]: 3 is not of type 'string'"),
    ],
)
def test_arguments_that_miss_or_exceed_the_schema_are_not_run(arguments: dict, told: str) -> None:
    ran = []

    def act(n: int, names: list[str] = ()) -> None:
        """Act.

        Args:
            n: A number.
            names: Names.
        """
        ran.append(n)

    result = Toolbox([act]).run(ToolCall("act", arguments))

    assert result.outcome == "bad arguments"
    assert result.error.startswith("bad arguments for act: ")
    assert told in result.error
    assert ran == []


def test_a_long_wrong_argument_is_not_repeated_in_full() -> None:
    result = box(lambda n: n).run(ToolCall("act", {"n": "x" * 10_000}))

    assert len(result.error) < 250


def test_what_a_tool_says_about_a_mistake_reaches_the_model(toolbox) -> None:
    result = toolbox.run(ToolCall("calculator", {"expression": "1 / 0"}))

    assert (result.outcome, result.error) == ("failed", "division by zero: 1 / 0")
    assert isinstance(result.exception, ToolError)


def test_given_up_calls_do_not_pile_up(stuck) -> None:
    toolbox = Toolbox([stuck, calculator], timeout=0.02, max_abandoned=2)

    outcomes = [toolbox.run(ToolCall("wait_for", {"who": str(n)})).outcome for n in range(3)]

    assert outcomes == ["timeout", "timeout", "failed"]
    assert "still running" in toolbox.run(ToolCall("calculator", {"expression": "1"})).error


def test_after_they_end_calls_run_again() -> None:
    go = threading.Event()
    toolbox = box(lambda n: go.wait(30), timeout=0.02, max_abandoned=1)
    first, second = toolbox.run(ACT), toolbox.run(ACT)

    go.set()
    for thread in toolbox._abandoned:
        thread.join(5)
    third = toolbox.run(ACT)

    assert [first.outcome, second.outcome, third.outcome] == ["timeout", "failed", "ok"]


def test_parallel_calls_run_at_the_same_time_and_keep_their_order() -> None:
    meeting = threading.Barrier(3, timeout=20)  # nobody passes before all are there

    def meet(n: int) -> int:
        meeting.wait()
        time.sleep(0.01 * (3 - n))
        return n

    results = box(meet, timeout=20).run_all([ToolCall("act", {"n": n}) for n in range(3)])

    assert [result.value for result in results] == [0, 1, 2]


def test_one_bad_call_does_not_stop_the_others(toolbox) -> None:
    results = toolbox.run_all(
        [ToolCall("nothing"), ToolCall("calculator", {"expression": "1"}), ToolCall("calculator")]
    )

    assert [result.outcome for result in results] == ["unknown tool", "ok", "bad arguments"]


def test_a_message_that_is_too_long_is_cut() -> None:
    def fail(n: int) -> None:
        raise ToolError("x" * 1000)

    assert box(fail, max_output=100).run(ACT).error == "x" * 100


def test_only_keeps_the_given_tools_in_order_and_the_limits() -> None:
    toolbox = Toolbox([calculator, get_weather], timeout=3, max_output=50, max_abandoned=7)

    fewer = toolbox.only("get_weather")

    assert [tool.name for tool in fewer] == ["get_weather"]
    assert [tool.name for tool in toolbox.only("get_weather", "calculator")] == [
        "get_weather",
        "calculator",
    ]
    assert (fewer.timeout, fewer.max_output, fewer.max_abandoned) == (3, 50, 7)
    assert fewer.run(ToolCall("calculator", {"expression": "1"})).outcome == "unknown tool"
    with pytest.raises(ToolDefinitionError, match="no tool 'x'; there are calculator, get_weather"):
        toolbox.only("x")


def test_it_is_a_collection(toolbox) -> None:
    assert len(toolbox) == 2
    assert "calculator" in toolbox
    assert "eval" not in toolbox
    assert isinstance(toolbox["calculator"], Tool)


@pytest.mark.parametrize("tools", [[], [calculator, calculator]])
def test_each_name_is_there_once(tools: list) -> None:
    with pytest.raises(ToolDefinitionError, match="at least one tool and each name once"):
        Toolbox(tools)


@pytest.mark.parametrize("limit", [{"timeout": 0}, {"max_output": 0}, {"max_abandoned": -1}])
def test_limits_are_positive(limit: dict) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        Toolbox([calculator], **limit)
