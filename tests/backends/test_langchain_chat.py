"""The chat model for LangChain: the model reads what it wrote, and its calls are LangChain's."""

from collections.abc import Generator

import pytest
from langchain.agents import create_agent

from companion.backends.backend import Ending
from companion.backends.langchain_chat import langchain_chat
from companion.tools import Toolbox, ToolCall
from companion.tools.calculator import calculator
from companion.tools.interop import langchain_tools


class Script:
    """A backend that says one text after the other, and keeps what it was shown."""

    context_length = 100

    def __init__(self, *texts: str) -> None:
        self.texts, self.seen, self.toolboxes = list(texts), [], []

    def stream(self, messages, params) -> Generator[str, None, Ending]:
        self.seen.append(list(messages))
        yield self.texts[len(self.seen) - 1]
        return Ending("stop")

    def count_tokens(self, messages) -> int:
        return len(messages)

    def bind_tools(self, toolbox):
        self.toolboxes.append(toolbox)
        return self


CALL = ToolCall("calculator", {"expression": "6 * 7"}).text()
TURN = f"I compute.\n<tool_call>{CALL}</tool_call>"


@pytest.fixture
def toolbox():
    return Toolbox([calculator])


def test_an_agent_runs_the_call_and_shows_the_model_all_of_it(toolbox):
    backend = Script(TURN, "It is 42.")
    agent = create_agent(langchain_chat(backend), tools=langchain_tools(toolbox))

    state = agent.invoke({"messages": [{"role": "user", "content": "6 x 7?"}]})

    assert state["messages"][-1].text == "It is 42."
    assert backend.seen[1] == [
        {"role": "user", "content": "6 x 7?"},
        {"role": "assistant", "content": TURN},
        {"role": "tool", "content": '{"value": 42}'},
    ]


def test_tools_are_declared_as_the_toolbox_declares_them(toolbox):
    backend = Script("Hello.")

    langchain_chat(backend).bind_tools(langchain_tools(toolbox)).invoke("Hello!")

    assert backend.toolboxes[0].declarations("pocket") == toolbox.declarations("pocket")
    assert backend.toolboxes[0].declarations() == toolbox.declarations()


def test_two_calls_have_two_identifiers():
    message = langchain_chat(Script(f"{CALL}\n{CALL}")).invoke("Twice.")

    assert [call["name"] for call in message.tool_calls] == ["calculator"] * 2
    assert len({call["id"] for call in message.tool_calls}) == 2


def test_a_call_that_cannot_be_read_is_invalid_and_runs_nothing():
    message = langchain_chat(Script('{"name": "calculator", "arguments": {')).invoke("Broken.")

    assert message.tool_calls == []
    assert "JSON" in message.invalid_tool_calls[0]["error"]


def test_without_tools_the_backend_is_asked_as_it_is():
    backend = Script("Paris.")

    assert langchain_chat(backend).invoke("France?").text == "Paris."
    assert backend.toolboxes == []
