"""Next turns of a local model and of an endpoint."""

import copy
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import openai
import pytest

from companion.backends.endpoint import EndpointTurns
from companion.backends.local import LocalBackend, LocalTurns, tool_prompt
from companion.generation.params import SamplingParams
from companion.phrases import CHAT_TEMPLATE
from companion.tools import Tool, Toolbox, ToolCall, run_tools
from companion.tools.calculator import calculator
from companion.tools.transcript import with_tools
from tests.backends.conftest import serving

ASKED = [{"role": "user", "content": "What is 17 times 23?"}]
KNOWS_TOOLS = (
    "{% for tool in tools %}[{{ tool['function']['name'] }}]{% endfor %}"
    "{% for message in messages %}<{{ message['role'] }}>{{ message['content'] }}"
    "{% for call in message['tool_calls'] %}{{ call['function']['arguments'] | tojson }}"
    "{% endfor %}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


def test_tools_stand_in_the_system_message_for_pocket_chat(toolbox, chat) -> None:
    prompt = tool_prompt(chat.tokenizer, ASKED, toolbox)

    assert prompt == (
        f"<|system|>\n{toolbox.system_text()}<|end|>\n"
        "<|user|>\nWhat is 17 times 23?<|end|>\n<|assistant|>\n"
    )


def test_a_system_message_keeps_its_text(toolbox) -> None:
    messages = [{"role": "system", "content": "Be brief."}, *ASKED]

    found = with_tools(messages, toolbox)

    assert found == [
        {"role": "system", "content": f"Be brief.\n{toolbox.system_text()}"},
        *ASKED,
    ]
    assert messages[0]["content"] == "Be brief."


def test_a_template_that_knows_tools_gets_the_declarations(toolbox, tokenizer) -> None:
    class Knowing:
        chat_template = KNOWS_TOOLS

        def apply_chat_template(self, messages, **options):
            return tokenizer.apply_chat_template(
                messages, chat_template=self.chat_template, **options
            )

    prompt = tool_prompt(Knowing(), ASKED, toolbox)

    assert prompt == "[calculator][get_weather]<user>What is 17 times 23?<assistant>"
    with pytest.raises(ValueError, match="the last message is the assistant's"):
        tool_prompt(Knowing(), [*ASKED, {"role": "assistant", "content": "x"}], toolbox)
    function = {"name": "calculator", "arguments": '{"expression": "6 * 7"}'}
    call = {"id": "a", "type": "function", "function": function}
    called = {"role": "assistant", "content": "", "tool_calls": [call]}
    prompt = tool_prompt(Knowing(), [*ASKED, called, {"role": "tool", "content": "42"}], toolbox)
    assert '<assistant>{"expression": "6 * 7"}<tool>42' in prompt


@pytest.mark.parametrize("mode", ["free", "call", "call or answer"])
@pytest.mark.parametrize(
    "params", [None, SamplingParams(temperature=1, top_p=0.5, max_new_tokens=96)]
)
def test_pocket_chat_computes_with_the_calculator(toolbox, chat, mode, params) -> None:
    run = run_tools(LocalTurns(*chat, params, mode=mode), ASKED, toolbox)

    assert [result.call for result in run.calls] == [
        ToolCall("calculator", {"expression": "17 * 23"})
    ]
    assert run.answer == "The result is 391."


def test_forced_to_call_pocket_chat_calls_even_where_no_tool_helps(toolbox, chat) -> None:
    asked = [{"role": "user", "content": "What is the capital of France?"}]

    free = LocalTurns(*chat)(asked, toolbox)
    forced = LocalTurns(*chat, mode="call")(asked, toolbox)

    assert free == "Paris."
    assert json.loads(forced)["name"] in toolbox


def test_special_tokens_are_taken_out_of_results(chat) -> None:
    assert LocalTurns(*chat).clean("a<|e<|end|>nd|>b") == "ab"


def test_unknown_modes_and_several_samples_are_refused(chat) -> None:
    with pytest.raises(ValueError, match=r"mode must be one of 'free'.*got 'json'"):
        LocalTurns(*chat, mode="json")
    with pytest.raises(ValueError, match="n must be 1, got 2"):
        LocalTurns(*chat, SamplingParams(n=2))


class Endpoint(BaseHTTPRequestHandler):
    """Asks for the calculator, then repeats what it was told."""

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append(request)
        last = request["messages"][-1]
        message = {"role": "assistant", "content": f"I was told {last['content']}"}
        if last["role"] == "user":
            function = {"name": "calculator", "arguments": '{"expression": "6 * 7"}'}
            call = {"id": "call_1", "type": "function", "function": function}
            message = {"role": "assistant", "content": None, "tool_calls": [call]}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        body = {"id": "x", "object": "chat.completion", "created": 0, "model": "m"}
        text = json.dumps(body | {"choices": [choice]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def endpoint() -> Iterator[HTTPServer]:
    server = HTTPServer(("127.0.0.1", 0), Endpoint)
    server.requests = []
    with serving(server):
        yield server


def test_the_same_toolbox_serves_an_openai_endpoint(toolbox, endpoint) -> None:
    url = f"http://127.0.0.1:{endpoint.server_port}/v1"
    with openai.OpenAI(base_url=url, api_key="none", max_retries=0) as client:
        run = run_tools(EndpointTurns(client, "m", max_tokens=50), ASKED, toolbox)

    assert run.answer == 'I was told {"value": 42}'
    first, second = endpoint.requests
    assert first["tools"] == toolbox.declarations("openai")
    assert (first["model"], first["temperature"], first["max_tokens"]) == ("m", 0, 50)
    assert [message["role"] for message in second["messages"]] == ["user", "assistant", "tool"]
    assert second["messages"][1]["tool_calls"][0]["id"] == "call_1"
    assert second["messages"][2] == {
        "role": "tool",
        "content": '{"value": 42}',
        "tool_call_id": "call_1",
    }


def test_a_toolbox_of_one_tool_has_one_declaration() -> None:
    assert len(EndpointTurns(None, "m").request(ASKED, Toolbox([calculator]))["tools"]) == 1


def test_a_model_of_unknown_training_is_told_how_to_call_and_sees_examples(chat) -> None:
    other = copy.copy(chat.tokenizer)
    other.chat_template = CHAT_TEMPLATE.replace("\n{% endfor %}", "{% endfor %}")

    prompt = tool_prompt(other, ASKED, Toolbox([calculator]))

    assert "calculator(expression: string): Compute an arithmetic expression" in prompt
    for request, arguments in Tool.from_function(calculator).examples:
        assert f"{request}<|end|><|assistant|>" in prompt
        assert json.dumps(arguments) in prompt
    assert prompt.rindex("What is 12 times 7?") < prompt.rindex(ASKED[-1]["content"])


def test_a_model_of_unknown_training_is_kept_to_valid_calls_and_answers_with_the_result(
    toolbox, chat
) -> None:
    other = copy.copy(chat.tokenizer)
    other.chat_template = CHAT_TEMPLATE.replace("\n{% endfor %}", "{% endfor %}")
    result = [{"role": "assistant", "content": "{}"}, {"role": "tool", "content": "42"}]
    modes = {}
    for name, tokenizer in (("told", other), ("trained", chat.tokenizer)):
        for mode in (None, "free", "call"):
            backend = LocalBackend(chat.model, tokenizer, mode=mode).bind_tools(toolbox)
            found = [backend.constraint(messages) for messages in (ASKED, [*ASKED, *result])]
            modes[name, mode] = [one is not None for one in found]

    assert modes == {
        ("told", None): [True, False],
        ("told", "free"): [False, False],
        ("told", "call"): [True, False],
        ("trained", None): [False, False],
        ("trained", "free"): [False, False],
        ("trained", "call"): [True, True],
    }
