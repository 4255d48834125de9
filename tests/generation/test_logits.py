"""The filters: worked by hand, held against transformers' processors, and their edges."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from transformers.generation import logits_process as oracle

from companion.generation.logits import (
    apply_temperature,
    min_p_filter,
    no_repeat_ngram,
    repetition_penalty,
    top_k_filter,
    top_p_filter,
)

INF = float("inf")
VOCAB = 40
SEEDS = range(25)


def random_case(seed: int) -> tuple[Tensor, Tensor, torch.Generator]:
    """Two rows of logits, two rows of 1 to 30 tokens from a small alphabet, and more randomness."""
    generator = torch.Generator().manual_seed(seed)
    scale = 1 + 4 * torch.rand((), generator=generator)
    logits = torch.randn(2, VOCAB, generator=generator) * scale
    length = int(torch.randint(1, 31, (), generator=generator))
    ids = torch.randint(0, 6, (2, length), generator=generator)
    return logits, ids, generator


def pick(generator: torch.Generator, low: float, high: float) -> float:
    return low + (high - low) * torch.rand((), generator=generator).item()


@pytest.mark.parametrize("seed", SEEDS)
def test_temperature_equals_transformers(seed: int) -> None:
    logits, ids, generator = random_case(seed)
    temperature = pick(generator, 0.05, 3)

    expected = oracle.TemperatureLogitsWarper(temperature)(ids, logits)

    assert torch.equal(apply_temperature(logits, temperature), expected)


@pytest.mark.parametrize("seed", SEEDS)
def test_top_k_equals_transformers_without_ties(seed: int) -> None:
    logits, ids, generator = random_case(seed)
    k = int(torch.randint(1, VOCAB + 1, (), generator=generator))

    expected = oracle.TopKLogitsWarper(k)(ids, logits)

    assert torch.equal(top_k_filter(logits, k), expected)


@pytest.mark.parametrize("seed", SEEDS)
def test_top_p_equals_transformers(seed: int) -> None:
    logits, ids, generator = random_case(seed)
    p = pick(generator, 0.01, 0.999)

    expected = oracle.TopPLogitsWarper(p)(ids, logits)

    assert torch.equal(top_p_filter(logits, p), expected)


@pytest.mark.parametrize("seed", SEEDS)
def test_min_p_equals_transformers(seed: int) -> None:
    logits, ids, generator = random_case(seed)
    min_p = pick(generator, 0, 1)

    expected = oracle.MinPLogitsWarper(min_p)(ids, logits)

    assert torch.equal(min_p_filter(logits, min_p), expected)


@pytest.mark.parametrize("seed", SEEDS)
def test_repetition_penalty_equals_transformers(seed: int) -> None:
    logits, ids, generator = random_case(seed)
    penalty = pick(generator, 0.5, 2)

    expected = oracle.RepetitionPenaltyLogitsProcessor(penalty)(ids, logits)

    assert torch.equal(repetition_penalty(logits, ids, penalty), expected)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
@pytest.mark.parametrize("seed", SEEDS)
def test_no_repeat_ngram_equals_transformers(seed: int, n: int) -> None:
    logits, ids, _ = random_case(seed)

    expected = oracle.NoRepeatNGramLogitsProcessor(n)(ids, logits)

    assert torch.equal(no_repeat_ngram(logits, ids, n), expected)


def test_temperature_by_hand() -> None:
    probs = apply_temperature(torch.tensor([[2.0, 1.0, 0.5, 0.2, 0.1]]), 0.5).softmax(-1)

    assert probs[0].tolist() == pytest.approx([0.810, 0.110, 0.040, 0.022, 0.018], abs=5e-4)


def test_top_k_keeps_exactly_k_on_ties_and_the_lowest_ids() -> None:
    logits = torch.tensor([[1.0, 2.0, 2.0, 2.0], [0.0, 0.0, 0.0, 0.0]])

    kept = top_k_filter(logits, 2) > -INF

    assert kept.tolist() == [[False, True, True, False], [True, True, False, False]]
    assert (oracle.TopKLogitsWarper(2)(None, logits) > -INF).sum(-1).tolist() == [3, 4]


def test_top_p_keeps_the_smallest_set_that_reaches_p() -> None:
    logits = torch.tensor([[0.15, 0.5, 0.05, 0.3]]).log()

    kept = {p: (top_p_filter(logits, p) > -INF)[0].tolist() for p in (0.4, 0.6, 0.9, 0.97)}

    assert kept == {
        0.4: [False, True, False, False],
        0.6: [False, True, False, True],
        0.9: [True, True, False, True],
        0.97: [True, True, True, True],
    }


def test_top_p_stops_when_the_mass_is_reached_exactly() -> None:
    logits = torch.tensor([[0.5, 0.25, 0.125, 0.125]]).log2()  # exact in binary

    kept = top_p_filter(logits * torch.log(torch.tensor(2.0)), 0.5) > -INF

    assert kept.tolist() == [[True, False, False, False]]


def test_top_p_keeps_the_lowest_ids_on_ties() -> None:
    kept = top_p_filter(torch.zeros(2, 4), 0.5) > -INF

    assert kept.tolist() == [[True, True, False, False]] * 2


def test_top_p_of_a_tiny_mass_keeps_one_token() -> None:
    kept = top_p_filter(torch.randn(2, 50), 1e-12) > -INF

    assert kept.sum(-1).tolist() == [1, 1]


def test_top_p_of_the_whole_mass_keeps_all_of_a_large_vocabulary() -> None:
    logits = torch.randn(4, 50_000, generator=torch.Generator().manual_seed(0)) * 3

    assert (top_p_filter(logits, 1.0) > -INF).all()  # rounding must not cut off the tail


@pytest.mark.parametrize("seed", SEEDS)
def test_top_p_holds_p_and_needs_every_token_it_keeps(seed: int) -> None:
    logits, _, generator = random_case(seed)
    p = pick(generator, 0.01, 0.99)

    probs = logits.double().softmax(-1)
    kept = top_p_filter(logits, p) > -INF

    mass = (probs * kept).sum(-1)
    least = probs.masked_fill(~kept, 2).amin(-1)
    assert (mass >= p - 1e-6).all()
    assert (mass - least < p + 1e-6).all()


def test_min_p_by_hand() -> None:
    logits = torch.tensor([[0.5, 0.3, 0.2], [0.98, 0.01, 0.01]]).log()

    kept = min_p_filter(logits, 0.5) > -INF

    assert kept.tolist() == [[True, True, False], [True, False, False]]


def test_min_p_of_one_keeps_the_largest_and_its_ties() -> None:
    kept = min_p_filter(torch.tensor([[1.0, 3.0, 2.0], [2.0, 2.0, 0.0]]), 1.0) > -INF

    assert kept.tolist() == [[False, True, False], [True, True, False]]


def test_repetition_penalty_lowers_positive_and_negative_logits_once() -> None:
    logits = torch.tensor([[2.0, -2.0, 1.0], [2.0, -2.0, 1.0]])
    ids = torch.tensor([[0, 0, 1], [2, 2, 2]])

    penalized = repetition_penalty(logits, ids, 2.0)

    assert penalized.tolist() == [[1.0, -4.0, 1.0], [2.0, -2.0, 0.5]]


def test_repetition_penalty_ignores_padding_and_foreign_ids() -> None:
    logits = torch.ones(1, 3)

    penalized = repetition_penalty(logits, torch.tensor([[-1, 1, 3, 900]]), 2.0)

    assert penalized.tolist() == [[1.0, 0.5, 1.0]]


def test_no_repeat_ngram_bans_what_followed_before() -> None:
    ids = torch.tensor([[1, 2, 3, 1, 2], [1, 2, 3, 3, 2]])

    banned = no_repeat_ngram(torch.zeros(2, 5), ids, 3) == -INF

    assert banned.tolist() == [[False, False, False, True, False], [False] * 5]


def test_no_repeat_ngram_ignores_padding() -> None:
    padded = torch.tensor([[-1, -1, 1, -1], [-1, -1, -1, 4]])

    banned = no_repeat_ngram(torch.zeros(2, 5), padded, 2) == -INF

    assert not banned.any()


def test_no_repeat_ngram_of_one_bans_every_token_seen() -> None:
    banned = no_repeat_ngram(torch.zeros(1, 4), torch.tensor([[0, 2, 2]]), 1) == -INF

    assert banned.tolist() == [[True, False, True, False]]


IDS = torch.tensor([[1, 2, 1], [3, 1, 3]])
FILTERS = {
    "temperature": lambda x: apply_temperature(x, 0.7),
    "top_k": lambda x: top_k_filter(x, 3),
    "top_p": lambda x: top_p_filter(x, 0.6),
    "min_p": lambda x: min_p_filter(x, 0.2),
    "penalty": lambda x: repetition_penalty(x, IDS, 1.3),
    "ngram": lambda x: no_repeat_ngram(x, IDS, 2),
}
NEUTRAL = {
    "temperature 1": lambda x: apply_temperature(x, 1.0),
    "k = V": lambda x: top_k_filter(x, x.shape[-1]),
    "p = 1": lambda x: top_p_filter(x, 1.0),
    "min_p = 0": lambda x: min_p_filter(x, 0.0),
    "penalty 1": lambda x: repetition_penalty(x, IDS, 1.0),
    "n = 0": lambda x: no_repeat_ngram(x, IDS, 0),
    "n > T": lambda x: no_repeat_ngram(x, IDS, 9),
}


@pytest.mark.parametrize("change", FILTERS.values(), ids=FILTERS)
def test_filters_return_a_new_tensor_and_leave_the_input_alone(
    change: Callable[[Tensor], Tensor],
) -> None:
    logits = torch.randn(2, 8, generator=torch.Generator().manual_seed(0))
    before = logits.clone()

    changed = change(logits)

    assert torch.equal(logits, before)
    assert changed.data_ptr() != logits.data_ptr()
    assert not torch.equal(changed, before)


@pytest.mark.parametrize("change", NEUTRAL.values(), ids=NEUTRAL)
def test_neutral_settings_change_nothing(change: Callable[[Tensor], Tensor]) -> None:
    logits = torch.randn(2, 8, generator=torch.Generator().manual_seed(0))

    changed = change(logits)

    assert torch.equal(changed, logits)
    assert changed.data_ptr() != logits.data_ptr()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("change", FILTERS.values(), ids=FILTERS)
def test_filters_work_in_half_precision(
    change: Callable[[Tensor], Tensor], dtype: torch.dtype
) -> None:
    logits = (torch.randn(2, 8, generator=torch.Generator().manual_seed(0)) * 20).to(dtype)

    changed = change(logits)

    probs = changed.float().softmax(-1)
    assert changed.dtype == dtype
    assert probs.sum(-1).tolist() == pytest.approx([1, 1])


@pytest.mark.parametrize("change", FILTERS.values(), ids=FILTERS)
def test_rows_of_a_batch_do_not_influence_each_other(change: Callable[[Tensor], Tensor]) -> None:
    logits = torch.randn(2, 8, generator=torch.Generator().manual_seed(1))
    louder = torch.stack([logits[0] * 100 + 7, logits[1]])

    assert torch.equal(change(logits)[1], change(louder)[1])


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda x: apply_temperature(x, -0.5), "temperature must be above 0 here, got -0.5"),
        (lambda x: apply_temperature(x, 0), "For greedy decoding use"),
        (lambda x: apply_temperature(x, float("nan")), "temperature must be above 0"),
        (lambda x: top_k_filter(x, 0), "k must be a whole number from 1 to 8 .*, got 0"),
        (lambda x: top_k_filter(x, 9), "from 1 to 8 .the vocabulary size., got 9"),
        (lambda x: top_k_filter(x, 2.0), "whole number"),
        (lambda x: top_k_filter(x, True), "whole number"),
        (lambda x: top_p_filter(x, 0), "p must be above 0 and at most 1, got 0"),
        (lambda x: top_p_filter(x, 1.1), "got 1.1"),
        (lambda x: min_p_filter(x, -0.1), "min_p must be from 0 to 1, got -0.1"),
        (lambda x: min_p_filter(x, 1.1), "got 1.1"),
        (lambda x: repetition_penalty(x, IDS, 0), "penalty must be above 0, got 0"),
        (lambda x: repetition_penalty(x, IDS[0], 2), "input_ids must have shape .B, T."),
        (lambda x: repetition_penalty(x, IDS[:1], 2), "with B=2"),
        (lambda x: no_repeat_ngram(x, IDS, -1), "n must be a whole number from 0, got -1"),
        (lambda x: no_repeat_ngram(x, IDS, 1.5), "n must be a whole number"),
        (lambda x: top_k_filter(x[0], 1), r"shape \(B, V\), got torch.float32 of shape \(8,\)"),
        (lambda x: top_p_filter(x[None], 0.5), r"logits must be .* \(1, 2, 8\)"),
        (lambda x: min_p_filter(x.long(), 0.5), "float tensor"),
        (lambda x: apply_temperature(x[0], 1), "pass logits.None, :."),
    ],
)
def test_bad_arguments_are_refused(change: Callable[[Tensor], Tensor], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        change(torch.zeros(2, 8))
