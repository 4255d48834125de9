"""How much quantization changes a tensor."""

import pytest
import torch

from companion.quantization.measures import quantization_error


def test_the_error_of_a_copy_is_zero() -> None:
    values = torch.randn(10, generator=torch.Generator().manual_seed(0))

    found = quantization_error(values, values.clone())

    assert found == (0, 0, 0)
    assert found.sqnr_db == float("inf")


def test_half_the_error_is_six_decibels() -> None:
    values, noise = torch.ones(8), torch.full((8,), 0.1)

    coarse, fine = (quantization_error(values, values + noise / n).sqnr_db for n in (1, 2))

    assert coarse == pytest.approx(20, abs=1e-4)
    assert fine - coarse == pytest.approx(6.02, abs=0.01)


def test_anything_restored_from_nothing_is_infinitely_wrong() -> None:
    assert quantization_error(torch.zeros(2), torch.ones(2)).relative == float("inf")
    assert quantization_error(torch.zeros(2), torch.zeros(2)).relative == 0


def test_errors_compare_equal_shapes() -> None:
    with pytest.raises(ValueError, match=r"same shape .* got \(2,\) and \(1,\)"):
        quantization_error(torch.zeros(2), torch.zeros(1))
