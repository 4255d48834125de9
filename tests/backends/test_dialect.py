"""Servers that want other settings are asked in their words, and asked so from then on."""

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import openai
import pytest

from companion.backends.endpoint import EndpointBackend, EndpointTurns
from companion.chatbot import Chatbot
from companion.errors import EndpointError
from companion.tools import Toolbox, run_tools
from companion.tools.calculator import calculator
from tests.backends.conftest import serving

JSON, EVENTS = "application/json", "text/event-stream"
ASKED = [{"role": "user", "content": "hi"}]


def event(delta: dict, end: str | None = None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": end}
    return f"data: {json.dumps({'choices': [choice]}, ensure_ascii=False)}\n\n"


def whole(message: dict) -> str:
    choice = {"index": 0, "message": {"role": "assistant"} | message, "finish_reason": "stop"}
    return json.dumps({"id": "x", "object": "chat.completion", "model": "m", "choices": [choice]})


OK = event({"content": "ok"}) + event({}, "stop") + "data: [DONE]\n\n"


def refusal(message: str, **fields: object) -> tuple[int, str, str]:
    return 400, JSON, json.dumps({"error": {"message": message} | fields})


class Handler(BaseHTTPRequestHandler):
    """Answers as the server's ``answer`` says."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.requests.append(body)
        said = self.server.answer(body) if callable(self.server.answer) else self.server.answer
        status, kind, text = said if isinstance(said, tuple) else (200, EVENTS, said)
        data = text.encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def running() -> Iterator[ThreadingHTTPServer]:
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        yield server


@pytest.fixture
def speaking(running) -> Callable:
    """Let the server give an answer; returns a chatbot in front of it, and what it was sent."""

    def make(answer: object, **options: object) -> tuple[Chatbot, list[dict]]:
        running.answer, running.requests = answer, []
        url = f"http://127.0.0.1:{running.server_port}/v1"
        backend = EndpointBackend(url, "m", max_retries=0, context_length=2000)
        return Chatbot(backend, **options), running.requests

    return make


def taking(refused: dict[str, str], **fields: object) -> Callable:
    """Return a server that refuses settings, each with a message."""

    def answer(body: dict) -> object:
        found = next((said for name, said in refused.items() if name in body), None)
        return refusal(found, **fields) if found else OK

    return answer


COMPLETION_TOKENS = {
    "max_tokens": "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
    "'max_completion_tokens' instead."
}
NO_TEMPERATURE = {
    "temperature": "Unsupported value: 'temperature' does not support 0 with this model. Only the "
    "default (1) value is supported."
}


@pytest.mark.parametrize(
    ("refused", "sent"),
    [
        (COMPLETION_TOKENS, {"max_completion_tokens", "temperature", "top_p"}),
        (NO_TEMPERATURE, {"max_tokens", "top_p"}),
        (COMPLETION_TOKENS | NO_TEMPERATURE, {"max_completion_tokens", "top_p"}),
        ({"max_tokens": "Unrecognized request argument supplied: max_tokens"}, None),
        ({"top_p": "`temperature` and `top_p` cannot both be specified"}, None),
        ({"temperature": "body -> temperature: extra fields not permitted"}, None),
    ],
)
def test_a_setting_that_is_refused_is_not_sent_again(refused, sent, speaking) -> None:
    bot, requests = speaking(taking(refused))

    assert bot.ask("hi").text == "ok"
    assert bot.ask("hi").text == "ok"

    assert len(requests) == 2 + len(refused)  # the second message was sent once
    settings = {"max_tokens", "max_completion_tokens", "temperature", "top_p"} & set(requests[-1])
    assert not set(refused) & settings
    assert sent in (None, settings)
    assert requests[0]["max_tokens"] == requests[-1].get("max_completion_tokens", 250)


def test_a_bound_backend_knows_what_was_learned(speaking) -> None:
    bot, requests = speaking(taking(COMPLETION_TOKENS), tools=Toolbox([calculator]))

    bot.ask("hi")
    bot.ask("hi")

    assert len(requests) == 3


@pytest.mark.parametrize(
    "answer",
    [
        refusal("max_tokens is too large: 9000. This model has 4096."),
        refusal("This model's maximum context length is 2048 tokens."),
        refusal("temperature must be at most 2"),
        (401, JSON, json.dumps({"error": {"message": "max_tokens unsupported"}})),
    ],
)
def test_another_refusal_is_reported_at_once(answer, speaking) -> None:
    bot, requests = speaking(answer)

    with pytest.raises(EndpointError, match="answered 40"):
        bot.ask("hi")
    assert len(requests) == 1


def test_a_setting_is_refused_once_and_not_for_ever(speaking) -> None:
    said = "Unsupported parameter: max_tokens, or max_completion_tokens"
    bot, requests = speaking(refusal(said))

    with pytest.raises(EndpointError, match="answered 400"):
        bot.ask("hi")
    assert len(requests) == 2


def test_turns_of_a_tool_loop_learn_it_too(running) -> None:
    def answer(body: dict) -> object:
        if "max_tokens" in body:
            return refusal(COMPLETION_TOKENS["max_tokens"])
        return 200, JSON, whole({"content": "42", "reasoning_content": "6 x 7"})

    running.answer, running.requests = answer, []
    url = f"http://127.0.0.1:{running.server_port}/v1"
    with openai.OpenAI(base_url=url, api_key="none", max_retries=0) as client:
        run = run_tools(EndpointTurns(client, "m"), ASKED, Toolbox([calculator]))

    assert (run.answer, run.reasoning) == ("42", ["6 x 7"])
    assert len(running.requests) == 2


def test_a_call_drafted_in_reasoning_is_not_made(speaking) -> None:
    draft = (
        '<tool_call>\n{"name": "calculator", "arguments": {"expression": "1 + 1"}}\n</tool_call>'
    )
    pieces = ["Perhaps\n", draft, "\nNo.\n</think>", "\n\nI will not."]
    bot, requests = speaking(
        "".join(event({"content": one}) for one in pieces) + event({}, "stop"),
        tools=Toolbox([calculator]),
    )

    reply = bot.ask("hi")

    assert (reply.text, reply.calls) == ("I will not.", ())
    assert "No." in reply.reasoning
    bot.ask("hi")
    assert "Perhaps" not in json.dumps(requests[-1])
