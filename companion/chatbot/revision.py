"""What can be done with the last turn of a chat: take it back, or go on with its answer.

Taking it back is the first half of asking again, with the same words or with others. Going on is
for an answer that was stopped, broke off, or was cut at its limit. A backend with a method
``resume`` continues the very words, as if it had never stopped; others are asked to go on in a
message of their own, and may begin with something else. Taught in
:doc:`/book/applications/chatbot`.
"""

from collections.abc import Callable, Generator, Iterable, Sequence
from functools import partial
from typing import Any

from companion._interface import called
from companion.backends.backend import Backend, Piece
from companion.chatbot.evidence import has_documents
from companion.chatbot.history import Conversation, Turn, trim_messages
from companion.chatbot.reply import Draft, Reply
from companion.chatbot.tool_use import speak
from companion.errors import ConversationError
from companion.generation.params import SamplingParams
from companion.messages import Message

GO_ON = "Go on exactly where your last answer stops. Repeat nothing of it."


class Revisable:
    """The part of `companion.chatbot.Chatbot` that works on the last turn."""

    conversation: Conversation
    params: SamplingParams
    reply: Reply | None
    retriever: Any

    def retract(self) -> str:
        """Take the last turn off the conversation, to ask it again or to ask something else.

        Returns:
            The user's words in it.

        Raises:
            ConversationError: If there is no turn, or an answer is being written.
        """
        self._check_idle()
        talk = self.conversation
        if not talk.turns:
            raise ConversationError("there is no message yet that could be taken back")
        turn = talk.turns.pop()
        if talk.summarized > len(talk.turns):  # it tells of a turn that is gone
            talk.summary, talk.summarized = "", 0
        self.reply = None
        return turn.messages[0]["content"]

    def resume(self) -> Generator[str, None, Reply]:
        """Go on with the last answer, and hand out what is new piece by piece, as ``stream`` does.

        The turn stays one turn. Tools are not called on the way.

        Returns:
            An iterator over pieces of text. Its return value is the `Reply` with the whole answer.

        Raises:
            ConversationError: If the last answer is complete, empty, or a quotation, which the
                model could only go on with freely; or if one is being written.
            ContextLengthError: If there is no room for more.
            EndpointError: If an endpoint fails.
        """
        self._check_idle()
        turn = unfinished(self.conversation)
        if self._quotes(turn.passages):
            raise ConversationError(
                "a quotation can't be continued; ask again with a larger "
                f"{called('max_new_tokens')} than {self.params.max_new_tokens}"
            )
        return self._resumed()

    def _resumed(self) -> Generator[str, None, Reply]:
        turn = self.conversation.turns.pop()
        try:
            draft = Draft(turn.messages[0]["content"], turn.passages, steps=turn.messages[1:-1])
            draft.before = turn.messages[-1]["content"]
            draft.documents = has_documents(self.retriever)
            messages = [*self._window(draft), *draft.steps]
            budget = self._context - self.params.max_new_tokens
            write = continuation(self._model, messages, draft.before, budget)
        except BaseException:
            self.conversation.turns.append(turn)
            raise
        return (yield from self._answer(draft, lambda: speak(write(self.params), draft)))


def unfinished(conversation: Conversation) -> Turn:
    """Return the last turn, whose answer was stopped or cut.

    Raises:
        ConversationError: If there is none, or nothing in it that can be continued.
    """
    turn = conversation.turns[-1] if conversation.turns else None
    if turn is None or not turn.answered:
        raise ConversationError("there is no answer to go on with; ask again")
    if not (turn.interrupted or turn.note):
        raise ConversationError("the last answer is complete, so there is nothing to go on with")
    return turn


def continuation(
    backend: Backend, messages: Sequence[Message], text: str, budget: int
) -> Callable[[SamplingParams], Iterable[Piece]]:
    """Return what lets a backend go on with an answer.

    Args:
        backend: Any backend.
        messages: What the answer answers, old turns first.
        text: The answer so far.
        budget: Tokens that messages and answer may have together.

    Raises:
        ContextLengthError: If the newest turn and the answer exceed the budget.
    """
    answer = [{"role": "assistant", "content": text}]
    asked = [{"role": "user", "content": GO_ON}]
    room = budget - backend.count_tokens([{"role": "user", "content": f"{text}\n{GO_ON}"}])
    fitting = trim_messages(messages, count_tokens=backend.count_tokens, budget=room)
    resume = getattr(backend, "resume", None)
    if resume is not None:
        return partial(resume, [*fitting, *answer])
    return partial(backend.stream, [*fitting, *answer, *asked])
