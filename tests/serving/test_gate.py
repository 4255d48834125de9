"""Keys, hosts, other origins."""

import gzip
import threading

import pytest
from starlette.testclient import TestClient

from companion.serving.app import build_app
from companion.serving.engine import Engine
from companion.serving.order import Served

KEY = "sk-class-42"
RIGHT = {"authorization": f"Bearer {KEY}"}
BODY = {"model": "model", "prompt": "x", "max_tokens": 2}


@pytest.fixture
def client(held: object, request: pytest.FixtureRequest) -> object:
    """A client of an app with the settings that the test asks for."""
    ready = threading.Event()
    engine = Engine(lambda: Served(held.model, held.tokenizer, "model"), tell=lambda _: ready.set())
    engine.start()
    ready.wait()
    app = build_app(engine, only_loopback=False, **request.param)
    with TestClient(app) as client:
        yield client


KEYED = pytest.mark.parametrize("client", [{"key": KEY}], indirect=True)


@KEYED
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": ""},
        {"authorization": KEY},
        {"authorization": "Bearer"},
        {"authorization": f"Bearer {KEY}x"},
        {"authorization": f"Basic {KEY}"},
        {"authorization": f"bearer{KEY}"},
        {"authorization": b"Bearer \xff"},
        {"x-api-key": KEY},
    ],
)
def test_without_the_key_nothing_is_told(client: TestClient, headers: dict) -> None:
    answers = [client.post("/v1/completions", json=BODY, headers=headers)]
    answers.append(client.get("/v1/models", headers=headers))

    for answer in answers:
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "invalid_api_key"
        assert KEY not in answer.text


@KEYED
def test_with_the_key_it_answers_and_health_needs_none(client: TestClient) -> None:
    assert client.post("/v1/completions", json=BODY, headers=RIGHT).status_code == 200
    assert client.get("/v1/models", headers=RIGHT).status_code == 200
    assert client.get("/health").status_code == 200


ASKED = {
    "origin": "https://class.example",
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization, content-type",
}
ALLOWED = "access-control-allow-origin"


@pytest.mark.parametrize("client", [{}], indirect=True)
def test_web_pages_of_others_may_not_ask(client: TestClient) -> None:
    asked = client.options("/v1/completions", headers=ASKED)
    answer = client.post("/v1/completions", json=BODY, headers={"origin": ASKED["origin"]})

    assert asked.status_code == 405
    assert ALLOWED not in asked.headers
    assert ALLOWED not in answer.headers


@pytest.mark.parametrize(
    "client", [{"key": KEY, "origins": ["https://class.example"]}], indirect=True
)
def test_web_pages_of_an_origin_that_is_allowed_may_ask_with_the_key(client: TestClient) -> None:
    origin = {"origin": ASKED["origin"]}
    asked = client.options("/v1/completions", headers=ASKED)
    without = client.post("/v1/completions", json=BODY, headers=origin)
    answer = client.post("/v1/completions", json=BODY, headers=origin | RIGHT)
    other = client.options("/v1/completions", headers=ASKED | {"origin": "https://evil.example"})

    assert asked.status_code == 200
    assert asked.headers[ALLOWED] == ASKED["origin"]
    assert without.status_code == 401
    assert without.headers[ALLOWED] == ASKED["origin"]
    assert answer.status_code == 200
    assert other.status_code == 400
    assert ALLOWED not in other.headers


@pytest.mark.parametrize("client", [{}], indirect=True)
def test_a_form_of_another_page_is_refused(client: TestClient) -> None:
    answer = client.post("/v1/completions", data={"model": "model", "prompt": "x"})

    assert answer.status_code == 415


@pytest.mark.parametrize("client", [{}], indirect=True)
def test_a_packed_body_is_refused(client: TestClient) -> None:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}

    answer = client.post("/v1/completions", content=gzip.compress(b"{}"), headers=headers)

    assert answer.status_code == 415
    assert "must not be compressed, got Content-Encoding 'gzip'" in answer.text
