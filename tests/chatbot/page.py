"""What the page of the chat does: it asks, and reads the events of the answer."""

import json
from collections.abc import Callable
from typing import Any

from companion.chatbot.answering import Answering
from companion.chatbot.routes import Routes

PORT = 8123
HOME = f"http://127.0.0.1:{PORT}"
JSON = {"content-type": "application/json", "origin": HOME}


def read(begin: Callable[[], Answering]) -> list[tuple[str, dict]]:
    answering = begin()
    found = []
    while (event := answering.next_event()) is not None:
        found.append(tuple(event))
    return found


def ask(routes: Routes, session: str, text: str, **more: object) -> dict:
    kind, values = read(routes.chat({"session": session, "text": text, **more}))[-1]
    assert kind == "done", values
    return values


def asked(routes: Routes, session: str) -> list[str]:
    return [turn["asked"] for turn in routes.enter({"session": session})["turns"]]


def post(client: Any, path: str, **body: object) -> Any:
    return client.post(path, content=json.dumps(body), headers=JSON)


def enter(client: Any) -> str:
    return post(client, "/enter").json()["session"]
