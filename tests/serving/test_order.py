"""The model that is served, with its limits, and what one request wants of it."""

from types import SimpleNamespace

import pytest

from companion.generation.params import SamplingParams
from companion.serving.order import LONGEST_TOKEN, Order, Served
from companion.serving.refusal import Refusal
from companion.serving.sampling import Sampling


@pytest.fixture
def small(uniform_model, tokenizer) -> Served:
    """A model without a chat template."""
    return Served(uniform_model, tokenizer, "small", aliases=("s",), max_context=20)


def sampling(tokens: int) -> Sampling:
    return Sampling(SamplingParams(max_new_tokens=tokens, temperature=0), True, 0)


def test_an_order_has_a_row_for_each_text_of_each_prompt() -> None:
    order = Order(["a", "bcd"], [[1], [1, 2, 3]], SamplingParams(n=3), seed=0)

    assert (order.rows, order.longest) == (6, 3)


@pytest.mark.parametrize("name", ["small", "s"])
def test_its_name_and_its_aliases_are_understood(small: Served, name: str) -> None:
    small.check_name(name)


@pytest.mark.parametrize("name", ["gpt-4o", "", None, "SMALL"])
def test_another_name_is_refused_with_the_right_one(small: Served, name: str | None) -> None:
    with pytest.raises(Refusal, match="model must be 'small', got ") as raised:
        small.check_name(name)

    assert (raised.value.status, raised.value.code) == (404, "model_not_found")


def test_the_shorter_context_counts(small: Served, uniform_model, tokenizer) -> None:
    whole = Served(uniform_model, tokenizer, "whole")

    assert (small.context, whole.context) == (20, 1000)
    assert small.card() == {
        "id": "small", "object": "model", "created": small.created,
        "owned_by": "companion", "max_model_len": 20,
    }  # fmt: skip


def test_a_model_without_a_chat_template_says_where_to_ask_it(small: Served) -> None:
    with pytest.raises(
        Refusal, match=r"small can't chat: .* Ask it at /v1/completions\."
    ) as raised:
        small.chat_backend()

    assert raised.value.code == "no_chat_template"


def test_a_model_that_writes_no_text_is_refused(tokenizer) -> None:
    with pytest.raises(ValueError, match="a SimpleNamespace writes no text"):
        Served(SimpleNamespace(), tokenizer, "x")


@pytest.mark.parametrize(
    ("wanted", "tokens", "expected"), [(5, 10, 5), (50, 10, 10), (50, 19, 1), (10, 10, 10)]
)
def test_new_tokens_are_as_many_as_fit(
    small: Served, wanted: int, tokens: int, expected: int
) -> None:
    assert small.fitting(sampling(wanted), tokens).max_new_tokens == expected


@pytest.mark.parametrize("tokens", [20, 21])
def test_without_room_for_a_token_it_is_refused(small: Served, tokens: int) -> None:
    with pytest.raises(Refusal, match=f"the prompt has {tokens} tokens and the context of small"):
        small.fitting(sampling(5), tokens)


def test_a_text_that_is_far_too_long_is_refused_before_it_is_counted(small: Served) -> None:
    small.check_length(LONGEST_TOKEN * 20)

    with pytest.raises(Refusal, match="the prompt has 1,281 characters"):
        small.check_length(LONGEST_TOKEN * 20 + 1)
