"""An answer of a chatbot: while it is written, and when it is done."""

from collections.abc import Callable
from dataclasses import dataclass, field

from companion.chatbot.history import Turn
from companion.messages import Message
from companion.rag.answers import RagAnswer, parse_answer
from companion.rag.citations import cited
from companion.rag.documents import Hit
from companion.tools import ToolResult

BROKEN = "broken"
"""Why an answer ended that an error cut off."""

USUAL = ("", "stop", "eos", "end_turn", "tool_calls", "function_call")
"""Endings that need no word."""


@dataclass(frozen=True)
class Reply:
    """An answer.

    Args:
        text: What the assistant said, word for word, without tool calls. A citation that is
            invented stands in it; `companion.rag.citations.known_only` takes it out.
        sources: The passages that it cites, in the order of the citations. Page and heading are in
            the metadata of their documents.
        calls: The result of every tool call.
        interrupted: Whether it was stopped or broke off.
        reasoning: What the model wrote before its answer. It is not in the conversation, and the
            model does not read it again.
        finish: Why the model ended its turn; see `companion.backends.backend.Ending`.
        note: What the user should be told about that, such as "cut at 64 tokens"; mostly nothing.
        passages: The passages that the model was shown; citation ``[1]`` is the first.
        unknown_citations: Numbers that it cites although no passage has them.
        found: Whether it is an answer. False if documents were given and they do not say.
        left_out: Turns of the conversation that the model did not read this time.
        unread: Passages that were found, and that the model did not read for want of room.
        tokens: Tokens that the model wrote; 0 if they are unknown.
        seconds: Time in which it wrote them, with the reading of the prompt.
    """

    text: str
    sources: tuple[Hit, ...] = ()
    calls: tuple[ToolResult, ...] = ()
    interrupted: bool = False
    reasoning: str = ""
    finish: str = field(default="", repr=False)
    note: str = field(default="", repr=False)
    passages: tuple[Hit, ...] = field(default=(), repr=False)
    unknown_citations: tuple[int, ...] = field(default=(), repr=False)
    found: bool = field(default=True, repr=False)
    left_out: int = field(default=0, repr=False)
    unread: int = field(default=0, repr=False)
    tokens: int = field(default=0, repr=False)
    seconds: float = field(default=0.0, repr=False, compare=False)


@dataclass
class Draft:
    """An answer while it is being written.

    Args:
        asked: The user's words.
        passages: The passages put before them.
        found: Whether there is something to answer from.
        documents: Whether there are documents, so that a number in brackets is a citation.
        before: What had been written when the answer was stopped that is now continued.
        pieces: What was shown of the turn that the model is writing.
        steps: Tool calls and results before that.
        calls: The result of every call.
        finished: Whether the answer is complete.
        reasoning: What the model reasoned, turn by turn.
        finish: Why the model ended its turn.
        left_out: Turns of the conversation that the model does not read.
        unread: Passages for which there is no room.
        tokens: Tokens that the model has written, over all its turns.
        seconds: Time in which it wrote them.
    """

    asked: str
    passages: list[Hit]
    found: bool = True
    documents: bool = False
    pieces: list[str] = field(default_factory=list)
    steps: list[Message] = field(default_factory=list)
    calls: list[ToolResult] = field(default_factory=list)
    finished: bool = False
    reasoning: list[str] = field(default_factory=list)
    finish: str = ""
    left_out: int = 0
    unread: int = 0
    tokens: int = 0
    seconds: float = 0.0
    before: str = ""

    @property
    def cites(self) -> bool:
        """Whether a number in brackets is a citation. It is not in a chat without documents."""
        return self.documents or bool(self.passages)


def conclude(draft: Draft, *, keep: Callable[[str], str], limit: int) -> tuple[Turn, Reply]:
    """Make a turn of the conversation, and the reply, of what was written.

    Args:
        draft: The answer, finished or not.
        keep: Makes a text fit to be stored.
        limit: Tokens that the answer could have.
    """
    text = keep(draft.before + "".join(draft.pieces))
    answer = RagAnswer(text, found=draft.found)
    if draft.passages:
        answer = parse_answer(text, draft.passages)
    elif draft.documents:
        answer = RagAnswer(text, found=draft.found, unknown_citations=tuple(cited(text, 0)[1]))
    reasoning = keep("\n".join(draft.reasoning))
    ended = draft.finished or draft.finish == BROKEN
    note = ending_note(draft.finish, text, reasoning, limit) if ended else ""
    messages = [{"role": "user", "content": draft.asked}, *draft.steps]
    if draft.finished or text:
        messages.append({"role": "assistant", "content": text})
    turn = Turn(
        messages,
        list(answer.sources),
        not draft.finished,
        note,
        draft.passages,
        list(answer.unknown_citations),
        answer.found,
    )
    reply = Reply(
        text,
        answer.sources,
        tuple(draft.calls),
        turn.interrupted,
        reasoning,
        draft.finish,
        note,
        passages=tuple(draft.passages),
        unknown_citations=answer.unknown_citations,
        found=answer.found,
        left_out=draft.left_out,
        unread=draft.unread,
        tokens=draft.tokens,
        seconds=draft.seconds,
    )
    return turn, reply


def ending_note(finish: str, text: str, reasoning: str, limit: int) -> str:
    """Say in words how an answer ended, if it did not end as answers do.

    Args:
        finish: Why the model ended its turn.
        text: What it said.
        reasoning: What it reasoned.
        limit: Tokens that it had.

    Example:
        >>> ending_note("length", "It is", "", 256), ending_note("stop", "It is 42.", "", 256)
        ('cut at 256 tokens', '')
        >>> ending_note(BROKEN, "It is", "", 256)
        'broken off'
        >>> ending_note("length", "", "Hm", 256)
        'cut at 256 tokens, all of them reasoning: no answer'
    """
    if finish == "length":
        thought = ", all of them reasoning: no answer" if reasoning and not text else ""
        return f"cut at {limit} tokens{thought}"
    if finish == "refusal":
        return "refused"
    if finish == BROKEN:
        return "broken off"
    if finish == "content_filter":
        return "refused: stopped by the server's content filter"
    if finish not in USUAL:
        return f"ended by the server: {' '.join(finish.split())[:80]}"
    if text.strip():
        return ""
    return "no answer: reasoning only" if reasoning else "an empty answer"
