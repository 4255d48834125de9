"""From the body of ``POST /v1/chat/completions`` to an order.

Taught in :doc:`/book/open-models/serving`.
"""

import copy
from dataclasses import dataclass

from companion.backends.constrained import CallConstraint
from companion.backends.local import LocalBackend
from companion.backends.structured import SchemaConstraint
from companion.generation.batching import encode_prompts
from companion.generation.decoding import LogitsFilter
from companion.messages import Message
from companion.reasoning import opening_mark
from companion.serving.conversation import Declared, read_messages, read_tools
from companion.serving.fields import Fields
from companion.serving.order import Order, Served
from companion.serving.sampling import MAX_TOP

FORMS = ("text", "json_object", "json_schema")
"""What ``response_format`` may ask for."""


@dataclass(frozen=True)
class ChatRequest:
    """A request for the next turn of a conversation.

    Args:
        order: What is to be written.
        opening: The mark with which the prompt opens the model's reasoning, if it does.
        tools: Whether the turn may be a call.
        stream: Whether the answer is to come in pieces.
        usage: Whether a stream ends with the numbers of tokens.
    """

    order: Order
    opening: str
    tools: bool
    stream: bool
    usage: bool


def read_chat(fields: Fields, served: Served) -> ChatRequest:
    """Read a request for the next turn of a conversation.

    Args:
        fields: The body.
        served: The model.

    Raises:
        Refusal: If a field is wrong.
        ValueError: If the chat template does not take the messages, or no grammar can be made.
        MissingExtraError: If tools or a form are asked for, and llguidance is not installed.
    """
    served.check_name(fields.text("model"))
    backend = served.chat_backend()
    messages, declared = read_messages(fields), read_tools(fields)
    sampling, schema = served.sampling(fields), _schema(fields, declared)
    stream, usage = read_stream(fields)
    if fields.get("modalities") not in (None, ["text"]):
        fields.refuse("modalities", 'must be ["text"]: nothing else is written here')
    top = _top(fields)
    served.check_length(sum(len(message["content"] or "") for message in messages))
    with served.lock:
        backend = _told(fields, backend, declared)
        prompt = backend.prompt(messages)
        (ids,) = encode_prompts(served.tokenizer, [prompt])
        params = served.fitting(sampling, len(ids))
        constraint = _constraint(served, backend, messages, declared, schema)
    order = Order([prompt], [ids], params, sampling.seed, top, constraint)
    return ChatRequest(order, opening_mark(prompt), declared.toolbox is not None, stream, usage)


def read_stream(fields: Fields) -> tuple[bool, bool]:
    """Return whether an answer comes in pieces, and whether numbers of tokens end it."""
    stream, options = fields.flag("stream"), fields.inner("stream_options")
    return stream, bool(options and options.flag("include_usage"))


def _top(fields: Fields) -> int | None:
    top = fields.whole("top_logprobs", 0, low=0, high=MAX_TOP)
    if fields.flag("logprobs"):
        return top
    if top:
        fields.refuse("top_logprobs", "needs logprobs to be true")
    return None


def _told(fields: Fields, backend: LocalBackend, declared: Declared) -> LocalBackend:
    """Return the backend that knows the tools, and whether the model shall reason."""
    wanted = fields.inner("chat_template_kwargs") or Fields({})
    named = [wanted.flag(name) for name in ("enable_thinking", "thinking")]
    if any(named):
        backend = copy.copy(backend)
        backend.thinking = True
    return backend if declared.toolbox is None else backend.bind_tools(declared.toolbox)


def _schema(fields: Fields, declared: Declared) -> dict | None:
    """Return the JSON Schema that the answer has to keep to, None if there is none."""
    wanted = fields.inner("response_format")
    form = "text" if wanted is None else wanted.get("type")
    if form not in FORMS:
        wanted.refuse("type", f"must be one of {', '.join(FORMS)}")
    if form == "text":
        return None
    if declared.toolbox is not None:
        rule = 'and tools are not offered together here: leave one out, or set tool_choice "none"'
        Fields({}).refuse("response_format", rule)
    if form == "json_object":
        return {"type": "object"}
    described = wanted.inner("json_schema")
    schema = described and described.inner("schema")
    if schema is None:
        wanted.refuse("json_schema", "must be an object with a JSON Schema in its field schema")
    return dict(schema.given)


def _constraint(
    served: Served,
    backend: LocalBackend,
    messages: list[Message],
    declared: Declared,
    schema: dict | None,
) -> LogitsFilter | None:
    if schema is not None:
        return SchemaConstraint(served.model, served.tokenizer, schema)
    if declared.forced is not None:
        return CallConstraint(served.model, served.tokenizer, declared.forced, mode="call")
    return backend.constraint(messages)
