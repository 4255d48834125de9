"""Backends: where the words of a chatbot come from. Here, a model in this process.

A backend writes one turn of the assistant for a list of messages. `companion.chatbot.endpoint`
has the one for a server. Taught in :doc:`/book/applications/chatbot`.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from companion.generation.batching import context_length, encode_prompts, eos_token_ids
from companion.generation.decoding import stream
from companion.generation.params import SamplingParams
from companion.messages import (
    Message,
    check_messages,
    end_of_turn_id,
    neutralize,
    prompt_text,
)
from companion.reasoning import Reasoning, keep_apart, opening_mark
from companion.tools.transcript import calls_as_text, calls_for_template


class Backend(Protocol):
    """What `companion.chatbot.Chatbot` needs to know about a model.

    A backend may have a method ``bind_tools(toolbox)``, which returns a backend that tells the
    model of the tools. One without it is told of them in the system message.
    """

    context_length: int
    """Tokens that the model can read and write together."""

    def stream(
        self, messages: Sequence[Message], params: SamplingParams
    ) -> Iterator[str | Reasoning | list[dict[str, Any]]]:
        """Write the assistant's next turn, piece by piece. Closing the iterator stops it.

        A `Reasoning` may stand among the pieces; `companion.reasoning.answer_text` joins the
        others. The last piece may be a list of ``tool_calls``, from a backend that was told of
        tools.
        """

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Count the tokens of a prompt made from these messages."""


class LocalBackend:
    """A chat model in this process, such as ``companion.load("chat")`` gives it.

    Texts of special tokens are taken out of every message: nobody can end a turn, or begin one of
    the system, by writing ``<|end|>``. If the model's generation settings do not know the token
    with which its template ends a turn, it is added to them. Taught in
    :doc:`/book/applications/chatbot`.

    Args:
        model: A causal language model in eval mode.
        tokenizer: Its tokenizer, with a chat template.
        generator: Source of randomness for sampling; the global one of torch if None.
        max_context: Tokens of the context, for a model whose configuration does not say it.
        thinking: Whether a model that can reason before it answers shall do so. It needs room:
            hundreds of tokens for a short answer.

    Raises:
        ValueError: If the tokenizer has no chat template, the template ends turns with no special
            token, or the length of the context is unknown.

    Example:
        >>> import companion
        >>> from companion.chatbot import LocalBackend
        >>> backend = LocalBackend(*companion.load("chat", source="pocket"))
        >>> asked = [{"role": "user", "content": "What is the capital of France?"}]
        >>> params = companion.SamplingParams(temperature=0)
        >>> "".join(backend.stream(asked, params))
        'The capital of France is Paris.'
        >>> backend.count_tokens(asked) < backend.context_length
        True
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        generator: Any = None,
        max_context: int | None = None,
        thinking: bool = False,
    ) -> None:
        """Check that the model has a context and a way to end its turn."""
        self.model, self.tokenizer, self.generator = model, tokenizer, generator
        self.thinking = thinking
        self._tools: Any = None
        length = max_context or context_length(model.config)
        if length is None:
            raise ValueError("the model does not say how long its context is: set max_context")
        self.context_length = length
        ends, end = eos_token_ids(model, tokenizer), end_of_turn_id(tokenizer)
        if end not in ends:
            model.generation_config.eos_token_id = sorted({*ends, end})

    def stream(
        self, messages: Sequence[Message], params: SamplingParams
    ) -> Iterator[str | Reasoning]:
        """Write the assistant's next turn, piece by piece.

        Args:
            messages: The conversation; the last message is the user's or a tool's.
            params: How to choose tokens, and when to stop.

        Returns:
            An iterator over pieces of text, and the reasoning before them. The model stops when it
            is closed.

        Raises:
            ValueError: If the messages are not well formed.
            ContextLengthError: If they and ``max_new_tokens`` exceed the context.
        """
        prompt = self._prompt(messages)
        pieces = stream(self.model, self.tokenizer, prompt, params, generator=self.generator)
        return keep_apart(pieces, opening_mark(prompt))

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Count the tokens of the prompt, the marks of the template included."""
        return len(encode_prompts(self.tokenizer, [self._prompt(messages)])[0])

    def bind_tools(self, tools: Any) -> "LocalBackend":
        """Return a backend that tells the model of these tools, sharing the model.

        A chat template that knows of tools gets the declarations; pocket-chat's gets them as text
        in the system message. See `companion.tools.turns.tool_prompt`.
        """
        bound = copy.copy(self)
        bound._tools = tools
        return bound

    def _prompt(self, messages: Sequence[Message]) -> str:
        check_messages(messages)
        plain = [
            {**self._neutral(message), "role": message["role"]}
            for message in calls_for_template(messages)
        ]
        if self._tools is None:
            return prompt_text(self.tokenizer, calls_as_text(plain), thinking=self.thinking)
        from companion.tools.turns import tool_prompt  # needs jsonschema

        return tool_prompt(self.tokenizer, plain, self._tools, thinking=self.thinking)

    def _neutral(self, value: Any) -> Any:
        """Take special tokens out of every text inside, also out of the arguments of calls."""
        if isinstance(value, str):
            return neutralize(self.tokenizer, value)
        if isinstance(value, Mapping):
            return {self._neutral(key): self._neutral(part) for key, part in value.items()}
        return [self._neutral(part) for part in value] if isinstance(value, list) else value
