"""Agents on questions that need several notes: many of them run together, and scored.

The search goes through notes of invented people by BM25. All that is random is drawn from a seed.
Taught in :doc:`/book/applications/agents`.
"""

import json
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from companion.backends.local import LocalBackend
from companion.errors import ToolError, ToolLoopError
from companion.generation.params import SamplingParams
from companion.messages import Message
from companion.pocket.corpus.chains import Chain, chain, other_note
from companion.rag.bm25 import BM25Retriever
from companion.rag.documents import Document
from companion.tools import Tool, Toolbox, ToolCall, ToolRun
from companion.tools.loop import Ask, MayRun, allowed, tool_loop

GREEDY = SamplingParams(temperature=0, max_new_tokens=80)
NOTES = 2
"""Notes that a search returns."""

View = Callable[[Sequence[Message]], list[Message]]
"""What of the conversation the model is shown."""


@dataclass
class Step:
    """One turn of the model, and what came of it.

    Args:
        text: What the model wrote.
        tokens: Tokens of it.
        read: Tokens of the prompt.
        call: The call in it; None if it was the answer.
        outcome: Of the call, as `companion.tools.ToolResult` has it.
        result: What the model was told.
    """

    text: str
    tokens: int
    read: int
    call: ToolCall | None = None
    outcome: str = ""
    result: str = ""


@dataclass
class Episode:
    """One question from beginning to end.

    Args:
        asked: The question.
        steps: All turns of the model.
        ended: ``"answer"``, ``"budget"`` (of steps) or ``"context"``: no room for another turn.
        run: The conversation, the answer and the calls.
    """

    asked: Chain
    steps: list[Step] = field(default_factory=list)
    ended: str = ""
    run: ToolRun | None = None

    @property
    def answer(self) -> str:
        """The last turn; empty if there was none."""
        return self.run.answer if self.run else ""

    @property
    def calls(self) -> int:
        """Calls that were asked for, run or not."""
        return sum(step.call is not None for step in self.steps)

    @property
    def found(self) -> int:
        """How many of the notes that are needed were found, up to the first that was not."""
        seen = " ".join(step.result for step in self.steps)
        missing = [place for place, note in enumerate(self.asked.notes) if note not in seen]
        return missing[0] if missing else len(self.asked.notes)

    @property
    def right(self) -> bool:
        """Whether the answer holds the name that was asked for."""
        return self.ended == "answer" and holds(self.answer, self.asked.answer)


def holds(text: str, name: str) -> bool:
    """Tell whether a name stands in a text as a word of its own.

    Example:
        >>> holds("She was born in Tarpa.", "Tarpa"), holds("in Tarpas", "Tarpa")
        (True, False)
    """
    return re.search(rf"\b{re.escape(name)}\b", text) is not None


def questions(
    seed: str, hops: int, count: int, *, message: bool = False, new: bool | None = None
) -> list[Chain]:
    """Return held-out questions; the same for the same arguments.

    Args:
        seed: Any word; another one gives other questions.
        hops: Notes that each of them needs, one after the other.
        count: How many.
        message: Whether they ask for a message to somebody.
        new: Whether training never joined these kinds of notes; None for both kinds.
    """
    rng = random.Random(f"agents-{seed}-{hops}")
    return [chain(rng, "eval", hops, message=message, new=new) for _ in range(count)]


def crowd(asked: Sequence[Chain]) -> list[Document]:
    """Return the notes that the questions need, and as many beside them that look alike."""
    rng = random.Random("crowd")
    notes = [note for one in asked for note in one.notes]
    notes += [other_note(rng, "eval", one, at) for one in asked for at in range(len(one.notes))]
    rng.shuffle(notes)
    return [Document(note) for note in notes]


def notes_tool(documents: Sequence[Document], count: int = NOTES) -> Tool:
    """Make the tool ``search`` over notes: by words, ``count`` notes a search."""
    retriever = BM25Retriever(documents)

    def search(query: str) -> dict[str, list[str]]:
        """Search the notes.

        Args:
            query: Words to look for.
        """
        hits = retriever.search(query, count)
        if not hits:
            raise ToolError("nothing found; try other words")
        return {"notes": [hit.document.text for hit in hits]}

    return Tool.from_function(search)


def run_together(
    backend: LocalBackend,
    asked: Sequence[Chain],
    toolbox: Toolbox,
    *,
    max_steps: int = 8,
    view: View = list,
    approve: Callable[[ToolCall], bool] | None = None,
) -> list[Episode]:
    """Let a model work on many questions, one batch for each turn.

    Args:
        backend: The model.
        asked: The questions.
        toolbox: Its tools.
        max_steps: Rounds of calls for each question.
        view: What of its conversation the model is shown. The whole conversation goes on.
        approve: As in `companion.tools.run_tools`.
    """
    bound = backend.bind_tools(toolbox)
    episodes = [Episode(one) for one in asked]
    loops = [
        tool_loop(
            [{"role": "user", "content": one.question}],
            toolbox,
            max_steps=max_steps,
            clean=backend.clean,
        )
        for one in asked
    ]
    events: dict[int, Any] = {place: next(loop) for place, loop in enumerate(loops)}
    while events:
        shown = {place: view(event.messages) for place, event in events.items()}
        sizes = {place: bound.count_tokens(messages) for place, messages in shown.items()}
        room = bound.context_length - GREEDY.max_new_tokens
        going = [place for place in events if sizes[place] <= room]
        for place in events.keys() - set(going):
            episodes[place].ended = "context"
            loops[place].close()
        events = {place: events[place] for place in going}
        written = bound.write_all([shown[place] for place in going], GREEDY) if going else []
        for place, turn in zip(going, written, strict=True):
            text = turn.text.strip()
            episodes[place].steps.append(Step(text, turn.ending.tokens, sizes[place]))
            event = _next_ask(loops[place], text, episodes[place], toolbox, approve)
            events.pop(place) if event is None else events.update({place: event})
    return episodes


def _next_ask(
    loop: Any,
    text: str,
    episode: Episode,
    toolbox: Toolbox,
    approve: Callable[[ToolCall], bool] | None,
) -> Ask | None:
    """Send a turn into a loop, answer what it asks, and return where it wants the next turn."""
    answer: Any = text
    try:
        while True:
            event = loop.send(answer)
            if isinstance(event, Ask):
                return event
            answer = None
            if isinstance(event, MayRun):
                answer = allowed(event.call, toolbox, approve)
            else:
                step, result = episode.steps[-1], event.result
                step.call, step.outcome, step.result = result.call, result.outcome, result.content()
    except StopIteration as end:
        episode.run, episode.ended = end.value, "answer"
    except ToolLoopError as error:
        episode.run, episode.ended = error.run, "budget"
    return None


def first_note(messages: Sequence[Message]) -> list[Message]:
    """Keep the first note of each result."""
    return [
        message | {"content": _shortened(message["content"])}
        if message["role"] == "tool"
        else message
        for message in messages
    ]


def _shortened(content: str) -> str:
    value = json.loads(content)
    return json.dumps(value | {"notes": value["notes"][:1]}) if "notes" in value else content


def send_message(outbox: list[tuple[str, str]], *, needs_approval: bool = False) -> Tool:
    """Make the tool ``send_message``, which only writes down what it is given."""

    def send_message(to: str, text: str) -> dict[str, str]:
        """Send a message to a person.

        Args:
            to: Name of the person.
            text: What to say.
        """
        outbox.append((to, text))
        return {"status": "sent"}

    return Tool.from_function(send_message, needs_approval=needs_approval)
