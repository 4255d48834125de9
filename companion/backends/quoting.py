"""Constrained quoting: a model can only write words that stand in a passage, in their order.

Where `companion.backends.constrained` leaves a model the choice of a call, this leaves it the
choice of a place: from which word of which passage on to quote, and to which word. So an answer can
be the wrong quotation, but no invention, and its source is known: the passage that it is taken
from. Taught in :doc:`/book/applications/rag`.

Left out: answers put together from several places, words of the model's own such as "yes", and the
choice to say nothing: offered a sentence for that in a trial, SmolLM2-135M took it for five of ten
questions that had an answer.
"""

import json
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any

from companion.backends.backend import Reading
from companion.backends.grammars import GrammarConstraint

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


class QuoteConstraint(GrammarConstraint):
    """A ``logits_filter`` for `companion.generate` that lets only quotations through.

    Taught in :doc:`/book/applications/rag`.

    Args:
        model: The causal language model; tells which tokens end a text.
        tokenizer: Its tokenizer, of the fast kind.
        passages: What may be quoted from, for all sequences of the batch.

    Raises:
        ValueError: If no passage has a word, the tokenizer is not a fast one, or nothing ends a
            text.
        ToolDefinitionError: If llguidance can't make a grammar of the passages.
        MissingExtraError: If llguidance is not installed.
    """

    def __init__(
        self,
        model: "PreTrainedModel",
        tokenizer: "PreTrainedTokenizerBase",
        passages: Sequence[str],
    ) -> None:
        super().__init__(model, tokenizer, quote_grammar(passages))


def quote_grammar(passages: Sequence[str]) -> str:
    r"""Return the grammar of a quotation, in the Lark notation of llguidance.

    Args:
        passages: What may be quoted from. Line breaks become blanks.

    Raises:
        ValueError: If none of them has a word.

    Example:
        >>> print(quote_grammar(["Ann lives\nin Oslo.", " "]))
        start: QUOTE_0
        QUOTE_0: WORDS_0 & /.*[^ ].*/
        WORDS_0: %regex {"substring_words": "Ann lives in Oslo."}
    """
    texts = [line for text in passages if (line := " ".join(text.split()))]
    if not texts:
        raise ValueError("there is nothing to quote from: every passage is blank")
    lines = [f"start: {' | '.join(f'QUOTE_{number}' for number in range(len(texts)))}"]
    for number, text in enumerate(texts):
        lines.append(f"QUOTE_{number}: WORDS_{number} & /.*[^ ].*/")  # at least one word
        lines.append(f"WORDS_{number}: %regex {json.dumps({'substring_words': text})}")
    return "\n".join(lines)


def with_citation(
    pieces: Generator[str, None, Any], passages: Sequence[str]
) -> Generator[str, None, Any]:
    """Hand out a quotation, and behind it the number of the first passage that it stands in.

    Args:
        pieces: The quotation, as a stream writes it.
        passages: What it was taken from, number 1 first.

    Returns:
        A generator of the same pieces and, at the end, of a citation such as ``" [1]"``; it returns
        what ``pieces`` returns.

    Example:
        >>> list(with_citation((word for word in ["in ", "Oslo."]), ["Bo sings.", "Ann: in Oslo."]))
        ['in ', 'Oslo.', ' [2]']
    """
    text = ""
    with Reading(pieces) as written:
        for piece in written:
            text += piece
            yield piece
    quoted = " ".join(text.split())
    for number, passage in enumerate(passages, 1):
        if quoted and quoted in " ".join(passage.split()):
            yield f" [{number}]"
            break
    return written.value
