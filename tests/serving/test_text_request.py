"""From the body of a request for texts to an order."""

import pytest

from companion.serving.fields import Fields
from companion.serving.order import Served
from companion.serving.refusal import Refusal
from companion.serving.text_request import DEFAULT_TOKENS, read_text


@pytest.fixture
def served_fake(uniform_model, tokenizer) -> Served:
    return Served(uniform_model, tokenizer, "small", max_context=40, batch=4)


def read(served: Served, **more: object):
    return read_text(Fields({"model": "small", "prompt": "ab", "temperature": 0} | more), served)


@pytest.mark.parametrize(
    ("prompt", "texts", "prompts"),
    [
        ("ab", ["ab"], [[100, 101]]),
        (["ab", "c"], ["ab", "c"], [[100, 101], [102]]),
        ([100, 101], ["ab"], [[100, 101]]),
        ([[100], [101, 102]], ["a", "bc"], [[100], [101, 102]]),
    ],
)
def test_a_prompt_is_a_text_or_tokens_or_several(
    served_fake: Served, prompt: object, texts: list, prompts: list
) -> None:
    order = read(served_fake, prompt=prompt).order

    assert (order.texts, order.prompts) == (texts, prompts)


@pytest.mark.parametrize(
    "prompt",
    ["", None, [], [""], {"a": 1}, 5, ["a", 5], [5, "a"], [[]], [True], [[1, True]], "\ud800"],
)
def test_what_is_no_prompt_is_refused(served_fake: Served, prompt: object) -> None:
    with pytest.raises(Refusal, match="prompt must be a text, a list of texts, or lists of token"):
        read(served_fake, prompt=prompt)


@pytest.mark.parametrize("ids", [[-1], [259], [[5], [10**9]]])
def test_a_token_that_the_vocabulary_lacks_is_refused(served_fake: Served, ids: list) -> None:
    with pytest.raises(Refusal, match="prompt must have token ids from 0 to 258"):
        read(served_fake, prompt=ids)


def test_without_a_limit_the_answer_is_short_and_never_longer_than_the_room(
    served_fake: Served,
) -> None:
    assert read(served_fake).order.params.max_new_tokens == DEFAULT_TOKENS == 16
    assert read(served_fake, max_tokens=20).order.params.max_new_tokens == 20
    assert read(served_fake, prompt=["a" * 30, "b"]).order.params.max_new_tokens == 10


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"prompt": ["a"] * 5}, "prompt times n must be at most 4 texts, but are 5"),
        ({"prompt": ["a"] * 2, "n": 3}, "but are 6"),
        ({"echo": True}, "echo is not offered here"),
        ({"suffix": "x"}, "suffix is not offered here"),
        ({"best_of": 3}, "best_of is not offered here"),
        ({"logprobs": 21}, "logprobs must be a whole number from 0 to"),
        ({"model": "other"}, "model must be 'small'"),
        ({"prompt": "a" * 40}, "no room is left for an answer"),
        ({"prompt": "a" * 10_000}, "the prompt has 10,000 characters"),
    ],
)
def test_what_is_not_offered_is_refused_by_its_name(
    served_fake: Served, more: dict, said: str
) -> None:
    with pytest.raises(Refusal, match=said):
        read(served_fake, **more)


def test_best_of_as_many_as_are_wanted_is_no_wish(served_fake: Served) -> None:
    assert read(served_fake, best_of=2, n=2).order.params.n == 2


def test_a_stream_may_end_with_the_numbers_of_tokens(served_fake: Served) -> None:
    plain = read(served_fake, logprobs=0)
    streamed = read(served_fake, stream=True, stream_options={"include_usage": True})

    assert (plain.stream, plain.usage, plain.order.top) == (False, False, 0)
    assert (streamed.stream, streamed.usage, streamed.order.top) == (True, True, None)
