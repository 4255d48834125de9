"""Messages and tools of a request."""

import pytest

from companion.serving.conversation import read_messages, read_tools
from companion.serving.fields import Fields
from companion.serving.refusal import Refusal
from companion.tools import Toolbox
from companion.tools.calculator import calculator
from companion.tools.weather import get_weather

USER = {"role": "user", "content": "Hello!"}
TOOLS = Toolbox([calculator, get_weather]).declarations("openai")
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def messages(*given: object) -> list:
    return read_messages(Fields({"messages": list(given)}))


def test_a_developer_is_the_system_and_parts_are_joined() -> None:
    parts = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]

    assert messages({"role": "developer", "content": "Be brief."}, {"role": "user"} | {
        "content": parts, "name": "ada"
    }) == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "one\ntwo"},
    ]  # fmt: skip


def test_calls_and_results_are_kept() -> None:
    called = {"role": "assistant", "content": None, "tool_calls": [CALL], "refusal": None}
    result = {"role": "tool", "content": "42", "tool_call_id": "c"}

    assert messages(USER, called, result)[1:] == [
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        result,
    ]


def test_an_assistant_may_have_said_nothing() -> None:
    assert messages({"role": "assistant", "content": None, "tool_calls": []}) == [
        {"role": "assistant", "content": ""}
    ]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("Hello!", r"messages\[0\] must be an object"),
        (None, r"messages\[0\] must be an object"),
        ({"content": "x"}, r"messages\[0\].role must be one of developer, system"),
        ({"role": "human", "content": "x"}, r"messages\[0\].role must be one of"),
        ({"role": ["user"], "content": "x"}, r"messages\[0\].role must be a text"),
        ({"role": "user"}, r"messages\[0\].content must be a text or a list of texts"),
        ({"role": "user", "content": 5}, r"messages\[0\].content must be a text"),
        ({"role": "user", "content": ["x"]}, r"messages\[0\].content\[0\] must be an object"),
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]},
            "this server reads no images",
        ),
        ({"role": "user", "content": [{"type": "text"}]}, r"content\[0\].text must be a text"),
        ({"role": "user", "content": "\udc00"}, "half a character"),
        ({"role": "assistant", "tool_calls": "f()"}, "tool_calls must be a list"),
        ({"role": "assistant", "tool_calls": [{"id": "c"}]}, "function must be an object"),
        (
            {"role": "assistant", "tool_calls": [CALL | {"function": {"name": "f"} | {
                "arguments": "{"}}]},
            "tool_calls can't be read",
        ),
    ],
)  # fmt: skip
def test_a_message_that_is_not_well_formed_is_named(given: object, said: str) -> None:
    with pytest.raises(Refusal, match=said):
        messages(given)


def test_a_conversation_has_a_message() -> None:
    with pytest.raises(Refusal, match="messages must be a list of at least one message"):
        read_messages(Fields({"messages": []}))


def test_tools_come_back_as_they_were_declared() -> None:
    toolbox, forced = read_tools(Fields({"tools": TOOLS}))

    assert toolbox.system_text() == Toolbox([calculator, get_weather]).system_text()
    assert [tool.parameters for tool in toolbox] == [one["function"]["parameters"] for one in TOOLS]
    assert forced is None


@pytest.mark.parametrize(
    ("choice", "told", "forced"),
    [
        ("none", None, None),
        ("auto", 2, None),
        ("required", 2, ["calculator", "get_weather"]),
        ({"type": "function", "function": {"name": "get_weather"}}, 2, ["get_weather"]),
    ],
)
def test_the_choice_says_what_must_be_called(choice: object, told: object, forced: object) -> None:
    declared = read_tools(Fields({"tools": TOOLS, "tool_choice": choice}))

    assert (declared.toolbox and len(declared.toolbox)) == told
    assert (declared.forced and [tool.name for tool in declared.forced]) == forced


def tool(**changes: object) -> dict:
    return {"type": "function", "function": {"name": "f", **changes}}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"tools": {"f": 1}}, "tools must be a list"),
        ({"tools": [1]}, r"tools\[0\] must be an object"),
        ({"tools": [{"type": "web_search"}]}, r'tools\[0\].type must be "function"'),
        ({"tools": [{"type": "function"}]}, r"tools\[0\].function must be an object"),
        ({"tools": [tool(name="a b")]}, "name must be at most 64 letters"),
        ({"tools": [tool(name=None)]}, "name must be at most 64 letters"),
        ({"tools": [tool(parameters="x")]}, "parameters must be an object"),
        ({"tools": [tool(parameters={"type": "nothing"})]}, "must be a JSON Schema"),
        ({"tools": [tool(parameters={"type": "string"})]}, "JSON Schema of an object"),
        ({"tools": [tool(parameters={"properties": {"a": True}})]}, "JSON Schema of an object"),
        ({"tools": [tool(), tool()]}, "tools must have each name once"),
        ({"tools": TOOLS, "tool_choice": "always"}, "tool_choice must be one of none, auto"),
        ({"tools": TOOLS, "tool_choice": {"type": "function"}}, "or an object that names"),
        (
            {"tools": TOOLS, "tool_choice": {"function": {"name": "sing"}}},
            "names no tool of the request; there are calculator, get_weather",
        ),
        ({"tool_choice": "required"}, "tool_choice needs tools to choose from"),
        ({"functions": []}, "functions is not offered here"),
    ],
)
def test_a_tool_that_is_not_well_formed_is_named(given: dict, said: str) -> None:
    with pytest.raises(Refusal, match=said):
        read_tools(Fields(given))
