"""The interface of a backend: messages in, pieces of an answer out.

Taught in :doc:`/book/applications/chatbot`.
"""

import inspect
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from companion.generation.params import SamplingParams
from companion.generation.stopping import close
from companion.messages import Message
from companion.reasoning import Reasoning
from companion.tools import Toolbox
from companion.tools.instruction import with_instruction
from companion.tools.transcript import calls_as_text, with_tools

Piece = str | Reasoning
"""What a stream hands out: text of the answer, or the reasoning before it."""


@dataclass(frozen=True)
class Ending:
    """How an answer ended: what a stream returns.

    Args:
        finish: ``"stop"``; ``"length"``: cut at ``max_new_tokens``; ``"content_filter"`` or
            ``"refusal"``; or what else a server says. Empty if it is unknown.
        tool_calls: Calls of tools in the form of the OpenAI protocol, if there are any beside the
            text.
        tokens: Tokens of the turn, reasoning and calls included; 0 if they are unknown.
        tokens_read: Tokens of the messages and tools before it, as a server has counted them; 0 if
            it did not say.
    """

    finish: str = ""
    tool_calls: list[dict[str, Any]] = field(default_factory=list)
    tokens: int = 0
    tokens_read: int = 0


class Backend(Protocol):
    """A model that continues a conversation.

    Five further methods are optional. ``bind_tools(toolbox)`` returns a backend that tells the
    model of the tools; without it, they are declared in the system message. ``clean(text)`` takes
    out of data what the model would read as a mark of a turn. ``write_all(conversations, params)``
    answers many conversations together, as `write_all` here does one by one.
    ``resume(messages, params)`` continues the last message, the assistant's, word for word.
    ``quote_from(passages)`` returns a backend whose answers are quotations from these texts.
    """

    context_length: int
    """Tokens that the model can read and write together."""

    def stream(
        self, messages: Sequence[Message], params: SamplingParams
    ) -> Generator[Piece, None, Ending]:
        """Write the assistant's next turn, piece by piece. Closing the generator stops it.

        Any iterator over texts will do. What it returns is then unknown.
        """

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Count the tokens of a prompt made from these messages."""


def check_backend(backend: Any) -> None:
    """Check that an object has what a backend needs, without asking a server for anything.

    Raises:
        ValueError: If it lacks something.

    Example:
        >>> check_backend("chat")
        Traceback (most recent call last):
        ValueError: backend must have context_length, count_tokens, stream; a str lacks \
context_length, count_tokens, stream. See companion.backends.
    """
    names = ("context_length", "count_tokens", "stream")
    missing = [name for name in names if inspect.getattr_static(backend, name, None) is None]
    if missing:
        raise ValueError(
            f"backend must have {', '.join(names)}; a {type(backend).__name__} lacks "
            f"{', '.join(missing)}. See companion.backends."
        )


class Reading:
    """A stream that is being read. As a context it closes the stream at the end of its block.

    Args:
        pieces: The stream.

    Attributes:
        value: What the stream returned; None as long as it goes on.
    """

    def __init__(self, pieces: Iterable[Any]) -> None:
        self._pieces = pieces
        self.value: Any = None

    def __enter__(self) -> Self:
        """Begin to read."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the stream, if it can be closed."""
        close(self._pieces)

    def __iter__(self) -> Iterator[Any]:
        """Hand out the pieces, and keep what the stream returns."""
        self.value = yield from self._pieces


@dataclass
class Written:
    """A turn of the assistant, whole or as far as it has been written.

    Args:
        text: The answer.
        reasoning: What the model reasoned before it.
        ending: How it ended.
    """

    text: str = ""
    reasoning: str = ""
    ending: Ending = field(default_factory=Ending)

    def add(self, piece: Piece) -> None:
        """Take in the next piece of a stream."""
        if isinstance(piece, str):
            self.text += piece
            return
        self.reasoning = "\n".join(filter(None, [self.reasoning, piece.text]))
        if piece.takes_back:
            self.text = ""

    def end(self, value: Any) -> None:
        """Take in what a stream returned: an `Ending`, or what `companion.stream` returns."""
        finish = str(getattr(value, "finish_reason", ""))
        self.ending = value if isinstance(value, Ending) else Ending(finish)

    def turn(self) -> str | Message:
        """Return the turn as a tool loop takes it: a text, or a message if it has more."""
        message: dict[str, Any] = {"role": "assistant", "content": self.text or None}
        message |= {"reasoning_content": self.reasoning} if self.reasoning else {}
        message |= {"tool_calls": self.ending.tool_calls} if self.ending.tool_calls else {}
        return message if len(message) > 2 else self.text


