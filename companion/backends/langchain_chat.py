"""A backend as a chat model of LangChain, with tools: what ``create_agent`` needs.

``ChatHuggingFace`` around a local pipeline hands no tools to the model, and takes no conversation
that ends with a result. Here the prompt is the backend's own, so a model reads the same as in
`companion.tools.run_tools`. Taught in :doc:`/book/applications/agents`.

Left out: streams, images, and backends that hand out calls beside the text (an endpoint; LangChain
has its own classes for those).
"""

from collections.abc import Sequence
from functools import cache
from typing import Any
from uuid import uuid4

from companion._extras import require
from companion.backends.backend import Backend, knowing, write
from companion.errors import ToolCallError
from companion.generation.params import SamplingParams
from companion.messages import Message
from companion.tools import Tool, Toolbox, parse_calls

ROLES = {"system": "system", "human": "user", "ai": "assistant", "tool": "tool"}
"""LangChain's types of messages, and what they are called in a chat template."""


def langchain_chat(backend: Backend, params: SamplingParams | None = None) -> Any:
    """Return a chat model of LangChain that asks a backend.

    Taught in :doc:`/book/applications/agents`.

    Args:
        backend: The model.
        params: How to choose tokens; greedily, at most 96, if None.

    Returns:
        A ``BaseChatModel`` with ``bind_tools``. The calls in a text are its ``tool_calls``; the
        text itself stays as it was written, so that the model reads again what it wrote. A call
        that can't be read is one of ``invalid_tool_calls``.

    Raises:
        MissingExtraError: If langchain-core is not installed.

    Example:
        >>> import companion
        >>> from companion.backends.local import LocalBackend
        >>> chat = langchain_chat(LocalBackend(*companion.load("chat", source="pocket")))
        >>> chat.invoke("What is the capital of France?").content
        'The capital of France is Paris.'
    """
    params = params or SamplingParams(temperature=0, max_new_tokens=96)
    return _chat_class()(backend=backend, params=params)


@cache
def _chat_class() -> Any:
    """Make the class where LangChain is installed."""
    models = require("langchain_core.language_models", extra="rag")
    outputs = require("langchain_core.outputs", extra="rag")
    convert = require("langchain_core.utils.function_calling", extra="rag").convert_to_openai_tool

    class BackendChat(models.BaseChatModel):
        """A chat model that asks a backend of this package."""

        backend: Any
        params: Any
        toolbox: Any = None

        @property
        def _llm_type(self) -> str:
            return "companion"

        def bind_tools(self, tools: Sequence[Any], **_: Any) -> Any:
            """Return a copy that declares these tools to its model."""
            declared = [convert(tool)["function"] for tool in tools]
            return self.model_copy(update={"toolbox": _declared(declared)})

        def _generate(
            self,
            messages: list[Any],
            stop: list[str] | None = None,
            run_manager: Any = None,
            **_: Any,
        ) -> Any:
            backend = self.backend if self.toolbox is None else knowing(self.backend, self.toolbox)
            asked = [_as_ours(message) for message in messages]
            text = write(backend, asked, self.params).text.strip()
            generation = outputs.ChatGeneration(message=_as_theirs(text))
            return outputs.ChatResult(generations=[generation])

    return BackendChat


def _declared(functions: Sequence[dict[str, Any]]) -> Toolbox:
    """Return a toolbox that only declares: LangChain runs the calls."""
    return Toolbox(
        [
            Tool(one["name"], one["description"], one["parameters"], _runs_elsewhere)
            for one in functions
        ]
    )


def _runs_elsewhere(**_: Any) -> None:
    raise NotImplementedError("LangChain runs the calls of its agents itself")


def _as_ours(message: Any) -> Message:
    return {"role": ROLES[message.type], "content": message.text}


def _as_theirs(text: str) -> Any:
    """Return what a model wrote as a message with its calls."""
    message = require("langchain_core.messages", extra="rag").AIMessage
    try:
        calls = parse_calls(text)
    except ToolCallError as error:
        wrong = {"name": None, "args": text, "id": uuid4().hex, "error": str(error)}
        return message(text, invalid_tool_calls=[wrong | {"type": "invalid_tool_call"}])
    made = [
        {"name": call.name, "args": call.arguments, "id": uuid4().hex, "type": "tool_call"}
        for call in calls
    ]
    return message(text, tool_calls=made)
