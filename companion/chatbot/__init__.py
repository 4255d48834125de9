"""A chatbot: history, a model, retrieval and tools together, in a terminal or a browser.

===============  ====================================================================
`history`        turns, and how many of them fit into the context
`storage`        conversation files
`memory`         summaries of what no longer fits
`redaction`      personal data taken out of a text
`settings`       everything that can be set
`reply`          an answer: while it is written, and when it is done
`tool_use`       the words of an answer, piece by piece, with tool calls between them
`bot`            `Chatbot`, which joins all of these
`launch`         from the options of the command line to a `Chatbot`
`terminal`       ``companion chat``
`web`            ``companion chat --web``; with `sessions`, one per browser tab
`guard`          keeps requests of other web pages out
===============  ====================================================================

The words come from a backend: see `companion.backends`. The names below are looked up on first
use: a chat over an endpoint needs no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from companion.chatbot.bot import Chatbot
    from companion.chatbot.history import Conversation, Turn, trim_messages
    from companion.chatbot.memory import ModelSummary
    from companion.chatbot.redaction import redact
    from companion.chatbot.reply import Reply
    from companion.chatbot.settings import ChatSettings

__all__ = [
    "ChatSettings",
    "Chatbot",
    "Conversation",
    "ModelSummary",
    "Reply",
    "Turn",
    "redact",
    "trim_messages",
]

_HOMES = {
    "ChatSettings": "settings",
    "Chatbot": "bot",
    "Conversation": "history",
    "ModelSummary": "memory",
    "Reply": "reply",
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
