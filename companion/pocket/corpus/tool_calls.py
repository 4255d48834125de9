"""Requests that need a tool: declarations in JSON, the call in JSON, the result, the answer."""

import json
import random
from typing import NamedTuple

from .facts import CAPITALS, question
from .holdout import Split, draw
from .lexicon import FIRST_NAMES, known_word, made_up_name

_WEATHER = "sunny rainy cloudy windy foggy snowy stormy clear".split()


class Exchange(NamedTuple):
    """One request with the call it needs, what the tool returns, and the final answer."""

    tool: str
    request: str
    arguments: dict[str, str | int]
    result: dict[str, str | int]
    answer: str


DECLARATIONS: dict[str, dict[str, str]] = {
    "get_weather": {"city": "string"},
    "calculator": {"expression": "string"},
    "search": {"query": "string"},
    "set_timer": {"minutes": "integer"},
    "send_message": {"to": "string", "text": "string"},
}


def _weather(rng: random.Random, split: Split) -> Exchange:
    city = (
        draw(rng, split, lambda r: ((c := r.choice(tuple(CAPITALS.values()))), c))
        if rng.random() < 0.5
        else made_up_name(rng, split)
    )
    degrees, sky = rng.randint(-9, 35), rng.choice(_WEATHER)
    ask = rng.choice(
        (
            "What is the weather in {c}?",
            "How is the weather in {c} today?",
            "Is it cold in {c}?",
            "Tell me the weather in {c}.",
            "Do I need a coat in {c}?",
        )
    )
    return Exchange(
        "get_weather",
        ask.format(c=city),
        {"city": city},
        {"temperature": degrees, "sky": sky},
        f"In {city} it is {sky} and {degrees} degrees Celsius.",
    )


def _calculate(rng: random.Random, split: Split) -> Exchange:
    a, op, b = draw(
        rng, split, lambda r: ((k := (r.randint(11, 999), r.choice("+-*"), r.randint(11, 999))), k)
    )
    value = {"+": a + b, "-": a - b, "*": a * b}[op]
    said = {"+": "plus", "-": "minus", "*": "times"}[op]
    ask = rng.choice(
        (
            f"What is {a} {said} {b}?",
            f"Compute {a} {op} {b}.",
            f"How much is {a} {op} {b}?",
            f"Please calculate {a} {said} {b}.",
        )
    )
    return Exchange(
        "calculator",
        ask,
        {"expression": f"{a} {op} {b}"},
        {"value": value},
        f"The result is {value}.",
    )


def _search(rng: random.Random, split: Split) -> Exchange:
    topic, who = f"{known_word(rng, split)} {known_word(rng, split)}", made_up_name(rng, split)
    ask = rng.choice(
        (
            "Search for {t}.",
            "Find something about {t}.",
            "Look up {t} for me.",
            "Who wrote about {t}?",
        )
    )
    return Exchange(
        "search",
        ask.format(t=topic),
        {"query": topic},
        {"title": f"The {topic} of {who}"},
        f"I found this: The {topic} of {who}.",
    )


def _timer(rng: random.Random, split: Split) -> Exchange:
    minutes = draw(rng, split, lambda r: ((m := r.randint(1, 120)), m))
    ask = rng.choice(
        (
            "Set a timer for {m} minutes.",
            "Wake me in {m} minutes.",
            "Remind me in {m} minutes.",
            "Start a timer: {m} minutes.",
        )
    )
    return Exchange(
        "set_timer",
        ask.format(m=minutes),
        {"minutes": minutes},
        {"status": "started"},
        f"The timer runs for {minutes} minutes.",
    )


def _message(rng: random.Random, split: Split) -> Exchange:
    name = rng.choice(FIRST_NAMES) if rng.random() < 0.5 else made_up_name(rng, split)
    text = rng.choice(
        (
            "I will be late",
            "call me back",
            "dinner is ready",
            "the meeting starts at nine",
            f"bring the {known_word(rng, split)}",
            f"I found the {known_word(rng, split)}",
        )
    )
    ask = rng.choice(("Tell {n}: {t}.", "Send a message to {n}: {t}.", "Write to {n}: {t}."))
    return Exchange(
        "send_message",
        ask.format(n=name, t=text),
        {"to": name, "text": text},
        {"status": "sent"},
        f"I sent the message to {name}.",
    )


TOOLS = {
    "get_weather": _weather,
    "calculator": _calculate,
    "search": _search,
    "set_timer": _timer,
    "send_message": _message,
}


def exchange(rng: random.Random, split: Split, *, tool: str | None = None) -> Exchange:
    """Return a random exchange; ``tool`` is a key of `TOOLS`, random by default."""
    return TOOLS[tool or rng.choice(tuple(TOOLS))](rng, split)


def declare(rng: random.Random, needed: str | None) -> str:
    """Return two to four declarations as one line of JSON, the needed tool among them."""
    others = [name for name in DECLARATIONS if name != needed]
    names = rng.sample(others, rng.randint(1, 3)) + ([needed] if needed else [])
    rng.shuffle(names)
    return json.dumps([{"name": name, "parameters": DECLARATIONS[name]} for name in names])


def call(drawn: Exchange) -> str:
    """Return the call as the model has to write it."""
    return json.dumps({"name": drawn.tool, "arguments": drawn.arguments})


def prompt(tools: str, request: str) -> str:
    """Return the text up to the place where the model writes a call or an answer."""
    return f"Tools: {tools}\nUser: {request}\nAssistant:"


def document(rng: random.Random, split: Split) -> str:
    """Return one exchange from the declarations to the final answer; one in seven needs no tool."""
    if rng.random() < 0.15:
        asked, answer = question(rng)
        return prompt(declare(rng, None), asked) + f" {answer}."
    drawn = exchange(rng, split)
    return (
        prompt(declare(rng, drawn.tool), drawn.request)
        + f" {call(drawn)}\nTool: {json.dumps(drawn.result)}\nAssistant: {drawn.answer}"
    )


def item(rng: random.Random, split: Split) -> tuple[str, str]:
    """Return a prompt and the one right call."""
    drawn = exchange(rng, split)
    return prompt(declare(rng, drawn.tool), drawn.request), call(drawn)
