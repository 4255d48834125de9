"""The context of a model on a server: how long it is, and how much of it messages take.

A `Meter` estimates, and takes what the server counts once it has said so.

Taught in :doc:`/book/applications/chatbot`.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from companion._checks import is_whole
from companion.messages import Message

DEFAULT_CONTEXT = 4096
"""Tokens assumed if neither the caller nor the server names the length of the context."""

_LEAST_RATIO = 0.3  # of a count to the estimate of its messages: what is below counts other things


def told_context(listed: Sequence[Mapping[str, Any]], model: str) -> int | None:
    """Return the context that a list of models gives for one; None if it does not say.

    vLLM writes ``max_model_len``, llama.cpp ``meta.n_ctx``, providers ``context_length`` or
    ``context_window``. A server with a single model, such as llama.cpp's, takes any name for it.

    Example:
        >>> told_context([{"id": "/models/smol.gguf", "meta": {"n_ctx": 2048}}], "smol")
        2048
    """
    entries = [entry for entry in listed if entry.get("id") == model] or listed
    if len(entries) != 1:
        return None
    (entry,) = entries
    meta = entry.get("meta") if isinstance(entry.get("meta"), Mapping) else {}
    names = ("max_model_len", "context_length", "context_window")
    lengths = [entry.get(names[0]), meta.get("n_ctx"), entry.get(names[1]), entry.get(names[2])]
    return next((n for n in lengths if is_whole(n)), None)


def estimate_tokens(messages: Sequence[Message]) -> int:
    """Estimate the tokens of messages without a tokenizer, rather too high than too low.

    One token for three letters or blanks, one for each digit or sign, one for two bytes of a
    character outside ASCII, and eight per message. English prose has about four characters per
    token with the usual vocabularies of 30,000 entries and more.

    Example:
        >>> estimate_tokens([{"role": "user", "content": "What is the capital of France?"}])
        19
    """
    return sum(8 + estimate_text(_written(message)) for message in messages)


def _written(message: Message) -> str:
    calls = message.get("tool_calls")
    return (message.get("content") or "") + (json.dumps(calls, default=str) if calls else "")


def estimate_text(text: str) -> int:
    """Estimate the tokens of a text; see `estimate_tokens`."""
    ascii_text = text.encode("ascii", "ignore").decode()
    letters = sum(character.isalpha() or character.isspace() for character in ascii_text)
    other_bytes = len(text.encode("utf-8", "replace")) - len(ascii_text)
    return -(-letters // 3) + len(ascii_text) - letters + -(-other_bytes // 2)


class Meter:
    """Counts the tokens of a conversation that goes on, with what its server said of it.

    A server says with each answer how many tokens it has read. Messages that begin with those are
    that count and an estimate of the rest. In others the tools have the share of their estimate
    that the last count had of the whole.

    Args:
        estimate: Counts the tokens of messages.
    """

    def __init__(self, estimate: Callable[[Sequence[Message]], int]) -> None:
        self.estimate = estimate
        self._known: tuple[list[Message], Sequence[Any], int] = ([], [], 0)
        self._ratio = 1.0

    def count(self, messages: Sequence[Message], tools: Sequence[Any]) -> int:
        """Count the tokens of messages and of the declarations of tools that go with them."""
        read, declared, tokens = self._known
        if tokens and tools == declared and list(messages[: len(read)]) == read:
            return tokens + self.estimate(messages[len(read) :])
        return self.estimate(messages) + round(self._ratio * _declared(tools))

    def learn(self, messages: Sequence[Message], tools: Sequence[Any], tokens: int) -> None:
        """Note how many tokens a server has read; a count that can't be right is left out.

        Templates write tools in their own way, some no more than their names. So the tools may take
        few tokens, and the messages may not.
        """
        estimate = self.estimate(messages)
        if tokens >= _LEAST_RATIO * estimate:
            self._known = (list(messages), tools, tokens)
            self._ratio = min(1.0, tokens / (estimate + _declared(tools)))


def _declared(tools: Sequence[Any]) -> int:
    return estimate_text(json.dumps(tools)) if tools else 0
