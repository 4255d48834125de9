"""Pocket and open: temperature and ways of decoding on three beginnings of ordinary English.

Variety is counted in words, since the two models cut text into different tokens: *distinct-n* is
the share of different n-grams among all n-grams of the texts (Li et al. 2016,
https://arxiv.org/abs/1510.03055). Log-probabilities are per token of each model, under the raw
model, and so can be compared within a column only. Taught in :doc:`/book/start/pocket-and-open`.

Left out: whether a text is any good, which a number of this kind does not say.
"""

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import mean
from typing import Any

import torch

from companion.generation.beam_search import beam_search
from companion.generation.decoding import generate
from companion.generation.params import SamplingParams
from companion.generation.sequences import Generation
from companion.models.loading import LoadedModel

from ._side_by_side import COLUMNS, ORIGIN, load_columns, part

PROMPTS = (
    "Artificial intelligence is",
    "The future of AI is",
    "Machine learning can be used for",
)
TEMPERATURES = (0.3, 0.7, 1.0, 1.5)
TEXTS = 20
TOKENS = 40
SEED = 0
STRATEGIES = {
    "greedy": SamplingParams(max_new_tokens=TOKENS, temperature=0),
    "top-k 50": SamplingParams(max_new_tokens=TOKENS, top_k=50),
    "top-p 0.9": SamplingParams(max_new_tokens=TOKENS, top_p=0.9),
}
BEAMS = 5


def measure(
    *, scale: float = 1.0, columns: Sequence[str] = COLUMNS, prompts: Sequence[str] = PROMPTS
) -> dict[str, Any]:
    """Continue some beginnings at four temperatures and by four strategies.

    Args:
        scale: Share of the texts to draw, for a quick try.
        columns: Some of "pocket" and "open".
        prompts: The beginnings.

    Returns:
        ``columns``, one entry each: ``temperatures`` with means over the beginnings and the first
        text of each, and ``strategies`` with one text for each beginning. Such a text is one
        sample (``seed``) and no average.
    """
    results = {}
    for name, column in load_columns(columns).items():
        results[name] = {
            "temperatures": {
                str(value): _at_temperature(column.text, prompts, value, scale)
                for value in TEMPERATURES
            },
            "strategies": _strategies(column.text, prompts),
        }
    return {
        "origin": ORIGIN,
        "texts": "Each printed text is one sample, the first for the seed; it is no average.",
        "seed": SEED,
        "columns": results,
    }


def _at_temperature(
    loaded: LoadedModel, prompts: Sequence[str], temperature: float, scale: float
) -> dict[str, Any]:
    count = len(part(range(TEXTS), scale))
    params = SamplingParams(max_new_tokens=TOKENS, temperature=temperature, n=count)
    rows, firsts = [], {}
    for prompt in prompts:
        written = _write(loaded, prompt, params)
        rows.append(describe(written))
        firsts[prompt] = written[0].text
    means = {key: round(mean(row[key] for row in rows), 4) for key in rows[0]}
    return {"count": count, **means, "first": firsts}


def _write(loaded: LoadedModel, prompt: str, params: SamplingParams) -> list[Generation]:
    generator = torch.Generator().manual_seed(SEED)
    return generate(loaded.model, loaded.tokenizer, prompt, params, generator=generator)


def describe(written: Sequence[Generation]) -> dict[str, float]:
    """Return the variety of some texts and how probable the model finds their tokens.

    Returns:
        ``distinct_1`` and ``distinct_2`` in words, ``logprob`` in nats per token.
    """
    texts = [words(generation.text) for generation in written]
    logprobs = [value for generation in written for value in generation.logprobs]
    return {
        "distinct_1": distinct(texts, lambda text: [(word,) for word in text]),
        "distinct_2": distinct(texts, lambda text: list(pairwise(text))),
        "logprob": mean(logprobs),
    }


def words(text: str) -> list[str]:
    """Return the words of a text in lower case; punctuation is left out."""
    return re.findall(r"\w+(?:['\u2019]\w+)*", text.lower())


def distinct(
    texts: Sequence[Sequence[str]], ngrams: Callable[[Sequence[str]], list[tuple[str, ...]]]
) -> float:
    """Return the share of different n-grams among all n-grams of all texts; 0 if there is none.

    Example:
        >>> distinct([["a", "b"], ["a", "c"]], lambda text: [(word,) for word in text])
        0.75
    """
    pairs = [ngram for text in texts for ngram in ngrams(text)]
    return len(set(pairs)) / len(pairs) if pairs else 0.0


def _strategies(loaded: LoadedModel, prompts: Sequence[str]) -> dict[str, dict[str, Any]]:
    results = {}
    for prompt in prompts:
        written = {name: _write(loaded, prompt, params)[0] for name, params in STRATEGIES.items()}
        (written[f"beam {BEAMS}"],) = beam_search(
            loaded.model, loaded.tokenizer, prompt, num_beams=BEAMS, max_new_tokens=TOKENS
        )
        results[prompt] = {
            name: {"text": answers.text, "logprob": round(mean(answers.logprobs), 3)}
            for name, answers in written.items()
        }
    return results
