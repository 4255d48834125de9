"""`Chatbot`: history, a model, retrieval and tools together.

One class for every backend. Only what the model reads differs from what is kept: passages are put
before the newest question, tools are declared in the system message, old turns are left out.
Taught in :doc:`/book/applications/chatbot`.
"""

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from companion._interface import called
from companion.backends.backend import Backend, Piece, check_backend, cleaner, knowing
from companion.chatbot import storage
from companion.chatbot.evidence import gather, has_documents, without_model
from companion.chatbot.history import Conversation, trim_messages
from companion.chatbot.memory import fit, system_messages
from companion.chatbot.reply import BROKEN, Draft, Reply, conclude
from companion.chatbot.revision import Revisable
from companion.chatbot.settings import ChatSettings, default_params
from companion.chatbot.tool_use import answer_with_tools, speak
from companion.errors import CompanionError, ContextLengthError, ConversationError
from companion.generation.params import SamplingParams
from companion.messages import Message
from companion.rag.answers import one_line
from companion.rag.citations import known_citations
from companion.rag.documents import Document, Hit, body
from companion.rag.grounding import best_fitting, grounded_prompt
from companion.tools import Toolbox


class Chatbot(Revisable):
    """A conversation with a model, with retrieval and tools if they are given.

    Args:
        backend: Where the words come from; see `companion.backends`.
        system: What the assistant is told before the first turn.
        max_context_tokens: Short for the field of `ChatSettings`.
        tools: The tools that the model may call.
        retriever: Has ``search(query, k)``; what it finds is put before the user's words.
        settings: Everything else.
        conversation: Goes on with this conversation; its system message holds.

    Raises:
        ValueError: If an argument is of another kind, or both a system message and a conversation
            are given.

    Example:
        >>> import companion
        >>> from companion.backends.local import LocalBackend
        >>> from companion.chatbot import Chatbot
        >>> bot = Chatbot(LocalBackend(*companion.load("chat", source="pocket")))
        >>> bot.ask("My name is Tavira.").text
        'Nice to meet you, Tavira.'
        >>> bot.ask("What is my name?").text
        'Your name is Tavira.'
    """

    def __init__(
        self,
        backend: Backend,
        *,
        system: str | None = None,
        max_context_tokens: int | None = None,
        tools: Toolbox | None = None,
        retriever: Any = None,
        settings: ChatSettings | None = None,
        conversation: Conversation | None = None,
    ) -> None:
        """Begin a conversation, or take one over."""
        check_backend(backend)
        _check_kind("system", system, str, "text")
        _check_kind("tools", tools, Toolbox, "a Toolbox, such as Toolbox([calculator])")
        _check_kind("settings", settings, ChatSettings, "ChatSettings")
        _check_kind("conversation", conversation, Conversation, "a Conversation")
        if retriever is not None and not callable(getattr(retriever, "search", None)):
            raise ValueError(
                "retriever must have search(query, k), such as a DenseRetriever, got "
                f"{retriever!r:.60}"
            )
        settings = settings or ChatSettings()
        if max_context_tokens is not None:
            settings = replace(settings, max_context_tokens=max_context_tokens)
        if system is not None and conversation is not None:
            raise ValueError("give a system message or a conversation, which has its own; not both")
        self.backend, self.settings = backend, settings
        self.tools, self.retriever = tools, retriever
        self.conversation = conversation or Conversation(self._kept(system) if system else None)
        self.reply: Reply | None = None
        self._busy = False

    @property
    def params(self) -> SamplingParams:
        """How tokens are chosen, with the default worked out for this backend."""
        return self.settings.params or default_params(self._context)

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
            ValueError: If the text is blank, or no text. Raised here, as is the next one.
            ContextLengthError: If the text does not fit, even without passages and older turns.
            ConversationError: If the answer before is still being written.
            EndpointError: If an endpoint fails.
            ToolLoopError: If the model goes on calling tools.
        """
        self._check_idle()
        if not isinstance(text, str):
            raise ValueError(f"the message must be text, got {text!r:.60}")
        asked = self._kept(text)
        if not asked.strip():
            raise ValueError("the message is blank: write something")
        draft = self._begin(asked)
        if not draft.found or (self.settings.extract and self._quotes(draft.passages)):
            return self._answer(draft, lambda: without_model(draft))
        messages = self._window(draft)
        return self._answer(draft, lambda: self._written(draft, messages))

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
        backend: Backend,
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

    def _begin(self, asked: str) -> Draft:
        """Search, and decide whether the model is asked at all: with tools it always is."""
        evidence = gather(self.retriever, asked, self.conversation.turns, self.settings)
        hits = evidence.passages
        if self.settings.redact:
            hits = [self._kept_hit(hit) for hit in hits]
        found = not evidence.missing or self.tools is not None
        return Draft(asked, hits, found=found, documents=has_documents(self.retriever))

    def _kept_hit(self, hit: Hit) -> Hit:
        metadata = {
            key: self._kept(value) if isinstance(value, str) else value
            for key, value in hit.document.metadata.items()
        }
        return Hit(Document(self._kept(hit.text), metadata), hit.score)

    def _window(self, draft: Draft) -> list[Message]:
        """Return what the model reads, and keep those of the passages that are in it."""
        system, model = self.conversation.system, self._model
        budget = self._context - self.params.max_new_tokens
        if budget < 1:
            raise ContextLengthError(
                f"{called('max_new_tokens')} is {self.params.max_new_tokens} and the context has "
                f"{self._context} tokens, so no room is left for a message. Lower it."
            )

        def newest(part: Sequence[Hit]) -> list[Message]:
            texts, clean = [hit.text for hit in part], cleaner(self.backend)
            return [{"role": "user", "content": grounded_prompt(draft.asked, texts, clean=clean)}]

        def fits(part: Sequence[Hit]) -> bool:
            return model.count_tokens([*system_messages(system), *newest(part)]) <= budget

        given = len(draft.passages)
        draft.passages = best_fitting(draft.passages, fits) if draft.passages else []
        draft.unread = given - len(draft.passages)
        messages, draft.left_out = fit(
            self.conversation,
            newest(draft.passages),
            system=system,
            count_tokens=model.count_tokens,
            budget=budget,
            summarize=self._summarize if self.settings.summarize else None,
            past_turns=self.settings.past_turns,
        )
        return messages

    def _summarize(self, summary: str, messages: Sequence[Message]) -> str:
        return self._kept(self.settings.summarize(summary, messages))

    @property
    def _model(self) -> Backend:
        """The backend, told of the tools if there are any."""
        return self.backend if self.tools is None else knowing(self.backend, self.tools)

    def _check_idle(self) -> None:
        if self._busy:
            raise ConversationError("the answer before is still being written; finish or close it")

    def _answer(
        self, draft: Draft, write: Callable[[], Generator[str, None, Any]]
    ) -> Generator[str, None, Reply]:
        self._check_idle()
        self._busy = True
        try:
            pieces = write()
            if draft.cites:
                pieces = known_citations(pieces, len(draft.passages), draft.before)
            yield from pieces
            draft.finished = True
        except CompanionError:  # an endpoint that fails, or tools that never end
            draft.finish = BROKEN
            raise
        finally:  # also on Ctrl-C, when the iterator is closed, and when the endpoint fails
            self._busy = False
            self._store(draft)
        return self.reply

    def _written(self, draft: Draft, messages: list[Message]) -> Generator[str, None, Any]:
        if self.tools is None:
            return speak(self._speaker(draft).stream(messages, self.params), draft)
        given = (messages, self.tools, draft, self.settings)
        return answer_with_tools(self._turn, *given, clean=self._kept)

    def _speaker(self, draft: Draft) -> Backend:
        """Return what writes an answer without tools: one that quotes, if it shall and can."""
        if not self._quotes(draft.passages):
            return self.backend
        clean = cleaner(self.backend)
        texts = [one_line(clean(body(hit.document))) for hit in draft.passages]
        return self.backend.quote_from(texts)

    def _quotes(self, passages: Sequence[Hit]) -> bool:
        """Tell whether an answer from these passages can only be a quotation."""
        able = self.settings.quote and hasattr(self.backend, "quote_from")
        return bool(passages) and self.tools is None and (able or self.settings.extract)

    def _turn(self, messages: Sequence[Message]) -> Iterable[Piece]:
        """Write one turn of a tool loop. Results make the turn longer, so old turns may go."""
        budget = self._context - self.params.max_new_tokens
        fitting = trim_messages(messages, count_tokens=self._model.count_tokens, budget=budget)
        return self._model.stream(fitting, self.params)

    def _store(self, draft: Draft) -> None:
        """Add the turn to the conversation, finished or not."""
        limit = self.params.max_new_tokens
        turn, self.reply = conclude(draft, keep=self._kept, limit=limit)
        self.conversation.turns.append(turn)


def _check_kind(name: str, value: Any, kind: type, wanted: str) -> None:
    if value is not None and not isinstance(value, kind):
        raise ValueError(f"{name} must be {wanted}, got {value!r:.60}")