def write(backend: Backend, messages: Sequence[Message], params: SamplingParams) -> Written:
    """Let a backend write its next turn, and return it whole.

    Args:
        backend: Any backend.
        messages: The conversation; the last message is the user's or a tool's.
        params: How to choose tokens, and when to stop.
    """
    written = Written()
    with Reading(backend.stream(messages, params)) as pieces:
        for piece in pieces:
            written.add(piece)
    written.end(pieces.value)
    return written


def write_all(
    backend: Backend, conversations: Sequence[Sequence[Message]], params: SamplingParams
) -> list[Written]:
    """Answer several conversations: together if the backend can, else one after the other."""
    together = getattr(backend, "write_all", None)
    if together is not None:
        return together(conversations, params)
    return [write(backend, messages, params) for messages in conversations]


class Turns:
    """The next turns of any backend, for `companion.tools.run_tools`.

    Taught in :doc:`/book/applications/function-calling`.

    Args:
        backend: The model.
        params: How to choose tokens; greedily, at most 96, if None.

    Raises:
        ValueError: If ``params`` asks for several samples.
    """

    def __init__(self, backend: Backend, params: SamplingParams | None = None) -> None:
        check_backend(backend)
        self.backend = backend
        self.params = params or SamplingParams(temperature=0, max_new_tokens=96)
        if self.params.n != 1:
            raise ValueError(f"n must be 1, got {self.params.n}: a turn is one text")

    def __call__(self, messages: Sequence[Message], toolbox: Toolbox) -> str | Message:
        """Return the next turn, with its calls and its reasoning if there are any."""
        return write(knowing(self.backend, toolbox), messages, self.params).turn()

    def clean(self, text: str) -> str:
        """Take out of a tool's result what the model would read as a mark of a turn."""
        return cleaner(self.backend)(text)


def cleaner(backend: Backend) -> Callable[[str], str]:
    """Return how data is made harmless for a backend: its ``clean``; as it is if it has none."""
    return getattr(backend, "clean", str)


def knowing(backend: Backend, toolbox: Toolbox) -> Backend:
    """Return a backend whose model is told of the tools: in its own way if it has one."""
    bind = getattr(backend, "bind_tools", None)
    return ToolsAsText(backend, toolbox) if bind is None else bind(toolbox)


TEXT_FORMS = {"instruction": with_instruction, "pocket": with_tools}
"""Ways of declaring tools in messages: ``"instruction"`` says how a call is written and shows
examples, for a model that never learned it; ``"pocket"`` is what pocket-chat was trained on."""


class ToolsAsText:
    """A backend that declares tools in messages, and writes calls as text.

    Args:
        backend: The backend that it wraps.
        toolbox: The tools.
        form: One of `TEXT_FORMS`.
    """

    def __init__(self, backend: Backend, toolbox: Toolbox, form: str = "instruction") -> None:
        self.backend, self.toolbox, self.form = backend, toolbox, form
        self.context_length = backend.context_length

    def stream(
        self, messages: Sequence[Message], params: SamplingParams
    ) -> Generator[Piece, None, Ending]:
        """Write the assistant's next turn, piece by piece."""
        return self.backend.stream(self._declared(messages), params)

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Count the tokens of these messages and of the declarations."""
        return self.backend.count_tokens(self._declared(messages))

    def _declared(self, messages: Sequence[Message]) -> list[Message]:
        return TEXT_FORMS[self.form](calls_as_text(messages), self.toolbox)
