"""From a request to how tokens are chosen.

The names are those of the OpenAI protocol, and ``top_k``, ``min_p`` and ``repetition_penalty`` as
vLLM has them. What the package has no method for is refused, unless it is set to do nothing.

A request that says nothing of all that is written greedily, as ``companion chat`` writes: small
models ramble at 1, the default of the protocol. If it wants several answers, or filters tokens, and
names no temperature, it has that 1. Taught in :doc:`/book/open-models/serving`.
"""

import secrets
from typing import NamedTuple

from companion.generation.params import SamplingParams
from companion.serving.fields import Fields, is_text

MAX_STOP = 16
"""Stop strings of a request at most."""
MAX_TOP = 20
"""Alternatives to a token that can be asked for at most, as in the protocol."""

OFF = {"frequency_penalty": 0, "presence_penalty": 0, "logit_bias": {}}
"""What is not offered, and the value that it may have."""


class Sampling(NamedTuple):
    """How the tokens of a request are chosen."""

    params: SamplingParams
    """``max_new_tokens`` is what is asked for, if ``limited``."""
    limited: bool
    """Whether the request says how many tokens it wants at most."""
    seed: int


def read_sampling(fields: Fields, *, most: int, choices: int, vocabulary: int) -> Sampling:
    """Read how tokens are to be chosen.

    Args:
        fields: The body of the request.
        most: Tokens of an answer at most. Whoever asks for more gets as many.
        choices: Answers to a request at most.
        vocabulary: Size of the vocabulary, which limits ``top_k``.

    Raises:
        Refusal: If a field is out of its range, or asks for what is not offered.

    Example:
        >>> asked = Fields({"temperature": 0, "max_tokens": 5, "stop": "."})
        >>> read_sampling(asked, most=100, choices=4, vocabulary=50).params.stop
        ('.',)
        >>> [
        ...     read_sampling(Fields(asked), most=9, choices=4, vocabulary=50).params.temperature
        ...     for asked in ({}, {"n": 2}, {"top_p": 0.9}, {"temperature": 0.7})
        ... ]
        [0.0, 1.0, 1.0, 0.7]
    """
    for name, value in OFF.items():
        if fields.get(name) not in (None, value):
            hint = "is not offered here: leave it out"
            hint += "" if name == "logit_bias" else ", or take repetition_penalty"
            fields.refuse(name, hint)
    asked = fields.whole("max_completion_tokens", None, low=1)
    asked = asked or fields.whole("max_tokens", None, low=1)
    params = SamplingParams(
        max_new_tokens=min(asked or most, most),
        temperature=fields.number("temperature", float(_draws(fields)), low=0, high=2),
        top_p=fields.number("top_p", 1.0, low=0, high=1, above=True),
        top_k=_top_k(fields, vocabulary),
        min_p=fields.number("min_p", 0.0, low=0, high=1),
        repetition_penalty=fields.number("repetition_penalty", 1.0, low=0, high=10, above=True),
        n=fields.whole("n", 1, low=1, high=choices),
        stop=_stop(fields),
    )
    seed = fields.whole("seed", None, low=-(2**63), high=2**63 - 1)
    return Sampling(params, asked is not None, secrets.randbits(63) if seed is None else seed)


def _draws(fields: Fields) -> bool:
    """Tell whether a request makes sense only if tokens are drawn."""
    idle = {"n": (1,), "top_p": (1,), "top_k": (-1, 0), "min_p": (0,)}
    return any(fields.get(name) not in (None, *values) for name, values in idle.items())


def _top_k(fields: Fields, vocabulary: int) -> int | None:
    if fields.get("top_k") in (-1, 0):  # how vLLM and others write: all of them
        return None
    return fields.whole("top_k", None, low=1, high=vocabulary)


def _stop(fields: Fields) -> tuple[str, ...]:
    given = fields.get("stop")
    strings = [given] if isinstance(given, str) else fields.items("stop")
    right = all(isinstance(text, str) and text and is_text(text) for text in strings)
    if not right or len(strings) > MAX_STOP:
        fields.refuse("stop", f"must be a text or a list of at most {MAX_STOP}, none of them empty")
    return tuple(strings)
