"""From a call to a result: allow-list, validation, limits, errors for the model."""

import contextvars
import json
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.errors import ToolDefinitionError, ToolError
from companion.tools import Tool, Toolbox, ToolCall
from companion.tools.calculator import calculator
from companion.tools.weather import get_weather


def box(body, **limits) -> Toolbox:
    def act(n: int = 0) -> object:
        """Act.

        Args:
            n: A number.
        """
        return body(n)

    return Toolbox([act], **limits)


ACT = ToolCall("act")


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


@pytest.mark.parametrize("timeout", [None, 5])
@pytest.mark.parametrize(
    "error", [KeyError("secret"), SystemExit(3), OSError("/etc/secret"), GeneratorExit("secret")]
)
def test_other_exceptions_leak_nothing_and_end_nothing(error, timeout) -> None:
    def fail(n: int) -> None:
        raise error

    result = box(fail, timeout=timeout).run(ACT)

    assert result.outcome == "failed"
    assert result.error == f"act failed with an internal error ({type(error).__name__})"
    assert "secret" not in result.content() + repr(result)
    assert result.exception is error


def test_ctrl_c_without_a_time_limit_gets_through() -> None:
    def interrupt(n: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        box(interrupt, timeout=None).run(ACT)


def test_a_tool_that_takes_too_long_is_given_up(stuck) -> None:
    toolbox = Toolbox([stuck], timeout=0.05)
    began = time.perf_counter()

    result = toolbox.run(ToolCall("wait_for", {"who": "Ann"}))

    assert (result.outcome, result.seconds) == ("timeout", 0.05)
    assert result.error == "wait_for did not finish within 0.05 seconds"
    assert time.perf_counter() - began < 5


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


@pytest.mark.parametrize(
    "value", [object(), {1, 2}, b"x", float("nan"), float("inf"), {(1, 2): 3}, [[object()]]]
)
def test_a_result_that_is_no_json_is_an_error(value: object) -> None:
    result = box(lambda n: value).run(ACT)

    assert (result.outcome, result.error) == ("failed", "act returned something that is not JSON")


def test_a_result_that_holds_itself_is_an_error() -> None:
    endless: list = []
    endless.append(endless)

    assert box(lambda n: endless).run(ACT).outcome == "failed"


def test_a_result_that_is_too_long_is_an_error_not_half_a_result() -> None:
    toolbox = box(lambda n: "x" * n, max_output=100)

    assert toolbox.run(ToolCall("act", {"n": 98})).outcome == "ok"
    assert toolbox.run(ToolCall("act", {"n": 99})).error == (
        "the result of act is too long: 101 characters; at most 100 are allowed. Ask for less."
    )


def test_a_message_that_is_too_long_is_cut() -> None:
    def fail(n: int) -> None:
        raise ToolError("x" * 1000)

    assert box(fail, max_output=100).run(ACT).error == "x" * 100


@given(st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.integers()))
def test_a_result_is_one_line_of_json(value: object) -> None:
    content = box(lambda n: value, timeout=None).run(ACT).content()

    assert json.loads(content) == value
    assert "\n" not in content


def test_a_tool_can_not_change_the_call_it_got() -> None:
    def change(names: list[str]) -> None:
        """Change.

        Args:
            names: Names.
        """
        names.append("x")

    call = ToolCall("change", {"names": ["a"]})

    assert Toolbox([change]).run(call).call.arguments == {"names": ["a"]}


def test_a_result_is_a_copy_of_what_the_tool_keeps() -> None:
    kept = {"a": [1]}

    box(lambda n: kept).run(ACT).value["a"].append(2)

    assert kept == {"a": [1]}


def test_context_variables_are_seen_in_the_thread() -> None:
    user = contextvars.ContextVar("user")
    user.set("Ann")

    assert box(lambda n: user.get()).run(ACT).value == "Ann"


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


@pytest.mark.parametrize("timeout", [None, 5])
def test_a_message_that_can_not_be_written_is_an_internal_error(timeout) -> None:
    class Broken(ToolError):
        def __str__(self) -> str:
            raise RuntimeError("secret")

    def fail(n: int) -> None:
        raise Broken

    result = box(fail, timeout=timeout).run(ACT)

    assert result.error == "act failed with an internal error (Broken)"
