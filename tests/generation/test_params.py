"""SamplingParams: what it accepts and what it refuses."""

import pytest

from companion.generation.params import SamplingParams


@pytest.mark.parametrize(
    ("field", "value", "match"),
    [
        ("temperature", -0.1, r"temperature must be 0 \(greedy\) or above, got -0.1"),
        ("temperature", float("nan"), "temperature must be"),
        ("temperature", float("inf"), "temperature must be"),
        ("max_new_tokens", 0, "max_new_tokens must be a whole number from 1, got 0"),
        ("n", 0, "n must be a whole number from 1, got 0"),
        ("top_k", 0, r"top_k must be None \(off\) or a whole number from 1, got 0"),
        ("top_p", 0, "top_p must be above 0 and at most 1"),
        ("top_p", 1.5, "got 1.5"),
        ("min_p", -1, "min_p must be from 0"),
        ("min_p", 2, "min_p must be from 0"),
        ("repetition_penalty", 0, "repetition_penalty must be above 0"),
        ("no_repeat_ngram_size", -1, "no_repeat_ngram_size must be a whole number from 0"),
        ("stop", ("",), "stop must be strings that are not empty"),
        ("stop", (3,), "stop must be strings"),
    ],
)
def test_values_out_of_range_are_refused(field: str, value: object, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        SamplingParams(**{field: value})


@pytest.mark.parametrize("stop", ["\n\n", ["\n\n"], ("\n\n",)])
def test_one_stop_string_need_not_be_wrapped(stop: object) -> None:
    assert SamplingParams(stop=stop).stop == ("\n\n",)
