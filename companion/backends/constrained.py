"""Constrained decoding: a model can only write calls that are valid JSON for the declared tools.

A grammar is made from the tools. Before each token it says which tokens can come next, and all
others get the logit -inf. What is left is chosen as ever, so the model still decides *what* to
call; it can't misspell a name, forget an argument or leave a brace open. That a call is valid does
not make it right. Willard and Louf 2023, https://arxiv.org/abs/2307.09702; the grammar runs in
llguidance. Taught in :doc:`/book/applications/function-calling`.

The spacing is that of ``json.dumps``, which pocket-chat was trained on. Strings, lists and numbers
are kept short, so that a call comes to an end. Only a generation that was cut off
(``finish_reason == "length"``) can still be incomplete: leave room in ``max_new_tokens``. Numbers
have at most six decimals.

Shape letters: ``B`` sequences, ``V`` vocabulary size.
"""

import json
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from companion._checks import check_whole
from companion._extras import require
from companion.errors import ToolDefinitionError
from companion.generation.batching import eos_token_ids
from companion.tools import Toolbox

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

MODES = ("call", "call or answer")
MAX_ITEMS = 16
MAX_NUMBER = 2**53
SMALLEST_STEP = 1e-6

SPACING = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}

# What `parse_calls` takes for an answer: no line that could begin a call.
ANSWER = r"/[^\s{\[<`][^\n]*(\n([^<\n][^\n]*)?)*/"

_tokenizers: WeakKeyDictionary[Any, dict[tuple, Any]] = WeakKeyDictionary()


class CallConstraint:
    r"""A ``logits_filter`` for `companion.generate` that lets only valid calls through.

    Taught in :doc:`/book/applications/function-calling`.

    Args:
        model: The causal language model; tells which tokens end a text.
        tokenizer: Its tokenizer, of the fast kind.
        toolboxes: The tools that may be called: one toolbox, or one for each sequence of the
            batch.
        mode: ``"call"`` forces a call. ``"call or answer"`` leaves the choice; an answer then
            can't begin with a blank or one of ``{ [ <`` and a backtick.
        max_calls: Most calls in one turn, on lines of their own.
        opening: What comes before each call, such as ``"<tool_call>\n"`` for Qwen.
        closing: What comes after each call, such as ``"\n</tool_call>"``.
        max_string: Longest text in an argument, in characters.

    Raises:
        ValueError: If the mode is unknown, the tokenizer is not a fast one, or nothing ends a text.
        ToolDefinitionError: If no grammar can be made from a tool's schema.
        MissingExtraError: If llguidance is not installed.
    """

    def __init__(
        self,
        model: "PreTrainedModel",
        tokenizer: "PreTrainedTokenizerBase",
        toolboxes: Toolbox | Sequence[Toolbox],
        *,
        mode: str = "call or answer",
        max_calls: int = 1,
        opening: str = "",
        closing: str = "",
        max_string: int = 200,
    ) -> None:
        if mode not in MODES:
            raise ValueError(f"mode must be one of {', '.join(map(repr, MODES))}, got {mode!r}")
        check_whole(max_calls=max_calls)
        self.eos_ids = eos_token_ids(model, tokenizer)
        boxes = [toolboxes] if isinstance(toolboxes, Toolbox) else list(toolboxes)
        self._shared = isinstance(toolboxes, Toolbox)
        self._vocabulary = _vocabulary(tokenizer, self.eos_ids)
        self._matchers = [
            _matcher(
                self._vocabulary,
                grammar(
                    box, mode, max_calls=max_calls, wrap=(opening, closing), max_string=max_string
                ),
            )
            for box in boxes
        ]
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
            ValueError: If the number of sequences is not that of the toolboxes, or the tokens so
                far don't fit the grammar.
        """
        if len(self._rows) != len(token_ids):
            self._rows = self._new_rows(len(token_ids))
        allowed = torch.ones(logits.shape, dtype=torch.bool)
        for row, ids, keep in zip(self._rows, token_ids, allowed, strict=True):
            if not (ids and ids[-1] in self.eos_ids):
                found = row.next_tokens(ids)[: len(keep)]
                keep[: len(found)] = torch.from_numpy(found)
                keep[len(found) :] = False
        return logits.masked_fill(~allowed.to(logits.device), float("-inf"))

    def _new_rows(self, count: int) -> list["_Row"]:
        matchers = self._matchers * count if self._shared else self._matchers
        if len(matchers) != count:
            raise ValueError(
                f"there are {len(matchers)} toolboxes for {count} sequences; give one toolbox, or "
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


def grammar(
    toolbox: Toolbox,
    mode: str,
    *,
    max_calls: int = 1,
    wrap: tuple[str, str] = ("", ""),
    max_string: int = 200,
) -> str:
    """Return the grammar of a turn, in the Lark notation of llguidance.

    Args:
        toolbox: The tools.
        mode: As in `CallConstraint`, and so are the others.
        max_calls: Most calls.
        wrap: What comes before and after each call.
        max_string: Longest text in an argument, in characters.
    """
    opening, closing = wrap
    lines = ["start: calls" + (" | answer" if mode == "call or answer" else "")]
    more = rf' ("\n" call){{0,{max_calls - 1}}}' if max_calls > 1 else ""
    names = " | ".join(f"call_{index}" for index in range(len(toolbox)))
    lines += [f"calls: call{more}", f"call: {_literal(opening)}({names}){_literal(closing)}"]
    for index, tool in enumerate(toolbox):
        head = f'{{"name": {json.dumps(tool.name)}, "arguments": '
        schema = bounded(tool.parameters, max_string) | {"x-guidance": SPACING}
        lines.append(f'call_{index}: {json.dumps(head)} arguments_{index} "}}"')
        lines.append(f"arguments_{index}: %json {json.dumps(schema)}")
    return "\n".join([*lines, *([f"answer: {ANSWER}"] if "answer" in lines[0] else [])])


def bounded(schema: Any, max_string: int = 200) -> Any:
    """Return a JSON Schema in which strings, lists and numbers can't go on forever.

    Example:
        >>> bounded({"type": "string"})
        {'type': 'string', 'maxLength': 200}
    """
    if isinstance(schema, list):
        return [bounded(item, max_string) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: bounded(value, max_string) for key, value in schema.items()}
    kinds = found.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if "enum" in found or not isinstance(kinds, list):
        return found
    limits: dict[str, Any] = {}
    if "string" in kinds:
        limits["maxLength"] = max_string
    if "array" in kinds and "prefixItems" not in found:
        limits["maxItems"] = MAX_ITEMS
    if "integer" in kinds or "number" in kinds:
        limits |= {"minimum": -MAX_NUMBER, "maximum": MAX_NUMBER}
    if "number" in kinds:
        limits["multipleOf"] = SMALLEST_STEP
    return found | {key: value for key, value in limits.items() if key not in found}


def _literal(text: str) -> str:
    return f" {json.dumps(text)} " if text else " "


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
        raise ToolDefinitionError(f"no grammar can be made from the tools: {problem}")
    return llguidance.LLMatcher(vocabulary, compiled, log_level=0)
