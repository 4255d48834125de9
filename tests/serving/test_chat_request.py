"""From the body of a request for a turn to an order."""

import pytest

from companion.backends.structured import SchemaConstraint
from companion.serving.chat_request import ChatRequest, read_chat
from companion.serving.fields import Fields
from companion.serving.order import Served
from companion.serving.refusal import Refusal
from tests.serving.conftest import NAME

USER = [{"role": "user", "content": "What is 6 x 7?"}]
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
FORM = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"enum": ["a"]}}}


def read(served: Served, **more: object) -> ChatRequest:
    return read_chat(Fields({"model": NAME, "messages": USER, "temperature": 0} | more), served)


def test_messages_become_the_prompt_of_the_model(served: Served) -> None:
    request = read(served)

    (text,) = request.order.texts
    assert text == served.chat_backend().prompt(USER)
    assert request.order.prompts == [served.tokenizer(text).input_ids]
    assert (request.opening, request.tools, request.stream, request.usage) == (
        "",
        False,
        False,
        False,
    )
    assert (request.order.top, request.order.constraint) == (None, None)


def test_tools_stand_in_the_prompt_and_a_turn_may_be_a_call(served: Served) -> None:
    request = read(served, tools=TOOLS)

    assert request.tools
    assert '"f"' in request.order.texts[0]
    assert request.order.texts[0] != read(served).order.texts[0]
    assert served.chat_backend().prompt(USER) == read(served).order.texts[0]  # tools of one request


@pytest.mark.parametrize("form", [FORM, {"type": "json_object"}])
def test_a_form_constrains_the_answer(served: Served, form: dict) -> None:
    assert isinstance(read(served, response_format=form).order.constraint, SchemaConstraint)


@pytest.mark.parametrize("form", [None, {"type": "text"}])
def test_text_is_not_constrained(served: Served, form: dict | None) -> None:
    assert read(served, response_format=form).order.constraint is None


@pytest.mark.parametrize(
    ("more", "top"),
    [
        ({}, None),
        ({"logprobs": False, "top_logprobs": 0}, None),
        ({"logprobs": True}, 0),
        ({"logprobs": True, "top_logprobs": 5}, 5),
    ],
)
def test_log_probabilities_are_told_on_request(served: Served, more: dict, top: int | None) -> None:
    assert read(served, **more).order.top == top


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"top_logprobs": 2}, "top_logprobs needs logprobs to be true"),
        ({"modalities": ["audio"]}, "modalities must be"),
        ({"response_format": {"type": "xml"}}, r"response_format\.type must be one of text, json_"),
        ({"response_format": {"type": "json_schema"}}, r"response_format\.json_schema must be an"),
        ({"response_format": FORM, "tools": TOOLS}, "response_format and tools are not offered"),
        ({"chat_template_kwargs": {"thinking": 1}}, r"chat_template_kwargs\.thinking must be"),
        ({"model": "gpt-4o"}, "model must be 'pocket-chat'"),
        ({"messages": [{"role": "user", "content": "x" * 10**6}]}, "has 1,000,000 characters"),
    ],
)
def test_a_field_that_is_wrong_is_refused_by_its_name(
    served: Served, more: dict, said: str
) -> None:
    with pytest.raises(Refusal, match=said):
        read(served, **more)


def test_one_request_that_wants_reasoning_changes_no_other(served: Served) -> None:
    before = served.chat_backend().thinking

    read(served, chat_template_kwargs={"enable_thinking": True})

    assert served.chat_backend().thinking == before
    assert not read(served).tools


def test_a_stream_may_end_with_the_numbers_of_tokens(served: Served) -> None:
    request = read(served, stream=True, stream_options={"include_usage": True})

    assert (request.stream, request.usage) == (True, True)
    assert not read(served, stream=True).usage
