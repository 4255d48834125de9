"""From the options of ``companion chat`` to a chatbot: load everything once, then talk.

Taught in :doc:`/book/applications/chatbot`.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from companion._extras import require
from companion.backends.backend import Backend
from companion.chatbot.bot import Chatbot
from companion.chatbot.settings import ChatSettings
from companion.errors import CompanionError
from companion.generation.params import SamplingParams
from companion.tools import Toolbox

KEY_VARIABLE = "COMPANION_API_KEY"

MIN_SCORE = 0.3
"""Cosine below which a passage has nothing to do with the message, such as a greeting."""


@dataclass(frozen=True)
class ChatOptions:
    """What the command line asks for.

    Attributes:
        model: Role, folder or Hub id; with an endpoint, the model's name there.
        endpoint: Address of an OpenAI-compatible endpoint; None for a model in this process.
        system: System message.
        tools: Whether the model may call the book's tools.
        text_tools: Declare them as text to a model behind an endpoint, not in its protocol.
        docs: Folder with documents to answer from.
        temperature: 0 is greedy. None is greedy here, and what an endpoint chooses there.
        max_new_tokens: Tokens of an answer at most; None for an eighth of the context, at most 256.
        context: Tokens of the context; None asks the model, or the endpoint.
        timeout: Seconds to wait for the next word of an endpoint.
        thinking: Whether a model that can reason before it answers shall do so. None is no here,
            and what an endpoint chooses there.
        web: Whether to serve a web page instead of the terminal.
        port: Port of the web page; 0 takes a free one.
    """

    model: str = "chat"
    endpoint: str | None = None
    system: str | None = None
    tools: bool = False
    text_tools: bool = False
    docs: Path | None = None
    temperature: float | None = None
    max_new_tokens: int | None = None
    context: int | None = None
    timeout: float = 60.0
    thinking: bool | None = None
    web: bool = False
    port: int = 8000


def start(options: ChatOptions) -> int:
    """Run the chat that the options ask for, until it ends.

    Args:
        options: See `ChatOptions`.

    Returns:
        Exit status, 0 for success.

    Raises:
        CompanionError: If a model, an endpoint or a folder can't be used.
        ValueError: If an option is out of its range, or the model is no chat model.
    """
    _check(options)
    if options.web:
        require("starlette", extra="chat")
        require("uvicorn", extra="chat")
        from companion.chatbot.web import serve

        return serve(bot_maker(options), port=options.port, title=title(options))
    from companion.chatbot.terminal import Terminal

    bot = bot_maker(options)()
    return Terminal(lambda model: make_backend(options, model), title=title(options)).run(bot)


def _check(options: ChatOptions) -> None:
    if options.text_tools and not (options.tools and options.endpoint):
        raise ValueError("--text-tools is for a model behind an --endpoint that gets --tools")
    if options.context is not None and options.context < 1:
        raise ValueError(f"--context must be a whole number from 1, got {options.context}")
    if not options.timeout > 0:
        raise ValueError(f"--timeout must be above 0, got {options.timeout:g}")


def bot_maker(options: ChatOptions) -> Callable[[], Chatbot]:
    """Load model and documents once, and return a function that makes chatbots over them.

    pocket-chat has seen tools in the first turn of a conversation only, and calls them less and
    less in later ones (measured in :doc:`/book/applications/chatbot`). So with tools it reads the
    newest message alone.
    """
    asked = {"temperature": options.temperature or 0}
    if options.max_new_tokens is not None:
        asked["max_new_tokens"] = options.max_new_tokens
    params = SamplingParams(**asked)  # a wrong option is named before anything is loaded
    backend = make_backend(options, options.model)
    if options.max_new_tokens is None:
        room = max(1, min(256, backend.context_length // 8))
        params = SamplingParams(temperature=params.temperature, max_new_tokens=room)
    if options.system:  # a template that takes none says so now, not after the first message
        told = [("system", options.system), ("user", "Hello")]
        backend.count_tokens([{"role": role, "content": content} for role, content in told])
    past_turns = 0 if options.tools and is_pocket(options) else None
    settings = ChatSettings(params, past_turns=past_turns, min_score=MIN_SCORE)
    toolbox = make_toolbox() if options.tools else None
    length = max(200, min(1000, backend.context_length // 2))
    retriever = make_retriever(options.docs, length) if options.docs else None

    def make() -> Chatbot:
        return Chatbot(
            backend, system=options.system, tools=toolbox, retriever=retriever, settings=settings
        )

    return make


def make_backend(options: ChatOptions, model: str) -> Backend:
    """Return the backend for a model: behind the endpoint if there is one, else loaded here.

    The key of an endpoint is read from the environment variable `KEY_VARIABLE`. On the command
    line everybody on the machine could read it.
    """
    if options.endpoint is None:
        import companion
        from companion.backends.local import LocalBackend

        loaded = companion.load(model)
        return LocalBackend(*loaded, max_context=options.context, thinking=bool(options.thinking))
    from companion.backends.endpoint import EndpointBackend

    return EndpointBackend(
        options.endpoint,
        model,
        os.environ.get(KEY_VARIABLE) or None,
        timeout=options.timeout,
        context_length=options.context,
        native_tools=not options.text_tools,
        sampling=options.temperature is not None,
        thinking=options.thinking,
    )


def make_toolbox() -> Toolbox:
    """Return the tools of the book: the calculator and the weather over bundled data."""
    from companion.tools.calculator import calculator
    from companion.tools.weather import get_weather

    return Toolbox([calculator, get_weather])


def make_retriever(folder: Path, length: int) -> Any:
    """Embed the documents of a folder, in chunks. Files that can't be read are named and left out.

    Args:
        folder: Where the documents are.
        length: Characters of a passage at most, the headings before its text included. Of very
            long headings at least half is left for the text.
    """
    from companion.rag import DenseRetriever, Embedder, load_documents, split_recursively
    from companion.rag.documents import headings

    def tell(error: CompanionError) -> None:
        sys.stderr.write(f"companion: left out: {' '.join(str(error).split())}\n")

    chunks = []
    for document in load_documents(folder, on_error=tell):
        room = max(length // 2, length - len(headings(document)))
        chunks += split_recursively([document], len, chunk_size=room, overlap=0)
    return DenseRetriever.from_documents(chunks, Embedder())


def is_pocket(options: ChatOptions) -> bool:
    """Return whether the model is pocket-chat, loaded here."""
    from companion.models.roles import resolve

    if options.endpoint is not None:
        return False
    return resolve(options.model, os.environ.get("COMPANION_MODELS") or "pocket").pocket is not None


def title(options: ChatOptions) -> str:
    """Return what the chat calls itself."""
    return f"pocket-{options.model}" if is_pocket(options) else options.model
