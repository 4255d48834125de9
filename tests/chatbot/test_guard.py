"""Only the page itself gets through, with its key, and only with small requests."""

import asyncio
import json

import pytest

from companion.chatbot import Chatbot

pytest.importorskip("starlette")

from starlette.testclient import TestClient

from companion.chatbot.guard import Guard
from companion.chatbot.web import build_app
from tests.chatbot.page import HOME, JSON, PORT, enter


def test_the_key_is_asked_for(scripted) -> None:
    app = build_app(lambda: Chatbot(scripted()), port=PORT, key="secret")
    with TestClient(app, base_url=HOME) as client:

        def status(**headers: str) -> int:
            return client.post("/enter", content="{}", headers=JSON | headers).status_code

        assert client.get("/").status_code == 200
        assert status() == status(authorization="Bearer secre") == 401
        assert status(authorization="secret") == status(authorization="bearer secret") == 401
        assert status(authorization="Bearer secret") == 200


@pytest.mark.parametrize("path", ["/upload", "/import"])
def test_larger_bodies_pass_only_where_files_are_sent(path: str, client: TestClient) -> None:
    body = json.dumps({"session": enter(client), "text": "x" * 300_000, "data": "!"})

    assert client.post("/chat", content=body, headers=JSON).status_code == 413
    assert client.post(path, content=body, headers=JSON).status_code == 400
    length = {"content-length": "200000000"}
    assert client.post(path, content="{}", headers=JSON | length).status_code == 413
    assert client.post(path, content=body, headers=JSON | {"origin": "null"}).status_code == 403
    assert client.post(path, content=body, headers={"origin": HOME}).status_code == 415


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        f"evil.example:{PORT}",
        f"127.0.0.1.evil.example:{PORT}",
        "127.0.0.1",
        "127.0.0.1:80",
        "",
    ],
)
def test_another_host_is_refused(host: str, client: TestClient) -> None:
    """DNS rebinding: the page of evil.example, whose name now resolves to 127.0.0.1."""
    assert client.get("/", headers={"host": host}).status_code == 421
    answer = client.post("/enter", content="{}", headers=JSON | {"host": host})
    assert answer.status_code == 421
    assert "session" not in answer.text.replace("sessions", "")


def test_localhost_is_this_server_too(client: TestClient) -> None:
    headers = JSON | {"host": f"localhost:{PORT}", "origin": f"http://localhost:{PORT}"}

    assert client.post("/enter", content="{}", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": f"http://localhost:{PORT}"}, 403),
        ({"origin": f"https://127.0.0.1:{PORT}"}, 403),
        ({"origin": "http://127.0.0.1:9999"}, 403),
        ({"origin": None}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/x-www-form-urlencoded"}, 415),
        ({"content-type": "application/json-evil"}, 415),
        ({"content-type": None}, 415),
        ({"content-length": "300000"}, 413),
        ({"content-length": "-1"}, 413),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"content-type": "application/json; charset=utf-8"}, 200),
    ],
)
def test_what_another_page_could_send_is_refused(
    changes: dict, status: int, client: TestClient
) -> None:
    headers = {name: value for name, value in (JSON | changes).items() if value is not None}

    answer = client.post("/enter", content="{}", headers=headers)

    assert answer.status_code == status
    assert "access-control-allow-origin" not in answer.headers
    assert "content-security-policy" in answer.headers


def test_a_get_with_a_foreign_origin_is_refused(client: TestClient) -> None:
    assert client.get("/", headers={"origin": "https://evil.example"}).status_code == 403


def test_a_preflight_gets_no_permission(client: TestClient) -> None:
    headers = {"origin": "https://evil.example", "access-control-request-method": "POST"}

    answer = client.options("/enter", headers=headers)

    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_body_of_unknown_length_ends_at_the_limit(client: TestClient) -> None:
    def chunks():
        for _ in range(5):
            yield b" " * 65536

    answer = client.post("/enter", content=chunks(), headers=JSON)

    assert answer.status_code == 413
    assert "at most 262144 bytes" in answer.text


def test_other_protocols_are_not_answered() -> None:
    sent = []

    async def app(scope, receive, send) -> None:
        raise AssertionError

    async def send(message: dict) -> None:
        sent.append(message)

    asyncio.run(Guard(app, PORT)({"type": "websocket", "headers": []}, None, send))

    assert sent == []
