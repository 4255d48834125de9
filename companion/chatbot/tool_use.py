"""An answer with tool calls, handed out piece by piece.

`companion.tools.run_tools` does the work. This module shows what the user should see of it: the
words, not the calls. Taught in :doc:`/book/applications/chatbot`.
"""

import re
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from companion.chatbot.history import Source
from companion.chatbot.worker import Channel, listen
from companion.errors import ToolLoopError
from companion.generation.stopping import settled_length
from companion.messages import Message
from companion.reasoning import Reasoning
from companion.tools import Toolbox, ToolCall, ToolResult, run_tools
from companion.tools.call import LINE, OPENING
from companion.tools.loop import Turn

_MAY_BE_A_CALL = ("{", "[", "<", "```")
_UNDECIDED = re.compile(r'^[ \t]*(?:\[\s*)?(?:\{\s*(?:"\w*"?\s*)?)?\Z', re.MULTILINE)
"""A last line that may still become the beginning of a call."""


@dataclass
class Draft:
    """An answer while it is being written.

    Args:
        asked: The user's words.
        sources: The passages put before them.
        pieces: What the assistant said in this turn, so far.
        steps: Tool calls and results before that.
        calls: The result of every call, once the loop has ended.
        finished: Whether the answer is complete.
        reasoning: What the model reasoned, turn by turn.
    """

    asked: str
    sources: list[Source]
    pieces: list[str] = field(default_factory=list)
    steps: list[Message] = field(default_factory=list)
    calls: list[ToolResult] = field(default_factory=list)
    finished: bool = False
    reasoning: list[str] = field(default_factory=list)

    def take_apart(self, reasoning: Reasoning) -> None:
        """Keep reasoning, and take back what was held for the answer."""
        self.reasoning.append(reasoning.text)
        if reasoning.takes_back:
            self.pieces.clear()


def answer_with_tools(
    write_turn: Callable[[Sequence[Message]], Iterator[str]],
    messages: Sequence[Message],
    toolbox: Toolbox,
    draft: Draft,
    *,
    max_steps: int,
    approve: Callable[[ToolCall], bool] | None,
    log: Any,
    clean: Callable[[str], str],
) -> Generator[str | Reasoning, None, None]:
    """Answer the newest message, with calls of tools where the model asks for them.

    Args:
        write_turn: Lets the model write its next turn, as `companion.chatbot.Backend` says.
        messages: What the model reads at first.
        toolbox: The tools that may be called.
        draft: Is told of calls and results as they happen.
        max_steps: As in `companion.tools.run_tools`, like ``approve`` and ``log``. ``approve`` is
            called in the thread that reads the pieces.
        approve: See above.
        log: See above.
        clean: Is applied to calls and results before they are kept or sent.

    Yields:
        Pieces of what the assistant says to the user, and its reasoning.

    Raises:
        ToolLoopError: If the model still calls tools after ``max_steps`` rounds.
    """

    def work(channel: Channel) -> None:
        hidden = ""  # of the newest turn: it might have been a call

        def generate_turn(so_far: Sequence[Message], _: Toolbox) -> Turn:
            nonlocal hidden
            channel.emit(list(so_far[len(messages) :]))
            turn, hidden = _write(channel, write_turn(so_far))
            return turn

        def ask(call: ToolCall) -> bool:
            return channel.ask(approve, call)

        try:
            run = run_tools(
                generate_turn,
                messages,
                toolbox,
                max_steps=max_steps,
                approve=ask if approve else None,
                log=log,
                clean=clean,
            )
        except ToolLoopError as error:
            channel.emit(tuple(error.run.calls))
            raise
        if hidden:
            channel.emit(hidden)
        channel.emit(tuple(run.calls))

    for item in listen(work):
        if isinstance(item, str | Reasoning):
            yield item
        elif isinstance(item, tuple):
            draft.calls = list(item)
        else:  # a new turn of the assistant begins
            draft.steps = [_cleaned(message, clean) for message in item]
            draft.pieces.clear()


def visible_length(text: str) -> int:
    r"""Count the characters of an unfinished turn that can't be part of a tool call.

    Example:
        >>> visible_length("In Paris it is"), visible_length('{"name": "get'), visible_length("`")
        (14, 0, 0)
        >>> visible_length("I will look.\n<tool"), visible_length("I will look.\n<tool_call>{")
        (12, 12)
        >>> visible_length('I will look:\n{"na'), visible_length('A set:\n{1, 2}')
        (12, 13)
    """
    body = text.lstrip()
    if not body or body.startswith(_MAY_BE_A_CALL) or "```".startswith(body[:3]):
        return 0
    beginnings = [found.start() for form in (LINE, _UNDECIDED) if (found := form.search(text))]
    tag = text.find(OPENING)
    settled = min(tag if tag >= 0 else settled_length(text, [OPENING]), *beginnings, len(text))
    return settled if settled == len(text) else len(text[:settled].rstrip())


def _write(
    channel: Channel, pieces: Iterator[str | Reasoning | list[dict[str, Any]]]
) -> tuple[Turn, str]:
    """Let the model write a turn and emit what is no call. Return the turn, and what was hidden."""
    text, shown, calls = "", 0, []
    with ExitStack() as stack:
        stack.callback(getattr(pieces, "close", lambda: None))
        for piece in pieces:
            channel.check()
            if isinstance(piece, Reasoning):
                text, shown = ("", 0) if piece.takes_back else (text, shown)
                channel.emit(piece)
                continue
            if not isinstance(piece, str):
                calls = piece
                continue
            text += piece
            end = visible_length(text)
            if end > shown:
                channel.emit(text[shown:end])
                shown = end
    if calls:
        return {"role": "assistant", "content": text or None, "tool_calls": calls}, text[shown:]
    return text, text[shown:]


def _cleaned(message: Message, clean: Callable[[str], str]) -> dict[str, Any]:
    cleaned = dict(message)
    if isinstance(message.get("content"), str):
        cleaned["content"] = clean(message["content"])
    if message.get("tool_calls"):
        cleaned["tool_calls"] = [_cleaned_call(call, clean) for call in message["tool_calls"]]
    return cleaned


def _cleaned_call(call: dict[str, Any], clean: Callable[[str], str]) -> dict[str, Any]:
    function = call["function"]
    return {**call, "function": {**function, "arguments": clean(function["arguments"])}}
