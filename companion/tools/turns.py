"""Ask a model for its next turn: a model on this machine, or one behind an endpoint.

Taught in :doc:`/book/applications/function-calling`.
"""

from collections.abc import Sequence
from typing import Any

import torch

from companion.chat_template import render
from companion.generation.decoding import SamplingParams, generate
from companion.messages import Message, check_messages, neutralize, prompt_text
from companion.reasoning import opening_mark
from companion.tools.constrained import CallConstraint
from companion.tools.dialect import Dialect, read_message
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
        thinking: Whether a model that can reason before it answers shall do so.

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
        thinking: bool = False,
    ) -> None:
        """Check the mode."""
        if mode not in MODES:
            raise ValueError(f"mode must be one of {', '.join(map(repr, MODES))}, got {mode!r}")
        self.params = params or SamplingParams(temperature=0, max_new_tokens=96)
        if self.params.n != 1:
            raise ValueError(f"n must be 1, got {self.params.n}: a turn is one text")
        self.model, self.tokenizer, self.mode, self.generator = model, tokenizer, mode, generator
        self.thinking = thinking

    def __call__(self, messages: Sequence[Message], toolbox: Toolbox) -> str:
        """Return the next turn, with the reasoning in it."""
        constraint = None
        if self.mode != "free":
            mode = "call or answer" if messages[-1]["role"] == "tool" else self.mode
            constraint = CallConstraint(self.model, self.tokenizer, toolbox, mode=mode)
        prompt = tool_prompt(self.tokenizer, messages, toolbox, thinking=self.thinking)
        (written,) = generate(
            self.model,
            self.tokenizer,
            prompt,
            self.params,
            generator=self.generator,
            logits_filter=constraint,
        )
        return opening_mark(prompt) + written.text

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
        self._dialect = Dialect()

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
        """Return the next turn, with its ``tool_calls`` and reasoning if there are any."""
        create = self.client.chat.completions.create
        answer = self._dialect.ask(create, self.request(messages, toolbox))
        written = answer.choices[0].message.model_dump(exclude_none=True)
        text, reasoning, calls = read_message(written)
        turn = {"role": "assistant", "content": text or None}
        turn |= {"reasoning_content": reasoning} if reasoning else {}
        return turn | ({"tool_calls": calls} if calls else {})


def tool_prompt(
    tokenizer: Any, messages: Sequence[Message], toolbox: Toolbox, *, thinking: bool = False
) -> str:
    """Return the prompt for a turn in which tools may be called.

    Taught in :doc:`/book/applications/function-calling`.

    Args:
        tokenizer: A tokenizer with a chat template.
        messages: The conversation so far.
        toolbox: The tools.
        thinking: As in `companion.messages.prompt_text`.

    Returns:
        The text up to where the assistant's turn begins.

    Raises:
        ValueError: As in `companion.messages.prompt_text`.
    """
    if "tools" in str(tokenizer.chat_template):
        check_messages(messages)
        if messages[-1]["role"] == "assistant":
            raise ValueError("the last message is the assistant's, so there is nothing to answer")
        return render(
            tokenizer,
            calls_for_template(messages),
            open_turn=True,
            thinking=thinking,
            tools=toolbox.declarations("openai"),
        )
    plain = with_tools(calls_as_text(messages), toolbox)
    return prompt_text(tokenizer, plain, thinking=thinking)
