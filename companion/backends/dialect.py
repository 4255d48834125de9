"""Dialects of the OpenAI protocol: what servers name differently, refuse, or send in another form.

Taught in :doc:`/book/applications/chatbot`.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

REFUSED = re.compile(
    r"unsupported|not supported?|unrecognized|unknown|unexpected|extra (?:inputs|fields)|"
    r"not (?:permitted|allowed)|instead|only the default|both|deprecated",
    re.IGNORECASE,
)
"""Words of a server that does not take a setting, as opposed to one value of it."""

OTHER_NAMES = {
    "max_tokens": "max_completion_tokens",
    "top_p": None,
    "temperature": None,
    "stream_options": None,
}
"""What is sent in the place of a setting that a server refuses; None leaves it out."""

ENDINGS = {
    **dict.fromkeys(("max_tokens", "model_length"), "length"),
    **dict.fromkeys(("eos", "eos_token", "end_turn", "stop_sequence"), "stop"),
    "safety": "content_filter",
}
"""Other words for why an answer ended, in small letters, and those of the protocol."""


class Dialect:
    """What one server wants to be asked like, learned from its refusals.

    OpenAI's newer models want ``max_completion_tokens`` in the place of ``max_tokens``, and take
    no ``temperature``. A setting that is refused is left out from then on, so that the server's
    own value holds. Taught in :doc:`/book/applications/chatbot`.

    Example:
        >>> def create(**request):
        ...     if "max_tokens" in request:
        ...         raise Refusal("Unsupported parameter: 'max_tokens'")
        ...     return request
        >>> class Refusal(Exception):
        ...     status_code = 400
        >>> Dialect().ask(create, {"max_tokens": 20})
        {'max_completion_tokens': 20}
    """

    def __init__(self) -> None:
        self.changes: dict[str, str | None] = {}

    def ask(self, create: Callable[..., Any], request: Mapping[str, Any]) -> Any:
        """Send a request; if the server refuses a setting, send it again without.

        Args:
            create: Sends it, such as ``client.chat.completions.create``.
            request: The arguments of ``create``, in the names of the protocol.

        Returns:
            What ``create`` returns.
        """
        while True:
            try:
                return create(**self._spoken(request))
            except Exception as error:
                refused = self._refused(error, request)
                if refused is None:
                    raise
                self.changes[refused] = OTHER_NAMES[refused]

    def _spoken(self, request: Mapping[str, Any]) -> dict[str, Any]:
        names = {name: self.changes.get(name, name) for name in request}
        return {names[name]: value for name, value in request.items() if names[name]}

    def _refused(self, error: Exception, request: Mapping[str, Any]) -> str | None:
        """Return the setting that an error is about; None if it is about something else."""
        if getattr(error, "status_code", None) not in (400, 422):
            return None
        said = f"{error} {getattr(error, 'body', '')}"
        if not REFUSED.search(said):
            return None
        left = [name for name in OTHER_NAMES if name in request and name not in self.changes]
        return next((name for name in left if re.search(rf"\b{name}\b", said)), None)


def read_message(message: Mapping[str, Any]) -> tuple[str, str, list[Any]]:
    """Return the text, the reasoning and the tool calls of a message, or of a piece of one.

    Args:
        message: A ``message`` or ``delta``. ``content`` may be a text, missing, or a list of
            parts. Reasoning is in ``reasoning_content`` (DeepSeek, vLLM, llama.cpp),
            ``reasoning`` (newer vLLM, OpenRouter), or in parts of the type ``thinking`` (Mistral).
            Calls are in ``tool_calls``, or one in ``function_call``.

    Raises:
        ValueError: If there is something else in their place, such as an image.

    Example:
        >>> read_message({"content": [{"type": "text", "text": "42"}], "reasoning": "6 x 7"})
        ('42', '6 x 7', [])
    """
    text, inner = _read_content(message.get("content"))
    reasoning = message.get("reasoning_content") or message.get("reasoning") or ""
    older = message.get("function_call")  # how calls were written before there were several
    calls = message.get("tool_calls") or ([{"function": older}] if older else [])
    if not isinstance(reasoning, str) or not isinstance(calls, list):
        raise ValueError(f"a message with odd reasoning or tool_calls: {message!r:.80}")
    return text + (message.get("refusal") or ""), inner + reasoning, calls


def ending_of(reason: Any) -> str:
    """Return the ``finish_reason`` of a server in the words of the protocol, if they have one.

    Example:
        >>> ending_of("MAX_TOKENS"), ending_of("STOP"), ending_of("abort")
        ('length', 'stop', 'abort')
    """
    said = str(reason).lower()
    return ENDINGS.get(said, said)


def _read_content(content: Any) -> tuple[str, str]:
    text = reasoning = ""
    for part in content if isinstance(content, list) else [content]:
        if isinstance(part, str | None):
            text += part or ""
        elif part.get("type") in ("text", "output_text"):
            text += part["text"]
        elif part.get("type") == "thinking":
            reasoning += "".join(_read_content(part["thinking"]))
        else:
            raise ValueError(f"a part of the content that is no text: {part!r:.80}")
    return text, reasoning
