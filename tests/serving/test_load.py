"""A class at once: no answer is lost or goes to somebody else, and the queue pushes back."""

import json
import threading
import time

import httpx
import pytest

import companion
from companion.generation.params import SamplingParams
from companion.messages import prompt_text
from companion.serving.launch import running

NAMES = """
Ada Ben Cleo Dan Emma Finn Gina Hugo Ines Jack Kate Leo Mia Noah Olga Paul Rosa Sam Tina Uma Vera
Will Xena Yuri Zoe Anna Bob Clara David Ella Frank Grace Henry Iris James Karl Lily Max Nina Omar
Peter Quinn Ruth Simon Tom Ursula Victor Wendy Alice Nora
""".split()  # noqa: SIM905 - as a list it has fifty lines
GREEDY = SamplingParams(temperature=0, max_new_tokens=24)


def conversation(name: str) -> list:
    return [
        {"role": "user", "content": f"My name is {name}."},
        {"role": "assistant", "content": f"Nice to meet you, {name}."},
        {"role": "user", "content": "What is my name?"},
    ]


def read(answer: httpx.Response) -> str:
    """Return the text of an answer, whole or in pieces."""
    if not answer.headers["content-type"].startswith("text/event-stream"):
        return answer.json()["choices"][0]["message"]["content"]
    *events, last = [line for line in answer.text.splitlines() if line]
    assert last == "data: [DONE]"
    choices = [json.loads(event.removeprefix("data: "))["choices"][0] for event in events]
    assert choices[-1]["finish_reason"] == "stop"
    return "".join(choice["delta"].get("content") or "" for choice in choices)


class User(threading.Thread):
    """Asks until there is an answer, as often as the server sends it away."""

    def __init__(self, address: str, name: str, start: threading.Barrier, pause: float) -> None:
        super().__init__(daemon=True)
        self.address, self.person, self.barrier, self.pause = address, name, start, pause
        self.answer, self.statuses, self.waits = "", [], []

    def run(self) -> None:
        body = {
            "model": "pocket-chat",
            "messages": conversation(self.person),
            "temperature": 0,
            "max_tokens": GREEDY.max_new_tokens,
            "stream": NAMES.index(self.person) % 2 == 0,
        }
        self.barrier.wait(60)
        with httpx.Client(trust_env=False, timeout=120) as client:
            while 200 not in self.statuses:
                answer = client.post(f"{self.address}/chat/completions", json=body)
                self.statuses.append(answer.status_code)
                if answer.status_code == 429:
                    self.waits.append(int(answer.headers["retry-after"]))
                    time.sleep(self.waits[-1] * self.pause)
                else:
                    self.answer = read(answer)


def at_once(chat: tuple, names: list[str], *, pause: float, **limits: int) -> list[User]:
    start = threading.Barrier(len(names))
    with running(*chat, name="pocket-chat", **limits) as address:
        users = [User(address, name, start, pause) for name in names]
        for user in users:
            user.start()
        for user in users:
            user.join(250)
    return users


def check(chat: tuple, users: list[User]) -> None:
    """Each user has the answer that the model gives alone; the others were asked to wait."""
    for user in users:
        prompt = prompt_text(chat[1], conversation(user.person))
        (alone,) = companion.generate(*chat, prompt, GREEDY)
        assert user.answer == alone.text
        assert set(user.statuses[:-1]) <= {429}
        assert user.statuses[-1] == 200
        assert all(1 <= wait <= 60 for wait in user.waits)
    assert any(user.waits for user in users)
    assert len({user.answer for user in users}) > 0.7 * len(users)  # so a mix-up would show


def test_twelve_users_at_once_get_their_own_answers(chat: tuple) -> None:
    check(chat, at_once(chat, NAMES[:12], batch=3, waiting=2, pause=0.1))


@pytest.mark.slow
def test_fifty_users_at_once_get_their_own_answers(chat: tuple) -> None:
    check(chat, at_once(chat, NAMES, batch=8, waiting=8, pause=1.0))
