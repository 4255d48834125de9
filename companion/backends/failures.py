"""What went wrong at an endpoint, and what to do about it, in one line.

The library `openai` is asked of which kind an error is; it is not imported here. Taught in
:doc:`/book/applications/chatbot`.
"""

from collections.abc import Mapping
from types import ModuleType

from companion._interface import called
from companion.backends.completion import ReportedError, UnfinishedError, reported

MALFORMED = (ValueError, TypeError, AttributeError)
"""What reading an odd answer raises."""

REPEATED = (409, 429, 500, 502, 503)
"""Answers after which a request is sent again. Not 408 and 504: the server is slow."""

MAX_PAUSE = 60
"""Seconds that a server may ask to be left alone before a request is repeated."""

ADVICE = {
    401: "The API key is missing or wrong. Set the right one ({api_key}).",
    403: "The API key may not use this model. Ask the owner of the endpoint.",
    404: "It does not know the model {model!r}, or the address lacks /v1. See {url}/models for the "
    "names.",
    413: "The message is too long. Shorten it.",
    429: "Too many requests or no quota left. Wait a minute and ask again.",
}

HINTS = {
    "context": "Its context is shorter than was assumed: set the length ({context_length}).",
    "chat_template_kwargs": "It has no switch for reasoning: leave {thinking} out.",
}
"""Words in the message of a server that refuses a request, and what to do then."""


def is_foreign(error: Exception, openai: ModuleType) -> bool:
    """Tell whether an error is to be explained: it comes from the server, or from the way there."""
    transport = type(error).__module__.partition(".")[0] in ("httpx", "httpx2", "httpcore")
    known = (openai.OpenAIError, ReportedError, UnfinishedError, *MALFORMED)
    return transport or isinstance(error, known)


def is_timeout(error: Exception, openai: ModuleType) -> bool:
    """Tell whether an error says that the server took too long."""
    return isinstance(error, openai.APITimeoutError) or "Timeout" in type(error).__name__


def pause(error: Exception, attempt: int, openai: ModuleType) -> float | None:
    """Return the seconds until a failed request is worth repeating; None if it is not.

    A slow one is not: the server may still be at work on it.

    Args:
        error: What `openai` raised.
        attempt: How often it was repeated before.
        openai: The library.
    """
    if is_timeout(error, openai):
        return None
    if getattr(error, "status_code", 503) not in REPEATED:  # without one there was no connection
        return None
    response = getattr(error, "response", None)
    asked = response.headers.get("retry-after", "") if response is not None else ""
    if asked.isdecimal():
        return int(asked) if int(asked) <= MAX_PAUSE else None
    return 0.5 * 2**attempt


def explanation(
    error: Exception, openai: ModuleType, *, url: str, model: str, timeout: float, tools: bool
) -> str:
    """Say what happened and what to do.

    Args:
        error: What `is_foreign` has accepted.
        openai: The library.
        url: Address of the endpoint.
        model: Name of the model there.
        timeout: Seconds that were waited.
        tools: Whether tools were declared in the request.
    """
    said = " ".join((_body(error) or str(error)).split())[:200]
    if is_timeout(error, openai):
        return (
            f"{url} did not answer within {timeout:g} seconds. It is slow or overloaded: wait "
            f"longer ({called('timeout')}), or look into its log."
        )
    if isinstance(error, openai.APIStatusError):
        status = error.status_code
        names = {name: called(name) for name in ("api_key", "context_length", "thinking")}
        hint = (ADVICE.get(status) or _hint(status, said)).format(url=url, model=model, **names)
        if tools and status < 404:
            form = called("tool_form='instruction'")
            hint += f" If it takes no tools, declare them as text ({form})."
        return f"{url} answered {status}. {hint} ({said})"
    if isinstance(error, UnfinishedError):
        return (
            f"{url} ended its answer in the middle. Ask again; if that happens often, look into "
            "the log of the server."
            if error.begun
            else f"{url} sent no answer that can be read. Is this the address of an "
            "OpenAI-compatible API? It often ends in /v1."
        )
    if isinstance(error, ReportedError):
        return f"{url} reports an error and gave up: {said}. Look into the log of the server."
    odd = isinstance(error, (*MALFORMED, openai.OpenAIError))
    if not odd or isinstance(error, openai.APIConnectionError):
        return f"can't reach {url}, or it broke off. Is the server running? Check the address."
    return f"{url} sent something that is not in the format of the OpenAI API ({said})"


def _body(error: Exception) -> str:
    """Return what a server wrote into a refusal; `openai` passes on one form of it only."""
    body = getattr(error, "body", None)
    return reported(body) if isinstance(body, Mapping) else str(body or "")


def _hint(status: int, said: str) -> str:
    if status >= 500:
        return "The server has a fault. Ask again later, or look into its log."
    hints = (hint for words, hint in HINTS.items() if words in said)
    return next(hints, "It refuses the request; the message says why.")
