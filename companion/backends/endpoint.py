"""A chat model behind an OpenAI-compatible endpoint: vLLM, ``transformers serve``, a provider.

It uses the part that all of them have: ``POST /chat/completions`` with a stream. Stop strings are
looked for on this side, since servers differ; so do the names of settings, see
`companion.backends.dialect`. The library is `openai`. Taught in :doc:`/book/applications/chatbot`.

Left out: images, log-probabilities, a forced choice of a tool.
"""

import copy
import time
import weakref
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import cached_property
from typing import Any

from companion._checks import check_above_zero, check_whole
from companion._extras import require
from companion.backends import context
from companion.backends.address import checked_url, is_loopback
from companion.backends.backend import (
    TEXT_FORMS,
    Backend,
    Ending,
    Piece,
    Reading,
    ToolsAsText,
    Written,
)
from companion.backends.completion import read_answer, until
from companion.backends.dialect import Dialect, read_message
from companion.backends.failures import explanation, is_foreign, pause
from companion.errors import EndpointError
from companion.generation.params import SamplingParams
from companion.messages import Message, check_messages
from companion.reasoning import keep_apart
from companion.tools import Toolbox
from companion.tools.transcript import calls_as_objects, calls_as_text

NATIVE = "native"
"""Tools in the request and calls in ``tool_calls``, as the protocol has it."""


