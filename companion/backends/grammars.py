"""A grammar that holds a generation in: before each token it says which tokens can come next.

All others get the logit -inf; what is left is chosen as ever. Willard and Louf 2023,
https://arxiv.org/abs/2307.09702; the grammars are written in the Lark notation of llguidance, which
runs them. `companion.backends.structured` writes them for JSON of a schema,
`companion.backends.constrained` for calls of tools, and `companion.backends.quoting` for
quotations.

Shape letters: ``B`` sequences, ``V`` vocabulary size.
"""

import re
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from companion._extras import require
from companion.errors import ToolDefinitionError
from companion.generation.batching import eos_token_ids

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_PLACE = re.compile(r"^at \d+\(\d+\): ")
_GRAMMAR = re.compile(r"^ *\d+ \| ", re.MULTILINE)
_tokenizers: WeakKeyDictionary[Any, dict[tuple, Any]] = WeakKeyDictionary()


class GrammarConstraint:
    """A ``logits_filter`` for `companion.generate` that lets only texts of a grammar through.

    Args:
        model: The causal language model; tells which tokens end a text.
        tokenizer: Its tokenizer, of the fast kind.
        grammars: A grammar for each sequence of the batch; a single one for all of them.

    Raises:
        ValueError: If the tokenizer is not a fast one, or nothing ends a text.
        ToolDefinitionError: If a grammar can't be used.
        MissingExtraError: If llguidance is not installed.
    """

    def __init__(
        self,
        model: "PreTrainedModel",
        tokenizer: "PreTrainedTokenizerBase",
        grammars: str | Sequence[str],
    ) -> None:
        self.eos_ids = eos_token_ids(model, tokenizer)
        self._shared = isinstance(grammars, str)
        vocabulary = _vocabulary(tokenizer, self.eos_ids)
        texts = [grammars] if isinstance(grammars, str) else grammars
        self._matchers = [_matcher(vocabulary, text) for text in texts]
        self._rows: list[_Row] = []

    def __call__(self, logits: Tensor, token_ids: list[list[int]]) -> Tensor:
        """Remove every token that can't come next.

        Args:
            logits: Next-token logits, shape ``(B, V)``.
            token_ids: Tokens generated so far, ``B`` lists. Sequences that have ended are left
                alone.

        Returns:
            Logits with -inf for the tokens removed, shape ``(B, V)``.

        Raises:
            ValueError: If the number of sequences is not that of the grammars, or the tokens so
                far don't fit the grammar.
        """
        if len(self._rows) != len(token_ids):
            self._rows = self._new_rows(len(token_ids))
        allowed = torch.ones(logits.shape, dtype=torch.bool)
        for row, ids, keep in zip(self._rows, token_ids, allowed, strict=True):
            if not (ids and ids[-1] in self.eos_ids):
                next_allowed = row.next_tokens(ids)[: len(keep)]
                keep[: len(next_allowed)] = torch.from_numpy(next_allowed)
                keep[len(next_allowed) :] = False
        return logits.masked_fill(~allowed.to(logits.device), float("-inf"))

    def _new_rows(self, count: int) -> list["_Row"]:
        matchers = self._matchers * count if self._shared else self._matchers
        if len(matchers) != count:
            raise ValueError(
                f"there are {len(matchers)} grammars for {count} sequences; give one, or "
                "one for each sequence (a prompt with n samples has n)"
            )
        return [_Row(matcher.deep_copy()) for matcher in matchers]


class _Row:
    """The grammar of one sequence, as far as it has been written."""

    def __init__(self, matcher: Any) -> None:
        self.matcher = matcher
        self.written: list[int] = []

    def next_tokens(self, ids: list[int]) -> np.ndarray:
        """Return True for each token that can follow ``ids``, shape ``(V,)``."""
        if ids[: len(self.written)] != self.written:  # another text has begun
            self.matcher.reset()
            self.written = []
        for token in ids[len(self.written) :]:
            if not self.matcher.consume_token(token):
                raise ValueError(f"token {token} does not fit the grammar: nothing may choose it")
        self.written = list(ids)
        bits = np.frombuffer(self.matcher.compute_bitmask(), dtype=np.uint8)
        if self.matcher.is_error():
            raise ValueError(f"the grammar stopped: {self.matcher.get_error()}")
        return np.unpackbits(bits, bitorder="little").astype(bool)


def _vocabulary(tokenizer: "PreTrainedTokenizerBase", eos_ids: Collection[int]) -> Any:
    """Return the tokenizer as llguidance reads it; kept, since it takes up to a second."""
    if not getattr(tokenizer, "is_fast", False):
        raise ValueError("constrained decoding needs a fast tokenizer, such as AutoTokenizer gives")
    if not eos_ids:
        raise ValueError("neither the model nor the tokenizer has a token that ends a text")
    key = (len(tokenizer), tuple(sorted(eos_ids)))
    known = _tokenizers.setdefault(tokenizer, {})
    if key not in known:
        reader = require("llguidance.hf", extra="tools")
        known[key] = reader.from_tokenizer(tokenizer, eos_token=sorted(eos_ids))
    return known[key]


def _matcher(vocabulary: Any, text: str) -> Any:
    llguidance = require("llguidance", extra="tools")
    compiled = llguidance.LLMatcher.grammar_from_lark(text)
    problem = llguidance.LLMatcher.validate_grammar(compiled, vocabulary)
    if problem:
        raise ToolDefinitionError(f"no grammar can be made of this: {_without_places(problem)}")
    matcher = llguidance.LLMatcher(vocabulary, compiled, log_level=0)
    first = matcher.deep_copy()  # a rule may be itself and nothing more
    if not any(first.compute_bitmask()) or first.is_error():
        raise ToolDefinitionError("no grammar can be made of this: no token can come first")
    return matcher


def _without_places(problem: str) -> str:
    r"""Return what llguidance says without the grammar, which was written here.

    Example:
        >>> _without_places("at 1(8): anyOf is empty\n   1 | start: x\n      ^")
        'anyOf is empty'
    """
    said = _PLACE.sub("", problem)
    return _GRAMMAR.split(said, maxsplit=1)[0].strip()
