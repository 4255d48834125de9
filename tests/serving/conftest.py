"""A server of pocket-chat, and one of a model that a test holds back."""

import threading
from collections.abc import Callable, Iterator

import httpx
import openai
import pytest
import torch

import companion
from companion.backends.local import LocalBackend
from companion.serving.launch import running
from companion.serving.order import Served
from tests.conftest import EOS, VOCAB_SIZE, FunctionModel, make_byte_tokenizer

NAME = "pocket-chat"


@pytest.fixture(scope="session")
def chat() -> tuple:
    return companion.load("chat", source="pocket")


@pytest.fixture(scope="session")
def backend(chat: tuple) -> LocalBackend:
    return LocalBackend(*chat)


@pytest.fixture(scope="session")
def served(chat: tuple) -> Served:
    return Served(*chat, NAME, aliases=("chat",))


@pytest.fixture(scope="session")
def address(chat: tuple) -> Iterator[str]:
    with running(*chat, name=NAME) as address:
        yield address


@pytest.fixture(scope="session")
def client(address: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=address, api_key="none", max_retries=0) as client:
        yield client


@pytest.fixture(scope="session")
def web(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, trust_env=False, timeout=60) as web:
        yield web


class Wide(FunctionModel):
    """Remembers how many columns a batch has had at most."""

    widest = 0

    def _probs(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        self.widest = max(self.widest, len(ids))
        return super()._probs(ids, mask)


class Held:
    """A model that writes the letter ``a`` for ever, and waits before each one while it is held."""

    def __init__(self) -> None:
        self.go, self.begun = threading.Event(), threading.Event()
        self.go.set()
        self.fault: Exception | None = None
        self.model = Wide(self._next, eos_id=EOS)
        self.tokenizer = make_byte_tokenizer()

    def _next(self, ids: list[int]) -> torch.Tensor:
        if len(ids) > 1:  # the fake asks once when it is made
            self.begun.set()
            assert self.go.wait(20)
        if self.fault:
            raise self.fault
        probs = torch.full((VOCAB_SIZE,), 1e-6)
        probs[3 + ord("a")] = 1.0
        return probs


@pytest.fixture
def held() -> Iterator[Held]:
    held = Held()
    yield held
    held.go.set()


class Posts:
    """Runs functions at the same time, each in a thread."""

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []

    def __call__(self, run: Callable, *arguments: object) -> list:
        """Start one; what it returns will be in the list."""
        found: list = []
        work = threading.Thread(target=lambda: found.append(run(*arguments)), daemon=True)
        self.threads.append(work)
        work.start()
        return found

    def join(self) -> None:
        for thread in self.threads:
            thread.join(60)


@pytest.fixture
def posts() -> Iterator[Posts]:
    posts = Posts()
    yield posts
    posts.join()
