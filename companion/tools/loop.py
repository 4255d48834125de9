"""The loop of function calling: ask the model, run what it asks for, tell it, ask again.

The model only writes a request. This code decides: a call has to be on the allow-list, to fit the
schema, to be approved, and not to be the same again. The loop ends with an answer or at the step
limit. Taught in :doc:`/book/applications/function-calling`.

What a tool returns is untrusted: a web page can hold instructions. Special tokens are taken out of
it, so that it can't open a turn of its own. It can still *persuade* the model; then the allow-list
and the approval are what holds.

`tool_loop` asks nobody itself: it says what it needs, and is sent the answer. So one loop serves a
program that wants the result (`run_tools`) and a chat that shows the words while they are written.
"""

import copy
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from companion._checks import check_whole
from companion.errors import AmbiguousCallError, ToolCallError, ToolLoopError
from companion.messages import Message, check_messages
from companion.reasoning import split_reasoning
from companion.tools.audit import Record, record_of
from companion.tools.call import ToolCall, parse_calls, parse_tool_calls
from companion.tools.execution import ToolResult
from companion.tools.toolbox import Toolbox

Turn = str | Message
"""What a model writes: a text, or an endpoint's message with ``content`` and ``tool_calls``."""

LOGGED = 200
"""Characters that are kept of a call that can't be read."""

GenerateTurn = Callable[[Sequence[Message], Toolbox], Turn]


class Log(Protocol):
    """Anything that records can be appended to: a list, or an `AuditLog`."""

    def append(self, record: Record) -> None:
        """Take a record."""


@dataclass
class ToolRun:
    """What happened in a loop.

    Args:
        messages: The conversation with all calls, results and the answer.
        answer: The model's last turn; empty if the step limit came first.
        calls: The result of every call, in order.
        reasoning: What the model reasoned in each of its turns. The model is not shown it again.
    """

    messages: list[Message]
    answer: str = ""
    calls: list[ToolResult] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)


class Ask(NamedTuple):
    """The model's next turn is wanted: send it, as text or as a message."""

    messages: tuple[Message, ...]
    """The conversation so far."""


class MayRun(NamedTuple):
    """May this call run? It is on the allow-list and valid. Only True lets it."""

    call: ToolCall
    """A copy: changing it changes nothing."""


class Ran(NamedTuple):
    """A call ran, or was stopped. No answer is wanted."""

    step: int
    """The round of calls, from 1."""
    result: ToolResult


Event = Ask | MayRun | Ran


def run_tools(
    generate_turn: GenerateTurn,
    messages: Sequence[Message],
    toolbox: Toolbox,
    *,
    max_steps: int = 4,
    max_identical: int = 1,
    approve: Callable[[ToolCall], bool] | None = None,
    log: Log | None = None,
    clean: Callable[[str], str] | None = None,
) -> ToolRun:
    """Let a model call tools until it answers.

    Taught in :doc:`/book/applications/function-calling`.

    Args:
        generate_turn: Asks some model for its next turn, such as
            `companion.backends.local.LocalTurns`.
        messages: The conversation so far, ending with the user. Not changed.
        toolbox: The tools that the model may call.
        max_steps: Rounds of calls; after the last one the model has one more turn to answer.
        max_identical: How often the same call with the same arguments is run.
        approve: Is asked before each call that is allowed and valid; only True lets it run. The
            model is told of a refusal. None approves every tool but those that need approval.
        log: Gets a record of every call.
        clean: Takes special tokens out of results, as `companion.messages.neutralize` does. The
            ``clean`` of ``generate_turn`` if None, nothing if it has none.

    Returns:
        The whole conversation, the answer and the results.

    Raises:
        ToolLoopError: If the model still asks for tools after ``max_steps`` rounds. Its ``run``
            holds what happened.
        ToolCallError: If ``generate_turn`` returns neither a text nor a message.
        ValueError: If the messages are not well formed or a limit is below 1.

    Example:
        A model in two lines: it calls the calculator, then repeats what it was told.

        >>> from companion.tools.calculator import calculator
        >>> def model(messages, toolbox):
        ...     call = ToolCall("calculator", {"expression": "6 * 7"}).text()
        ...     return messages[-1]["content"] if messages[-1]["role"] == "tool" else call
        >>> run = run_tools(model, [{"role": "user", "content": "6 x 7?"}], Toolbox([calculator]))
        >>> run.answer
        '{"value": 42}'
    """
    clean = clean or getattr(generate_turn, "clean", None) or str
    limits = {"max_steps": max_steps, "max_identical": max_identical}
    with closing(tool_loop(messages, toolbox, clean=clean, **limits)) as loop:
        answer: Any = None
        while True:
            try:
                event = loop.send(answer)
            except StopIteration as end:
                return end.value
            if isinstance(event, Ask):
                answer = generate_turn(event.messages, toolbox)
            elif isinstance(event, MayRun):
                answer = allowed(event.call, toolbox, approve)
            elif log is not None:
                log.append(record_of(event.step, event.result))


def allowed(call: ToolCall, toolbox: Toolbox, approve: Callable[[ToolCall], bool] | None) -> bool:
    """Answer `MayRun`: ask ``approve``; without it, all may run but what needs an approval."""
    return not toolbox[call.name].needs_approval if approve is None else approve(call)


