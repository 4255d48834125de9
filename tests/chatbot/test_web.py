"""The web chat: what passes the guard, streaming, sessions."""

import asyncio
import hashlib
import json
import threading
import time
from pathlib import Path

import pytest

from companion.chatbot import Chatbot, storage
from companion.errors import EndpointError

pytest.importorskip("starlette")

from starlette.testclient import TestClient

from companion.chatbot.web import STATIC, build_app
from tests.chatbot.page import HOME, JSON, PORT, enter, post


def events(text: str) -> list[tuple[str, dict]]:
    found = []
    for block in text.strip().split("\n\n"):
        kind, data = block.split("\n")
        found.append((kind.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


def test_the_answer_is_a_stream_of_events(client: TestClient) -> None:
    session = enter(client)

    answer = post(client, "/chat", session=session, text="hi\n\nyou")

    assert answer.headers["content-type"].startswith("text/event-stream")
    *pieces, (kind, done) = events(answer.text)
    assert "".join(data["text"] for _, data in pieces) == "heard <b>hi\n\nyou</b>"
    assert kind == "done"
    assert done["text"] == "heard <b>hi\n\nyou</b>"
    assert (done["interrupted"], done["note"]) == (False, "")
    assert done["parts"] == [{"text": "heard <b>hi\n\nyou</b>"}]


def test_sources_come_with_the_answer(client: TestClient) -> None:
    answer = post(client, "/chat", session=enter(client), text="Ann")

    (passage,) = events(answer.text)[-1][1]["passages"]
    assert (passage["origin"], passage["text"], passage["cited"]) == ("0.txt", "Ann sings.", True)


def test_each_tab_has_its_own_conversation_and_finds_it_again(client: TestClient) -> None:
    one, two = enter(client), enter(client)
    post(client, "/chat", session=one, text="secret")

    again = post(client, "/enter", session=one).json()

    assert again["session"] == one
    assert [turn["asked"] for turn in again["turns"]] == ["secret"]
    assert post(client, "/enter", session=two).json()["turns"] == []


def test_an_unknown_session_gets_a_new_name(client: TestClient) -> None:
    entered = post(client, "/enter", session="guess").json()

    assert entered["session"] != "guess"
    assert len(entered["session"]) == 43
    assert (entered["model"], entered["title"]) == ("test-chat", "")


@pytest.mark.parametrize("path", ["/chat", "/stop", "/resume", "/export", "/settings", "/decide"])
@pytest.mark.parametrize("session", [None, 3, "guess", ["a"]])
def test_nothing_happens_without_a_session(path: str, session: object, client: TestClient) -> None:
    assert post(client, path, session=session, text="hi").status_code == 404


@pytest.mark.parametrize("text", [None, 3, "", "  ", ["hi"]])
def test_a_message_must_be_a_text(text: object, client: TestClient) -> None:
    assert post(client, "/chat", session=enter(client), text=text).status_code == 400


@pytest.mark.parametrize("body", ["", "{", "[]", "3", "[" * 100_000, '{"session": NaN}', "\xff"])
def test_odd_bodies_are_refused(body: str, client: TestClient) -> None:
    content = body.encode("latin-1")

    assert client.post("/chat", content=content, headers=JSON).status_code == 404


def test_a_conversation_is_exported(client: TestClient) -> None:
    session = enter(client)
    post(client, "/chat", session=session, text="hi")

    (turn,) = storage.from_json(post(client, "/export", session=session).text).turns
    assert turn.messages[0]["content"] == "hi"
    assert post(client, "/export", session=session, format="markdown").text.startswith("# ")
    assert post(client, "/export", session=session, format="pdf").status_code == 400


def test_without_an_archive_nothing_that_was_said_makes_room(client: TestClient) -> None:
    names = [enter(client) for _ in range(3)]
    for name in names[:2]:
        post(client, "/chat", session=name, text="precious")

    alone = enter(client)

    alive = [post(client, "/export", session=name).status_code for name in [*names, alone]]
    assert alive == [200, 200, 404, 200]
    post(client, "/chat", session=alone, text="x")
    assert post(client, "/enter").status_code == 503


def test_an_error_of_the_model_is_an_event(scripted, cut: EndpointError) -> None:
    app = build_app(lambda: Chatbot(scripted(("half", cut))), port=PORT)
    with TestClient(app, base_url=HOME) as client:
        session = enter(client)

        answer = post(client, "/chat", session=session, text="hi")

        assert events(answer.text) == [("piece", {"text": "half"}), ("error", {"message": "cut"})]
        turns = post(client, "/enter", session=session).json()["turns"]
        assert (turns[0]["text"], turns[0]["interrupted"]) == ("half", True)


class WaitingBackend:
    """Writes a word, then waits until it may write the next one."""

    context_length = 1000

    def __init__(self) -> None:
        self.go = threading.Event()
        self.closed = threading.Event()

    def count_tokens(self, messages: list[dict]) -> int:
        return len(messages)

    def stream(self, messages: list[dict], params: object):
        try:
            for number in range(1000):
                yield f"{number} "
                self.go.wait(0.02)
        finally:
            self.closed.set()


def test_stop_ends_the_answer_and_keeps_it() -> None:
    backend = WaitingBackend()
    app = build_app(lambda: Chatbot(backend), port=PORT)
    with TestClient(app, base_url=HOME) as client:
        session = enter(client)
        answers = []

        def ask() -> None:
            answers.append(post(client, "/chat", session=session, text="hi"))

        thread = threading.Thread(target=ask)
        thread.start()
        while post(client, "/rename", session=session, title="a").status_code != 409:
            time.sleep(0.01)
        paths = ("/chat", "/resume", "/settings", "/delete")
        busy = [post(client, path, session=session, text="x", set={}).status_code for path in paths]
        time.sleep(0.1)
        post(client, "/stop", session=session)
        thread.join(10)

        kind, done = events(answers[0].text)[-1]
        assert busy == [409, 409, 409, 400]
        assert (kind, done["interrupted"]) == ("done", True)
        assert done["text"].startswith("0 1 ")
        assert backend.closed.is_set()
        assert post(client, "/rename", session=session, title="a").status_code == 200


def test_a_browser_that_goes_away_stops_the_model() -> None:
    backend = WaitingBackend()
    app = build_app(lambda: Chatbot(backend), port=PORT)
    with TestClient(app, base_url=HOME) as client:
        session = enter(client)
    body = json.dumps({"session": session, "text": "hi"}).encode()
    headers = {**JSON, "host": f"127.0.0.1:{PORT}"}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "method": "POST",
        "path": "/chat",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }

    async def visit() -> None:
        written = asyncio.Event()
        inbox = [{"type": "http.request", "body": body}]

        async def receive() -> dict:
            if inbox:
                return inbox.pop()
            await written.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict) -> None:
            if message.get("body"):
                written.set()

        await asyncio.wait_for(app(scope, receive, send), 10)

    asyncio.run(visit())

    assert backend.closed.is_set()
    with TestClient(app, base_url=HOME) as client:
        (turn,) = post(client, "/enter", session=session).json()["turns"]
        assert turn["interrupted"]
        assert turn["text"].startswith("0 ")
        assert post(client, "/rename", session=session, title="a").status_code == 200


