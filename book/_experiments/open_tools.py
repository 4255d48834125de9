"""Pocket and open: calls of five tools, told only, with examples, and constrained.

The tools are those that pocket-chat was trained on, in its own form. The open model knows no form:
it is told how a call is written, and shown the examples that are most like the request. Taught in
:doc:`/book/applications/function-calling`.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from companion.backends.constrained import CallConstraint
from companion.backends.local import tool_prompt
from companion.errors import ToolCallError
from companion.generation.decoding import generate
from companion.generation.params import SamplingParams
from companion.models.loading import LoadedModel
from companion.prompts.evaluation import Accuracy
from companion.tools import Tool, Toolbox, parse_calls
from companion.tools.calculator import calculator
from companion.tools.search import search_tool
from companion.tools.tool import shown_by
from companion.tools.weather import get_weather

from ._side_by_side import COLUMNS, ORIGIN, check_split, counted, load_columns, load_items, part

GREEDY = SamplingParams(temperature=0, max_new_tokens=48)
BATCH = 10


class Setting(NamedTuple):
    """How a model is asked."""

    examples: bool
    constrained: bool


SETTINGS = {
    "pocket": {"free": Setting(True, False), "constrained": Setting(True, True)},
    "open": {
        "free, no examples": Setting(False, False),
        "free, examples": Setting(True, False),
        "constrained, no examples": Setting(False, True),
        "constrained, examples": Setting(True, True),
    },
}
"""Ways to ask, by column. pocket-chat is never shown examples."""


@shown_by(
    ("Set a timer for 2 hours.", {"minutes": 120}),
    ("Remind me in 10 minutes.", {"minutes": 10}),
    ("The pasta needs 9 minutes.", {"minutes": 9}),
    ("Ring in a quarter of an hour.", {"minutes": 15}),
)
def set_timer(minutes: int) -> dict[str, str]:
    """Start a timer.

    Args:
        minutes: Minutes until it rings.
    """
    return {"status": "started"}


@shown_by(
    ("Tell Anna that I am home.", {"to": "Anna", "text": "I am home."}),
    ("Write to Jack: The cake is done.", {"to": "Jack", "text": "The cake is done."}),
    ("Text Sam: Call me.", {"to": "Sam", "text": "Call me."}),
    ("Let Eva know that the bus is late.", {"to": "Eva", "text": "The bus is late."}),
)
def send_message(to: str, text: str) -> dict[str, str]:
    """Send a message to a person.

    Args:
        to: Name of the person.
        text: What to say.
    """
    return {"status": "sent"}


def measure(
    *, scale: float = 1.0, split: str = "held_out", columns: Sequence[str] = COLUMNS
) -> dict[str, Any]:
    """Let both chat models answer requests, forty that need a tool and ten that need none.

    Args:
        scale: Share of the requests to use, for a quick try.
        split: "held_out" for the record; "development" while prompts are being worded.
        columns: Some of "pocket" and "open".

    Returns:
        ``columns``, one entry each, by way to ask: what `count_calls` returns.
    """
    check_split(split)
    requests = load_items("tool_requests")[split]
    asked = part([request for request in requests if request["tool"]], scale)
    asked += part([request for request in requests if not request["tool"]], scale)
    results = {
        name: {
            way: count_calls(asked, write_calls(column.chat, asked, setting), five_tools())
            for way, setting in SETTINGS[name].items()
        }
        for name, column in load_columns(columns).items()
    }
    return {"origin": ORIGIN, "split": split, "columns": results}


def five_tools(*, examples: bool = True) -> Toolbox:
    """Return the tools, with or without their examples. There is nothing to search in."""
    tools = [
        Tool.from_function(get_weather),
        Tool.from_function(calculator),
        search_tool(None),
        Tool.from_function(set_timer),
        Tool.from_function(send_message),
    ]
    return Toolbox(tools if examples else [replace(tool, examples=()) for tool in tools])


def write_calls(
    loaded: LoadedModel, asked: Sequence[dict[str, Any]], setting: Setting
) -> list[str]:
    """Let a model write its turn for each request, greedily."""
    model, tokenizer = loaded
    tools, texts = five_tools(examples=setting.examples), []
    for start in range(0, len(asked), BATCH):
        prompts = [
            tool_prompt(tokenizer, [{"role": "user", "content": request["request"]}], tools)
            for request in asked[start : start + BATCH]
        ]
        allowed = CallConstraint(model, tokenizer, tools) if setting.constrained else None
        written = generate(model, tokenizer, prompts, GREEDY, logits_filter=allowed)
        texts += [generation.text for generation in written]
    return texts


def count_calls(
    asked: Sequence[dict[str, Any]], texts: Sequence[str], tools: Toolbox
) -> dict[str, Any]:
    """Count what is right.

    Args:
        asked: Requests, each with the name of its ``tool``, None for none, and all ``arguments``
            that are right.
        texts: What a model wrote for each.
        tools: The tools that it may call.

    Returns:
        Counts of those that need a tool: a call that is ``valid``, of the right ``tool``, ``exact``
        in the arguments as well. Of the others, those ``answered`` in words. And the ``texts``.
    """
    written = [(item, _calls(text)) for item, text in zip(asked, texts, strict=True)]
    needed = [(item, calls) for item, calls in written if item["tool"]]
    others = [calls for item, calls in written if not item["tool"]]

    def share(right: Callable[[Any, Any], bool]) -> dict[str, Any]:
        single = [(item, calls[0]) for item, calls in needed if calls and len(calls) == 1]
        return counted(Accuracy(sum(right(*pair) for pair in single), len(needed)))

    return {
        "valid": share(lambda item, call: tools.check(call) is None),
        "tool": share(lambda item, call: call.name == item["tool"]),
        "exact": share(
            lambda item, call: call.name == item["tool"] and call.arguments in item["arguments"]
        ),
        "answered": counted(Accuracy(others.count([]), len(others))),
        "texts": list(texts),
    }


def _calls(text: str) -> list[Any] | None:
    """Return the calls in a text, none if it is an answer; None if it can't be read or is blank."""
    try:
        return parse_calls(text) if text.strip() else None
    except ToolCallError:
        return None
