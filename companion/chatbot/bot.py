"""`Chatbot`: history, a model, retrieval and tools together.

One class for every backend. Only what the model reads differs from what is kept: passages are put
before the newest question, tools are declared in the system message, old turns are left out.
Taught in :doc:`/book/applications/chatbot`.
"""

from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from companion.chatbot import storage
from companion.chatbot.grounding import find_sources, grounded_prompt
from companion.chatbot.history import Conversation, Source, Turn, trim_messages
from companion.chatbot.memory import fit, system_messages
from companion.chatbot.settings import ChatSettings
from companion.chatbot.tool_use import Draft, answer_with_tools
from companion.errors import ContextLengthError, ConversationError
from companion.generation.params import SamplingParams
from companion.messages import Message
from companion.reasoning import Reasoning
from companion.tools import Toolbox, ToolResult

if TYPE_CHECKING:
    from companion.chatbot.backend import Backend


@dataclass(frozen=True)
class Reply:
    """An answer.

    Args:
        text: What the assistant said, without tool calls.
        sources: The passages that it read.
        calls: The result of every tool call.
        interrupted: Whether it was stopped or broke off.
        reasoning: What the model wrote before its answer. It is not in the conversation, and the
            model does not read it again.
    """

    text: str
    sources: tuple[Source, ...] = ()
    calls: tuple[ToolResult, ...] = ()
    interrupted: bool = False
    reasoning: str = ""