@pytest.mark.parametrize("path", ["/", "/page.css", "/page.js", "/markdown.js"])
def test_the_page_is_served_with_its_headers(path: str, client: TestClient) -> None:
    page = client.get(path)

    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["cache-control"] == "no-store"
    assert "http://" not in page.text.replace("http://www.w3.org", "")
    assert "https://" not in page.text


@pytest.mark.parametrize("path", sorted(STATIC.glob("*.js")), ids=lambda path: path.name)
def test_the_scripts_never_write_html(path: Path) -> None:
    script = path.read_text(encoding="utf-8")

    for danger in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert danger not in script


@pytest.mark.parametrize(
    "path",
    [
        "/../web.py",
        "/%2e%2e/web.py",
        "/static/page.html",
        "/page.html",
        "/docs",
        "/chat",
        "//etc/passwd",
        "/vendor/",
        "/vendor/README.txt",
        "/vendor/katex/LICENSE",
    ],
)
def test_there_are_no_other_files(path: str, client: TestClient) -> None:
    assert client.get(path).status_code in (404, 405)


# The libraries of the page.


def test_the_libraries_are_those_that_are_named() -> None:
    folder = STATIC / "vendor"
    lines = (folder / "SHA256SUMS").read_text(encoding="ascii").splitlines()
    sums = {name: digest for digest, _, name in (line.partition(" *") for line in lines)}
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*.*")}
    files = {name: path for name, path in files.items() if path.name != "README.txt"}

    wrong = [
        name
        for name, path in files.items()
        if hashlib.sha256(path.read_bytes()).hexdigest() != sums.get(name)
    ]

    assert wrong == []
    assert set(files) <= set(sums)


def test_each_library_has_its_license_and_package() -> None:
    told = (STATIC / "vendor" / "README.txt").read_text(encoding="utf-8")
    folders = [path for path in (STATIC / "vendor").iterdir() if path.is_dir()]

    assert len(folders) == 5
    for folder in folders:
        assert (folder / "LICENSE").is_file()
        assert f"\n{folder.name} " in told
