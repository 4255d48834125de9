"""A chat model in this process, such as ``companion.load("chat")`` gives it.

Taught in :doc:`/book/applications/chatbot`.
"""

import copy
from collections.abc import Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch

from companion._interface import called
from companion.backends.backend import Ending, Piece, Reading, Turns, Written
from companion.backends.constrained import CallConstraint
from companion.backends.grammars import GrammarConstraint
from companion.backends.quoting import QuoteConstraint, with_citation
from companion.chat_template import render
from companion.generation.batching import context_length, encode_prompts, eos_token_ids
from companion.generation.decoding import generate, stream
from companion.generation.params import SamplingParams
from companion.generation.sequences import Generation
from companion.messages import Message, check_messages, end_of_turn_id, neutralize, prompt_text
from companion.reasoning import keep_apart, opening_mark, split_reasoning
from companion.tools import Toolbox
from companion.tools.instruction import needs_instruction, with_instruction
from companion.tools.transcript import calls_as_text, calls_for_template, with_tools

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

MODES = ("free", "call", "call or answer")


class LocalBackend:
    """A chat model in this process.

    Texts of special tokens are taken out of every message: nobody can end a turn, or begin one of
    the system, by writing ``<|end|>``. If the model's generation settings do not know the token
    with which its template ends a turn, it is added to them. Taught in
    :doc:`/book/applications/chatbot`.

    Args:
        model: A causal language model in eval mode.
        tokenizer: Its tokenizer, with a chat template.
        mode: How calls of tools are written: ``"free"``, or a mode of
            `companion.backends.constrained.CallConstraint`. ``"call"`` forces the first call; once
            there is a result the model may answer. None is free for a model that was trained to
            call tools, and "call or answer" for any other.
        generator: Source of randomness for sampling; the global one of torch if None.
        max_context: Tokens of the context at most. Needed for a model whose configuration does
            not say how long its context is.
        thinking: Whether a model that can reason before it answers shall do so. It needs room:
            hundreds of tokens for a short answer.

    Raises:
        ValueError: If the mode is unknown, the model writes no text, the tokenizer has no chat
            template, the template ends turns with no special token, or the length of the context
            is unknown.

    Example:
        >>> import companion
        >>> from companion.backends.local import LocalBackend
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
        model: "PreTrainedModel",
        tokenizer: "PreTrainedTokenizerBase",
        *,
        mode: str | None = None,
        generator: torch.Generator | None = None,
        max_context: int | None = None,
        thinking: bool = False,
    ) -> None:
        if mode not in (None, *MODES):
            raise ValueError(f"mode must be one of {', '.join(map(repr, MODES))}, got {mode!r}")
        if not hasattr(model, "generation_config"):
            raise ValueError(
                f"a {type(model).__name__} writes no text, so it can't chat: take a chat model"
            )
        self.model, self.tokenizer, self.generator = model, tokenizer, generator
        self.mode, self.thinking = mode, thinking
        self._toolbox: Toolbox | None = None
        self._quoted: tuple[str, ...] = ()
        lengths = [n for n in (max_context, context_length(model.config)) if n is not None]
        if not lengths:
            raise ValueError(
                "the model does not say how long its context is: set "
                f"{called('max_context')}, in tokens"
            )
        self.context_length = min(lengths)
        ends, end = eos_token_ids(model, tokenizer), end_of_turn_id(tokenizer)
        if end not in ends:
            model.generation_config.eos_token_id = sorted({*ends, end})

    def stream(
        self, messages: Sequence[Message], params: SamplingParams
    ) -> Generator[Piece, None, Ending]:
        """Write the assistant's next turn, piece by piece.

        Args:
            messages: The conversation; the last message is the user's or a tool's.
            params: How to choose tokens, and when to stop.

        Returns:
            A generator of pieces of text, and the reasoning before them. The model stops when it
            is closed.

        Raises:
            ValueError: If the messages are not well formed.
            ContextLengthError: If they and ``max_new_tokens`` exceed the context.
        """
        prompt = self.prompt(messages)
        pieces = stream(
            self.model,
            self.tokenizer,
            prompt,
            params,
            generator=self.generator,
            logits_filter=self.constraint(messages),
        )
        if self._quoted:
            pieces = with_citation(pieces, self._quoted)
        return _apart(pieces, opening_mark(prompt))

    def resume(
        self, messages: Sequence[Message], params: SamplingParams
    ) -> Generator[Piece, None, Ending]:
        """Go on with the last message, the assistant's, as if it had never stopped."""
        prompt = self.prompt(messages[:-1]) + self.clean(messages[-1]["content"])
        pieces = stream(self.model, self.tokenizer, prompt, params, generator=self.generator)
        return _apart(pieces)

    def write_all(
        self, conversations: Sequence[Sequence[Message]], params: SamplingParams
    ) -> list[Written]:
        """Answer several conversations in one batch, without tools.

        Raises:
            ValueError: If messages are not well formed.
            ContextLengthError: If one of them and ``max_new_tokens`` exceed the context.
        """
        prompts = [self.prompt(messages) for messages in conversations]
        made = generate(self.model, self.tokenizer, prompts, params, generator=self.generator)
        turns = [opening_mark(generation.prompt) + generation.text for generation in made]
        return [
            Written(answer, reasoning, _ending(draft))
            for draft, (reasoning, answer) in zip(made, map(split_reasoning, turns), strict=True)
        ]

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Count the tokens of the prompt, the marks of the template included."""
        return len(encode_prompts(self.tokenizer, [self.prompt(messages)])[0])

    def bind_tools(self, toolbox: Toolbox) -> "LocalBackend":
        """Return a backend that tells the model of these tools, sharing the model.

        How it is told depends on its chat template: see `tool_prompt`.
        """
        bound = copy.copy(self)
        bound._toolbox = toolbox
        return bound

    def quote_from(self, passages: Sequence[str]) -> "LocalBackend":
        """Return a backend that answers with a quotation and its number, sharing the model."""
        bound = copy.copy(self)
        bound._quoted = tuple(passages)
        return bound

    def clean(self, text: str) -> str:
        """Take the texts of special tokens out of data."""
        return neutralize(self.tokenizer, text)

    def prompt(self, messages: Sequence[Message]) -> str:
        """Return the text that the model continues, special tokens taken out of the messages."""
        check_messages(messages)
        plain = [
            {**self._clean_all(message), "role": message["role"]}
            for message in calls_for_template(messages)
        ]
        if self._toolbox is None:
            return prompt_text(self.tokenizer, calls_as_text(plain), thinking=self.thinking)
        return tool_prompt(self.tokenizer, plain, self._toolbox, thinking=self.thinking)

    def constraint(self, messages: Sequence[Message]) -> GrammarConstraint | None:
        """Return what keeps the next turn to quotations or valid calls, if anything does."""
        if self._quoted:
            return QuoteConstraint(self.model, self.tokenizer, self._quoted)
        if self._toolbox is None:
            return None
        has_result, untrained = messages[-1]["role"] == "tool", needs_instruction(self.tokenizer)
        mode = self.mode or ("call or answer" if untrained else "free")
        if mode == "free" or (has_result and untrained):
            return None
        mode = "call or answer" if has_result else mode
        return CallConstraint(self.model, self.tokenizer, self._toolbox, mode=mode)

    def _clean_all(self, value: Any) -> Any:
        """Clean every text inside, also those in the arguments of calls."""
        if isinstance(value, str):
            return self.clean(value)
        if isinstance(value, Mapping):
            return {self._clean_all(key): self._clean_all(part) for key, part in value.items()}
        return [self._clean_all(part) for part in value] if isinstance(value, list) else value


class LocalTurns(Turns):
    """Next turns of a model in this process, for `companion.tools.run_tools`.

    Taught in :doc:`/book/applications/function-calling`.

    Args:
        model: A chat model.
        tokenizer: Its tokenizer, with a chat template.
        params: How to choose tokens; greedily, at most 96, if None.
        mode: As in `LocalBackend`, and so are the others.
        generator: Source of randomness.
        thinking: Whether a model that can reason before it answers shall do so.

    Raises:
        ValueError: If the mode is unknown or ``params`` asks for several samples.
    """

    def __init__(
        self,
        model: "PreTrainedModel",
        tokenizer: "PreTrainedTokenizerBase",
        params: SamplingParams | None = None,
        *,
        mode: str | None = None,
        generator: torch.Generator | None = None,
        thinking: bool = False,
    ) -> None:
        backend = LocalBackend(model, tokenizer, mode=mode, generator=generator, thinking=thinking)
        super().__init__(backend, params)


def tool_prompt(
    tokenizer: "PreTrainedTokenizerBase",
    messages: Sequence[Message],
    toolbox: Toolbox,
    *,
    thinking: bool = False,
) -> str:
    """Return the prompt for a turn in which tools may be called.

    A chat template that knows of tools gets the declarations. pocket-chat gets them in the system
    message, as in its training; any other model gets an instruction and examples there.

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
    declare = with_instruction if needs_instruction(tokenizer) else with_tools
    return prompt_text(tokenizer, declare(calls_as_text(messages), toolbox), thinking=thinking)


def _apart(pieces: Generator[str, None, Any], opening: str = "") -> Generator[Piece, None, Ending]:
    """Keep the reasoning apart, and say how the turn ended."""
    with Reading(pieces) as written:
        yield from keep_apart(iter(written), opening)
    return _ending(written.value)


def _ending(made: Generation) -> Ending:
    finish = "length" if made.finish_reason == "length" else "stop"
    return Ending(finish, tokens=len(made.token_ids))
