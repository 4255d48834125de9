"""`companion serve` as a process; ports, errors, the end."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from companion.__main__ import main
from companion.errors import CompanionError
from companion.serving.app import build_app
from companion.serving.engine import Engine
from companion.serving.launch import Server, _run, greeting, listen, running
from companion.serving.order import Served


@contextmanager
def process(*arguments: str, **environment: str) -> Iterator[subprocess.Popen]:
    command = [sys.executable, "-m", "companion", "serve", *arguments]
    running = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
    )
    try:
        yield running
    finally:
        running.kill()
        running.communicate()


@pytest.mark.slow
def test_the_command_serves_says_how_and_ends_with_ctrl_c() -> None:
    with process("--port", "0", COMPANION_SERVE_KEY="sk-1") as server:
        told = [server.stdout.readline() for _ in range(7)]
        address = re.search(r"http://127\.0\.0\.1:\d+/v1", told[0])[0]
        ask = {"model": "chat", "messages": [{"role": "user", "content": "Hello!"}]}

        without = httpx.post(f"{address}/chat/completions", json=ask, trust_env=False)
        answer = httpx.post(
            f"{address}/chat/completions",
            json=ask | {"temperature": 0},
            headers={"authorization": "Bearer sk-1"},
            timeout=60,
            trust_env=False,
        )
        server.send_signal(signal.SIGINT)
        _, errors = server.communicate(timeout=240)

    assert told[0].startswith("pocket-chat is served at ")
    assert "client = OpenAI(base_url=" in "".join(told)
    assert "vLLM" in told[-1]
    assert without.status_code == 401
    assert answer.json()["choices"][0]["message"]["content"].startswith("Hello!")
    assert server.returncode == 0
    assert errors == "companion: loading pocket-chat ...\n"


def test_a_model_that_can_not_be_loaded_ends_the_command_with_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMPANION_CACHE", "/nonexistent")

    assert main(["serve", "smollm2", "--port", "0"]) == 1

    told, errors = capsys.readouterr()
    assert told == ""
    assert errors.splitlines()[-1].startswith("companion: ")
    assert "companion fetch smollm2" in errors


def test_a_network_without_a_key_is_warned_of(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMPANION_CACHE", "/nonexistent")

    main(["serve", "smollm2", "--port", "0", "--host", "0.0.0.0"])

    assert "set a key (--key @FILE)" in capsys.readouterr().err


def test_a_port_that_is_taken_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        assert main(["serve", "--port", str(port)]) == 1

    said = capsys.readouterr().err
    assert f"can't listen on port {port} of 127.0.0.1" in said
    assert "--port" in said


def test_an_address_that_is_none_is_said() -> None:
    with pytest.raises(CompanionError, match="can't listen on 'no such host'"):
        listen("no such host", 0)


def test_a_model_that_writes_no_text_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "reward"]) == 1

    assert "reward scores answers and writes no text" in capsys.readouterr().err


def test_a_model_without_a_chat_template_continues_texts(llama: object, tokenizer: object) -> None:
    served = Served(llama, tokenizer, "tiny")
    with running(llama, tokenizer, name="tiny") as address:
        asked = {"model": "tiny", "messages": [{"role": "user", "content": "x"}]}
        chat = httpx.post(f"{address}/chat/completions", json=asked, trust_env=False)
        text = httpx.post(
            f"{address}/completions", json={"model": "tiny", "prompt": "x"}, trust_env=False
        )

    assert chat.status_code == 400
    assert "no chat template" in chat.json()["error"]["message"]
    assert "/v1/completions" in chat.json()["error"]["message"]
    assert text.status_code == 200
    assert "client.completions.create" in greeting(served, "http://x/v1")
    assert 'api_key="..."' in greeting(served, "http://x/v1", has_key=True)


def test_a_server_of_a_block_ends_with_it(held: object) -> None:
    with running(held.model, held.tokenizer) as address:
        begun = time.monotonic()

    assert time.monotonic() - begun < 10
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{address}/models", trust_env=False)


def test_an_answer_in_work_is_finished_when_the_server_ends(held: object, posts: object) -> None:
    body = {"model": "model", "prompt": "x", "max_tokens": 5}
    with running(held.model, held.tokenizer) as address:
        held.go.clear()
        sent = posts(
            lambda: httpx.post(f"{address}/completions", json=body, timeout=30, trust_env=False)
        )
        assert held.begun.wait(20)
        posts(lambda: (time.sleep(0.3), held.go.set()))
    posts.join()

    assert sent[0].json()["choices"][0]["text"] == "aaaaa"


@pytest.mark.parametrize(("stream", "hurried"), [(False, False), (True, True)])
def test_an_answer_that_takes_too_long_is_refused_when_the_server_ends(
    held: object, posts: Callable, capfd: pytest.CaptureFixture[str], stream: bool, hurried: bool
) -> None:
    """After its time, or at a second signal; who never ends a request can't hold the server."""
    told, ready = [], threading.Event()
    served = Served(held.model, held.tokenizer, "model")
    engine = Engine(lambda: served, tell=lambda _: ready.set())
    grace = 60 if hurried else 0.1
    server = Server(engine, build_app(engine), grace=grace, tell=told.append)
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    address, ask = f"http://127.0.0.1:{port}/v1/completions", {"model": "model", "prompt": "x"}
    held.go.clear()
    posts(_run, server, listener)
    assert ready.wait(20)
    sent = posts(lambda: httpx.post(address, json=ask | {"stream": stream}, trust_env=False))
    assert held.begun.wait(20)
    with socket.create_connection(("127.0.0.1", port)) as half:
        head = f"POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        half.sendall(
            f"{head}Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{{".encode()
        )

        for _ in range(1 + hurried):
            server.handle_exit(signal.SIGINT, None)
        posts.join()

    answer = sent[0]
    assert not any(thread.is_alive() for thread in posts.threads)
    assert "the server is being stopped: try again later" in answer.text
    if stream:
        assert answer.text.endswith("}}\n\ndata: [DONE]\n\n")
    else:
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
    assert "finishing 1 answer," in told[0]
    assert told[1].startswith("gave up 1 answer;")
    assert capfd.readouterr().err == ""
