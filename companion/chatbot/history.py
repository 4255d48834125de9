"""A conversation: its turns, and how many of them the model gets to read.

A *turn* is the user's message with everything that answers it: tool calls, their results, the
assistant's text. A conversation keeps every turn. What is trimmed is the list of messages that the
model reads, by tokens and in whole turns: half a turn would be an answer without its question, and
many chat templates refuse that. Taught in :doc:`/book/applications/conversation`.

Left out: files (`companion.chatbot.storage`), summaries (`companion.chatbot.memory`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from companion._interface import called
from companion.errors import ContextLengthError, ConversationError
from companion.messages import Message, check_messages
from companion.rag.documents import Hit

CountTokens = Callable[[Sequence[Message]], int]


@dataclass
class Turn:
    """What the user said, and everything that answers it.

    Args:
        messages: The user's message first, in the user's own words; then what answers it.
        sources: The passages that the answer cites.
        interrupted: Whether the answer was stopped or broke off. It may be missing altogether.
        note: What the user was told about its end, such as "cut at 64 tokens"; mostly nothing.
        passages: The passages that the model read with it; citation ``[1]`` is the first.
        unknown_citations: Numbers that it cites although no passage has them.
        found: Whether there is an answer. False if documents were given and they do not say.

    Raises:
        ConversationError: If the messages are not one turn.
    """

    messages: list[dict[str, Any]]
    sources: list[Hit] = field(default_factory=list)
    interrupted: bool = False
    note: str = ""
    passages: list[Hit] = field(default_factory=list)
    unknown_citations: list[int] = field(default_factory=list)
    found: bool = True

    def __post_init__(self) -> None:
        """Check that the turn begins with the only message of the user."""
        check_turn(self.messages)

    @property
    def answered(self) -> bool:
        """Whether the turn ends with words of the assistant, so that another turn can follow."""
        last = self.messages[-1]
        return last["role"] == "assistant" and bool(last.get("content"))


def check_turn(messages: Sequence[Message]) -> None:
    """Check that messages are one turn: well formed, one message of the user, at the front.

    Raises:
        ConversationError: If they are not.

    Example:
        >>> check_turn([{"role": "user", "content": "Hello!"}])
    """
    try:
        check_messages(messages)
    except ValueError as error:
        raise ConversationError(str(error)[:200]) from None
    roles = [message["role"] for message in messages]
    if roles[0] != "user" or not set(roles[1:]) <= {"assistant", "tool"}:
        raise ConversationError(
            "a turn must be one message of the user and then what answers it, got the roles "
            + ", ".join(roles)
        )


@dataclass
class Conversation:
    """Everything that was said, oldest first.

    Args:
        system: What the assistant is told before the first turn; None for nothing.
        turns: The turns. None is ever dropped.
        summary: What a summary memory has written about the oldest turns; empty if there is none.
        summarized: How many of the oldest turns the summary covers.
        title: What the user calls it; empty if it has no name yet.

    Raises:
        ConversationError: If ``summarized`` is not from 0 to the number of turns.
    """

    system: str | None = None
    turns: list[Turn] = field(default_factory=list)
    summary: str = ""
    summarized: int = 0
    title: str = ""

    def __post_init__(self) -> None:
        """Check the number of summarized turns."""
        if not 0 <= self.summarized <= len(self.turns):
            raise ConversationError(
                f"summarized must be from 0 to the number of turns, {len(self.turns)}, "
                f"got {self.summarized}"
            )

    def groups(self) -> list[list[dict[str, Any]]]:
        """Return the messages of each turn; none of a turn that got no answer."""
        return [turn.messages if turn.answered else [] for turn in self.turns]


def split_turns(messages: Sequence[Message]) -> tuple[list[Message], list[list[Message]]]:
    """Split messages into the system messages at the front and whole turns.

    Args:
        messages: A conversation. After the system messages the user speaks first.

    Returns:
        The system messages, and one list per turn.

    Raises:
        ConversationError: If something other than the user's message begins a turn.

    Example:
        >>> head, turns = split_turns([{"role": "system", "content": "Be brief."},
        ...     {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"},
        ...     {"role": "user", "content": "Who are you?"}])
        >>> len(head), [len(turn) for turn in turns]
        (1, [2, 1])
    """
    start = next((i for i, m in enumerate(messages) if m["role"] != "system"), len(messages))
    turns: list[list[Message]] = []
    for message in messages[start:]:
        if message["role"] == "user":
            turns.append([])
        if not turns or message["role"] == "system":
            raise ConversationError(
                f"the role {message['role']!r} can't begin a turn; after the system messages, "
                "each turn begins with the user's message"
            )
        turns[-1].append(message)
    return list(messages[:start]), turns


def first_fitting(
    head: Sequence[Message],
    turns: Sequence[Sequence[Message]],
    *,
    count_tokens: CountTokens,
    budget: int,
) -> int:
    """Return the first turn from which on everything fits into the budget.

    Found by bisection, so that a long conversation is counted few times. The tokens of a part are
    counted together with the rest, since a template may write marks around the whole.

    Args:
        head: System messages, which always stay.
        turns: The messages of each turn, at least one turn; the newest always stays.
        count_tokens: Counts the tokens of a list of messages.
        budget: Tokens that the messages may take at most.

    Returns:
        An index into ``turns``, 0 if all of them fit.

    Raises:
        ContextLengthError: If head and newest turn alone exceed the budget.
    """
    newest = len(turns) - 1

    def size(first: int) -> int:
        return count_tokens([*head, *chain.from_iterable(turns[first:])])

    if (needed := size(newest)) > budget:
        raise ContextLengthError(
            f"the system message and the newest turn have {needed} tokens and the room for them "
            f"is {budget}. Shorten the message, lower {called('max_new_tokens')}, or take a model "
            "with a longer context."
        )
    if size(0) <= budget:
        return 0
    low, high = 1, newest  # what begins at `high` fits
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if size(middle) <= budget else (middle + 1, high)
    return high


def trim_messages(
    messages: Sequence[Message], *, count_tokens: CountTokens, budget: int
) -> list[Message]:
    """Leave out the oldest turns until the rest fits into a number of tokens.

    A ``deque(maxlen=6)`` of messages, seen in many chatbots, limits messages instead of tokens and
    cuts turns in half. Taught in :doc:`/book/applications/conversation`.

    Args:
        messages: System messages, then turns, the newest last.
        count_tokens: Counts the tokens of a list of messages, such as a backend's ``count_tokens``.
        budget: Tokens that the messages may take at most.

    Returns:
        The system messages and as many of the newest turns as fit, at least one.

    Raises:
        ContextLengthError: If the system messages and the newest turn exceed the budget.
        ConversationError: If the messages are no sequence of turns, or there is no turn.

    Example:
        Here each word is a token.

        >>> def count(messages):
        ...     return sum(len(message["content"].split()) for message in messages)
        >>> said = [{"role": "user", "content": "I am Ann"},
        ...     {"role": "assistant", "content": "Hello Ann"},
        ...     {"role": "user", "content": "Who am I"}]
        >>> len(trim_messages(said, count_tokens=count, budget=8))
        3
        >>> trim_messages(said, count_tokens=count, budget=7)
        [{'role': 'user', 'content': 'Who am I'}]
    """
    head, turns = split_turns(messages)
    if not turns:
        raise ConversationError("there is no turn: a conversation needs a message of the user")
    first = first_fitting(head, turns, count_tokens=count_tokens, budget=budget)
    return [*head, *chain.from_iterable(turns[first:])]
