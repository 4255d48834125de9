"""Ask a model for its next turn: a model on this machine, or one behind an endpoint.

Taught in :doc:`/book/applications/function-calling`.
"""

from collections.abc import Sequence
from typing import Any

import torch

from companion.generation.decoding import SamplingParams, generate
from companion.messages import Message, check_messages, neutralize, prompt_text
from companion.tools.constrained import CallConstraint
from companion.tools.toolbox import Toolbox
from companion.tools.transcript import calls_as_text, calls_for_template, with_tools

MODES = ("free", "call", "call or answer")


class LocalTurns:
    """Next turns of a model on this machine, for `companion.tools.run_tools`.

    A chat template that knows of tools gets the declarations. Others (pocket-chat's) get them as
    text in the system message. Taught in :doc:`/book/applications/function-calling`.

    Args:
        model: A chat model.
        tokenizer: Its tokenizer, with a chat template.
        params: How to choose tokens; greedily, at most 96, if None.
        mode: ``"free"``, or a mode of `companion.tools.constrained.CallConstraint`. ``"call"``
            forces the first call; once there is a result the model may answer.
        generator: Source of randomness.

    Raises:
        ValueError: If the mode is unknown or ``params`` asks for several samples.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        params: SamplingParams | None = None,
        *,
        mode: str = "free",
        generator: torch.Generator | None = None,
    ) -> None:
        """Check the mode."""
        if mode not in MODES:
            raise ValueError(f"mode must be one of {', '.join(map(repr, MODES))}, got {mode!r}")
        self.params = params or SamplingParams(temperature=0, max_new_tokens=96)
        if self.params.n != 1:
            raise ValueError(f"n must be 1, got {self.params.n}: a turn is one text")
        self.model, self.tokenizer, self.mode, self.generator = model, tokenizer, mode, generator

    def __call__(self, messages: Sequence[Message], toolbox: Toolbox) -> str:
        """Return the next turn."""
        constraint = None
        if self.mode != "free":
            mode = "call or answer" if messages[-1]["role"] == "tool" else self.mode
            constraint = CallConstraint(self.model, self.tokenizer, toolbox, mode=mode)
        (written,) = generate(
            self.model,
            self.tokenizer,
            tool_prompt(self.tokenizer, messages, toolbox),
            self.params,
            generator=self.generator,
            logits_filter=constraint,
        )
        return written.text

    def clean(self, text: str) -> str:
        """Take the special tokens out of a tool's result."""
        return neutralize(self.tokenizer, text)


class EndpointTurns:
    """Next turns of a model behind an OpenAI-compatible endpoint, for `companion.tools.run_tools`.

    Special tokens in results are the business of the server, which knows its tokenizer. Taught in
    :doc:`/book/applications/function-calling`.

    Args:
        client: An ``openai.OpenAI`` client, or an object with the same
            ``chat.completions.create``.
        model: Name of the model at the endpoint.
        temperature: As in `SamplingParams`.
        max_tokens: Longest turn.
    """

    def __init__(
        self, client: Any, model: str, *, temperature: float = 0.0, max_tokens: int = 256
    ) -> None:
        """Keep the client."""
        self.client, self.model = client, model
        self.temperature, self.max_tokens = temperature, max_tokens

    def request(self, messages: Sequence[Message], toolbox: Toolbox) -> dict[str, Any]:
        """Return what is sent: the arguments of ``chat.completions.create``."""
        return {
            "model": self.model,
            "messages": [dict(message) for message in messages],
            "tools": toolbox.declarations("openai"),
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
        }

    def __call__(self, messages: Sequence[Message], toolbox: Toolbox) -> Message:
        """Return the next turn, with its ``tool_calls`` if there are any."""
        message = self.client.chat.completions.create(**self.request(messages, toolbox))
        written = message.choices[0].message
        calls = [one.model_dump(exclude_none=True) for one in written.tool_calls or ()]
        turn = {"role": "assistant", "content": written.content}
        return turn | ({"tool_calls": calls} if calls else {})


def tool_prompt(tokenizer: Any, messages: Sequence[Message], toolbox: Toolbox) -> str:
    """Return the prompt for a turn in which tools may be called.

    Taught in :doc:`/book/applications/function-calling`.

    Args:
        tokenizer: A tokenizer with a chat template.
        messages: The conversation so far.
        toolbox: The tools.

    Returns:
        The text up to where the assistant's turn begins.

    Raises:
        ValueError: As in `companion.messages.prompt_text`.
    """
    if "tools" in str(tokenizer.chat_template):
        check_messages(messages)
        if messages[-1]["role"] == "assistant":
            raise ValueError("the last message is the assistant's, so there is nothing to answer")
        return tokenizer.apply_chat_template(
            [dict(message) for message in calls_for_template(messages)],
            tools=toolbox.declarations("openai"),
            tokenize=False,
            add_generation_prompt=True,
        )
    return prompt_text(tokenizer, with_tools(calls_as_text(messages), toolbox))
