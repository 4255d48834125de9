"""Questions that need several notes, and what an agent does to answer them, step by step.

"Where was the boss of Zorin born?" needs two notes: who the boss is, and where that person was
born. A trace has the thought, the call of ``search`` and the notes that it finds for each step, and
then the answer, or a message to somebody with the answer in it. Some searches find other notes
first; some find nothing. Taught in :doc:`/book/applications/agents`.

Left out: questions with two subjects, dates and numbers, and notes of more than one sentence.
"""

import json
import random
from itertools import pairwise
from typing import Any, NamedTuple

from companion.phrases import TOOLS_PROMPT

from .holdout import Split
from .lexicon import FIRST_NAMES, distinct_names

Messages = list[dict[str, str]]


class Link(NamedTuple):
    """A kind of note: ``{s}`` is its subject, ``{o}`` what it says of it."""

    fact: str
    question: str
    phrase: str = ""
    """What the object is called seen from the subject, such as ``the boss of {s}``."""


PEOPLE = (
    Link("{s} works for {o}.", "Who does {s} work for?", "the boss of {s}"),
    Link(
        "The best friend of {s} is {o}.",
        "Who is the best friend of {s}?",
        "the best friend of {s}",
    ),
    Link("{s} is married to {o}.", "Who is {s} married to?", "the partner of {s}"),
)
"""Notes that lead from one person to another."""

LAST = (
    Link("{s} lives in {o}.", "Where does {s} live?"),
    Link("{s} was born in {o}.", "Where was {s} born?"),
    Link("{s} studied in {o}.", "Where did {s} study?"),
    Link("{s} speaks {o}.", "Which language does {s} speak?"),
    Link("{s} sells {o}.", "What does {s} sell?"),
    Link("{s} likes to eat {o}.", "What does {s} like to eat?"),
)
"""Notes that a chain ends with."""

NEW_PAIRS = frozenset({(0, 1), (1, 3), (2, 4), (0, 5)})
"""Pairs of a kind in `PEOPLE` and one in `LAST` that no training question joins."""

GIVING_UP = "I did not find it."
ERROR = json.dumps({"error": "nothing found; try other words"})
SEARCH = {"name": "search", "parameters": {"query": "string"}}
SEND = {"name": "send_message", "parameters": {"to": "string", "text": "string"}}


class Chain(NamedTuple):
    """A question, the notes that it needs in their order, and the answer.

    Args:
        question: What is asked.
        steps: The questions of the single steps.
        notes: One note for each step.
        names: The subject, and what each note says.
        kinds: Place of each step's kind in `PEOPLE`, the last one's in `LAST`.
        to: Somebody who shall be told the answer; empty if it is only asked for.
    """

    question: str
    steps: tuple[str, ...]
    notes: tuple[str, ...]
    names: tuple[str, ...]
    kinds: tuple[int, ...]
    to: str = ""

    @property
    def answer(self) -> str:
        """The last name: what is asked for."""
        return self.names[-1]

    @property
    def new(self) -> bool:
        """Whether training never joined these two last kinds."""
        return self.kinds[-2:] in NEW_PAIRS


def chain(
    rng: random.Random, split: Split, hops: int, *, message: bool = False, new: bool | None = None
) -> Chain:
    """Draw a question that needs ``hops`` notes.

    Args:
        rng: Source of randomness.
        split: Side of the names; on ``"train"``, pairs of `NEW_PAIRS` are not drawn.
        hops: Notes that it needs, from 1.
        message: Whether the answer shall be sent to somebody.
        new: True or False to draw such pairs only, or none of them. None: either, in evaluation.
    """
    new = False if split == "train" else new
    while True:
        kinds = tuple([rng.randrange(len(PEOPLE)) for _ in range(hops - 1)])
        kinds += (rng.randrange(len(LAST)),)
        if new is None or hops < 2 or (kinds[-2:] in NEW_PAIRS) == new:
            break
    names = distinct_names(rng, split, hops + 1)
    links = [PEOPLE[kind] for kind in kinds[:-1]] + [LAST[kinds[-1]]]
    phrase = names[0]
    for link in links[:-1]:
        phrase = link.phrase.format(s=phrase)
    question, to = links[-1].question.format(s=phrase), ""
    if message:
        to = rng.choice(FIRST_NAMES)
        question = f"{question} Tell {to}."
    pairs = list(zip(links, pairwise(names), strict=True))
    return Chain(
        question,
        tuple(link.question.format(s=s) for link, (s, _) in pairs),
        tuple(link.fact.format(s=s, o=o) for link, (s, o) in pairs),
        tuple(names),
        kinds,
        to,
    )


def thought(asked: Chain, step: int) -> str:
    """Return what the agent thinks before a step, or, behind the last one, before the message."""
    names, hops = asked.names, len(asked.steps)
    if step == hops:
        return f"I tell {asked.to}."
    known = f"T{_phrase(asked, step - 1)[1:]} is {names[step]}. " if step else ""
    wanted = _phrase(asked, step) if step < hops - 1 else f"to look up {names[step]}"
    return f"{known}I need {wanted}."