class Chatbot:
    """A conversation with a model, with retrieval and tools if they are given.

    Args:
        backend: Where the words come from: `LocalBackend`, `EndpointBackend` or anything like them.
        system: What the assistant is told before the first turn.
        max_context_tokens: Short for the field of `ChatSettings`.
        tools: The tools that the model may call.
        retriever: Has ``search(query, k)``; what it finds is put before the user's words.
        settings: Everything else.
        conversation: Goes on with this conversation; its system message holds.

    Raises:
        ValueError: If both a system message and a conversation are given.

    Example:
        >>> import companion
        >>> from companion.chatbot import Chatbot, LocalBackend
        >>> bot = Chatbot(LocalBackend(*companion.load("chat", source="pocket")))
        >>> bot.ask("My name is Tavira.").text
        'Nice to meet you, Tavira.'
        >>> bot.ask("What is my name?").text
        'Your name is Tavira.'
    """

    def __init__(
        self,
        backend: "Backend",
        *,
        system: str | None = None,
        max_context_tokens: int | None = None,
        tools: Toolbox | None = None,
        retriever: Any = None,
        settings: ChatSettings | None = None,
        conversation: Conversation | None = None,
    ) -> None:
        """Begin a conversation, or take one over."""
        settings = settings or ChatSettings()
        if max_context_tokens is not None:
            settings = replace(settings, max_context_tokens=max_context_tokens)
        if system is not None and conversation is not None:
            raise ValueError("give a system message or a conversation, which has its own; not both")
        self.backend, self.tools, self.retriever, self.settings = (
            backend,
            tools,
            retriever,
            settings,
        )
        self.conversation = conversation or Conversation(self._kept(system) if system else None)
        self.reply: Reply | None = None
        self._busy = False

    @property
    def params(self) -> SamplingParams:
        """How tokens are chosen, with the default worked out for this backend."""
        if self.settings.params is not None:
            return self.settings.params
        room = max(1, min(256, self._context // 8))
        return SamplingParams(temperature=0, max_new_tokens=room)

    def ask(self, text: str) -> Reply:
        """Say something and return the whole answer. See `stream`."""
        answer = self.stream(text)
        while True:
            try:
                next(answer)
            except StopIteration as end:
                return end.value

    def stream(self, text: str) -> Generator[str, None, Reply]:
        """Say something and hand out the answer piece by piece, while it is being written.

        Reasoning is not handed out, unless it was taken for the answer: a server may send it with
        a mark at its end only. It is never part of the reply's text.

        Closing the iterator, or Ctrl-C, stops the answer. What was written so far is kept and
        marked as interrupted, and the conversation can go on. A turn that got no answer at all is
        kept in the conversation, but not sent to the model again. Taught in
        :doc:`/book/applications/chatbot`.

        Args:
            text: The user's words, not blank.

        Returns:
            An iterator over pieces of text. Its return value is the `Reply`, which is also found
            in the attribute ``reply``.

        Raises:
            ValueError: If the text is blank. Raised here, as is the next one.
            ContextLengthError: If the text does not fit, even without passages and older turns.
            ConversationError: If the answer before is still being written.
            EndpointError: If an endpoint fails.
            ToolLoopError: If the model goes on calling tools.
        """
        if self._busy:
            raise ConversationError("the answer before is still being written; finish or close it")
        asked = self._kept(text)
        if not asked.strip():
            raise ValueError("the message is blank: write something")
        found = self._search(asked)
        messages, used = self._window(asked, found)
        return self._answer(Draft(asked, found[:used]), messages)

    def reset(self) -> None:
        """Begin a new conversation with the same system message."""
        self.conversation, self.reply = Conversation(self.conversation.system), None

    def save(self, path: str | Path) -> None:
        """Write the conversation to a file. See `companion.chatbot.storage.save`."""
        storage.save(self.conversation, path)

    @classmethod
    def load(
        cls,
        path: str | Path,
        backend: "Backend",
        *,
        tools: Toolbox | None = None,
        retriever: Any = None,
        settings: ChatSettings | None = None,
    ) -> "Chatbot":
        """Go on with a conversation from a file.

        Raises:
            ConversationError: If the file is no conversation of this version.
        """
        conversation = storage.load(path)
        return cls(
            backend, tools=tools, retriever=retriever, settings=settings, conversation=conversation
        )

    @property
    def _context(self) -> int:
        limit = self.settings.max_context_tokens
        return min(limit, self.backend.context_length) if limit else self.backend.context_length

    def _kept(self, text: str) -> str:
        """Return a text as it may be stored and sent: whole characters, redacted."""
        whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return self.settings.redact(whole) if self.settings.redact else whole

    def _search(self, asked: str) -> list[Source]:
        if self.retriever is None:
            return []
        settings = self.settings
        found = find_sources(self.retriever, asked, k=settings.k, min_score=settings.min_score)
        return [replace(source, text=self._kept(source.text)) for source in found]

    def _window(self, asked: str, found: Sequence[Source]) -> tuple[list[Message], int]:
        """Return what the model reads, and how many of the passages are in it.

        Passages that don't fit beside the system message are left out, the worst first.
        """
        system, budget = self._system(), self._context - self.params.max_new_tokens
        if budget < 1:
            raise ContextLengthError(
                f"max_new_tokens is {self.params.max_new_tokens} and the context has "
                f"{self._context} tokens, so no room is left for a message. Lower it."
            )
        count = self._model.count_tokens
        for used in range(len(found), -1, -1):
            content = grounded_prompt(asked, [source.text for source in found[:used]])
            newest = [{"role": "user", "content": content}]
            if not used or count([*system_messages(system), *newest]) <= budget:
                break
        messages = fit(
            self.conversation,
            newest,
            system=system,
            count_tokens=count,
            budget=budget,
            summarize=self._summarize if self.settings.summarize else None,
            past_turns=self.settings.past_turns,
        )
        return messages, used

    def _summarize(self, summary: str, messages: Sequence[Message]) -> str:
        return self._kept(self.settings.summarize(summary, messages))

    @property
    def _model(self) -> "Backend":
        """The backend, told of the tools if it has a way of its own for that."""
        bind = getattr(self.backend, "bind_tools", None)
        return bind(self.tools) if self.tools is not None and bind else self.backend

    def _system(self) -> str | None:
        parts = [self.conversation.system]
        if self.tools is not None and not hasattr(self.backend, "bind_tools"):
            parts.append(self.tools.system_text())
        return "\n".join(filter(None, parts)) or None

    def _answer(self, draft: Draft, messages: list[Message]) -> Generator[str, None, Reply]:
        if self._busy:
            raise ConversationError("the answer before is still being written; finish or close it")
        self._busy = True
        try:
            with ExitStack() as stack:
                pieces = self._pieces(draft, messages)
                stack.callback(getattr(pieces, "close", lambda: None))
                for piece in pieces:
                    if isinstance(piece, Reasoning):
                        draft.take_apart(piece)
                        continue
                    draft.pieces.append(piece)
                    yield piece
            draft.finished = True
        finally:  # also on Ctrl-C, when the iterator is closed, and when the endpoint fails
            self._busy = False
            self._store(draft)
        return self.reply

    def _pieces(self, draft: Draft, messages: list[Message]) -> Iterator[str | Reasoning]:
        if self.tools is None:
            return self._model.stream(messages, self.params)
        settings = self.settings
        return answer_with_tools(
            self._turn,
            messages,
            self.tools,
            draft,
            max_steps=settings.max_steps,
            approve=settings.approve,
            log=settings.log,
            clean=self._kept,
        )

    def _turn(self, messages: Sequence[Message]) -> Iterator[Any]:
        """Write one turn of a tool loop. Results make the turn longer, so old turns may go."""
        budget = self._context - self.params.max_new_tokens
        fitting = trim_messages(messages, count_tokens=self._model.count_tokens, budget=budget)
        return self._model.stream(fitting, self.params)

    def _store(self, draft: Draft) -> None:
        """Add the turn to the conversation, finished or not."""
        text = self._kept("".join(draft.pieces))
        messages = [{"role": "user", "content": draft.asked}, *draft.steps]
        if draft.finished or text:
            messages.append({"role": "assistant", "content": text})
        self.conversation.turns.append(Turn(messages, draft.sources, not draft.finished))
        self.reply = Reply(
            text,
            tuple(draft.sources),
            tuple(draft.calls),
            not draft.finished,
            self._kept("\n".join(draft.reasoning)),
        )
