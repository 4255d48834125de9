"""From the body of ``POST /v1/completions`` to an order.

Taught in :doc:`/book/open-models/serving`. Left out: ``echo``, ``suffix`` and ``best_of``.
"""

from dataclasses import dataclass, replace
from typing import Any

from companion.generation.batching import encode_prompts
from companion.generation.sequences import decode_text
from companion.serving.chat_request import read_stream
from companion.serving.fields import Fields, is_text
from companion.serving.order import Order, Served
from companion.serving.sampling import MAX_TOP

DEFAULT_TOKENS = 16
"""Tokens of an answer where the request does not say, as in the protocol."""


@dataclass(frozen=True)
class TextRequest:
    """A request for the continuation of texts.

    Args:
        order: What is to be written.
        stream: Whether the answer is to come in pieces.
        usage: Whether a stream ends with the numbers of tokens.
    """

    order: Order
    stream: bool
    usage: bool


def read_text(fields: Fields, served: Served) -> TextRequest:
    """Read a request for the continuation of texts.

    Args:
        fields: The body.
        served: The model.

    Raises:
        Refusal: If a field is wrong.
        ValueError: If a prompt is empty.
    """
    served.check_name(fields.text("model"))
    if fields.flag("echo"):
        fields.refuse("echo", "is not offered here: put the prompt in front yourself")
    if fields.get("suffix"):
        fields.refuse("suffix", "is not offered here: the models continue texts only")
    if fields.get("best_of") not in (None, 1, fields.get("n")):
        fields.refuse("best_of", "is not offered here: ask for n and choose")
    sampling = served.sampling(fields)
    if not sampling.limited:
        fewer = min(DEFAULT_TOKENS, served.max_tokens)
        sampling = sampling._replace(params=replace(sampling.params, max_new_tokens=fewer))
    stream, usage = read_stream(fields)
    top = fields.whole("logprobs", None, low=0, high=MAX_TOP)
    with served.lock:
        prompts = _prompts(fields, served)
        texts = [
            one if isinstance(one, str) else decode_text(served.tokenizer, one)
            for one in _listed(fields)
        ]
    params = served.fitting(sampling, max(map(len, prompts)))
    order = Order(texts, prompts, params, sampling.seed, top)
    if order.rows > served.batch:
        rule = f"times n must be at most {served.batch} texts, but are {order.rows}"
        Fields({}).refuse("prompt", rule)
    return TextRequest(order, stream, usage)


def _listed(fields: Fields) -> list[Any]:
    """Return the prompts: texts, or lists of tokens."""
    given = fields.get("prompt")
    if isinstance(given, str) or (given and isinstance(given, list) and _is_token(given[0])):
        return [given]
    return given if isinstance(given, list) else []


def _prompts(fields: Fields, served: Served) -> list[list[int]]:
    rule = "must be a text, a list of texts, or lists of token ids, none of them empty"
    prompts, listed = [], _listed(fields)
    for prompt in listed:
        if isinstance(prompt, str) and prompt and is_text(prompt):
            served.check_length(len(prompt))
            prompts += encode_prompts(served.tokenizer, [prompt])
        elif prompt and isinstance(prompt, list) and all(map(_is_token, prompt)):
            if not all(0 <= token < served.vocabulary for token in prompt):
                fields.refuse("prompt", f"must have token ids from 0 to {served.vocabulary - 1}")
            prompts.append(prompt)
        else:
            fields.refuse("prompt", rule)
    if not prompts:
        fields.refuse("prompt", rule)
    return prompts


def _is_token(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
