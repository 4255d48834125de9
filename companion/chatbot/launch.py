"""From the options of ``companion chat`` to a chatbot: load everything once, then talk.

Taught in :doc:`/book/applications/chatbot`.
"""

import os
import sys
from contextlib import ExitStack
from dataclasses import replace

from companion._extras import require
from companion._words import some
from companion.backends.backend import Backend
from companion.chatbot.bot import Chatbot
from companion.chatbot.documents import desk_maker
from companion.chatbot.options import KEY_VARIABLE, ChatOptions
from companion.chatbot.settings import ChatSettings, default_params
from companion.chatbot.small_talk import SmallTalk
from companion.chatbot.toolset import chat_toolbox, open_audit
from companion.errors import UnknownModelError
from companion.generation.params import SamplingParams
from companion.models.roles import CHAT_VARIABLE, MODELS_VARIABLE, OPEN, ROLES, Target, resolve
from companion.rag.embeddings import shared_embedder
from companion.rag.sentences import LENGTH
from companion.tools import Toolbox

EXTRACTED = 2
"""Sentences that are found for the open model: the answer, and one that is near as well."""


def start(options: ChatOptions) -> int:
    """Run the chat that the options ask for, until it ends.

    Args:
        options: See `ChatOptions`.

    Returns:
        Exit status, 0 for success.

    Raises:
        CompanionError: If a model, an endpoint, a tool or a folder can't be used.
        ValueError: If an option is out of its range, or the model is no chat model.
    """
    with ExitStack() as servers:
        if options.web:
            require("starlette", extra="chat")
            require("uvicorn", extra="chat")
            from companion.chatbot.archive import Archive, default_folder
            from companion.chatbot.web import serve

            maker = ChatMaker(options, servers)
            folder = options.conversations or default_folder(os.environ)
            return serve(
                maker,
                port=options.port,
                title=maker.title,
                archive=None if options.no_save else Archive(folder.expanduser()),
                switch=maker.switch,
            )
        from companion.chatbot.terminal import Terminal

        maker = ChatMaker(options, servers)
        terminal = Terminal(maker.switch, title=maker.title)
        return (
            terminal.run(maker())
            if options.prompt is None
            else terminal.once(maker(), options.prompt)
        )


def tell(text: str) -> None:
    """Say on the error stream what the user should know and nobody asked for."""
    sys.stderr.write(f"companion: {' '.join(text.split())}\n")


class ChatMaker:
    """Loads model, tools and documents once, and makes chatbots over them.

    Args:
        options: What was asked for.
        servers: Closes the MCP servers at its end.

    Attributes:
        title: What the chat calls the model.

    Raises:
        CompanionError: If something can't be loaded.
        ValueError: If an option is out of its range, or the model is no chat model.
    """

    def __init__(self, options: ChatOptions, servers: ExitStack) -> None:
        sampling(options, 1)  # a wrong option is named before anything is loaded
        self.options = options
        self.log = open_audit(options.audit) if options.audit else None
        model = options.model or default_model(options)
        self.title = title(options, model)
        self.sentences = local_target(options, model).open
        self.backend, self.settings = self._loaded(model)
        self.toolbox: Toolbox | None = None
        if options.has_tools:
            self.toolbox = chat_toolbox(options, servers, self.backend.context_length, tell)
        length = max(200, min(1000, self.backend.context_length // 2))
        length = LENGTH if self.sentences else length
        self.make_desk = desk_maker(options.docs, length, tell, sentences=self.sentences)

    def __call__(self) -> Chatbot:
        """Make a chatbot with an empty conversation."""
        return Chatbot(
            self.backend,
            system=self.options.system,
            tools=self.toolbox,
            retriever=self.make_desk(),
            settings=self.settings,
        )

    def switch(self, bot: Chatbot, model: str) -> None:
        """Let a chatbot go on with another model, and with the settings that suit that one."""
        backend, settings = self._loaded(model)
        bot.backend = backend
        bot.settings = replace(settings, approve=bot.settings.approve, log=bot.settings.log)

    def _loaded(self, model: str) -> tuple[Backend, ChatSettings]:
        """Return a model's backend and settings.

        pocket-chat has seen tools in the first turn of a conversation only, and calls them less
        and less in later ones (measured in :doc:`/book/applications/chatbot`). So with tools it
        reads the newest message alone. With the open model the answer is the sentence that is
        found: it reads worse than it is searched (measured in :doc:`/book/applications/rag`). If
        the passages are long, since the chat began with another model, it quotes from them.
        """
        options = self.options
        check_role(options, model)
        backend = make_backend(options, model)
        target = local_target(options, model)
        if target.pocket == "base":
            tell("the role 'base' continues text and was not trained to answer: --model chat was")
        listed = getattr(backend, "models", [])
        if listed and model not in listed:
            tell(f"{options.endpoint} does not list {model!r:.80}; it lists {some(listed)}")
        if options.system:  # a template that takes none says so now, not after the first message
            messages = [("system", options.system), ("user", "Hello")]
            backend.count_tokens([{"role": role, "content": content} for role, content in messages])
        return backend, ChatSettings(
            sampling(options, backend.context_length),
            k=EXTRACTED if target.open else ChatSettings.k,
            quote=target.open and not self.sentences,
            extract=target.open and self.sentences,
            past_turns=0 if options.has_tools and target.pocket else None,
            small_talk=SmallTalk(shared_embedder),
            log=self.log,
        )


def sampling(options: ChatOptions, context: int) -> SamplingParams:
    """Return how tokens are chosen by a model with so long a context."""
    params = replace(default_params(context), temperature=options.temperature or 0)
    if options.max_new_tokens is None:
        return params
    return replace(params, max_new_tokens=options.max_new_tokens)


def default_model(options: ChatOptions) -> str:
    """Return the model to take if none is named.

    Behind an endpoint the only one that it has. Here the role "chat" if the environment says where
    roles come from; else the open model if it was fetched, and pocket-chat if not.

    Raises:
        UnknownModelError: If the endpoint has not exactly one.
    """
    if options.endpoint is None:
        from companion.models.open_model import installed

        chosen = os.environ.get(MODELS_VARIABLE) or os.environ.get(CHAT_VARIABLE)
        return OPEN if installed() and not chosen else "chat"
    listed = make_backend(options, "").models
    if len(listed) == 1:
        return listed[0]
    which = f"lists {some(listed)}" if listed else "does not say what models it has"
    raise UnknownModelError(f"{options.endpoint} {which}. Name one with --model.")


def check_role(options: ChatOptions, model: str) -> None:
    """Refuse a role whose model writes no text.

    Raises:
        UnknownModelError: If it is such a role.
    """
    role = None if options.endpoint else ROLES.get(model)
    if role is not None and role.head != "causal-lm":
        raise UnknownModelError(
            f"the model of the role {model!r} {role.purpose} and writes no text, so it can't chat. "
            "Take --model chat."
        )


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
    from companion.backends.endpoint import NATIVE, EndpointBackend

    return EndpointBackend(
        options.endpoint,
        model,
        os.environ.get(KEY_VARIABLE) or None,
        timeout=options.timeout,
        context_length=options.context,
        tool_form=options.text_tools or NATIVE,
        sampling=options.temperature is not None,
        thinking=options.thinking,
    )


def local_target(options: ChatOptions, model: str) -> Target:
    """Return what a name stands for here; nothing in particular for the name at an endpoint."""
    return Target() if options.endpoint is not None else resolve(model)


def title(options: ChatOptions, model: str) -> str:
    """Return what the chat calls a model."""
    return model if options.endpoint is not None else resolve(model).title
