"""A chatbot: history, a model, retrieval and tools together, in a terminal or a browser.

===============  ====================================================================
`history`        turns, and how many of them fit into the context
`storage`        conversation files
`memory`         summaries of what no longer fits
`redaction`      personal data taken out of a text
`backend`        a model in this process
`endpoint`       a model behind an OpenAI-compatible endpoint
`grounding`      passages from a retriever, put before the user's words
`tool_use`       an answer with tool calls, handed out piece by piece
`worker`         the second thread that this needs
`settings`       everything that can be set
`bot`            `Chatbot`, which joins all of these
`launch`         from the options of the command line to a `Chatbot`
`terminal`       ``companion chat``
`web`            ``companion chat --web``; with `sessions`, one per browser tab
`guard`          keeps requests of other web pages out
===============  ====================================================================

The names below are looked up on first use: a chat over an endpoint needs no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from companion.chatbot.backend import Backend, LocalBackend
    from companion.chatbot.bot import Chatbot, Reply
    from companion.chatbot.endpoint import EndpointBackend
    from companion.chatbot.history import Conversation, Source, Turn, trim_messages
    from companion.chatbot.memory import ModelSummary
    from companion.chatbot.redaction import redact
    from companion.chatbot.settings import ChatSettings

__all__ = [
    "Backend",
    "ChatSettings",
    "Chatbot",
    "Conversation",
    "EndpointBackend",
    "LocalBackend",
    "ModelSummary",
    "Reply",
    "Source",
    "Turn",
    "redact",
    "trim_messages",
]

_HOMES = {
    "Backend": "backend",
    "ChatSettings": "settings",
    "Chatbot": "bot",
    "Conversation": "history",
    "EndpointBackend": "endpoint",
    "LocalBackend": "backend",
    "ModelSummary": "memory",
    "Reply": "bot",
    "Source": "history",
    "Turn": "history",
    "redact": "redaction",
    "trim_messages": "history",
}


def __getattr__(name: str) -> object:
    """Import a public name from its module the first time it is asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module 'companion.chatbot' has no attribute {name!r}")
    return getattr(import_module(f"companion.chatbot.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """List the lazy names too, so that tab completion finds them."""
    return sorted({*globals(), *_HOMES})
