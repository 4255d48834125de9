"""Instructions with an exact answer: of seven kinds, to train on, to choose settings by, held out.

They are what a small model trained on web text is weak at: it knows what is asked and answers in
other words. Every word, name, place, list, review and request is in one split only, and the
sentences from which names and ages are to be read are different as well.
"""

import json
import random
import re
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from typing import Any, NamedTuple

from companion.errors import ToolCallError
from companion.messages import Message
from companion.tools import parse_calls

from ._side_by_side import load_items

SYSTEM = "Answer with the result only."
SPLITS = ("train", "development", "held_out")
WORDED = ("upper case", "first letter", "reverse order", "label")
"""Kinds whose answer can be looked for in a text of another form."""
SEEDS = {"train": 31, "development": 32, "held_out": 33}
FUNCTIONS = (
    "get_weather(city), calculator(expression), search(query), set_timer(minutes), "
    "send_message(to, text)"
)


class Item(NamedTuple):
    """An instruction, what is right, and an answer in the form that is wanted.

    Args:
        kind: A key of `KINDS`.
        request: What the user writes.
        right: What `is_right` compares with.
        answer: What a model is trained to write; nothing where an item is only asked.
    """

    kind: str
    request: str
    right: Any
    answer: str = ""

    @property
    def prompt(self) -> list[Message]:
        """The messages before the answer."""
        return [
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": self.request},
        ]


def items(kind: str, split: str, count: int) -> list[Item]:
    """Return items of one kind, the same for the same arguments.

    Args:
        kind: A key of `KINDS`.
        split: One of `SPLITS`.
        count: How many. Of reviews and requests that were written one by one there may be fewer.

    Raises:
        ValueError: If the split is unknown.
    """
    if split not in SPLITS:
        raise ValueError(f"split must be one of {SPLITS}, got {split!r}")
    rng = random.Random(f"{SEEDS[split]} {kind}")
    drawn: dict[str, Item] = {}
    for item in islice(KINDS[kind](rng, split), 50 * count):
        drawn.setdefault(item.request, item)
        if len(drawn) == count:
            break
    return list(drawn.values())


def training_items(count: int) -> list[Item]:
    """Return a mixture to train on: the kinds in turn, calls and upper case twice."""
    turn = [*KINDS, "call", "upper case"]
    stock = {kind: iter(items(kind, "train", count)) for kind in KINDS}
    mixed = [next(stock[kind], None) for kind in islice(cycle(turn), count * len(turn))]
    return [item for item in mixed if item is not None][:count]


def is_right(item: Item, text: str) -> bool:
    """Tell whether a text is the answer in the form that was asked for, and nothing else."""
    text = text.strip()
    if item.kind == "list":
        lines = text.split("\n")
        entries = {line.removeprefix("- ").strip() for line in lines if line.startswith("- ")}
        return len(lines) == len(entries - {""}) == item.right
    if item.kind == "JSON":
        return _parsed(text) == item.right
    if item.kind == "call":
        return _call(text) in item.right
    return text == item.right


def says(item: Item, text: str) -> bool:
    """Tell whether a text has the answer in it, in whatever form; of single words and labels only.

    Example:
        >>> item = Item("first letter", "What is the first letter of 'garden'?", "g")
        >>> is_right(item, 'It is "G".'), says(item, 'It is "G".')
        (False, True)
    """
    if item.kind not in WORDED:
        return is_right(item, text)
    wanted, flags = item.right.removeprefix("Label: "), 0
    if item.kind in ("label", "first letter"):
        flags = re.IGNORECASE
    return re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", text, flags) is not None


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _call(text: str) -> Any:
    try:
        (call,) = parse_calls(text)
    except (ToolCallError, ValueError):
        return None
    return {"name": call.name, "arguments": call.arguments}


def _upper(rng: random.Random, split: str) -> Iterator[Item]:
    for word in _words(rng, split):
        yield Item("upper case", f"Write '{word}' in upper case.", word.upper(), word.upper())


def _first(rng: random.Random, split: str) -> Iterator[Item]:
    for word in _words(rng, split):
        asked = f"What is the first letter of '{word}'?"
        yield Item("first letter", asked, word[0], word[0])


