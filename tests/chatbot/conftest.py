"""Fakes for the chatbot: a backend that follows a script, a retriever over a list."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from companion.backends.backend import ToolsAsText
from companion.errors import EndpointError
from companion.tools import Toolbox


class ScriptedBackend:
    """Answers from a function of the messages, word by word. A word is a token.

    Args:
        answer: Maps the messages to the answer. An exception in its place is raised when the
            words before it have been written: ``("half an", EndpointError("cut"))``.
        context_length: Tokens of the context; every message costs one as well.
    """

    def __init__(self, answer: Callable | str = "ok", context_length: int = 1000) -> None:
        self.answer = answer if callable(answer) else lambda messages: answer
        self.context_length = context_length
        self.seen: list[list[dict]] = []
        self.closed = 0

    def count_tokens(self, messages: Sequence[dict]) -> int:
        return sum(1 + len((message.get("content") or "").split()) for message in messages)

    def stream(self, messages: Sequence[dict], params: object) -> Iterator[str]:
        assert self.count_tokens(messages) + params.max_new_tokens <= self.context_length
        self.seen.append([dict(message) for message in messages])
        return self._pieces(self.answer(messages))

    def bind_tools(self, toolbox: Toolbox) -> ToolsAsText:
        return ToolsAsText(self, toolbox, form="pocket")

    def _pieces(self, answer: str | tuple) -> Iterator[str]:
        text, error = answer if isinstance(answer, tuple) else (answer, None)
        try:
            for number, word in enumerate(text.split(" ")):
                yield f" {word}" if number else word
            if error is not None:
                raise error
        finally:
            self.closed += 1


class ListRetriever:
    """Finds the texts that share a word with the query, in their order."""

    def __init__(self, *texts: str) -> None:
        self.texts = texts
        self.queries: list[tuple[str, int]] = []

    def search(self, query: str, k: int) -> list[SimpleNamespace]:
        self.queries.append((query, k))
        words = set(query.lower().strip("?").split())
        hits = [
            SimpleNamespace(
                document=SimpleNamespace(text=text, metadata={"source": f"{i}.txt"}),
                score=len(words & set(text.lower().strip(".").split())) / len(words),
            )
            for i, text in enumerate(self.texts)
        ]
        return sorted((hit for hit in hits if hit.score), key=lambda hit: -hit.score)[:k]


@pytest.fixture
def scripted() -> type[ScriptedBackend]:
    return ScriptedBackend


@pytest.fixture
def retriever() -> type[ListRetriever]:
    return ListRetriever


@pytest.fixture
def cut() -> EndpointError:
    return EndpointError("cut")


@pytest.fixture
def make_routes() -> Callable[..., object]:
    """Build what answers the page of some chatbots."""
    from companion.chatbot.choices import Choices
    from companion.chatbot.routes import Routes
    from companion.chatbot.sessions import Sessions

    def make(make_bot: Callable, switch: Callable | None = None, **more: object) -> Routes:
        return Routes(Sessions(make_bot, **more), "chat", Choices(switch))

    return make


@pytest.fixture
def client(scripted, retriever) -> Iterator[object]:
    """A browser of the page of a chatbot that says what it has heard."""
    pytest.importorskip("starlette")
    from starlette.testclient import TestClient

    from companion.chatbot import Chatbot
    from companion.chatbot.web import build_app
    from tests.chatbot.page import HOME, PORT

    def make() -> Chatbot:
        return Chatbot(
            scripted(lambda m: f"heard <b>{m[-1]['content']}</b>"),
            retriever=retriever("Ann sings."),
        )

    with TestClient(
        build_app(make, port=PORT, title="test-chat", limit=3), base_url=HOME
    ) as client:
        yield client


@pytest.fixture
def archive(tmp_path: Path) -> object:
    """A folder of conversations that is not there yet."""
    from companion.chatbot.archive import Archive

    return Archive(tmp_path / "new" / "talks")
