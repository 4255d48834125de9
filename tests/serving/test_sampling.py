"""From a request to how tokens are chosen."""

import pytest

from companion.chatbot.settings import default_params
from companion.generation.params import SamplingParams
from companion.serving.fields import Fields
from companion.serving.refusal import Refusal
from companion.serving.sampling import Sampling, read_sampling


def read(**given: object) -> Sampling:
    return read_sampling(Fields(given), most=100, choices=4, vocabulary=50)


def test_the_names_of_the_protocol_become_those_of_the_package() -> None:
    sampling = read(
        max_tokens=7, temperature=0.5, top_p=0.9, top_k=5, min_p=0.1, n=2, stop=["a", "b"], seed=3
    )

    assert sampling.params == SamplingParams(
        max_new_tokens=7, temperature=0.5, top_p=0.9, top_k=5, min_p=0.1, n=2, stop=("a", "b")
    )
    assert (sampling.limited, sampling.seed) == (True, 3)


def test_without_settings_it_is_greedy_as_a_chat_with_a_model_here() -> None:
    sampling = read()

    assert sampling.params == SamplingParams(max_new_tokens=100, temperature=0)
    assert sampling.params.temperature == default_params(512).temperature
    assert not sampling.limited
    assert read().seed != sampling.seed


@pytest.mark.parametrize(
    ("given", "temperature"),
    [
        ({"n": 2}, 1),
        ({"top_p": 0.9}, 1),
        ({"top_k": 5}, 1),
        ({"min_p": 0.1}, 1),
        ({"n": 1, "top_p": 1, "top_k": -1, "min_p": 0}, 0),
        ({"n": 2, "temperature": 0}, 0),
        ({"temperature": 1}, 1),
        ({"temperature": None, "seed": 3}, 0),
    ],
)
def test_what_asks_for_a_choice_is_drawn(given: dict, temperature: float) -> None:
    assert read(**given).params.temperature == temperature


def test_the_newer_name_of_the_limit_counts_and_nobody_gets_more_than_the_server_gives() -> None:
    assert read(max_completion_tokens=8, max_tokens=9).params.max_new_tokens == 8
    assert read(max_tokens=10**6).params.max_new_tokens == 100


@pytest.mark.parametrize("top_k", [-1, 0, None])
def test_top_k_is_off_as_vllm_writes_it(top_k: object) -> None:
    assert read(top_k=top_k).params.top_k is None


@pytest.mark.parametrize(
    "given",
    [{"frequency_penalty": 0}, {"presence_penalty": 0.0}, {"logit_bias": {}}, {"stop": None}],
)
def test_what_is_not_offered_may_be_set_to_nothing(given: dict) -> None:
    assert read(**given).params == read().params


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"frequency_penalty": 0.5}, "frequency_penalty is not offered here"),
        ({"presence_penalty": -1}, "presence_penalty is not offered here"),
        ({"logit_bias": {"5": 100}}, "logit_bias is not offered here: leave it out, got"),
        ({"temperature": -0.1}, "temperature must be a number from 0 and at most 2"),
        ({"temperature": "hot"}, "temperature must be a number"),
        ({"top_p": 0}, "top_p must be a number above 0"),
        ({"top_k": 51}, "top_k must be a whole number from 1 to 50"),
        ({"n": 5}, "n must be a whole number from 1 to 4"),
        ({"stop": ""}, "stop must be a text or a list of at most 16"),
        ({"stop": ["x"] * 17}, "stop must be"),
        ({"stop": [1]}, "stop must be"),
        ({"stop": {"a": 1}}, "stop must be a list"),
        ({"seed": 1.5}, "seed must be a whole number"),
        ({"seed": 2**63}, "seed must be a whole number"),
        ({"max_tokens": 0}, "max_tokens must be a whole number from 1"),
        ({"max_completion_tokens": "9"}, "max_completion_tokens must be a whole number"),
        ({"repetition_penalty": 0}, "repetition_penalty must be a number above 0"),
    ],
)
def test_a_setting_out_of_its_range_is_refused_by_its_name(given: dict, said: str) -> None:
    with pytest.raises(Refusal, match=said) as error:
        read(**given)

    assert (error.value.status, error.value.param) == (400, next(iter(given)))
