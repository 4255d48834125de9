"""SmolLM2 as an agent, as it is: shown one worked example, its calls held to a grammar.

Taught in :doc:`/book/applications/agents`.
"""

import random
from collections.abc import Sequence
from itertools import pairwise

from companion.backends.constrained import CallConstraint
from companion.errors import ToolLoopError
from companion.generation.decoding import generate
from companion.generation.params import SamplingParams
from companion.messages import Message, prompt_text
from companion.models.loading import LoadedModel
from companion.rag.documents import Document
from companion.tools import Toolbox, ToolCall
from companion.tools.loop import Ask, MayRun, tool_loop

from .agents import notes_tool

PEOPLE = [
    "Anna",
    "Ben",
    "Clara",
    "David",
    "Emma",
    "Felix",
    "Grace",
    "Hugo",
    "Irene",
    "Jonas",
    "Kate",
    "Liam",
    "Marta",
    "Nils",
    "Olga",
    "Paul",
]
CITIES = [
    "Oslo",
    "Lima",
    "Cairo",
    "Tokyo",
    "Paris",
    "Berlin",
    "Madrid",
    "Rome",
    "Vienna",
    "Dublin",
    "Athens",
    "Lisbon",
]
TOLD = (
    "You answer questions with notes. Find one fact at a time. If you need a fact, write one line "
    'of JSON: {"name": "search", "arguments": {"query": "..."}}. If the notes hold the answer, '
    "write the answer in words."
)
SHOWN: tuple[Message, ...] = (
    {"role": "system", "content": TOLD},
    {"role": "user", "content": "Where does the sister of Tom live?"},
    {"role": "assistant", "content": ToolCall("search", {"query": "sister of Tom"}).text()},
    {"role": "tool", "content": '{"notes": ["The sister of Tom is Rita."]}'},
    {"role": "assistant", "content": ToolCall("search", {"query": "Rita lives in"}).text()},
    {"role": "tool", "content": '{"notes": ["Rita lives in Geneva."]}'},
    {"role": "assistant", "content": "The sister of Tom is Rita, and she lives in Geneva."},
)
"""The instruction and a worked example."""
MOST_STEPS = 4


def open_questions(count: int) -> list[tuple[str, tuple[str, str], str]]:
    """Return at most 15 questions with ordinary names, the notes that each needs, its answer."""
    names = random.Random("open agents").sample(PEOPLE, count + 1)
    made = []
    for place, (person, boss) in enumerate(pairwise(names)):
        city = CITIES[place % len(CITIES)]
        made.append(
            (
                f"Where was the boss of {person} born?",
                (f"The boss of {person} is {boss}.", f"{boss} was born in {city}."),
                city,
            )
        )
    return made


def turn(
    loaded: LoadedModel, messages: Sequence[Message], toolbox: Toolbox, *, forced: bool = False
) -> str:
    """Write the next turn: a valid call or words; in the first turn a call, if it is forced."""
    mode = "call" if forced and messages[-1]["role"] == "user" else "call or answer"
    model, tokenizer = loaded
    shown = [
        {"role": "user", "content": f"returned: {message['content']}"}
        if message["role"] == "tool"
        else dict(message)
        for message in [*SHOWN, *messages]
    ]
    (written,) = generate(
        model,
        tokenizer,
        prompt_text(tokenizer, shown),
        SamplingParams(temperature=0, max_new_tokens=40),
        logits_filter=CallConstraint(model, tokenizer, toolbox, mode=mode),
    )
    return written.text.strip()


def one_episode(
    loaded: LoadedModel, question: str, notes: Sequence[str], *, forced: bool = False
) -> list[tuple[str, str]]:
    """Run the loop on one question; ``forced`` as in `turn`.

    Returns:
        What the model wrote in each turn, and what it was told; nothing behind the last.
    """
    toolbox = Toolbox([notes_tool([Document(note) for note in notes], 1)])
    asked: list[Message] = [{"role": "user", "content": question}]
    loop, answer, steps = tool_loop(asked, toolbox, max_steps=MOST_STEPS), None, []
    try:
        while True:
            event = loop.send(answer)
            answer = None
            if isinstance(event, Ask):
                answer = turn(loaded, event.messages, toolbox, forced=forced)
                steps.append((answer, ""))
            elif isinstance(event, MayRun):
                answer = True
            else:
                steps[-1] = (steps[-1][0], event.result.content())
    except (StopIteration, ToolLoopError):
        return steps
