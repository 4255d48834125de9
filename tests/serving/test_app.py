"""The routes: bad input, hang-ups, streams, limits. A server that lives on."""

import json
import socket
import threading
import time
from collections.abc import Callable

import httpx
import pytest
from starlette.testclient import TestClient

from companion.serving.app import build_app
from companion.serving.engine import Engine
from companion.serving.gate import MAX_BYTES
from companion.serving.launch import running
from companion.serving.order import Served

NAME = "pocket-chat"
JSON = {"content-type": "application/json"}
USER = [{"role": "user", "content": "What is the capital of France?"}]
CHAT = {"model": NAME, "messages": USER, "temperature": 0}
TEXT = {"model": NAME, "prompt": "The capital of", "temperature": 0, "max_tokens": 4}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"enum": ["a"]}}}


def nested(depth: int) -> dict:
    schema = {"type": "string"}
    for _ in range(depth):
        schema = {"type": "array", "items": schema}
    return schema


DEEP = {"type": "function", "function": {"name": "f", "parameters": {
    "type": "object", "properties": {"a": nested(300)}}}}  # fmt: skip
FOREIGN = {"$ref": "http://127.0.0.1:1/schema"}

BAD = [
    ("chat/completions", CHAT | {"tools": [DEEP]}, 400, "nested too deeply"),
    ("chat/completions", CHAT | {"response_format": {"type": "json_schema", "json_schema": {
        "schema": nested(300)}}}, 400, "no grammar can be made"),
    ("chat/completions", CHAT | {"response_format": {"type": "json_schema", "json_schema": {
        "schema": FOREIGN}}}, 400, "no grammar can be made"),
    ("chat/completions", CHAT | {"response_format": {"type": "json_schema", "json_schema": {
        "schema": {"$ref": "#"}}}}, 400, "no token can come first"),
    ("chat/completions", CHAT | {"modalities": ["text", "audio"]}, 400, "modalities must be"),
    ("chat/completions", CHAT | {"messages": [{"role": "user", "content": "x" * 10**6}]},
     400, "the prompt has 1,000,000 characters"),
    ("completions", TEXT | {"prompt": "x" * 10**6}, 400, "the prompt has 1,000,000 characters"),
    ("chat/completions", CHAT | {"model": "gpt-4o"}, 404, "model must be 'pocket-chat'"),
    ("chat/completions", CHAT | {"model": 5}, 400, "model must be a text"),
    ("chat/completions", {"messages": USER}, 404, "model must be"),
    ("chat/completions", CHAT | {"messages": "hi"}, 400, "messages must be a list"),
    ("chat/completions", CHAT | {"messages": []}, 400, "messages must be"),
    ("chat/completions", CHAT | {"messages": [{"role": "cat", "content": "x"}]}, 400, "role"),
    ("chat/completions", CHAT | {"messages": [*USER, {"role": "assistant", "content": "x"}]},
     400, "the last message is the assistant's"),
    ("chat/completions", CHAT | {"messages": [{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": "data:"}}]}]}, 400, "no images"),
    ("chat/completions", CHAT | {"messages": [{"role": "user", "content": "word " * 600}]},
     400, "the context of pocket-chat is 512"),
    ("chat/completions", CHAT | {"temperature": 3}, 400, "temperature"),
    ("chat/completions", CHAT | {"top_p": -1}, 400, "top_p"),
    ("chat/completions", CHAT | {"top_k": 10**9}, 400, "top_k"),
    ("chat/completions", CHAT | {"n": 9}, 400, "n must be a whole number from 1 to 8"),
    ("chat/completions", CHAT | {"max_tokens": -5}, 400, "max_tokens"),
    ("chat/completions", CHAT | {"stop": [""]}, 400, "stop"),
    ("chat/completions", CHAT | {"seed": "x"}, 400, "seed"),
    ("chat/completions", CHAT | {"stream": "yes"}, 400, "stream must be true or false"),
    ("chat/completions", CHAT | {"stream_options": 1}, 400, "stream_options must be an object"),
    ("chat/completions", CHAT | {"logprobs": 3}, 400, "logprobs must be true or false"),
    ("chat/completions", CHAT | {"top_logprobs": 3}, 400, "top_logprobs needs logprobs"),
    ("chat/completions", CHAT | {"logprobs": True, "top_logprobs": 21}, 400, "top_logprobs"),
    ("chat/completions", CHAT | {"frequency_penalty": 1}, 400, "frequency_penalty"),
    ("chat/completions", CHAT | {"logit_bias": {"1": 5}}, 400, "logit_bias"),
    ("chat/completions", CHAT | {"tools": [{}]}, 400, "tools[0].type"),
    ("chat/completions", CHAT | {"tool_choice": "required"}, 400, "tool_choice"),
    ("chat/completions", CHAT | {"tools": [TOOL], "response_format": SCHEMA}, 400,
     "response_format and tools"),
    ("chat/completions", CHAT | {"response_format": {"type": "xml"}}, 400,
     "response_format.type must be one of"),
    ("chat/completions", CHAT | {"response_format": {"type": "json_schema"}}, 400,
     "response_format.json_schema"),
    ("chat/completions", CHAT | {"response_format": {"type": "json_schema", "json_schema": {
        "name": "x", "schema": {"type": "string", "pattern": "("}}}}, 400, "no grammar"),
    ("chat/completions", CHAT | {"chat_template_kwargs": {"enable_thinking": 1}}, 400,
     "chat_template_kwargs.enable_thinking"),
    ("completions", TEXT | {"prompt": ""}, 400, "prompt must be"),
    ("completions", TEXT | {"prompt": None}, 400, "prompt must be"),
    ("completions", TEXT | {"prompt": {"a": 1}}, 400, "prompt must be"),
    ("completions", TEXT | {"prompt": ["a", 5]}, 400, "prompt must be"),
    ("completions", TEXT | {"prompt": [5, "a"]}, 400, "prompt must be"),
    ("completions", TEXT | {"prompt": [99999]}, 400, "token ids from 0 to 2047"),
    ("completions", TEXT | {"prompt": ["a"] * 9}, 400, "at most 8 texts, but are 9"),
    ("completions", TEXT | {"prompt": ["a"] * 4, "n": 3}, 400, "at most 8 texts, but are 12"),
    ("completions", TEXT | {"prompt": "\ud800"}, 400, "prompt must be"),
    ("completions", TEXT | {"echo": True}, 400, "echo is not offered here"),
    ("completions", TEXT | {"suffix": "x"}, 400, "suffix is not offered here"),
    ("completions", TEXT | {"best_of": 3}, 400, "best_of is not offered here"),
    ("completions", TEXT | {"logprobs": True}, 400, "logprobs must be a whole number"),
    ("completions", TEXT | {"prompt": "word " * 600}, 400, "no room is left"),
    ("embeddings", {"model": NAME, "input": "x"}, 404, "there is no POST /v1/embeddings here"),
    ("responses", {"model": NAME, "input": "x"}, 404, "there is no POST /v1/responses here"),
    ("models", {}, 405, "there is no POST /v1/models here"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "body", "status", "said"), BAD)
def test_a_wrong_request_is_refused_in_a_sentence_that_names_the_field(
    web: httpx.Client, path: str, body: dict, status: int, said: str
) -> None:
    answer = web.post(path, content=json.dumps(body), headers=JSON)

    error = answer.json()["error"]
    assert answer.status_code == status
    assert said in error["message"]
    assert error["type"] == "invalid_request_error"
    assert "\n" not in error["message"]


@pytest.mark.parametrize(
    ("headers", "body", "status", "said"),
    [
        ({}, b"{}", 415, "Content-Type must be application/json"),
        ({"content-type": "text/plain"}, b"{}", 415, "got 'text/plain'"),
        (JSON, b"", 400, "the body is not JSON"),
        (JSON, b"{'model': 1}", 400, "the body is not JSON"),
        (JSON, b'{"temperature": NaN}', 400, "NaN"),
        (JSON, b"\xff", 400, "the body is not JSON"),
        (JSON, b"[" * 10**6, 400, "nested too deeply"),
        (JSON, b'{"a":' * 900 + b"1" + b"}" * 900, 404, "model must be"),
        (JSON, b" " * (MAX_BYTES + 1), 413, "at most 2,097,152 bytes"),
        (JSON | {"host": "evil.example"}, b"{}", 421, "this machine only"),
        (JSON | {"host": "127.0.0.1.evil.example:80"}, b"{}", 421, "this machine only"),
        (JSON | {"host": ""}, b"{}", 421, "this machine only"),
    ],
)
def test_a_wrong_body_or_header_is_refused(
    web: httpx.Client, headers: dict, body: bytes, status: int, said: str
) -> None:
    answer = web.post("chat/completions", headers=headers, content=body)

    assert answer.status_code == status
    assert said in answer.json()["error"]["message"]


def test_a_body_that_does_not_say_its_length_is_cut_at_the_limit(web: httpx.Client) -> None:
    def pieces() -> object:
        for _ in range(40):
            yield b" " * 100_000

    try:
        answer = web.post("chat/completions", headers=JSON, content=pieces())
    except httpx.WriteError:  # it was cut while we wrote
        return
    assert answer.status_code == 413


def test_after_all_that_the_server_answers(web: httpx.Client) -> None:
    answer = web.post("chat/completions", json=CHAT).json()

    assert answer["choices"][0]["message"]["content"] == "The capital of France is Paris."


def test_the_list_of_models_has_the_form_of_the_protocol(web: httpx.Client) -> None:
    listed = web.get("models").json()

    (card,) = listed["data"]
    assert listed["object"] == "list"
    assert (card["id"], card["object"], card["owned_by"]) == (NAME, "model", "companion")
    assert card["max_model_len"] == 512
    assert web.get(f"models/{NAME}").json() == card
    assert web.get("models/other/name").status_code == 404
    assert web.get("models/").json() == listed


def test_health_and_greeting_say_what_this_is(address: str) -> None:
    root = address.removesuffix("/v1")

    assert httpx.get(f"{root}/health", trust_env=False).json()["model"] == NAME
    assert "/v1/chat/completions" in httpx.get(root, trust_env=False).text


def events(answer: httpx.Response) -> list:
    lines = [line for line in answer.text.splitlines() if line]
    assert all(line.startswith("data: ") for line in lines)
    assert lines[-1] == "data: [DONE]"
    return [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]


def test_a_stream_says_what_the_whole_answer_says(web: httpx.Client) -> None:
    asked = CHAT | {"logprobs": True, "top_logprobs": 2, "n": 2, "seed": 3, "temperature": 0.8}
    whole = web.post("chat/completions", json=asked).json()
    answer = web.post(
        "chat/completions", json=asked | {"stream": True, "stream_options": {"include_usage": True}}
    )

    *chunks, last = events(answer)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert last["choices"] == []
    assert last["usage"] == whole["usage"]
    for row, choice in enumerate(whole["choices"]):
        mine = [chunk["choices"][0] for chunk in chunks if chunk["choices"][0]["index"] == row]
        assert mine[0]["delta"] == {"role": "assistant", "content": ""}
        assert (
            "".join(one["delta"].get("content", "") for one in mine)
            == (choice["message"]["content"])
        )
        assert mine[-1]["finish_reason"] == choice["finish_reason"]
        told = [token for one in mine if one["logprobs"] for token in one["logprobs"]["content"]]
        assert [token["token"] for token in told] == [
            token["token"] for token in choice["logprobs"]["content"]
        ]


def test_a_stream_of_text_says_what_the_whole_text_says(web: httpx.Client) -> None:
    asked = TEXT | {"prompt": ["The capital of", [300, 301]], "logprobs": 1}
    whole = web.post("completions", json=asked).json()
    chunks = events(web.post("completions", json=asked | {"stream": True}))

    assert len(whole["choices"]) == 2
    for row, choice in enumerate(whole["choices"]):
        mine = [chunk["choices"][0] for chunk in chunks if chunk["choices"][0]["index"] == row]
        assert "".join(one["text"] for one in mine) == choice["text"]
        assert mine[-1]["finish_reason"] == choice["finish_reason"] == "length"
        told = [token for one in mine for token in one["logprobs"]["tokens"]]
        assert told == choice["logprobs"]["tokens"]
    assert whole["usage"]["completion_tokens"] == 8


def test_a_continuation_has_16_tokens_where_nothing_is_said(web: httpx.Client) -> None:
    asked = {"model": "pocket-chat", "prompt": "Once upon a time", "temperature": 0}

    assert web.post("completions", json=asked).json()["usage"]["completion_tokens"] == 16


def test_more_tokens_than_the_context_has_room_for_are_not_an_error(web: httpx.Client) -> None:
    answer = web.post("chat/completions", json=CHAT | {"max_completion_tokens": 100_000})

    assert answer.json()["choices"][0]["finish_reason"] == "stop"


def numbers(address: str) -> dict:
    return httpx.get(address.replace("/v1", "/health"), trust_env=False).json()


def until(address: str, **wanted: int) -> None:
    """Wait until so many requests wait, are in work, were answered."""
    for _ in range(800):
        if wanted.items() <= numbers(address).items():
            return
        time.sleep(0.025)
    raise AssertionError((numbers(address), wanted))


def test_a_client_that_hangs_up_frees_its_place(held: object) -> None:
    """With a stream and without, in work and in the queue."""
    with running(held.model, held.tokenizer, batch=1, waiting=3) as address:
        host, port = address.removeprefix("http://").removesuffix("/v1").split(":")

        def ask(*, stream: bool) -> socket.socket:
            asked = {"model": "model", "prompt": "x", "max_tokens": 400, "stream": stream}
            body = json.dumps(asked)
            connection = socket.create_connection((host, int(port)), timeout=20)
            head = f"POST /v1/completions HTTP/1.1\r\nHost: {host}\r\n"
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            connection.sendall((head + body).encode())
            return connection

        for stream in (True, False):
            held.go.clear()
            working = ask(stream=stream)
            until(address, writing=1)
            waiting = [ask(stream=True), ask(stream=False)]
            until(address, writing=1, waiting=2)
            for connection in waiting:
                connection.close()
            until(address, writing=1, waiting=0)
            working.close()
            time.sleep(0.1)  # the server hears of it while the model is at work
            held.go.set()
            until(address, writing=0, answered=0)
        assert held.model.calls < 200


def test_a_full_queue_is_said_with_when_to_come_back(held: object, posts: Callable) -> None:
    body = {"model": "model", "prompt": "x", "max_tokens": 3}
    with running(held.model, held.tokenizer, batch=1, waiting=1) as address:

        def post() -> httpx.Response:
            return httpx.post(f"{address}/completions", json=body, timeout=60, trust_env=False)

        held.go.clear()
        sent = [posts(post)]
        until(address, writing=1)
        sent.append(posts(post))
        until(address, waiting=1)

        refused = post()

        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.json()["error"]["type"] == "rate_limit_error"
        held.go.set()
        until(address, answered=2)
    posts.join()
    assert [one[0].json()["choices"][0]["text"] for one in sent] == ["aaa", "aaa"]


def in_time(held: object, seconds: float) -> tuple[Engine, object]:
    ready = threading.Event()
    engine = Engine(lambda: Served(held.model, held.tokenizer, "model"), tell=lambda _: ready.set())
    engine.start()
    ready.wait()
    return engine, build_app(engine, only_loopback=False, seconds=seconds)


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_takes_too_long_is_given_up(held: object, stream: bool) -> None:
    held.go.clear()
    engine, app = in_time(held, 0.2)
    body = {"model": "model", "prompt": "x", "stream": stream}
    with TestClient(app) as client:
        answer = client.post("/v1/completions", json=body)
        held.go.set()

    assert "took longer than 0.2 s" in answer.text
    assert answer.status_code == (200 if stream else 504)
    if not stream:
        assert answer.headers["x-should-retry"] == "false"
    assert engine.state == "stopping"


def test_while_the_model_is_loaded_health_and_models_say_so() -> None:
    go = threading.Event()
    engine = Engine(lambda: go.wait(20))
    engine.start()
    with TestClient(build_app(engine, only_loopback=False)) as client:
        health, models = client.get("/health"), client.get("/v1/models")
        go.set()

    assert (health.status_code, health.json()) == (503, {"status": "loading"})
    assert models.status_code == 503
    assert models.headers["retry-after"] == "2"
    assert models.json()["error"]["type"] == "server_error"
