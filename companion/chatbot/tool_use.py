"""An answer with tool calls, handed out piece by piece.

`companion.tools.loop.tool_loop` decides what happens next. This module asks the model, and shows
what the user should see of it: the words, not the calls. Taught in
:doc:`/book/applications/chatbot`.
"""

import re
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from typing import Any

from companion.backends.backend import Piece, Reading, Written
from companion.chatbot.reply import Draft
from companion.chatbot.settings import ChatSettings
from companion.errors import ToolLoopError
from companion.generation.stopping import settled_length
from companion.messages import Message
from companion.reasoning import Reasoning, TakenBack
from companion.tools import Toolbox
from companion.tools.audit import record_of
from companion.tools.call import LINE, OPENING
from companion.tools.loop import Ask, MayRun, allowed, tool_loop

_MAY_BE_A_CALL = ("{", "[", "<", "```")
_UNDECIDED = re.compile(r'^[ \t]*(?:\[\s*)?(?:\{\s*(?:"\w*"?\s*)?)?\Z', re.MULTILINE)
"""A last line that may still become the beginning of a call."""


def speak(
    stream: Iterable[Piece],
    draft: Draft,
    visible: Callable[[str, int], int] = lambda text, shown: len(text),
) -> Generator[str, None, tuple[Written, str]]:
    """Hand out the words of one turn while they are written.

    Args:
        stream: What a backend gives.
        draft: Is told of the words that were shown, and of the reasoning.
        visible: How many characters of an unfinished turn may be shown, given how many are.

    Yields:
        Pieces of what the assistant says to the user; a `TakenBack` behind those that were
        reasoning.

    Returns:
        The turn, and the end of it that was not shown.
    """
    written, shown, began = Written(), 0, time.perf_counter()
    draft.pieces.clear()
    with Reading(stream) as pieces:
        for piece in pieces:
            written.add(piece)
            if isinstance(piece, Reasoning):
                draft.reasoning.append(piece.text)
                if piece.takes_back:
                    draft.pieces.clear()
                    if shown:
                        yield TakenBack()
                    shown = 0
                continue
            start, end = shown, visible(written.text, shown)
            if end > start:
                shown = end
                draft.pieces.append(written.text[start:end])
                yield written.text[start:end]
    written.end(pieces.value)
    draft.finish = written.ending.finish
    draft.tokens += written.ending.tokens
    draft.seconds += time.perf_counter() - began
    return written, written.text[shown:]


def answer_with_tools(
    write_turn: Callable[[Sequence[Message]], Iterable[Piece]],
    messages: Sequence[Message],
    toolbox: Toolbox,
    draft: Draft,
    settings: ChatSettings,
    clean: Callable[[str], str],
) -> Generator[str, None, None]:
    """Answer the newest message, with calls of tools where the model asks for them.

    Args:
        write_turn: Lets the model write its next turn, as `companion.backends.backend.Backend`
            says.
        messages: What the model reads at first.
        toolbox: The tools that may be called.
        draft: Is told of calls and results as they happen.
        settings: Of these, ``max_steps``, ``approve`` and ``log``.
        clean: Is applied to calls and results before they are kept or sent.

    Yields:
        Pieces of what the assistant says to the user.

    Raises:
        ToolLoopError: If the model still calls tools after ``max_steps`` rounds.
    """
    hidden, answer = "", None
    steps = settings.max_steps
    with closing(tool_loop(messages, toolbox, max_steps=steps, clean=clean)) as loop:
        while True:
            try:
                event = loop.send(answer)
            except StopIteration:
                break
            except ToolLoopError as error:
                said = f"the model still asks for tools after {steps} rounds of calls. Ask "
                raise ToolLoopError(said + "something simpler.", error.run) from None
            if isinstance(event, Ask):
                draft.steps = [
                    _cleaned(message, clean) for message in event.messages[len(messages) :]
                ]
                stream = write_turn(event.messages)
                written, hidden = yield from speak(stream, draft, visible_length)
                answer = written.turn()
            elif isinstance(event, MayRun):
                answer = allowed(event.call, toolbox, settings.approve)
            else:
                draft.calls.append(event.result)
                if settings.log is not None:
                    settings.log.append(record_of(event.step, event.result))
    if hidden:  # it might have been a call
        draft.pieces.append(hidden)
        yield hidden


def visible_length(text: str, shown: int = 0) -> int:
    r"""Count the characters of an unfinished turn that can't be part of a tool call.

    Args:
        text: The turn so far.
        shown: How many characters were counted before, at an earlier state of the turn. They are
            not looked at again, so that a long answer does not take ever more time.

    Example:
        >>> visible_length("In Paris it is"), visible_length('{"name": "get'), visible_length("`")
        (14, 0, 0)
        >>> visible_length("I will look.\n<tool"), visible_length("I will look.\n<tool_call>{")
        (12, 12)
        >>> visible_length('I will look:\n{"na'), visible_length('A set:\n{1, 2}')
        (12, 13)
    """
    body = text[shown:].lstrip()
    if not shown and (not body or body.startswith(_MAY_BE_A_CALL) or "```".startswith(body[:3])):
        return 0
    matches = (form.search(text, shown) for form in (LINE, _UNDECIDED))
    tag = text.find(OPENING, shown)
    ends = [match.start() for match in matches if match]
    ends.append(tag if tag >= 0 else shown + settled_length(text[shown:], [OPENING]))
    settled = min(ends)
    return settled if settled == len(text) else shown + len(text[shown:settled].rstrip())


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
