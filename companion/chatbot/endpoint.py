"""A chat model behind an OpenAI-compatible endpoint: vLLM, ``transformers serve``, a provider.

Used is the part that all of them have: ``POST /chat/completions`` with a stream. Stop strings are
looked for on this side, since servers differ; so do the names of settings, see
`companion.tools.dialect`. The library is `openai`. Taught in :doc:`/book/applications/chatbot`.

Left out: images, log-probabilities, a forced choice of a tool.
"""

import copy
import json
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from companion._extras import require
from companion.chatbot.completion import ReportedError, UnfinishedError, read_answer, until
from companion.errors import EndpointError
from companion.generation.params import SamplingParams
from companion.messages import Message, check_messages
from companion.reasoning import Reasoning, keep_apart
from companion.tools import transcript
from companion.tools.dialect import Dialect

DEFAULT_CONTEXT = 4096
"""Tokens assumed if neither the caller nor the server names the length of the context."""

_MALFORMED = (ValueError, TypeError, AttributeError)  # what openai raises for odd answers
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def estimate_tokens(messages: Sequence[Message]) -> int:
    """Estimate the tokens of messages without a tokenizer, rather too high than too low.

    One token for three letters or blanks, one for each digit or sign, one for two bytes of a
    character outside ASCII, and eight per message. English prose has about four characters per
    token with the usual vocabularies of 30,000 entries and more.

    Example:
        >>> estimate_tokens([{"role": "user", "content": "What is the capital of France?"}])
        19
    """
    return sum(8 + _estimate(_written(message)) for message in messages)


def _written(message: Message) -> str:
    calls = message.get("tool_calls")
    return (message.get("content") or "") + (json.dumps(calls, default=str) if calls else "")


