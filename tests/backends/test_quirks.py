"""What real servers do: one server that follows a script, one row for each quirk.

Every quirk goes through the whole chat, and ends in an answer or in words that say what to do.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from companion.backends.context import DEFAULT_CONTEXT
from companion.backends.endpoint import EndpointBackend
from companion.chatbot import Chatbot, ChatSettings
from companion.errors import EndpointError, ToolLoopError
from companion.generation.params import SamplingParams
from companion.tools import Toolbox
from companion.tools.calculator import calculator
from tests.backends.conftest import serving

KEY = "sk-secret-0123456789"
JSON, EVENTS, HTML = "application/json", "text/event-stream", "text/html"


@dataclass(frozen=True)
class Says:
    """One response of the server."""

    body: str | bytes
    status: int = 200
    kind: str = EVENTS
    headers: dict = field(default_factory=dict)
    by: int = 0
    """Bytes in one write; 0 for all at once."""
    wait: float = 0.0
    """Seconds before the first byte."""


def data(value: object) -> str:
    return f"data: {json.dumps(value)}\n\n"


def event(delta: object, end: str | None = None, **more: object) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": end} | more
    return data({"choices": [choice]})


def text(*pieces: object, end: str = "stop") -> str:
    return "".join(event({"content": one}) for one in pieces) + event({}, end) + DONE


DONE = "data: [DONE]\n\n"
OK = text("It is", " 42.")


def whole(message: dict, end: str = "stop") -> str:
    choice = {"index": 0, "message": {"role": "assistant"} | message, "finish_reason": end}
    return json.dumps({"id": "x", "object": "chat.completion", "choices": [choice]})


def failing(status: int, message: str, **headers: str) -> Says:
    return Says(json.dumps({"error": {"message": message}}), status, JSON, headers)


def refusing(**settings: str) -> Callable[[dict], Says]:
    """Refuse a request that has one of these settings, each with its message."""

    def answer(body: dict) -> Says:
        found = next((said for name, said in settings.items() if name in body), None)
        return failing(400, found) if found else Says(OK)

    return answer


def calling(*turn: dict, end: str = "tool_calls") -> Callable[[dict], Says]:
    """Answer with these deltas; once there is a result, with the results."""

    def answer(body: dict) -> Says:
        results = [one["content"] for one in body["messages"] if one["role"] == "tool"]
        if results:
            return Says(text(" and ".join(results)))
        return Says("".join(map(event, turn)) + event({}, end) + DONE)

    return answer


def part(arguments: object, name: str | None = None, **fields: object) -> dict:
    function = {"arguments": arguments} | ({"name": name} if name else {})
    return {"tool_calls": [{"function": function} | fields]}


SUM, TWO = '{"expression": "6 * 7"}', '{"expression": "1 + 1"}'
TAGGED = f'<tool_call>\n{{"name": "calculator", "arguments": {SUM}}}\n</tool_call>'
COMPLETION = "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens'."
GREEDY = "Unsupported value: 'temperature' does not support 0. Only the default (1) is supported."
SWITCH = "Unrecognized request argument supplied: chat_template_kwargs"
TOO_LONG = "This model's maximum context length is 2048 tokens. You requested 3000."


@dataclass(frozen=True)
class Quirk:
    """What a server does, and what becomes of it."""

    answer: object
    """A response, or a function of the request, or a list with one of them for each request."""
    text: str = "It is 42."
    reasoning: str = ""
    note: str = ""
    error: str = ""
    requests: int = 1
    tools: bool = False
    calls: tuple = ()
    """Outcomes of the calls."""
    options: dict = field(default_factory=dict)
    sent: dict = field(default_factory=dict)
    """What the last request has; None for what it lacks."""


FORMS = {
    "a stream as the documents have it": Quirk(OK),
    "no [DONE]": Quirk(OK.removesuffix(DONE)),
    "no finish_reason, but [DONE]": Quirk(event({"content": "It is 42."}) + DONE),
    "no empty line after the last event": Quirk(OK.rstrip()),
    "no empty line after an event that is no [DONE]": Quirk(OK.removesuffix(DONE).rstrip()),
    "CRLF": Quirk(OK.replace("\n", "\r\n")),
    "comments to keep the connection": Quirk(": ping\n\n" + OK.replace("\n\n", "\n\n: ping\n\n")),
    "names and numbers of events": Quirk("event: message\nid: 1\nretry: 10\n" + OK),
    "no blank after data:": Quirk(OK.replace("data: ", "data:")),
    "an event on two lines": Quirk(OK.replace('": [', '":\ndata: [')),
    "one byte at a time": Quirk(Says(text("Ça ", "日本 ", "😀").encode(), by=1), text="Ça 日本 😀"),
    "characters written raw": Quirk(
        Says('data: {"choices": [{"delta": {"content": "日本"}, "finish_reason": "stop"}]}\n\n'),
        text="日本",
    ),
    "line ends that are none": Quirk(
        Says('data: {"choices": [{"delta": {"content": "a\u2028b\x85"}}]}\n\n' + DONE),
        text="a\u2028b\x85",
    ),
    "half a character": Quirk(text("It is 42.", "\ud83d"), text="It is 42.\ufffd"),
    "an event with the usage": Quirk(OK.replace(DONE, data({"choices": [], "usage": {}}) + DONE)),
    "a first event without choices": Quirk(data({"prompt_filter_results": []}) + OK),
    "choices is null": Quirk(data({"choices": None}) + OK),
    "delta is null": Quirk(OK.replace('"delta": {}', '"delta": null')),
    "content is null": Quirk(event({"role": "assistant", "content": None}) + OK),
    "a message in a stream": Quirk(data(json.loads(whole({"content": "It is 42."})))),
    "content as a list": Quirk(text([{"type": "text", "text": "It is"}, " 42."])),
    "a second answer": Quirk(event({"content": "No."}, index=1) + OK),
    "content as parts of the newer protocol": Quirk(
        text([{"type": "output_text", "text": "It is 42."}])
    ),
    "a byte order mark": Quirk("\ufeff" + OK),
    "a byte order mark, one byte at a time": Quirk(Says("\ufeff" + OK, by=1)),
    "not streamed": Quirk(Says(whole({"content": "It is 42."}), kind=JSON)),
    "not streamed, on many lines, as events": Quirk(
        json.dumps(json.loads(whole({"content": "It is 42."})), indent=1)
    ),
    "streamed, as JSON": Quirk(Says(OK, kind=JSON)),
    "a redirection": Quirk(
        [Says("", 307, headers={"location": "/v1/other"}), Says(OK)], requests=2
    ),
}
ENDINGS = {
    "cut": Quirk(text("It is", end="length"), text="It is", note="cut at 20 tokens"),
    "filtered": Quirk(
        text("", end="content_filter"),
        text="",
        note="refused: stopped by the server's content filter",
    ),
    "cut, in other words": Quirk(
        text("It is", end="MAX_TOKENS"), text="It is", note="cut at 20 tokens"
    ),
    "filtered, in other words": Quirk(
        text("", end="SAFETY"), text="", note="refused: stopped by the server's content filter"
    ),
    "ended, in capitals": Quirk(text("It is 42.", end="STOP")),
    "ended, in other words": Quirk(text("It is 42.", end="stop_sequence")),
    "a refusal": Quirk(
        event({"refusal": "I can't."}) + event({}, "stop"), text="I can't.", note="refused"
    ),
    "nothing": Quirk(text(), text="", note="an empty answer"),
    "stopped by somebody": Quirk(
        text("It is", end="abort"), text="It is", note="ended by the server: abort"
    ),
    "reasoning in a field": Quirk(event({"reasoning_content": "6 x 7"}) + OK, reasoning="6 x 7"),
    "reasoning in another field": Quirk(event({"reasoning": "6 x 7"}) + OK, reasoning="6 x 7"),
    "reasoning as parts": Quirk(
        text([{"type": "thinking", "thinking": [{"type": "text", "text": "6 x 7"}]}], "It is 42."),
        reasoning="6 x 7",
    ),
    "reasoning in the text": Quirk(
        text("<think>\n6 x", " 7\n</think>\n\nIt is 42."), reasoning="6 x 7"
    ),
    "reasoning without its beginning": Quirk(
        text("6 x 7\n</think>\n", "\nIt is 42."), reasoning="6 x 7"
    ),
    "reasoning, cut": Quirk(
        event({"reasoning_content": "6 x"}) + event({}, "length"),
        text="",
        reasoning="6 x",
        note="cut at 20 tokens, all of them reasoning: no answer",
    ),
    "reasoning, not closed": Quirk(
        text("<think>6 x", end="length"),
        text="",
        reasoning="6 x",
        note="cut at 20 tokens, all of them reasoning: no answer",
    ),
    "reasoning, not streamed": Quirk(
        Says(whole({"content": "It is 42.", "reasoning_content": "6 x 7"}), kind=JSON),
        reasoning="6 x 7",
    ),
}
REFUSALS = {
    "max_completion_tokens": Quirk(
        refusing(max_tokens=COMPLETION),
        requests=2,
        sent={"max_tokens": None, "max_completion_tokens": 20},
    ),
    "no temperature": Quirk(
        refusing(temperature=GREEDY), requests=2, sent={"temperature": None, "max_tokens": 20}
    ),
    "neither": Quirk(
        refusing(max_tokens=COMPLETION, temperature=GREEDY),
        requests=3,
        sent={"max_completion_tokens": 20, "temperature": None},
    ),
    "temperature or top_p": Quirk(
        refusing(top_p="`temperature` and `top_p` cannot both be specified"),
        requests=2,
        sent={"top_p": None, "temperature": 0},
    ),
    "sampling left to the server": Quirk(
        OK, options={"sampling": False}, sent={"temperature": None, "top_p": None}
    ),
    "told not to reason": Quirk(
        OK,
        options={"thinking": False},
        sent={"chat_template_kwargs": {"enable_thinking": False, "thinking": False}},
    ),
    "no switch for reasoning": Quirk(
        refusing(chat_template_kwargs=SWITCH),
        options={"thinking": False},
        error="leave thinking out",
    ),
    "a shorter context": Quirk(failing(400, TOO_LONG), error="set the length .context_length"),
    "another refusal": Quirk(failing(400, "temperature must be at most 2"), error="says why"),
    "a wrong key, repeated": Quirk(failing(401, f"no key {KEY}"), error=r"\[key\]"),
    "another model": Quirk(failing(404, "no such model"), error="does not know the model 'm'"),
    "too much": Quirk(failing(413, "too large"), error="Shorten it"),
    "busy for a moment": Quirk(
        [failing(429, "slow down", **{"retry-after": "0"}), Says(OK)], requests=2
    ),
    "busy for an hour": Quirk(
        failing(429, "slow down", **{"retry-after": "3600"}), error="Too many requests"
    ),
    "a fault for a moment": Quirk([Says("<html>", 500, HTML), Says(OK)], requests=2),
    "a fault that stays": Quirk(failing(503, "loading"), error="answered 503", requests=2),
    "a gateway that gave up waiting": Quirk(failing(504, "timeout"), error="answered 504"),
    "no word in time": Quirk(
        Says(OK, wait=1.0), options={"timeout": 0.2}, error="0.2 seconds.*wait longer .timeout"
    ),
    "a page": Quirk(Says("<html>Welcome!</html>", kind=HTML), error="OpenAI-compatible API"),
    "nothing at all": Quirk("", error="no answer that can be read"),
    "an error of the web framework": Quirk(
        Says('{"detail": "Not Found"}', 404, JSON), error="lacks /v1.*Not Found"
    ),
    "a refusal without a form": Quirk(Says("no JSON", 400, HTML), error="says why.*no JSON"),
    "a refusal as text": Quirk(Says('{"error": "too hot"}', 400, JSON), error="says why.*too hot"),
}
BREAKS = {
    "broken off": Quirk(event({"content": "It is"}), text="It is", error="in the middle"),
    "broken off within an event": Quirk(
        event({"content": "It is"}) + 'data: {"cho', text="It is", error="in the middle"
    ),
    "an error object": Quirk(
        event({"content": "It is"}) + data({"error": {"message": "out of memory", "code": 500}}),
        text="It is",
        error="reports an error and gave up: out of memory",
    ),
    "an error as text": Quirk(data({"error": "out of memory"}), error="gave up: out of memory"),
    "an error of vLLM": Quirk(
        data({"object": "error", "message": "out of memory"}), error="gave up: out of memory"
    ),
    "an event named error": Quirk(
        "event: error\n" + data({"message": "out of memory"}), error="gave up: out of memory"
    ),
    "an error that is not streamed": Quirk(
        Says('{"error": {"message": "out of memory"}}', kind=JSON), error="gave up: out of memory"
    ),
    "something else": Quirk(data([1, 2]), error="not in the format of the OpenAI API"),
    "half a JSON object": Quirk(Says("{", kind=JSON), error="not in the format"),
    "a JSON list": Quirk(Says("[1]", kind=JSON), error="no answer that can be read"),
    "content as a number": Quirk(text(3), error="not in the format"),
    "content as an object": Quirk(text({"text": "It is 42."}), error="not in the format"),
    "JSON without an end": Quirk("data: " + "[" * 100_000 + "\n\n", error="nested too deeply"),
    "JSON without an end, not streamed": Quirk(
        Says('{"a": ' * 100_000, kind=JSON), error="nested too deeply"
    ),
    "reasoning as a list": Quirk(event({"reasoning": [1]}), error="not in the format"),
    "an image": Quirk(text([{"type": "image_url"}]), error="not in the format.*no text"),
}
ONCE = {"tools": True, "text": '{"value": 42}', "requests": 2, "calls": ("ok",)}
TWICE = ONCE | {"text": '{"value": 42} and {"value": 2}', "calls": ("ok", "ok")}
CALLS = {
    "a call in pieces": Quirk(
        calling(part("", "calculator", index=0, id="a"), part(SUM[:9], index=0), part(SUM[9:])),
        **ONCE,
    ),
    "calls by index": Quirk(
        calling(
            part(SUM[:9], "calculator", index=0, id="a"),
            part(TWO, "calculator", index=1, id="b"),
            part(SUM[9:], index=0),
        ),
        **TWICE,
    ),
    "calls by id, without an index": Quirk(
        calling(
            part(SUM[:9], "calculator", id="a"),
            part(SUM[9:], id="a"),
            part(TWO, "calculator", id="b"),
        ),
        **TWICE,
    ),
    "calls by id, in turns": Quirk(
        calling(
            part(SUM[:9], "calculator", id="a"),
            part(TWO[:9], "calculator", id="b"),
            part(SUM[9:], id="a"),
            part(TWO[9:], id="b"),
        ),
        **TWICE,
    ),
    "calls by id, all of index 0": Quirk(
        calling(part(SUM, "calculator", index=0, id="a"), part(TWO, "calculator", index=0, id="b")),
        **TWICE,
    ),
    "calls with neither": Quirk(
        calling(part(SUM[:9], "calculator"), part(SUM[9:]), part(TWO, "calculator")), **TWICE
    ),
    "the name in every piece": Quirk(
        calling(
            part(SUM[:9], "calculator", index=0, id="a"),
            part(SUM[9:], "calculator", index=0, id="a"),
        ),
        **ONCE,
    ),
    "the end is called stop": Quirk(
        calling(part(SUM, "calculator", index=0, id="a"), end="stop"), **ONCE
    ),
    "arguments as an object": Quirk(
        calling(part(json.loads(SUM), "calculator", index=0, id="a")), **ONCE
    ),
    "calls that are not streamed": Quirk(
        lambda body: (
            Says(text(body["messages"][-1]["content"]))
            if body["messages"][-1]["role"] == "tool"
            else Says(whole(part(SUM, "calculator", id="a"), "tool_calls"), kind=JSON)
        ),
        **ONCE,
    ),
    "the older form of a call": Quirk(
        calling(
            {"function_call": {"name": "calculator", "arguments": ""}},
            {"function_call": {"arguments": SUM}},
            end="function_call",
        ),
        **ONCE,
    ),
    "a call as text": Quirk(calling({"content": TAGGED}, end="stop"), **ONCE),
    "arguments that are no JSON": Quirk(
        calling(part('{"expression": ', "calculator", index=0, id="a")),
        **ONCE | {"text": None, "calls": ("unreadable",)},
    ),
    "a call in the reasoning": Quirk(
        text(f"<think>\n{TAGGED}\nNo.\n</think>\n\n", "It is 42."), tools=True, reasoning=None
    ),
    "a call without a name": Quirk(
        calling(part(SUM, index=0, id="a")), tools=True, error="a tool call without a name"
    ),
    "no tools": Quirk(
        failing(400, "tools are not supported"),
        tools=True,
        error="as text .tool_form='instruction'",
    ),
    "calls without an end": Quirk(
        Says(event(part(SUM, "calculator", index=0, id="a")) + event({}, "tool_calls")),
        tools=True,
        requests=5,
        calls=("ok", *["repeated"] * 3),
        error=r"after 4 rounds of calls. Ask something simpler\.$",
    ),
}
QUIRKS = FORMS | ENDINGS | REFUSALS | BREAKS | CALLS


class Handler(BaseHTTPRequestHandler):
    """Follows the script of the server."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._send(self.server.models)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.requests.append(body)
        answer = self.server.answer
        if isinstance(answer, list):
            answer = answer[min(len(self.server.requests), len(answer)) - 1]
        self._send(answer(body) if callable(answer) else answer)

    def _send(self, said: Says | str) -> None:
        said = said if isinstance(said, Says) else Says(said)
        time.sleep(said.wait)
        written = said.body if isinstance(said.body, bytes) else said.body.encode()
        self.send_response(said.status)
        for name, value in {"content-type": said.kind, **said.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        step = said.by or len(written) or 1
        for start in range(0, len(written), step):
            self.wfile.write(written[start : start + step])
            self.wfile.flush()


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that waited long enough go away."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(Server(("127.0.0.1", 0), Handler)) as server:
        yield server


@pytest.fixture
def chatting(server: Server) -> Callable[[Quirk], Chatbot]:
    def make(quirk: Quirk) -> Chatbot:
        server.answer, server.requests = quirk.answer, []
        options = {"context_length": 2000, "max_retries": 1, "timeout": 10} | quirk.options
        url = f"http://127.0.0.1:{server.server_port}/v1"
        return Chatbot(
            EndpointBackend(url, "m", KEY, **options),
            tools=Toolbox([calculator]) if quirk.tools else None,
            settings=ChatSettings(SamplingParams(temperature=0, max_new_tokens=20)),
        )

    return make


@pytest.mark.parametrize("quirk", QUIRKS.values(), ids=list(QUIRKS))
def test_a_quirk_ends_in_an_answer_or_in_words(quirk: Quirk, chatting, server: Server) -> None:
    bot = chatting(quirk)

    if quirk.error:
        with pytest.raises((EndpointError, ToolLoopError), match=quirk.error) as caught:
            bot.ask("hi")
        assert KEY not in str(caught.value)
        assert bot.reply.interrupted
        assert bot.reply.text in ("", quirk.text)
    else:
        reply = bot.ask("hi")
        assert quirk.text in (None, reply.text)
        assert quirk.reasoning in (None, reply.reasoning)
        assert reply.note == quirk.note
        kept = bot.conversation.turns[0]
        assert (kept.messages[-1]["content"], kept.note) == (reply.text, quirk.note)

    assert tuple(one.outcome for one in bot.reply.calls) == quirk.calls
    assert len(server.requests) == quirk.requests
    for name, value in quirk.sent.items():
        assert server.requests[-1].get(name) == value


def test_there_are_enough_quirks() -> None:
    assert len(QUIRKS) == len(FORMS) + len(ENDINGS) + len(REFUSALS) + len(BREAKS) + len(CALLS)
    assert len(QUIRKS) >= 40


def models(*listed: dict) -> Says:
    return Says(json.dumps({"object": "list", "data": listed}), kind=JSON)


@pytest.mark.parametrize(
    ("said", "length"),
    [
        (models({"id": "m", "max_model_len": 777}), 777),
        (models({"id": "m", "meta": {"n_ctx": 777, "n_ctx_train": 9999}}), 777),
        (models({"id": "/models/other.gguf", "meta": {"n_ctx": 777}}), 777),
        (models({"id": "other", "context_length": 5}, {"id": "m", "context_length": 777}), 777),
        (models({"id": "m", "context_window": 777}), 777),
        (models({"id": "a", "max_model_len": 5}, {"id": "b", "max_model_len": 6}), DEFAULT_CONTEXT),
        (models({"id": "m", "max_model_len": "777"}), DEFAULT_CONTEXT),
        (models({"id": "m", "meta": None}), DEFAULT_CONTEXT),
        (models(), DEFAULT_CONTEXT),
        (failing(404, "no list"), DEFAULT_CONTEXT),
        (Says("<html>", kind=HTML), DEFAULT_CONTEXT),
    ],
)
def test_the_context_is_where_a_server_says_it(said: Says, length: int, server: Server) -> None:
    server.models = said
    url = f"http://127.0.0.1:{server.server_port}/v1"

    assert EndpointBackend(url, "m").context_length == length
    assert EndpointBackend(url, "m", context_length=99).context_length == 99


@pytest.mark.parametrize("option", [{"timeout": 0}, {"timeout": -1}, {"context_length": 0}])
def test_numbers_out_of_range_are_refused(option: dict) -> None:
    with pytest.raises(ValueError, match=rf"{next(iter(option))} must be"):
        EndpointBackend("http://127.0.0.1:9", "m", **option)
