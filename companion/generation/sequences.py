"""A continuation: while it grows, and when it is done."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from companion.generation.params import SamplingParams
from companion.generation.stopping import find_stop


@dataclass(frozen=True)
class Generation:
    """One finished continuation of one prompt.

    Attributes:
        prompt: The text it continues.
        text: The new text, without special tokens and without the stop string.
        token_ids: Every generated token: the EOS token and the tokens of a stop string included,
            so that ``sum(logprobs)`` is the log-probability of exactly these tokens.
        logprobs: Log-probability of each token in nats under the *raw* model, that is before
            penalties, temperature and filters.
        finish_reason: ``"eos"``, ``"stop"`` (a stop string) or ``"length"`` (``max_new_tokens``).
        score: Set by beam search only: the length-normalized log-probability it ranks by.
    """

    prompt: str
    text: str
    token_ids: list[int]
    logprobs: list[float]
    finish_reason: str
    score: float | None = None


def decode_text(tokenizer: Any, token_ids: list[int]) -> str:
    """Turn generated ids into text, without special tokens.

    Only the new ids are decoded. Cutting the prompt off the decoded whole by counting characters
    goes wrong as soon as ``decode(encode(prompt)) != prompt``.
    """
    return tokenizer.decode(token_ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)


@dataclass
class GrowingSequence:
    """One sequence of a batch while it is being written.

    `append` decides when it is finished, in this order: EOS, stop string, length. Tokens that
    arrive later, because other sequences of the batch go on, are ignored.
    """

    prompt: str
    tokenizer: Any
    params: SamplingParams
    eos_ids: Collection[int]
    token_ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    finish_reason: str | None = None

    def append(self, token: int, logprob: float) -> None:
        """Add a token with its log-probability (nats), unless the sequence is finished."""
        if self.finish_reason:
            return
        self.token_ids.append(token)
        self.logprobs.append(logprob)
        if token in self.eos_ids:
            self.finish_reason = "eos"
        elif self.params.stop and find_stop(self._decoded(), self.params.stop) is not None:
            self.finish_reason = "stop"
        elif len(self.token_ids) == self.params.max_new_tokens:
            self.finish_reason = "length"

    def text(self) -> str:
        """Return the text so far, cut where a stop string begins."""
        text = self._decoded()
        return text[: find_stop(text, self.params.stop)]

    def result(self) -> Generation:
        """Return the finished continuation."""
        return Generation(
            self.prompt, self.text(), self.token_ids, self.logprobs, self.finish_reason or "length"
        )

    def _decoded(self) -> str:
        ends_in_eos = bool(self.token_ids) and self.token_ids[-1] in self.eos_ids
        return decode_text(self.tokenizer, self.token_ids[: -1 if ends_in_eos else None])