def tool_loop(
    messages: Sequence[Message],
    toolbox: Toolbox,
    *,
    max_steps: int = 4,
    max_identical: int = 1,
    clean: Callable[[str], str] = str,
) -> Generator[Event, Any, ToolRun]:
    """Do the work of `run_tools`, with its arguments: yield what is needed until the model answers.

    Yields:
        `Ask` and `MayRun`, which want an answer by ``send``, and `Ran`.

    Returns:
        What happened.
    """
    check_messages(messages)
    check_whole(max_steps=max_steps, max_identical=max_identical)
    run = ToolRun(list(messages))
    gate = _Gate(toolbox, max_identical)
    for step in range(1, max_steps + 2):
        turn, reasoning = _as_message((yield Ask(tuple(run.messages))))
        run.messages.append(turn)
        run.reasoning.append(reasoning)
        calls = _calls_of(turn, run.calls)
        if not calls:
            run.answer = turn["content"] or ""
            return run
        if step > max_steps:
            break
        for result in (yield from gate.run(calls)):
            run.calls.append(result)
            run.messages.append(_told(result, clean))
            yield Ran(step, result)
    run.messages.pop()  # a call that nobody will answer
    raise ToolLoopError(
        f"the model still asks for tools after {max_steps} rounds of calls. Look at error.run, "
        "raise max_steps, or ask something simpler.",
        run,
    )


class _Gate:
    """Decides which calls run: checks, then the same call again, then the approval."""

    def __init__(self, toolbox: Toolbox, max_identical: int) -> None:
        self.toolbox, self.max_identical = toolbox, max_identical
        self.seen: dict[str, int] = {}

    def run(
        self, calls: Sequence[ToolCall | ToolResult]
    ) -> Generator[Event, Any, list[ToolResult]]:
        """Run the calls of one turn that may run, at the same time, and keep their order."""
        stopped: list[ToolResult | None] = []
        for call in calls:
            stop = call if isinstance(call, ToolResult) else (yield from self._stop(call))
            stopped.append(stop)
        going = [call for call, stop in zip(calls, stopped, strict=True) if stop is None]
        done = iter(self.toolbox.run_all(going))
        return [stop or next(done) for stop in stopped]

    def _stop(self, call: ToolCall) -> Generator[Event, Any, ToolResult | None]:
        """Return the result of a call that must not run, else None."""
        if wrong := self.toolbox.check(call):
            return wrong
        times = self.seen.get(call.key(), 0)
        if times >= self.max_identical:
            reason = (
                f"{call.name} was called with the same arguments before. Use that result, or "
                "change the arguments."
            )
            return ToolResult(call, "repeated", error=reason)
        if (yield MayRun(copy.deepcopy(call))) is not True:  # what was shown is what runs
            return ToolResult(call, "refused", error=f"the user did not allow this {call.name}")
        self.seen[call.key()] = times + 1
        return None


def _as_message(turn: Turn) -> tuple[Message, str]:
    """Return a turn as a message without reasoning, and the reasoning."""
    given = {"content": turn} if isinstance(turn, str) else turn
    content = given.get("content") if isinstance(given, Mapping) else given
    if not isinstance(given, Mapping) or not isinstance(content, str | None):
        raise ToolCallError(
            "generate_turn must return a text, or a message whose 'content' is a text or None, "
            f"got {content!r:.80}"
        )
    reasoning, answer = split_reasoning(content or "")
    parts = [given.get("reasoning_content") or "", reasoning]
    message = {"role": "assistant", "content": content if content is None else answer}
    message |= {"tool_calls": given["tool_calls"]} if given.get("tool_calls") else {}
    return message, "\n".join(filter(None, parts))


def _calls_of(turn: Message, before: Sequence[ToolResult]) -> Sequence[ToolCall | ToolResult]:
    """Return the calls of a turn, or the results of one that can't be read.

    The calls of an endpoint are no longer in the text. It wants an answer to each of them. A call
    among words is doubted once: a model that says it again means it as words.
    """
    text = turn["content"] or ""
    try:
        return parse_tool_calls(turn["tool_calls"]) if "tool_calls" in turn else parse_calls(text)
    except ToolCallError as error:
        doubt = isinstance(error, AmbiguousCallError)
        if doubt and any(isinstance(result.exception, AmbiguousCallError) for result in before):
            return []
        called = [ToolCall("", {"text": text[:LOGGED]})]
        if "tool_calls" in turn:
            asked = turn["tool_calls"]
            called = list(map(_as_asked, asked if isinstance(asked, list | tuple) else [asked]))
        return [
            ToolResult(call, "unreadable", error=str(error), exception=error) for call in called
        ]


def _as_asked(call: Any) -> ToolCall:
    """Return an endpoint's call that can't be read, with the words in which it was made."""
    given = call if isinstance(call, Mapping) else {}
    function = given.get("function")
    call_id = None if given.get("id") is None else str(given["id"])
    if not isinstance(function, Mapping):
        return ToolCall("", {"text": _words(call)}, call_id)
    name, arguments = function.get("name"), function.get("arguments")
    return ToolCall("" if name is None else _words(name), {"text": _words(arguments)}, call_id)


def _words(value: Any) -> str:
    return (value if isinstance(value, str) else repr(value))[:LOGGED]


def _told(result: ToolResult, clean: Callable[[str], str]) -> Message:
    message: dict[str, Any] = {"role": "tool", "content": clean(result.content())}
    if result.call.call_id is not None:
        message["tool_call_id"] = result.call.call_id
    return message
