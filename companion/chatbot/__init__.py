"""A chatbot: history, a model, retrieval and tools together, in a terminal or a browser.

================  ===================================================================
`history`         turns, and how many of them fit into the context
`storage`         conversation files
`exchange`        conversations of other programs: `openai_messages`, `chatgpt_export`
                  with its `chatgpt_citations`
`memory`          summaries of what no longer fits
`redaction`       personal data taken out of a text
`settings`        everything that can be set
`reply`           an answer: while it is written, and when it is done
`tool_use`        the words of an answer, piece by piece, with tool calls between them
`evidence`        what an answer is read from; `small_talk` needs no documents, nor do some
                  `forms` of messages
`revision`        taking the last turn back, going on with its answer
`bot`             `Chatbot`, which joins all of these
`launch`          from the `options` of the command line to a `Chatbot`, with its `toolset`
                  and its `documents`
`terminal`        ``companion chat``: `commands`, `keyboard`, `attachments`, `screen`
`web`             ``companion chat --web``: a server for the page in ``static``
`guard`           keeps requests of others out
`routes`          what the page can ask for: `answering`, `choices`, `turn_view`
`sessions`        the conversations of the page; those on disk are in the `archive`
================  ===================================================================

The words come from a backend: see `companion.backends`. A chat over an endpoint needs no
torch.
"""

from typing import TYPE_CHECKING

from companion._faces import lazy

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

__getattr__, __dir__ = lazy(
    __name__,
    {
        "bot": "Chatbot",
        "history": "Conversation Turn trim_messages",
        "memory": "ModelSummary",
        "redaction": "redact",
        "reply": "Reply",
        "settings": "ChatSettings",
    },
)