def _reverse(rng: random.Random, split: str) -> Iterator[Item]:
    words = _words(rng, split)
    while True:
        three = [next(words) for _ in range(3)]
        back = ", ".join(reversed(three))
        asked = f"Write these words in reverse order: {', '.join(three)}"
        yield Item("reverse order", asked, back, back)


def _list(rng: random.Random, split: str) -> Iterator[Item]:
    known = load_items("exact_instructions")["lists"][split]
    while True:
        topic, count = rng.choice(list(known)), rng.randint(2, 5)
        asked = f"Name {count} {topic}, one per line, each line beginning with a dash."
        entries = rng.sample(known[topic], count) if split == "train" else []
        yield Item("list", asked, count, "\n".join(f"- {entry}" for entry in entries))


def _label(rng: random.Random, split: str) -> Iterator[Item]:
    asked = 'Is this review positive or negative? Answer in the form "Label: ...".\n'
    for text, label in _reviews(rng, split):
        yield Item("label", asked + text, f"Label: {label}", f"Label: {label}")


def _reviews(rng: random.Random, split: str) -> Iterator[tuple[str, str]]:
    if split != "train":
        yield from ((review["text"], review["label"]) for review in load_items("reviews")[split])
        return
    made = load_items("exact_instructions")["reviews"]
    while True:
        label = rng.choice(("positive", "negative"))
        form, thing = rng.choice(made["forms"]), rng.choice(made["things"])
        yield form.format(thing=thing, verdict=rng.choice(made[label])), label


def _json(rng: random.Random, split: str) -> Iterator[Item]:
    made = load_items("exact_instructions")
    while True:
        fields = {
            "name": rng.choice(made["names"][split]),
            "age": rng.randint(18, 90),
            "city": rng.choice(made["places"][split]),
        }
        request = rng.choice(made["sentences"][split]).format(**fields)
        asked = f"{request}\nGive name, age and city as JSON."
        yield Item("JSON", asked, fields, json.dumps(fields))


def _request(rng: random.Random, split: str) -> Iterator[Item]:
    asked = f"Functions: {FUNCTIONS}\nWrite the call for this request as JSON with name and "
    asked += "arguments.\nRequest: "
    for tool, request, arguments in _requests(rng, split):
        right = [{"name": tool, "arguments": call_arguments} for call_arguments in arguments]
        yield Item("call", asked + request, right, json.dumps(right[0]))


def _requests(rng: random.Random, split: str) -> Iterator[tuple[str, str, list[Any]]]:
    if split != "train":
        written = [request for request in load_items("tool_requests")[split] if request["tool"]]
        for request in rng.sample(written, len(written)):
            yield request["tool"], request["request"], request["arguments"]
        return
    made = load_items("exact_instructions")
    while True:
        tool = rng.choice(list(made["requests"]))
        at = rng.randrange(len(made["requests"][tool]))
        drawn = {"a": rng.randint(11, 999), "b": rng.randint(2, 99)}
        text = rng.choice(made["messages"])
        filled = {
            **drawn,
            "city": rng.choice(made["places"][split]),
            "topic": rng.choice(made["topics"]),
            "minutes": rng.randint(1, 120),
            "name": rng.choice(made["names"][split]),
            "text": text,
            "Text": text[0].upper() + text[1:],
        }
        arguments = {
            "get_weather": {"city": filled["city"]},
            "calculator": {"expression": made["expressions"][at % 6].format(**drawn)},
            "search": {"query": filled["topic"]},
            "set_timer": {"minutes": filled["minutes"]},
            "send_message": {"to": filled["name"], "text": f"{filled['Text']}."},
        }[tool]
        yield tool, made["requests"][tool][at].format(**filled), [arguments]


def _words(rng: random.Random, split: str) -> Iterator[str]:
    known = load_items("exact_instructions")["words"][split]
    while True:
        yield from rng.sample(known, len(known))


KINDS = {
    "upper case": _upper,
    "first letter": _first,
    "reverse order": _reverse,
    "list": _list,
    "label": _label,
    "JSON": _json,
    "call": _request,
}
"""What draws the items of each kind."""


def as_records(chosen: Sequence[Item]) -> list[dict[str, list[Message]]]:
    """Return conversations to train on."""
    return [
        {"messages": [*item.prompt, {"role": "assistant", "content": item.answer}]}
        for item in chosen
    ]