class EndpointBackend:
    """A chat model behind an OpenAI-compatible endpoint.

    A request that fails before its first word is tried again, at most ``max_retries`` times. One
    that breaks off later is not, since its beginning has been shown; nor is one that takes too
    long, since the server may still be at work on it. The key is sent to this endpoint only and is
    in no error message. Taught in :doc:`/book/applications/chatbot`.

    Args:
        base_url: Address, such as ``"http://127.0.0.1:8000/v1"``; ``/v1`` is added to a bare host,
            and ``/chat/completions`` is taken off.
        model: Name of the model on the server.
        api_key: Key, for servers that want one. Not read from the environment: the key of one
            provider should not be sent to another one by accident.
        timeout: Seconds to wait for the first and for each further word.
        max_retries: How often a failed request is repeated.
        context_length: Tokens of the model's context. None asks the server (vLLM and llama.cpp
            tell it), and falls back on `companion.backends.context.DEFAULT_CONTEXT`.
        count_tokens: Counts the tokens of messages, as a tokenizer of the model does. If None,
            `companion.backends.context.estimate_tokens`.
        tool_form: How the model is told of tools. ``"native"``: in the request, calls come back in
            ``tool_calls``, as the protocol has it. For a server that takes no tools, one of
            `companion.backends.backend.TEXT_FORMS`.
        sampling: Send ``temperature`` and ``top_p``. False leaves them to the server.
        thinking: Whether a model that can reason before it answers shall do so, told to its chat
            template (vLLM, SGLang, llama.cpp). None says nothing: other servers refuse it.
        response_format: Form of every answer, as `companion.backends.structured.response_format`
            writes it. Whether a server keeps to it is up to the server.

    Raises:
        MissingExtraError: If `openai` is not installed.
        ValueError: If the address is no http address or holds a password.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        api_key: str | None = None,
        *,
        timeout: float = 60.0,
        max_retries: int = 2,
        context_length: int | None = None,
        count_tokens: Callable[[Sequence[Message]], int] | None = None,
        tool_form: str = NATIVE,
        sampling: bool = True,
        thinking: bool | None = None,
        response_format: Mapping[str, Any] | None = None,
    ) -> None:
        """Check the address. Nothing is sent yet."""
        check_above_zero(timeout=timeout)
        check_whole(0, max_retries=max_retries)
        if tool_form not in (NATIVE, *TEXT_FORMS):
            forms = ", ".join(map(repr, (NATIVE, *TEXT_FORMS)))
            raise ValueError(f"tool_form must be one of {forms}, got {tool_form!r}")
        if context_length is not None:
            check_whole(context_length=context_length)
        self._openai = require("openai", extra="chat")
        self.base_url, self.model, self.timeout = checked_url(base_url), model, timeout
        self.tool_form, self.sampling, self.thinking = tool_form, sampling, thinking
        self._toolbox, self.response_format = None, response_format
        self._dialect, self._max_retries = Dialect(), max_retries
        self._meter = context.Meter(count_tokens or context.estimate_tokens)
        self._key, self._context_length = api_key, context_length
        self._client = self._openai.OpenAI(
            base_url=self.base_url,
            api_key=api_key or "none",
            timeout=self._openai.Timeout(timeout, connect=min(timeout, 10.0)),
            max_retries=0,  # it would repeat a slow request, too
            # A proxy can't reach this machine's loopback, so its settings are ignored there.
            http_client=self._openai.DefaultHttpxClient(trust_env=False)
            if is_loopback(self.base_url)
            else None,
        )
        self._client.organization = self._client.project = None  # taken from the environment
        weakref.finalize(self, self._client.close)  # connections are kept open for the next turn

    @cached_property
    def context_length(self) -> int:
        """Tokens that the model can read and write together.

        Raises:
            EndpointError: If it has to be asked for and the server is down.
        """
        if self._context_length is not None:
            return self._context_length
        return context.told_context(self._listed, self.model) or context.DEFAULT_CONTEXT

    @property
    def models(self) -> list[str]:
        """Names of the models that the server lists; none if it has no list.

        Raises:
            EndpointError: If the server is down.
        """
        return [model["id"] for model in self._listed if isinstance(model.get("id"), str)]

    @cached_property
    def _listed(self) -> list[dict[str, Any]]:
        """What the server says of its models."""
        with self._explained():
            try:
                answer = self._client.models.list().model_dump(warnings=False)
                return [model for model in answer.get("data") or [] if isinstance(model, dict)]
            except (self._openai.APIStatusError, ValueError, TypeError, AttributeError):
                return []  # the list of models is optional

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Count the tokens of messages and tools: an estimate, until the server has said it."""
        return self._meter.count(self._told(messages), self._declarations())

    def bind_tools(self, toolbox: Toolbox) -> Backend:
        """Return a backend that tells the model of these tools, over the same connection."""
        if self.tool_form != NATIVE:
            return ToolsAsText(self, toolbox, form=self.tool_form)
        bound = copy.copy(self)
        bound._toolbox, bound._owner = toolbox, self  # the connection is closed with its owner
        return bound

    def stream(
        self, messages: Sequence[Message], params: SamplingParams
    ) -> Generator[Piece, None, Ending]:
        """Write the assistant's next turn, piece by piece.

        Args:
            messages: The conversation; the last message is the user's or a tool's.
            params: How to choose tokens, and when to stop. ``top_k``, ``min_p`` and
                ``repetition_penalty`` are sent if they are set: vLLM knows them, others refuse. A
                server that takes no ``temperature`` or ``top_p`` is asked without.

        Returns:
            A generator of pieces of text, and the reasoning before them. The connection ends when
            it is closed.

        Raises:
            EndpointError: If the server is down, slow, refuses, or breaks off. It says what to do.
            ValueError: If the messages are not well formed or a setting can't be sent.
        """
        check_messages(messages)
        return self._pieces(self._request(messages, params), params.stop)

    def _request(self, messages: Sequence[Message], params: SamplingParams) -> dict[str, Any]:
        if params.n != 1 or params.no_repeat_ngram_size:
            raise ValueError("an endpoint can't take n or no_repeat_ngram_size; leave them out")
        off = {"top_k": None, "min_p": 0, "repetition_penalty": 1}
        given = {name: getattr(params, name) for name in off}
        extra: dict[str, Any] = {name: given[name] for name in off if given[name] != off[name]}
        if self.thinking is not None:  # two names, as in companion.chat_template
            switch = {"enable_thinking": self.thinking, "thinking": self.thinking}
            extra["chat_template_kwargs"] = switch
        declared = self._declarations()
        sampling = {"temperature": params.temperature, "top_p": params.top_p}
        return {
            "model": self.model,
            "messages": [dict(message) for message in self._told(messages)],
            **({"tools": declared} if declared else {}),
            **({"response_format": self.response_format} if self.response_format else {}),
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": params.max_new_tokens,
            **(sampling if self.sampling else {}),
            **({"extra_body": extra} if extra else {}),
        }

    def _declarations(self) -> list[dict[str, Any]]:
        return [] if self._toolbox is None else self._toolbox.declarations("openai")

    def _told(self, messages: Sequence[Message]) -> list[Message]:
        """Return the messages with tools and calls in the form that this model reads."""
        return calls_as_objects(messages) if self.tool_form == NATIVE else calls_as_text(messages)

    def _pieces(
        self, request: dict[str, Any], stop: Sequence[str]
    ) -> Generator[Piece, None, Ending]:
        with self._explained(), closing(self._sent(request)) as answer:
            with Reading(read_answer(answer.response.iter_bytes())) as pieces:
                yield from until(stop, keep_apart(iter(pieces)))
            ending = pieces.value or Ending("stop")  # a stop string ended it here
            self._meter.learn(request["messages"], request.get("tools", []), ending.tokens_read)
            return ending

    def _sent(self, request: dict[str, Any]) -> Any:
        """Send a request, again if it failed at once, and return the response as it begins."""
        create, attempt = self._client.chat.completions.create, 0
        while True:
            try:
                return self._dialect.ask(create, request)
            except self._openai.APIError as error:
                seconds = pause(error, attempt, self._openai)
                if seconds is None or attempt >= self._max_retries:
                    raise
            time.sleep(seconds)
            attempt += 1

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn the errors of `openai` and its transport into ours, without the key."""
        try:
            yield
        except Exception as error:
            if isinstance(error, EndpointError) or not is_foreign(error, self._openai):
                raise
            said = explanation(
                error,
                self._openai,
                url=self.base_url,
                model=self.model,
                timeout=self.timeout,
                tools=bool(self._declarations()),
            )
            # Not chained: the original may quote the key, and a traceback would print it.
            raise EndpointError(said.replace(self._key, "[key]") if self._key else said) from None


class EndpointTurns:
    """Next turns of a model behind an OpenAI-compatible endpoint, for `companion.tools.run_tools`.

    Asks without a stream, by a client of your own; `companion.backends.backend.Turns` does it over
    an `EndpointBackend`. Special tokens in results are the business of the server, which knows its
    tokenizer. Taught in :doc:`/book/applications/function-calling`.

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
        message = answer.choices[0].message.model_dump(exclude_none=True)
        text, reasoning, calls = read_message(message)
        return Written(text, reasoning, Ending(tool_calls=calls)).turn()