def _phrase(asked: Chain, step: int) -> str:
    return PEOPLE[asked.kinds[step]].phrase.format(s=asked.names[step])


def turn(thinking: str, name: str, arguments: dict[str, str]) -> dict[str, str]:
    """Return the assistant's turn with a thought and a call."""
    written = json.dumps({"name": name, "arguments": arguments})
    return {"role": "assistant", "content": f"{thinking}\n<tool_call>{written}</tool_call>"}


def other_note(rng: random.Random, split: Split, asked: Chain, step: int) -> str:
    """Return a note that does not answer a step: of the same person, or of the same kind."""
    kinds = (*PEOPLE, *LAST)
    own = PEOPLE[asked.kinds[step]] if step < len(asked.steps) - 1 else LAST[asked.kinds[step]]
    stranger, thing = distinct_names(rng, split, 2)
    if rng.random() < 0.5:
        return own.fact.format(s=stranger, o=thing)
    link = rng.choice([kind for kind in kinds if kind != own])
    return link.fact.format(s=asked.names[step], o=thing)


def found(
    rng: random.Random, split: Split, asked: Chain, step: int, *, hit: bool, count: int
) -> str:
    """Return what a search tells the model: ``count`` notes as JSON, among them the right one if hit."""
    notes = [other_note(rng, split, asked, step) for _ in range(count)]
    if hit:
        notes[0 if rng.random() < 0.75 else rng.randrange(count)] = asked.notes[step]
    return json.dumps({"notes": notes})


def system(*tools: dict[str, Any]) -> dict[str, str]:
    """Return the system message that declares the tools."""
    return {"role": "system", "content": TOOLS_PROMPT + json.dumps(tools)}


def trace(rng: random.Random, split: Split, asked: Chain, *, thoughts: bool = True) -> Messages:
    """Return what a good agent does: the conversation from the question to the answer.

    One search in eight finds other notes at first; it is put in other words, those of the note. One
    in fifteen finds nothing at all, also the second time, and the agent says so.
    """
    count = rng.choice((1, 1, 1, 2, 2, 3))
    tools = [SEARCH, SEND] if asked.to or rng.random() < 0.5 else [SEARCH]
    rng.shuffle(tools)
    messages = [system(*tools), {"role": "user", "content": asked.question}]
    for step, query in enumerate(asked.steps):
        thinking = thought(asked, step)
        chance = rng.random()
        lost, slow = chance < 1 / 15, chance < 1 / 15 + 1 / 8
        messages += _searched(rng, split, asked, step, thinking, query, not slow, count)
        if slow:
            again = asked.notes[step].removesuffix(f" {asked.names[step + 1]}.")
            messages += _searched(
                rng,
                split,
                asked,
                step,
                "That is not it. I try other words.",
                again,
                not lost,
                count,
            )
        if lost:
            return _without([*messages, _said(GIVING_UP)], thoughts)
    if asked.to:
        arguments = {"to": asked.to, "text": asked.notes[-1]}
        messages.append(turn(thought(asked, len(asked.steps)), "send_message", arguments))
        messages.append({"role": "tool", "content": json.dumps({"status": "sent"})})
        return _without([*messages, _said(f"I sent the message to {asked.to}.")], thoughts)
    return _without([*messages, _said(asked.notes[-1])], thoughts)


def _searched(
    rng: random.Random,
    split: Split,
    asked: Chain,
    step: int,
    thinking: str,
    query: str,
    hit: bool,
    count: int,
) -> Messages:
    told = found(rng, split, asked, step, hit=hit, count=count)
    if not hit and rng.random() < 0.2:
        told = ERROR
    return [turn(thinking, "search", {"query": query}), {"role": "tool", "content": told}]


def _said(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def _without(messages: Messages, thoughts: bool) -> Messages:
    """Leave the thoughts out, unless they are wanted."""
    if thoughts:
        return messages
    return [
        message | {"content": message["content"][message["content"].find("<tool_call>") :]}
        if message["role"] == "assistant" and "<tool_call>" in message["content"]
        else message
        for message in messages
    ]


def records(
    seed: int, split: Split, count: int, *, thoughts: bool = True, most_hops: int = 3
) -> list[dict[str, Any]]:
    """Return ``count`` traces to train on; the same ones for the same arguments."""
    rng = random.Random(f"chains-{seed}-{split}")
    made = []
    for _ in range(count):
        hops = rng.choice((1, 2, 2, 3, 3)[: 2 * most_hops - 1])
        asked = chain(rng, split, hops, message=rng.random() < 0.25)
        made.append({"messages": trace(rng, split, asked, thoughts=thoughts)})
    return made
