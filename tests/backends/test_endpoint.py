"""A model behind an endpoint: a small server that misbehaves, and a real one."""

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import companion
from companion.backends.context import DEFAULT_CONTEXT
from companion.backends.endpoint import EndpointBackend
from companion.backends.structured import response_format
from companion.chatbot import Chatbot, ChatSettings
from companion.errors import EndpointError
from companion.generation.params import SamplingParams
from tests.backends.conftest import serving

KEY = "sk-secret-0123456789"
ASKED = [{"role": "user", "content": "hi"}]
GREEDY = SamplingParams(temperature=0, max_new_tokens=20)


class Server(ThreadingHTTPServer):
    """Behaves as the first part of the path says: ``/slow/v1/chat/completions``."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[tuple[str, dict, dict]] = []
        self.release = threading.Event()

    def url(self, behavior: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{behavior}/v1"

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients go away in these tests."""


def _lower(headers: object) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.server.requests.append((self.path, _lower(self.headers), {}))
        if "lists" in self.path:
            self.send(200, {"data": [{"id": "m", "object": "model", "max_model_len": 777}]})
        elif "html" in self.path:
            self.send(200, "<html>")
        else:
            self.send(500, {"error": {"message": "no list"}})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.requests.append((self.path, _lower(self.headers), body))
        behavior = self.path.split("/")[1]
        if behavior.isdecimal():
            said = self.headers["authorization"]
            self.send(int(behavior), {"error": {"message": f"refused, you sent {said}"}})
        elif behavior == "once503" and len(self.server.requests) == 1:
            self.send(503, {"error": {"message": "busy"}})
        elif behavior == "slow":
            self.server.release.wait(20)
        elif behavior == "html":
            self.send(200, "<html>Welcome!</html>")
        elif behavior == "text":
            self.send(200, "not json")
        else:
            getattr(self, behavior, self.good)()

    def good(self) -> None:
        self.stream("Good", " day", " to", " you.", end="stop")

    def stops(self) -> None:
        self.stream("one", " two\n", "\nthree", " four", end="stop")

    def cut(self) -> None:
        self.stream("Good", " day")

    def torn(self) -> None:
        """Break off in the middle of a chunk of the transfer encoding."""
        self.begin(chunked=True)
        data = self.event({"choices": [{"index": 0, "delta": {"content": "Hello"}}]})
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\nff\r\ndata: {")
        self.wfile.flush()

    def broken(self) -> None:
        self.begin()
        self.wfile.write(self.event({"choices": [{"index": 0, "delta": {"content": "Good"}}]}))
        self.wfile.write(b"data: {not json\n\n")

    def odd(self) -> None:
        self.begin()
        for value in (3, [1], {"choices": 3}, {"choices": [3]}):
            self.wfile.write(self.event(value))

    def failing(self) -> None:
        self.begin()
        self.wfile.write(self.event({"choices": [{"index": 0, "delta": {"content": "Good"}}]}))
        self.wfile.write(self.event({"error": {"message": "out of memory"}}))

    def halting(self) -> None:
        self.begin()
        self.wfile.write(self.event({"choices": [{"index": 0, "delta": {"content": "Good"}}]}))
        self.wfile.flush()
        self.server.release.wait(20)

    def begin(self, *, chunked: bool = False) -> None:
        if chunked:
            self.protocol_version = "HTTP/1.1"
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        if chunked:
            self.send_header("transfer-encoding", "chunked")
        self.end_headers()

    def event(self, value: object) -> bytes:
        return f"data: {json.dumps(value)}\n\n".encode()

    def stream(self, *pieces: str, end: str | None = None) -> None:
        self.begin()
        self.wfile.write(self.event({"choices": [{"index": 0, "delta": {"role": "assistant"}}]}))
        for piece in pieces:
            self.wfile.write(self.event({"choices": [{"index": 0, "delta": {"content": piece}}]}))
        if end:
            self.wfile.write(self.event({"choices": [{"delta": {}, "finish_reason": end}]}))
            self.wfile.write(self.event({"choices": [], "usage": {"total_tokens": 9}}))
            self.wfile.write(b"data: [DONE]\n\n")

    def send(self, status: int, body: object) -> None:
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header(
            "content-type", "text/html" if isinstance(body, str) else "application/json"
        )
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(Server()) as server:
        yield server
        server.release.set()


def backend(server: Server, behavior: str, **options: object) -> EndpointBackend:
    options = {"timeout": 5, "max_retries": 0, "context_length": 500} | options
    return EndpointBackend(server.url(behavior), "m", KEY, **options)


def answer(backend: EndpointBackend, params: SamplingParams = GREEDY) -> str:
    return "".join(backend.stream(ASKED, params))


def test_the_pieces_are_those_of_the_server(server: Server) -> None:
    assert list(backend(server, "good").stream(ASKED, GREEDY)) == ["Good", " day", " to", " you."]

    path, headers, body = server.requests[0]
    assert path == "/good/v1/chat/completions"
    assert headers["authorization"] == f"Bearer {KEY}"
    assert body == {
        "model": "m",
        "messages": ASKED,
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 20,
        "temperature": 0,
        "top_p": 1.0,
    }


def test_settings_outside_the_standard_are_sent_only_if_set(server: Server) -> None:
    answer(backend(server, "good"), SamplingParams(top_k=3, min_p=0.1, repetition_penalty=1.2))

    body = server.requests[0][2]
    assert (body["top_k"], body["min_p"], body["repetition_penalty"]) == (3, 0.1, 1.2)


@pytest.mark.parametrize("form", [None, response_format("yes", {"enum": ["yes"]})])
def test_the_form_of_answers_is_sent_as_it_is_or_left_out(form, server: Server) -> None:
    answer(backend(server, "good", response_format=form))

    assert server.requests[-1][2].get("response_format") == form


def test_nothing_from_the_environment_is_sent(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_BASE_URL"):
        monkeypatch.setenv(name, "http://private.example")
    monkeypatch.setenv("HTTP_PROXY", "http://private.example")

    EndpointBackend(server.url("good"), "m").stream(ASKED, GREEDY).__next__()

    assert "private" not in str(server.requests)


def test_a_stop_string_ends_the_answer_here(server: Server) -> None:
    params = SamplingParams(temperature=0, stop="\n\n")

    assert list(backend(server, "stops").stream(ASKED, params)) == ["one", " two"]


@pytest.mark.parametrize(
    ("behavior", "said"),
    [
        ("401", "answered 401. The API key is missing or wrong"),
        ("403", "may not use this model"),
        ("404", "does not know the model 'm', or the address lacks /v1"),
        ("413", "too long"),
        ("429", "Wait a minute"),
        ("400", "the message says why"),
        ("500", "look into its log"),
        ("slow", "did not answer within 0.3 seconds"),
        ("halting", "did not answer within 0.3 seconds"),
        ("cut", "ended its answer in the middle"),
        ("torn", "broke off"),
        ("broken", "not in the format"),
        ("odd", "not in the format"),
        ("failing", "out of memory"),
        ("html", "OpenAI-compatible API"),
        ("text", "OpenAI-compatible API"),
    ],
)
def test_each_failure_says_what_to_do(behavior: str, said: str, server: Server) -> None:
    timeout = 0.3 if behavior in ("slow", "halting") else 5

    with pytest.raises(EndpointError, match=said) as caught:
        answer(backend(server, behavior, timeout=timeout))

    assert KEY not in str(caught.getrepr(showlocals=False, chain=True))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_server_that_is_down(server: Server) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"

    with pytest.raises(EndpointError, match=f"can't reach {url}"):
        answer(EndpointBackend(url, "m", max_retries=0))


def test_a_key_that_the_server_repeats_is_hidden(server: Server) -> None:
    with pytest.raises(EndpointError, match=r"you sent Bearer \[key\]"):
        answer(backend(server, "401"))
    assert KEY not in repr(vars(backend(server, "good"))["base_url"]) + repr(
        backend(server, "good")
    )


def test_a_failed_request_is_repeated_a_limited_number_of_times(server: Server) -> None:
    assert answer(backend(server, "once503", max_retries=1)) == "Good day to you."
    assert len(server.requests) == 2


def test_retries_end(server: Server) -> None:
    with pytest.raises(EndpointError, match="503"):
        answer(backend(server, "503", max_retries=1))

    assert len(server.requests) == 2


def test_an_answer_that_broke_off_is_not_repeated(server: Server) -> None:
    with pytest.raises(EndpointError):
        answer(backend(server, "cut", max_retries=3))

    assert len(server.requests) == 1


def test_what_came_before_the_break_is_kept(server: Server) -> None:
    bot = Chatbot(backend(server, "cut"))

    with pytest.raises(EndpointError):
        bot.ask("hi")

    assert bot.reply.text == "Good day"
    assert bot.conversation.turns[0].interrupted


def test_closing_ends_the_connection(server: Server) -> None:
    pieces = backend(server, "halting").stream(ASKED, GREEDY)
    next(pieces)

    began = time.perf_counter()
    pieces.close()

    assert time.perf_counter() - began < 2


@pytest.mark.parametrize(
    ("behavior", "length"), [("lists", 777), ("good", DEFAULT_CONTEXT), ("html", DEFAULT_CONTEXT)]
)
def test_the_server_is_asked_for_the_context(behavior: str, length: int, server: Server) -> None:
    assert backend(server, behavior, context_length=None).context_length == length


def test_a_server_that_is_down_has_no_context() -> None:
    with pytest.raises(EndpointError, match="can't reach"):
        EndpointBackend("http://127.0.0.1:9", "m", timeout=1).context_length  # noqa: B018


@pytest.mark.parametrize("params", [SamplingParams(n=2), SamplingParams(no_repeat_ngram_size=2)])
def test_what_an_endpoint_can_not_do_is_refused(params: SamplingParams) -> None:
    with pytest.raises(ValueError, match="can't take n or no_repeat"):
        EndpointBackend("http://127.0.0.1:9", "m").stream(ASKED, params)


def test_a_chat_over_an_endpoint_needs_no_torch() -> None:
    code = (
        "import sys; from companion.backends.endpoint import EndpointBackend; "
        "from companion.chatbot import Chatbot; "
        "Chatbot(EndpointBackend('http://127.0.0.1:9', 'm')); "
        "import companion.chatbot.terminal, companion.chatbot.web, companion.chatbot.launch; "
        "print('torch' in sys.modules, 'transformers' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["False", "False"]


WEIGHTS = Path(companion.__file__).parent / "pocket" / "weights" / "chat"


@pytest.fixture(scope="module")
def served(serve: Callable) -> Iterator[str]:
    """Start ``transformers serve`` with pocket-chat."""
    with serve(WEIGHTS) as url:
        yield url


@pytest.mark.slow
def test_transformers_serve_gives_what_the_local_model_gives(served: str, pocket) -> None:
    """The same class, the same conversation; vLLM has the same interface."""
    settings = ChatSettings(SamplingParams(temperature=0, max_new_tokens=40))
    remote = EndpointBackend(
        served, str(WEIGHTS), context_length=512, count_tokens=pocket.count_tokens
    )
    bots = [Chatbot(one, settings=settings) for one in (remote, pocket)]

    for text in ("My name is Tavira.", "How are you?", "What is my name?"):
        answers = [bot.ask(text).text for bot in bots]
        assert answers[0] == answers[1]

    assert "Tavira" in answers[0]


@pytest.mark.slow
def test_tools_work_over_transformers_serve(served: str, pocket) -> None:
    from companion.chatbot.toolset import book_tools
    from companion.tools import Toolbox

    backend = EndpointBackend(served, str(WEIGHTS), context_length=512, tool_form="pocket")
    bot = Chatbot(backend, tools=Toolbox(book_tools()))

    assert bot.ask("What is 123 plus 456?").text == "The result is 579."
    assert bot.reply.calls[0].value == {"value": 579}


@pytest.mark.slow
def test_a_model_that_transformers_serve_does_not_have(served: str) -> None:
    with pytest.raises(EndpointError, match=r"answered [45]"):
        answer(EndpointBackend(served, "no-such/model", max_retries=0, context_length=512))
