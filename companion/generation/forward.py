"""Run causal language models of any architecture through one call.

Most models keep keys and values and take the positions of their tokens. Some do not: state-space
models (Mamba, RWKV, xLSTM) keep a state of another kind, old ones (GPT-1) keep nothing, and others
count positions themselves, padding included (BART). What a model takes is read off the signature of
its ``forward``. Without a cache, each step reads everything again: slower, with the same result.
Taught in :doc:`/book/gpt/kv-cache`.

Refused are models that predict at a mask (BERT, XLNet, XLM), those with an encoder for the text
(T5, BART), and those with another head or none (classifiers). Left out: models that write several
streams at once (MusicGen).

Shape letters: ``B`` rows of a batch, ``T`` tokens so far, ``V`` vocabulary size.
"""

import inspect
from functools import cache as remember
from typing import Any, NamedTuple

import torch
from torch import Tensor

from companion.generation.batching import position_ids

_OTHER_HEADS = (
    "SequenceClassification",
    "TokenClassification",
    "QuestionAnswering",
    "MultipleChoice",
    "NextSentencePrediction",
)


class Traits(NamedTuple):
    """What a model takes and keeps."""

    arguments: frozenset[str]
    """Names that its ``forward`` has."""
    cache: str | None
    """Name of the argument for keys and values; None if it keeps none."""


def traits(model: Any) -> Traits:
    """Find out what a model takes and keeps.

    Args:
        model: A causal language model of `transformers`, with the layers of `peft` or without, or
            an object that is called in the same way.

    Returns:
        What its ``forward`` says.

    Raises:
        ValueError: If the model does not predict the next token from those before it.
    """
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    kind, config = type(inner), getattr(inner, "config", None)
    if getattr(config, "is_encoder_decoder", False):
        raise ValueError(
            f"{kind.__name__} has an encoder that reads a text and a decoder that writes another "
            "one; use a model that continues its text, or `generate` of transformers"
        )
    if _can_be_encoder(kind) and not getattr(config, "is_decoder", False):
        raise ValueError(
            f"{kind.__name__} reads on both sides of a token, so it can't write the next one: its "
            "config says is_decoder=False. Use a model that was trained to continue a text"
        )
    return _traits(kind, bool(getattr(inner, "_is_stateful", False)))


@remember
def _traits(kind: type, stateful: bool) -> Traits:
    names = frozenset(inspect.signature(getattr(kind, "forward", kind.__call__)).parameters)
    if kind.__name__.endswith(_OTHER_HEADS):
        raise ValueError(
            f"{kind.__name__} gives labels or scores, not the next token; load the model with the "
            "head of a language model (AutoModelForCausalLM)"
        )
    if names & {"perm_mask", "langs"} or kind.__name__.endswith("ForMaskedLM"):  # XLNet, XLM
        raise ValueError(
            f"{kind.__name__} predicts what a mask hides, not the next token from those before "
            "it; use another model"
        )
    # Reformer takes positions only for lengths that fill its chunks, and RecurrentGemma keeps its
    # state inside and reads padding beyond its window: both are given texts without padding.
    if names & {"past_buckets_states"} or "recurrent_gemma" in kind.__module__:
        names -= {"position_ids"}
    kept = next((name for name in ("past_key_values", "cache") if name in names), None)
    if stateful and "position_ids" not in names:
        kept = None  # a state is no list of keys and values, and reads the mask in another way
    return Traits(names, kept)


@remember
def _can_be_encoder(kind: type) -> bool:
    """Whether a class asks its config if it is a decoder, as BERT and its relatives do."""
    try:
        return "not config.is_decoder" in inspect.getsource(kind.__init__)
    except (OSError, TypeError):  # a class without source, or built in C
        return False


def cache_of(output: Any) -> Any:
    """Return the cache in what a model returned, under its name of today or of before 5.24."""
    cache = getattr(output, "cache", None)
    return cache if cache is not None else getattr(output, "past_key_values", None)


def read(
    model: Any,
    input_ids: Tensor,
    attention_mask: Tensor,
    *,
    cache: Any = None,
    use_cache: bool = False,
    last: bool = False,
) -> tuple[Tensor, Any]:
    """Run a model on a batch and return the logits.

    A row gets the logits that it would get alone. Where a model counts positions itself or carries
    a state through the padding, rows of different lengths are read one by one.

    Args:
        model: See `traits`.
        input_ids: Token ids, shape ``(B, T)``. With a cache, all are given and only the newest is
            read.
        attention_mask: 1 for real tokens, 0 for padding, shape ``(B, T)``.
        cache: What an earlier call returned.
        use_cache: Return a cache, if the model has one.
        last: Only the logits of the last column. Padding is on the left then.

    Returns:
        Logits in the dtype of the model, shape ``(B, T, V)``, or ``(B, 1, V)`` for the last column;
        and the cache for the next call, or None: then the next call reads everything.

    Raises:
        ValueError: As `traits`.
    """
    takes, kept = traits(model)
    if "position_ids" not in takes and not attention_mask.all():
        return _read_singly(model, input_ids, attention_mask, last), None
    positions = position_ids(attention_mask)
    if cache is not None:
        input_ids, positions = input_ids[:, -1:], positions[:, -1:]  # (B, 1)
    wanted = {
        "attention_mask": attention_mask,
        "position_ids": positions,
        "logits_to_keep": int(last),
    }
    given = {name: value for name, value in wanted.items() if name in takes}
    if kept is not None:
        given |= {kept: cache, "use_cache": use_cache}
    elif "use_cache" in takes:
        given["use_cache"] = False
    output = model(input_ids=input_ids, **given)
    logits = getattr(output, "logits", None)
    if logits is None or logits.dim() != 3:
        raise ValueError(
            f"{type(model).__name__} gives no logits of the next token; load the model with the "
            "head of a language model (AutoModelForCausalLM)"
        )
    logits = logits[:, -1:] if last else logits
    return logits, (cache_of(output) if use_cache and kept is not None else None)


def _read_singly(model: Any, input_ids: Tensor, attention_mask: Tensor, last: bool) -> Tensor:
    """Read each row without its padding; the logits of padding are 0."""
    rows = []
    for ids, mask in zip(input_ids, attention_mask.bool(), strict=True):
        real = ids[mask][None]  # (1, t)
        logits, _ = read(model, real, torch.ones_like(real), last=last)  # (1, t, V) or (1, 1, V)
        if last:
            rows.append(logits[0])
        else:
            whole = logits.new_zeros(len(ids), logits.shape[-1])
            whole[mask] = logits[0]
            rows.append(whole)
    return torch.stack(rows)
