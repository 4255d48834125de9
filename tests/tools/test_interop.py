"""The same tools through LangChain."""

import json

import pytest
from langchain_core.utils.function_calling import convert_to_openai_tool

from companion.tools import Tool, Toolbox
from companion.tools.calculator import calculator
from companion.tools.interop import langchain_tools
from companion.tools.weather import get_weather


def test_langchain_declares_the_same(toolbox) -> None:
    for ours, theirs in zip(toolbox, langchain_tools(toolbox), strict=True):
        declared = convert_to_openai_tool(theirs)["function"]

        assert declared["name"] == ours.name
        assert declared["description"] == ours.description
        assert declared["parameters"]["required"] == ours.parameters["required"]
        assert declared["parameters"]["properties"] == ours.parameters["properties"]


def test_langchain_runs_them_through_the_toolbox(toolbox) -> None:
    compute, weather = langchain_tools(toolbox)

    assert compute.invoke({"expression": "6 * 7"}) == '{"value": 42}'
    assert json.loads(weather.invoke({"city": "Oslo"})).keys() == {"temperature", "sky"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"expression": "1/0"}, "division by zero"),
        ({"expression": 3}, "is not of type 'string'"),
        ({}, "required property"),
        ({"expression": "1", "more": 1}, "unexpected"),
    ],
)
def test_what_goes_wrong_is_a_result_there_too(toolbox, arguments: dict, told: str) -> None:
    assert told in json.loads(langchain_tools(toolbox)[0].invoke(arguments))["error"]


def test_a_call_of_a_chat_model_gives_a_tool_message(toolbox) -> None:
    call = {"name": "calculator", "args": {"expression": "2 + 3"}, "id": "1", "type": "tool_call"}

    message = langchain_tools(toolbox)[0].invoke(call)

    assert (message.content, message.tool_call_id) == ('{"value": 5}', "1")


def test_what_needs_approval_is_refused() -> None:
    toolbox = Toolbox([Tool.from_function(calculator, needs_approval=True), get_weather])

    guarded, weather = langchain_tools(toolbox)

    assert "needs the approval" in guarded.invoke({"expression": "1"})
    assert "temperature" in weather.invoke({"city": "Rome"})
