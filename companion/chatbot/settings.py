"""The settings of a chatbot."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from companion._checks import check_whole
from companion.chatbot.memory import Summarize
from companion.generation.params import SamplingParams
from companion.tools import ToolCall


@dataclass(frozen=True)
class ChatSettings:
    """How a chatbot answers.

    Attributes:
        params: How to choose tokens, and when to stop. None is greedy, with at most an eighth of
            the context and 256 tokens for an answer.
        max_context_tokens: Tokens that prompt and answer may have together; the whole context of
            the model if None.
        past_turns: Turns before the newest that the model reads at most; None for as many as fit.
            With tools, pocket-chat needs 0: see `companion.chatbot.launch.ChatMaker`.
        k: Passages that the retriever is asked for.
        min_score: Passages with a lower score are left out; None keeps all.
        quote: Whether an answer from passages has to be a quotation, with its source. It takes a
            backend that can; any other answers in its own words. Not with tools.
        extract: Whether the best passage that is found is the answer, word for word, with its
            source, and the model is not asked. For passages that are single sentences, as a
            `companion.rag.library.Library` of ``sentences`` has them. Not with tools.
        small_talk: Tells whether a message is not about the documents, or how surely, from 0 to 1,
            such as a `SmallTalk`. Below 1 the documents are searched all the same, and a passage
            can speak of it: see `companion.chatbot.evidence`. A question about them, for which
            nothing is found, is not put to the model: the answer is that the documents do not say.
            None puts every message to the model.
        summarize: Summarizes turns that no longer fit, such as a `ModelSummary`. None leaves them
            out.
        redact: Takes out of every text what must not be stored or sent, such as
            `companion.chatbot.redact`. None keeps all. It has no effect on what is shown while it
            is written.
        max_steps: Rounds of tool calls for one answer.
        approve: Is asked before each tool call; see `companion.tools.run_tools`.
        log: Gets a record of every tool call.
    """

    params: SamplingParams | None = None
    max_context_tokens: int | None = None
    past_turns: int | None = None
    k: int = 3
    min_score: float | None = None
    quote: bool = False
    extract: bool = False
    small_talk: Callable[[str], float] | None = None
    summarize: Summarize | None = None
    redact: Callable[[str], str] | None = None
    max_steps: int = 4
    approve: Callable[[ToolCall], bool] | None = None
    log: Any = None

    def __post_init__(self) -> None:
        check_whole(k=self.k, max_steps=self.max_steps)
        if self.max_context_tokens is not None:
            check_whole(max_context_tokens=self.max_context_tokens)
        if self.past_turns is not None:
            check_whole(0, past_turns=self.past_turns)
        if self.params is not None and self.params.n != 1:
            raise ValueError(f"a chatbot gives one answer, so n must be 1, got {self.params.n}")


def default_params(context_length: int) -> SamplingParams:
    """Return how a chatbot chooses tokens unless it is told otherwise.

    Greedily, and at most an eighth of the context and 256 tokens for an answer.

    Example:
        >>> default_params(512).max_new_tokens, default_params(100_000).max_new_tokens
        (64, 256)
    """
    return SamplingParams(temperature=0, max_new_tokens=max(1, min(256, context_length // 8)))
