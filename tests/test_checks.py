"""What counts as a whole number, and that every caller refuses the same things."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from companion._checks import check_above_zero, check_fields, check_whole, is_whole
from companion.adapters import BottleneckAdapter
from companion.generation.cache import kv_cache_bytes
from companion.generation.logits import no_repeat_ngram, top_k_filter
from companion.generation.params import SamplingParams
from companion.lora import lora_parameter_count
from companion.rag.chunking import split_recursively
from companion.rag.index import VectorIndex
from companion.training.ppo_config import PPOConfig

NAN, INF = float("nan"), float("inf")
LOGITS, IDS = torch.zeros(1, 5), torch.zeros(1, 2, dtype=torch.long)


@pytest.mark.parametrize("number", [1, 7, 10**30, np.int64(3), np.uint8(1), torch.tensor(2)])
def test_ints_of_all_libraries_are_whole_numbers(number: object) -> None:
    check_whole(number=number)

    assert is_whole(number)


@pytest.mark.parametrize("number", [0, -1, 1.0, 2.5, NAN, INF, True, "3", None, [1], np.float32(2)])
def test_all_else_is_none(number: object) -> None:
    assert not is_whole(number)
    with pytest.raises(ValueError, match="size must be a whole number from 1, got"):
        check_whole(size=number)


def test_the_lowest_is_the_callers() -> None:
    check_whole(0, n=0)

    with pytest.raises(ValueError, match=r"^second must be a whole number from 5, got 4$"):
        check_whole(5, first=5, second=4)


@pytest.mark.parametrize("number", [0, -0.0, -1, NAN, INF])
def test_above_zero_is_finite(number: float) -> None:
    check_above_zero(beta=1e-300)

    with pytest.raises(ValueError, match="beta must be above 0"):
        check_above_zero(alpha=1, beta=number)


def test_the_first_field_that_is_wrong_is_named() -> None:
    settings = SamplingParams(n=3)

    check_fields(settings, {"n": (True, "anything")})
    with pytest.raises(ValueError, match=r"^n must be even, got 3$"):
        check_fields(settings, {"top_k": (True, "anything"), "n": (False, "even")})


@pytest.mark.parametrize(
    "call",
    [
        lambda number: lora_parameter_count([(2, 2)], number),
        lambda number: BottleneckAdapter(4, size=number),
        lambda number: kv_cache_bytes(None, number),
        lambda number: top_k_filter(LOGITS, number),
        lambda number: no_repeat_ngram(LOGITS, IDS, number),
        lambda number: SamplingParams(max_new_tokens=number),
        lambda number: SamplingParams(top_k=number),
        lambda number: SamplingParams(n=number),
        lambda number: PPOConfig(steps=number),
        lambda number: VectorIndex(number, "model"),
        lambda number: split_recursively([], len, chunk_size=number),
    ],
)
@pytest.mark.parametrize("number", [2.5, 3.0, NAN, True, "3", -1])
def test_callers_refuse_what_is_no_whole_number(call: Callable[[Any], Any], number: object) -> None:
    with pytest.raises(ValueError, match="whole number"):
        call(number)