def _estimate(text: str) -> int:
    ascii_text = text.encode("ascii", "ignore").decode()
    letters = sum(character.isalpha() or character.isspace() for character in ascii_text)
    other_bytes = len(text.encode("utf-8", "replace")) - len(ascii_text)
    return -(-letters // 3) + len(ascii_text) - letters + -(-other_bytes // 2)


class EndpointBackend:
    """A chat model behind an OpenAI-compatible endpoint.

    A request that fails before its first word is tried again, at most ``max_retries`` times; one
    that breaks off later is not, since its beginning has been shown. The key is sent to this
    endpoint only and is in no error message. Taught in :doc:`/book/applications/chatbot`.

    Args:
        base_url: Address, such as ``"http://127.0.0.1:8000/v1"``; ``/v1`` is added to a bare host,
            and ``/chat/completions`` is taken off.
        model: Name of the model on the server.
        api_key: Key, for servers that want one. Not read from the environment: the key of one
            provider should not be sent to another one by accident.
        timeout: Seconds to wait for the first and for each further word.
        max_retries: How often a failed request is repeated.
        context_length: Tokens of the model's context. None asks the server (vLLM tells it), and
            falls back on `DEFAULT_CONTEXT`.
        count_tokens: Counts the tokens of messages; `estimate_tokens` if None. A tokenizer of the
            model counts exactly.
        native_tools: Declare tools in the request and read calls from ``tool_calls``, as the
            protocol has it. False writes both as text, which pocket-chat was trained on.

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
        native_tools: bool = True,
    ) -> None:
        """Check the address. Nothing is sent yet."""
        self._openai = require("openai", extra="chat")
        self.base_url, self.model, self.timeout = _checked_url(base_url), model, timeout
        self.native_tools, self._tools, self._dialect = native_tools, None, Dialect()
        self._count_tokens = count_tokens or estimate_tokens
        self._key, self._context_length = api_key, context_length
        local = urlsplit(self.base_url).hostname in _LOOPBACK
        self._client = self._openai.OpenAI(
            base_url=self.base_url,
            api_key=api_key or "none",
            timeout=self._openai.Timeout(timeout, connect=min(timeout, 10.0)),
            max_retries=max_retries,
            # A proxy can't reach this machine's loopback, so its settings are ignored there.
            http_client=self._openai.DefaultHttpxClient(trust_env=False) if local else None,
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
        with self._explained():
            try:
                client = self._client.with_options(max_retries=0)
                found = {one.id: one for one in client.models.list().data or []}
            except (self._openai.APIStatusError, ValueError, TypeError, AttributeError):
                found = {}  # the list of models is optional
        length = getattr(found.get(self.model), "max_model_len", None)
        return length if isinstance(length, int) and length > 0 else DEFAULT_CONTEXT

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Count the tokens of these messages and of the tools that are declared with them."""
        count = self._count_tokens(self._told(messages))
        declared = self._declarations()
        return count + (_estimate(json.dumps(declared)) if declared else 0)

    def bind_tools(self, tools: Any) -> "EndpointBackend":
        """Return a backend that tells the model of these tools, over the same connection.

        Args:
            tools: A `companion.tools.Toolbox`.
        """
        bound = copy.copy(self)
        bound._tools, bound._owner = tools, self  # the connection is closed with its owner
        return bound

    def stream(
        self, messages: Sequence[Message], params: SamplingParams
    ) -> Iterator[str | Reasoning | list[dict[str, Any]]]:
        """Write the assistant's next turn, piece by piece.

        Args:
            messages: The conversation; the last message is the user's or a tool's.
            params: How to choose tokens, and when to stop. ``top_k``, ``min_p`` and
                ``repetition_penalty`` are sent if they are set: vLLM knows them, others refuse. A
                server that takes no ``temperature`` or ``top_p`` is asked without.

        Yields:
            Pieces of text, and the reasoning before them. If the model asks for tools that were
            declared in the request, the last piece is the list of its ``tool_calls``. The
            connection ends when the iterator is closed.

        Raises:
            EndpointError: If the server is down, slow, refuses, or breaks off. It says what to do.
            ValueError: If the messages are not well formed or a setting can't be sent.
        """
        check_messages(messages)
        return self._pieces(self._request(messages, params), params.stop)

    def _request(self, messages: Sequence[Message], params: SamplingParams) -> dict[str, Any]:
        if params.n != 1 or params.no_repeat_ngram_size:
            raise ValueError("an endpoint can't take n or no_repeat_ngram_size; leave them out")
        extra = {
            name: value
            for name, value, off in (
                ("top_k", params.top_k, None),
                ("min_p", params.min_p, 0),
                ("repetition_penalty", params.repetition_penalty, 1),
            )
            if value != off
        }
        declared = self._declarations()
        return {
            "model": self.model,
            "messages": [dict(message) for message in self._told(messages)],
            **({"tools": declared} if declared else {}),
            "stream": True,
            "max_tokens": params.max_new_tokens,
            "temperature": params.temperature,
            "top_p": params.top_p,
            **({"extra_body": extra} if extra else {}),
        }

    def _declarations(self) -> list[dict[str, Any]]:
        return self._tools.declarations("openai") if self._tools and self.native_tools else []

    def _told(self, messages: Sequence[Message]) -> list[Message]:
        """Return the messages with tools and calls in the form that this model reads."""
        if self.native_tools:
            return transcript.calls_as_objects(messages)
        plain = transcript.calls_as_text(messages)
        return transcript.with_tools(plain, self._tools) if self._tools else plain

    def _pieces(self, request: dict[str, Any], stop: Sequence[str]) -> Iterator[Any]:
        create = self._client.chat.completions.create
        with self._explained(), closing(self._dialect.ask(create, request)) as answer:
            yield from until(stop, keep_apart(read_answer(answer.response.iter_bytes())))

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn the errors of `openai` and its transport into ours, without the key."""
        try:
            yield
        except Exception as error:
            if isinstance(error, EndpointError) or not self._foreign(error):
                raise
            # Not chained: the original may quote the key, and a traceback would print it.
            raise EndpointError(self._without_key(self._advice(error))) from None

    def _foreign(self, error: Exception) -> bool:
        transport = type(error).__module__.partition(".")[0] in ("httpx", "httpx2", "httpcore")
        ours = (ReportedError, UnfinishedError)
        return transport or isinstance(error, (self._openai.OpenAIError, *ours, *_MALFORMED))

    def _advice(self, error: Exception) -> str:
        """Say what happened and what to do."""
        api, url = self._openai, self.base_url
        said = " ".join(str(error).split())[:200]
        if isinstance(error, api.APITimeoutError) or "Timeout" in type(error).__name__:
            return (
                f"{url} did not answer within {self.timeout:g} seconds. Ask again, raise the "
                "timeout, or look whether the server is overloaded."
            )
        advice = {
            401: "The API key is missing or wrong. Set the right one.",
            403: "The API key may not use this model. Ask the owner of the endpoint.",
            404: f"It does not know the model {self.model!r}, or the address lacks /v1. See "
            f"{url}/models for the names.",
            413: "The message is too long. Shorten it.",
            429: "Too many requests or no quota left. Wait a minute and ask again.",
        }
        status = getattr(error, "status_code", None)
        if isinstance(error, api.APIStatusError):
            hint = advice.get(status) or (
                "The server has a fault. Ask again later, or look into its log."
                if status >= 500
                else "It refuses the request; the message says why."
            )
            if self._declarations() and 400 <= status < 404:
                hint += " If it takes no tools, declare them as text: native_tools=False, or "
                hint += "--text-tools on the command line."
            return f"{url} answered {status}. {hint} ({said})"
        if isinstance(error, UnfinishedError):
            return (
                f"{url} ended its answer in the middle. Ask again; if that happens often, look "
                "into the log of the server."
                if error.begun
                else f"{url} sent no answer that can be read. Is this the address of an "
                "OpenAI-compatible API? It often ends in /v1."
            )
        if isinstance(error, ReportedError):
            return f"{url} broke the answer off and says: {said}. Look into the log of the server."
        if not isinstance(error, (api.OpenAIError, *_MALFORMED)) or isinstance(
            error, api.APIConnectionError
        ):
            return f"can't reach {url}, or it broke off. Is the server running? Check the address."
        return f"{url} sent something that is not in the format of the OpenAI API ({said})"

    def _without_key(self, text: str) -> str:
        return text.replace(self._key, "[key]") if self._key else text


def _checked_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"base_url must begin with http:// or https:// and a host, got {url!r}")
    if parts.username is not None or parts.password is not None or parts.query:
        raise ValueError("base_url must hold no user name, password or query; pass api_key instead")
    path = parts.path.rstrip("/")
    for end in ("/chat/completions", "/completions", "/models"):  # what a request adds by itself
        if path.endswith(end):
            return urlunsplit((parts.scheme, parts.netloc, path.removesuffix(end), "", ""))
    return urlunsplit((parts.scheme, parts.netloc, path or "/v1", "", ""))
