"""Summary memory: what no longer fits into the context is kept as a short text.

The turns themselves stay in the conversation and in its file. Only what the model reads changes:
the summary follows the system message. A summary loses details and may add false ones, and the
next summary is made from it. Taught in :doc:`/book/applications/conversation`.
"""

from collections.abc import Callable, Sequence
from itertools import chain

from companion.backends.backend import Backend, write
from companion.chatbot.history import Conversation, CountTokens, first_fitting
from companion.errors import ContextLengthError
from companion.generation.params import SamplingParams
from companion.messages import Message
from companion.tools.transcript import calls_as_text

Summarize = Callable[[str, Sequence[Message]], str]
"""From the summary so far and the messages of one more turn to the new summary."""

INSTRUCTION = "Summarize the conversation in one or two sentences. Keep names, numbers and places."
"""What a model is told that is to summarize."""

HEADING = "Summary of the earlier conversation: "
"""What stands before a summary in the system message."""


class ModelSummary:
    """Let the model itself summarize, one turn at a time.

    An instruction-tuned model of some billion parameters does this well. pocket-chat does it
    badly: it has learned to summarize made-up facts, not conversations, so it keeps little of what
    was said and invents some. Measure before you rely on it. Taught in
    :doc:`/book/applications/conversation`.

    Args:
        backend: The model that writes the summary.
        max_new_tokens: Tokens of a summary at most.
    """

    def __init__(self, backend: Backend, *, max_new_tokens: int = 64) -> None:
        self.backend = backend
        self.params = SamplingParams(temperature=0, max_new_tokens=max_new_tokens)

    def __call__(self, summary: str, messages: Sequence[Message]) -> str:
        """Return a new summary from the old one and one more turn.

        A turn too long for the context is cut at its end.

        Raises:
            ContextLengthError: If not even the instruction fits.
        """
        plain = calls_as_text(messages)
        lines = [f"{m['role'].capitalize()}: {m['content']}" for m in plain]
        said = "\n".join([*([HEADING + summary] if summary else []), *lines])
        room = self.backend.context_length - self.params.max_new_tokens
        while self.backend.count_tokens(asked := _request(said)) > room:
            if not said:
                raise ContextLengthError(
                    f"a summary needs more than the context of {self.backend.context_length} "
                    "tokens. Lower max_new_tokens of the summary."
                )
            said = said[: len(said) * 3 // 4]
        return write(self.backend, asked, self.params).text.strip()


def _request(said: str) -> list[Message]:
    return [{"role": "user", "content": f"{INSTRUCTION}\n{said}"}]


def system_messages(system: str | None, summary: str = "") -> list[dict[str, str]]:
    r"""Return the system message with the summary in it; no message if both are empty.

    Example:
        >>> system_messages("Be brief.", "The user is Ann.")[0]["content"]
        'Be brief.\nSummary of the earlier conversation: The user is Ann.'
    """
    parts = [system] if system else []
    parts += [HEADING + summary] if summary else []
    return [{"role": "system", "content": "\n".join(parts)}] if parts else []


def fit(
    conversation: Conversation,
    newest: Sequence[Message],
    *,
    system: str | None,
    count_tokens: CountTokens,
    budget: int,
    summarize: Summarize | None = None,
    past_turns: int | None = None,
) -> tuple[list[Message], int]:
    """Return what the model reads: system message, summary, the newest turns that fit.

    Args:
        conversation: The turns so far. Its summary is extended if turns drop out.
        newest: The messages of the turn that is to be answered.
        system: The system message, without the summary.
        count_tokens: Counts the tokens of messages.
        budget: Tokens that the result may have.
        summarize: Summarizes the turns that are left out; None does nothing.
        past_turns: Turns before the newest at most; None for as many as fit.

    Returns:
        Messages of at most ``budget`` tokens, and how many turns are not among them. A summary too
        long for them is left out.

    Raises:
        ContextLengthError: If system message and newest turn alone exceed the budget.
    """
    oldest = 0 if past_turns is None else max(0, len(conversation.turns) - past_turns)
    past = conversation.groups()
    groups = [*([[]] * oldest), *past[oldest:], list(newest)]
    while True:
        head = system_messages(system, conversation.summary)
        if conversation.summary and count_tokens([*head, *newest]) > budget:
            head = system_messages(system)
        fitting = first_fitting(head, groups, count_tokens=count_tokens, budget=budget)
        first = max(oldest, fitting)
        if summarize is None or first <= conversation.summarized:
            return [*head, *chain.from_iterable(groups[first:])], sum(map(bool, past[:first]))
        for messages in past[conversation.summarized : first]:
            if messages:  # a turn without an answer says nothing
                conversation.summary = summarize(conversation.summary, messages)
            conversation.summarized += 1
