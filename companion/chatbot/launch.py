"""From the options of ``companion chat`` to a chatbot.

Taught in :doc:`/book/applications/chatbot`.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from companion._extras import require
from companion.chatbot.bot import Chatbot
from companion.chatbot.settings import ChatSettings
from companion.errors import CompanionError
from companion.generation.params import SamplingParams

if TYPE_CHECKING:
    from companion.chatbot.backend import Backend
    from companion.tools import Toolbox, ToolCall

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
        temperature: 0 is greedy.
        max_new_tokens: Tokens of an answer at most; None leaves it to the chatbot.
        web: Whether to serve a web page instead of the terminal.
        port: Port of the web page; 0 takes a free one.
    """

    model: str = "chat"
    endpoint: str | None = None
    system: str | None = None
    tools: bool = False
    text_tools: bool = False
    docs: Path | None = None
    temperature: float = 0.0
    max_new_tokens: int | None = None
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
    if options.text_tools and not (options.tools and options.endpoint):
        raise ValueError("--text-tools is for a model behind an --endpoint that gets --tools")
    if options.web:
        require("starlette", extra="chat")
        require("uvicorn", extra="chat")
        from companion.chatbot.web import serve

        return serve(bot_maker(options), port=options.port, title=title(options))
    from companion.chatbot.terminal import Terminal

    make_bot = bot_maker(options)
    terminal = Terminal(lambda model: make_backend(options, model), title=title(options))
    return terminal.run(make_bot(terminal.approve))


def is_pocket(options: ChatOptions) -> bool:
    """Return whether the model is pocket-chat, loaded here."""
    from companion.models.roles import resolve

    if options.endpoint is not None:
        return False
    return resolve(options.model, os.environ.get("COMPANION_MODELS") or "pocket").pocket is not None


def title(options: ChatOptions) -> str:
    """Return what the chat calls itself."""
    return f"pocket-{options.model}" if is_pocket(options) else options.model


def bot_maker(options: ChatOptions) -> Callable[..., Chatbot]:
    """Load model and documents once, and return a function that makes chatbots over them.

    The function takes ``approve``, which is asked before a tool that needs a person's approval.

    pocket-chat has seen tools in the first turn of a conversation only, and calls them less and
    less in later ones (measured in :doc:`/book/applications/chatbot`). So with tools it reads the
    newest message alone.
    """
    room = {} if options.max_new_tokens is None else {"max_new_tokens": options.max_new_tokens}
    params = SamplingParams(temperature=options.temperature, **room)  # before anything is loaded
    backend = make_backend(options, options.model)
    if options.system:  # a template that takes none says so now, not after the first message
        told = [("system", options.system), ("user", "Hello")]
        backend.count_tokens([{"role": role, "content": content} for role, content in told])
    toolbox = make_toolbox() if options.tools else None
    length = max(200, min(1000, backend.context_length // 2))
    retriever = make_retriever(options.docs, length) if options.docs else None
    past_turns = 0 if options.tools and is_pocket(options) else None
    if not room:
        params = replace(params, max_new_tokens=max(1, min(256, backend.context_length // 8)))

    def make(approve: "Callable[[ToolCall], bool] | None" = None) -> Chatbot:
        def allowed(call: "ToolCall") -> bool:
            if not toolbox[call.name].needs_approval:
                return True
            return approve is not None and approve(call)

        settings = ChatSettings(params, past_turns=past_turns, min_score=MIN_SCORE, approve=allowed)
        return Chatbot(
            backend, system=options.system, tools=toolbox, retriever=retriever, settings=settings
        )

    return make


def make_backend(options: ChatOptions, model: str) -> "Backend":
    """Return the backend for a model: behind the endpoint if there is one, else loaded here.

    The key of an endpoint is read from the environment variable `KEY_VARIABLE`. On the command
    line everybody on the machine could read it.
    """
    if options.endpoint is not None:
        from companion.chatbot.endpoint import EndpointBackend

        key = os.environ.get(KEY_VARIABLE) or None
        native = not options.text_tools
        return EndpointBackend(options.endpoint, model, key, native_tools=native)
    import companion
    from companion.chatbot.backend import LocalBackend

    return LocalBackend(*companion.load(model))


def make_toolbox() -> "Toolbox":
    """Return the tools of the book: the calculator and the weather over bundled data."""
    from companion.tools import Toolbox
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
