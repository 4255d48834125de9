"""What one request wants to be written, ready for the model; and the model that writes it.

Taught in :doc:`/book/open-models/serving`.
"""

import threading
import time
from dataclasses import dataclass, field, replace
from typing import Any

from companion.backends.local import LocalBackend
from companion.errors import CompanionError
from companion.generation.batching import context_length
from companion.generation.decoding import LogitsFilter
from companion.generation.params import SamplingParams
from companion.serving.fields import Fields
from companion.serving.refusal import Refusal
from companion.serving.sampling import Sampling, read_sampling

LONGEST_TOKEN = 64
"""Characters of a token that a text is certain to have fewer of on average. A longer text is
refused before it is cut into tokens, which would take long."""


@dataclass(frozen=True)
class Order:
    """What a request wants to be written.

    Args:
        texts: Its prompts.
        prompts: The tokens of each.
        params: How tokens are chosen; ``n`` texts for each prompt.
        seed: Of the random numbers.
        top: How many alternatives each token is to be told with; None for no log-probabilities.
        constraint: What keeps the texts to a form, if anything does.
    """

    texts: list[str]
    prompts: list[list[int]]
    params: SamplingParams
    seed: int
    top: int | None = None
    constraint: LogitsFilter | None = None

    @property
    def rows(self) -> int:
        """How many texts are written."""
        return len(self.prompts) * self.params.n

    @property
    def longest(self) -> int:
        """Tokens of its longest prompt."""
        return max(map(len, self.prompts))


@dataclass
class Served:
    """The model that is served, and its limits.

    Args:
        model: A causal language model in eval mode.
        tokenizer: Its tokenizer.
        name: What clients call it.
        aliases: Other names that are understood.
        max_context: Tokens of its context at most; None for as many as it says.
        max_tokens: Tokens of an answer at most.
        batch: Texts that are written at a time, and so those of one request at most.

    Raises:
        ValueError: If the model writes no text, or does not say how long its context is.
    """

    model: Any
    tokenizer: Any
    name: str
    aliases: tuple[str, ...] = ()
    max_context: int | None = None
    max_tokens: int = 512
    batch: int = 8
    created: int = field(default_factory=lambda: int(time.time()))
    lock: threading.Lock = field(default_factory=threading.Lock)
    """Held while a request is read: a tokenizer is not made for several threads."""
    backend: LocalBackend | None = field(init=False, default=None)
    no_chat: str = field(init=False, default="")

    def __post_init__(self) -> None:
        """Find out whether the model can chat."""
        if not hasattr(self.model, "generation_config"):
            raise ValueError(f"a {type(self.model).__name__} writes no text, so it can't be served")
        lengths = [n for n in (self.max_context, context_length(self.model.config)) if n]
        try:
            backend = LocalBackend(self.model, self.tokenizer, max_context=self.max_context)
        except (CompanionError, ValueError) as error:
            if not lengths:
                raise
            self.no_chat = " ".join(str(error).split())
        else:
            self.backend = backend
        self.context = min(lengths)
        self.vocabulary = getattr(self.model.config, "vocab_size", len(self.tokenizer))

    def chat_backend(self) -> LocalBackend:
        """Return what makes prompts of messages.

        Raises:
            Refusal: If the model has no chat template.
        """
        if self.backend is None:
            said = f"{self.name} can't chat: {self.no_chat} Ask it at /v1/completions."
            raise Refusal(400, said, code="no_chat_template")
        return self.backend

    def check_name(self, name: str | None, param: str | None = "model") -> None:
        """Refuse the name of another model.

        Raises:
            Refusal: If it is one.
        """
        if name in (self.name, *self.aliases):
            return
        said = f"model must be {self.name!r}, got {name!r:.80}: this server has no other"
        raise Refusal(404, said, param=param, code="model_not_found")

    def card(self) -> dict[str, Any]:
        """Return what a list of models says of it. vLLM has ``max_model_len`` too."""
        card = {"id": self.name, "object": "model", "created": self.created}
        return card | {"owned_by": "companion", "max_model_len": self.context}

    def sampling(self, fields: Fields) -> Sampling:
        """Read how the tokens of a request are chosen."""
        return read_sampling(
            fields, most=self.max_tokens, choices=self.batch, vocabulary=self.vocabulary
        )

    def check_length(self, characters: int) -> None:
        """Refuse a text that is far too long for the context, without counting its tokens.

        Raises:
            Refusal: If it is.
        """
        if characters > LONGEST_TOKEN * self.context:
            said = (
                f"the prompt has {characters:,} characters, far more than fit into the "
                f"{self.context} tokens of the context of {self.name}. Shorten it."
            )
            raise Refusal(400, said, code="context_length_exceeded")

    def fitting(self, sampling: Sampling, tokens: int) -> SamplingParams:
        """Return the parameters with no more new tokens than the context has room for.

        Args:
            sampling: What the request asks for.
            tokens: Those of its longest prompt.

        Raises:
            Refusal: If there is no room at all.
        """
        room = self.context - tokens
        if room < 1:
            said = (
                f"the prompt has {tokens} tokens and the context of {self.name} is "
                f"{self.context}: no room is left for an answer. Shorten the prompt."
            )
            raise Refusal(400, said, code="context_length_exceeded")
        wanted = sampling.params.max_new_tokens
        return replace(sampling.params, max_new_tokens=min(wanted, room))
