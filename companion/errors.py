"""The exceptions of the package: one tree, so that ``except CompanionError`` catches them all.

Plain bad arguments (a negative temperature, ``k = 0``) raise `ValueError` as everywhere in Python.
The classes here are for what a caller may want to tell apart. Every message says what was found,
what is allowed and what to do next.
"""


class CompanionError(Exception):
    """Root of every exception that this package defines."""


class UnknownModelError(CompanionError, ValueError):
    """A model name that is neither a role, nor a folder, nor a Hub id."""


class WeightsError(CompanionError):
    """A file of a local checkpoint is missing, truncated or not the file that was published."""


class HubError(CompanionError):
    """A model could not be fetched from the Hub: no network, gated, not found, not usable."""


class FetchError(CompanionError):
    """The open model of the book is not on this machine, or could not be fetched."""


class InstallError(CompanionError):
    """pip could not install what a page needs on a hosted machine."""


class NotEnoughMemoryError(CompanionError):
    """The weights are larger than the free memory of the device."""


class ContextLengthError(CompanionError, ValueError):
    """The prompt, or the prompt plus the tokens asked for, exceed the model's context."""


class MissingExtraError(CompanionError, ImportError):
    """An optional library is not installed."""


class DataError(CompanionError, ValueError):
    """A training record lacks a field, is empty, or does not fit into the model's context."""


class CheckpointError(CompanionError):
    """A checkpoint of a training run is missing, damaged, or of another run."""


class RewardError(CompanionError, ValueError):
    """A reward function returned NaN, an infinite value or the wrong number of values."""


class PromptError(CompanionError, ValueError):
    """A prompt can't be built: a variable is missing or left over, or there is no example."""


class AnswerNotFoundError(CompanionError, ValueError):
    """A generated text holds no answer of the kind that was asked for."""


class ChatTemplateError(CompanionError, ValueError):
    """A chat template is missing, has a mistake, or does not take this conversation."""


class ConversationError(CompanionError, ValueError):
    """A conversation, or its file, is not well formed, of another version or not writable."""


class EndpointError(CompanionError):
    """An OpenAI-compatible endpoint is down, slow, refuses the request or breaks off."""


class ToolDefinitionError(CompanionError, ValueError):
    """A function can't become a tool: no types, no docstring, or arguments without a JSON form."""


class ToolServerError(CompanionError):
    """An MCP server can't be started or reached, or does not answer as one."""


class ToolCallError(CompanionError, ValueError):
    """What a model wrote is meant as a tool call and is not a valid one."""


class AmbiguousCallError(ToolCallError):
    """A tool call among words, which may be meant or quoted."""


class ToolError(CompanionError, ValueError):
    """A tool can't do what was asked. The message is written for the model that asked."""


class ToolLoopError(CompanionError):
    """A model went on calling tools beyond the step limit. ``run`` holds all that happened."""

    def __init__(self, message: str, run: object = None) -> None:
        super().__init__(message)
        self.run = run


class SandboxError(CompanionError):
    """No program can be started in the sandbox, so nothing can be graded here."""


class DocumentError(CompanionError, ValueError):
    """A document can't be read: another encoding, damaged, too large, empty or of unknown kind."""


class IndexFileError(CompanionError, ValueError):
    """A saved index is damaged, of another version, or holds vectors of another model."""


class VectorStoreError(CompanionError):
    """A vector store can't be reached, refuses, or holds something else than what was asked for."""
