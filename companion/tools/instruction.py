"""Tools for a model that was not trained to call them: an instruction, examples near the request.

A model learns from a few examples in its prompt how something is done, the better the more they
resemble what it is asked (Liu et al. 2022, https://aclanthology.org/2022.deelio-1.10). So of all
examples that the tools bring, those nearest to the request are shown. A small model rarely makes
two steps of one request. So there is one round of calls: with the results in front of it, the model
answers. Taught in :doc:`/book/applications/function-calling`.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from companion.messages import Message
from companion.phrases import CHAT_TEMPLATE
from companion.rag.embeddings import shared_embedder
from companion.tools.call import ToolCall
from companion.tools.tool import Tool
from companion.tools.toolbox import Toolbox

INSTRUCTION = (
    "You are a helpful assistant with functions. If a function helps with the request, write one "
    'line of JSON and nothing else, such as {"name": "NAME", "arguments": {...}}. If none helps, '
    "answer in words.\nFunctions:"
)
"""How to call a tool."""

ANSWER = "Answer in one sentence with this result."
"""What to do with the result of a tool."""

NO_CALL = (
    ("Good morning!", "Good morning! How can I help you?"),
    ("What is a city?", "A city is a large town where many people live and work."),
    ("Write a line about the moon.", "The moon lights the quiet road."),
    ("Thank you!", "You are welcome!"),
)
"""Requests that need no tool, with an answer."""

SHOWN = 5
"""Examples that a model is shown."""


def with_instruction(messages: Sequence[Message], toolbox: Toolbox) -> list[Message]:
    """Return the conversation as a model should read it that knows no form of calls.

    Before a call: what tools there are and how a call is written, then examples with their calls
    as answers, the nearest to the request last. After it: the request with the results.

    Args:
        messages: The conversation, calls as text (see `companion.tools.transcript.calls_as_text`).
        toolbox: The tools. Those without examples are only described.

    Returns:
        Messages with the roles system, user and assistant.

    Raises:
        MissingExtraError: If there are more examples than are shown, and nothing to compare them
            with: sentence-transformers, or the model's package, is not installed.

    Example:
        >>> from companion.tools.calculator import calculator
        >>> asked = [{"role": "user", "content": "What is 13 times 7?"}]
        >>> told = with_instruction(asked, Toolbox([calculator]))
        >>> for message in told[-3:]:
        ...     print(message["role"], message["content"], sep=": ")
        user: What is 12 times 7?
        assistant: {"name": "calculator", "arguments": {"expression": "12 * 7"}}
        user: What is 13 times 7?
    """
    head = list(messages[:1]) if messages and messages[0]["role"] == "system" else []
    talk = list(messages[len(head) :])
    asked = next((at for at in range(len(talk) - 1, -1, -1) if talk[at]["role"] == "user"), 0)
    if any(message["role"] == "tool" for message in talk[asked:]):
        return [*head, *talk[:asked], {"role": "user", "content": _with_results(talk[asked:])}]
    text = "\n".join(
        [*(message["content"] for message in head), INSTRUCTION, *map(_described, toolbox)]
    )
    shown: list[Message] = [{"role": "system", "content": text}]
    for request, answer in nearest_examples(talk[asked]["content"] if talk else "", toolbox):
        shown.append({"role": "user", "content": request})
        shown.append({"role": "assistant", "content": answer})
    return [*shown, *talk]


def needs_instruction(tokenizer: Any) -> bool:
    """Return whether a model must be told how to call tools: nothing says that it was trained to.

    Args:
        tokenizer: Its tokenizer. A chat template can know of tools; that of pocket-chat does not,
            but pocket-chat does.
    """
    template = str(tokenizer.chat_template)
    return "tools" not in template and template != CHAT_TEMPLATE


def nearest_examples(request: str, toolbox: Toolbox, most: int = SHOWN) -> list[tuple[str, str]]:
    """Return the examples of the tools that are most like a request, the most like last.

    How like two requests are, the cosine of their vectors says (all-MiniLM-L6-v2). Among the
    examples are some that need no tool.

    Args:
        request: What the user asks.
        toolbox: The tools.
        most: How many at most.

    Returns:
        Pairs of a request and what the assistant writes. None if no tool has examples.

    Raises:
        MissingExtraError: As in `with_instruction`.
    """
    examples = [
        (example, ToolCall(tool.name, arguments).text())
        for tool in toolbox
        for example, arguments in tool.examples
    ]
    examples += NO_CALL if examples else []
    if len(examples) <= most or not request.strip():
        return examples[:most]
    cosines = _vectors(tuple(example for example, _ in examples)) @ _vectors((request,))[0]  # (N,)
    return [examples[at] for at in np.argsort(cosines, kind="stable")[-most:]]


def _with_results(turns: Sequence[Message]) -> str:
    """Write a request, its calls and their results as one message of the user."""
    request, *steps = turns
    results = [
        f"returned: {step['content']}" if step["role"] == "tool" else str(step["content"])
        for step in steps
    ]
    return "\n".join([request["content"], "", *results, ANSWER])


@lru_cache(maxsize=64)
def _vectors(texts: tuple[str, ...]) -> np.ndarray:
    """Return vectors of length 1, shape ``(N, d)``."""
    return shared_embedder().embed(texts, progress=False)


def _described(tool: Tool) -> str:
    """Write a declaration on one line: signature and purpose."""
    arguments = tool.short_declaration()["parameters"]
    signature = ", ".join(f"{name}: {kind}" for name, kind in arguments.items())
    return f"{tool.name}({signature}): {tool.description}"
