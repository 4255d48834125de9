"""Pocket and open, decoding: the measures by hand, a small run on pocket-base, the record."""

import json
from statistics import mean

import pytest
from _experiments import open_decoding

from companion.generation.sequences import Generation
from companion.pocket.records import record


def written(text: str, *logprobs: float) -> Generation:
    return Generation("", text, list(range(len(logprobs))), list(logprobs), "length")


@pytest.fixture(scope="module")
def small() -> dict:
    """Three texts at each temperature, for one beginning, by pocket-base."""
    return open_decoding.measure(scale=0.01, columns=["pocket"], prompts=["The capital of France"])


def test_variety_counts_words_and_pairs_of_words_over_all_texts() -> None:
    found = open_decoding.describe([written("A cat, a dog.", -1.0, -3.0), written("a cat", -2.0)])

    assert found["distinct_1"] == 3 / 6  # a, cat, dog of a cat a dog a cat
    assert found["distinct_2"] == 3 / 4  # a cat, cat a, a dog; a cat again; none across texts
    assert found["logprob"] == -2.0


def test_texts_without_a_word_have_no_variety() -> None:
    found = open_decoding.describe([written("...", -1.0)])

    assert (found["distinct_1"], found["distinct_2"]) == (0.0, 0.0)


def test_an_apostrophe_belongs_to_its_word() -> None:
    assert open_decoding.words("It's Ann\u2019s 2nd 'book'.") == [
        "it's", "ann\u2019s", "2nd", "book",
    ]  # fmt: skip


def test_a_small_run_has_every_temperature_and_strategy(small) -> None:
    pocket = small["columns"]["pocket"]
    (strategies,) = pocket["strategies"].values()

    assert list(pocket["temperatures"]) == ["0.3", "0.7", "1.0", "1.5"]
    assert set(strategies) == {"greedy", "top-k 50", "top-p 0.9", "beam 5"}
    assert strategies["greedy"]["text"].startswith(" is Paris")
    assert json.loads(json.dumps(small)) == small


def test_heat_takes_less_probable_tokens(small) -> None:
    rows = small["columns"]["pocket"]["temperatures"]

    assert rows["0.3"]["logprob"] > rows["1.5"]["logprob"]


def test_the_record_rises_in_variety_and_falls_in_probability_with_the_temperature() -> None:
    found = record("open_decoding")

    assert set(found["columns"]) == {"pocket", "open"}
    assert "Q4_1" in found["origin"]
    assert "one sample" in found["texts"]
    for column in found["columns"].values():
        rows = list(column["temperatures"].values())
        logprobs = [row["logprob"] for row in rows]
        assert all(row["count"] == 20 for row in rows)
        assert logprobs == sorted(logprobs, reverse=True)
        assert rows[0]["distinct_2"] < rows[-1]["distinct_2"]
        assert list(column["strategies"]) == list(open_decoding.PROMPTS)
        for texts in column["strategies"].values():
            assert mean(len(one["text"]) for one in texts.values()) > 20
