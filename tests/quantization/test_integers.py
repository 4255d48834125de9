"""Absmax and zero-point rounding, groups, packing."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from companion.quantization.integers import (
    absmax_quantize,
    dequantize,
    pack_int4,
    unpack_int4,
    zero_point_quantize,
)

QUANTIZERS = [absmax_quantize, zero_point_quantize]


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_absmax_by_hand() -> None:
    found = absmax_quantize(torch.tensor([1.0, -3.5, 0.2]), bits=4)

    assert found.codes.tolist() == [2, -7, 0]
    assert found.scale.item() == pytest.approx(0.5)


def test_zero_point_by_hand() -> None:
    found = zero_point_quantize(torch.tensor([-0.5, 0.0, 1.0]), bits=4)

    assert found.scale.item() == pytest.approx(0.1)
    assert found.zero_point.item() == -3
    assert found.codes.tolist() == [-8, -3, 7]


@pytest.mark.parametrize("quantize", QUANTIZERS)
@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("group_size", [None, 16, 64])
def test_no_value_is_off_by_more_than_half_a_step(quantize, bits: int, group_size) -> None:
    values = noise(3, 64)

    found = quantize(values, bits=bits, group_size=group_size)

    steps = found.scale.repeat_interleave(values.numel() // found.scale.numel())
    off = (dequantize(found) - values).abs().reshape(-1)
    limit = 1.0 if quantize is zero_point_quantize else 0.5  # its zero point is rounded as well
    assert (off <= limit * steps.reshape(-1) + 1e-6).all()


@pytest.mark.parametrize("quantize", QUANTIZERS)
def test_zero_stays_exactly_zero(quantize) -> None:
    values = torch.tensor([0.0, 5.3, 7.1, -0.4])

    assert dequantize(quantize(values))[0] == 0


@pytest.mark.parametrize("quantize", QUANTIZERS)
def test_a_group_of_zeros_comes_back_as_zeros(quantize) -> None:
    values = torch.cat([torch.zeros(1, 4), torch.ones(1, 4)], dim=-1)

    assert torch.equal(dequantize(quantize(values, group_size=4)), values)


@pytest.mark.parametrize("quantize", QUANTIZERS)
def test_an_outlier_spoils_only_its_group(quantize) -> None:
    values = noise(1, 256)
    values[0, 0] = 100.0

    whole, grouped = (dequantize(quantize(values, bits=4, group_size=g)) for g in (None, 32))

    assert (whole - values)[0, 32:].abs().mean() > 5 * (grouped - values)[0, 32:].abs().mean()


def test_zero_point_uses_all_codes_for_values_on_one_side() -> None:
    values = noise(1000).abs()

    symmetric, affine = (dequantize(q(values, bits=4)) for q in QUANTIZERS)

    assert (affine - values).abs().mean() < 0.6 * (symmetric - values).abs().mean()


@pytest.mark.parametrize("quantize", QUANTIZERS)
@pytest.mark.parametrize("group_size", [48, 0, 128])
def test_a_size_that_no_group_divides_is_refused(quantize, group_size: int) -> None:
    with pytest.raises(ValueError, match=r"64, is not divisible by group_size=.*16, 32, 64"):
        quantize(noise(2, 64), group_size=group_size)


def test_an_odd_size_names_itself_as_the_only_group() -> None:
    with pytest.raises(ValueError, match=r"Sizes that fit: 7\."):
        absmax_quantize(noise(2, 7), group_size=4)


@pytest.mark.parametrize("quantize", QUANTIZERS)
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_values_that_are_no_numbers_are_refused(quantize, bad: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        quantize(torch.tensor([1.0, bad]))


@pytest.mark.parametrize("quantize", QUANTIZERS)
@pytest.mark.parametrize("bits", [1, 9])
def test_bits_have_limits(quantize, bits: int) -> None:
    with pytest.raises(ValueError, match=f"bits must be 2 to 8, got {bits}"):
        quantize(noise(4), bits=bits)


def test_nothing_to_quantize_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        absmax_quantize(torch.empty(0))


def test_bits_per_value_count_scales_and_zero_points() -> None:
    symmetric = absmax_quantize(noise(4, 128), bits=4, group_size=128)
    affine = zero_point_quantize(noise(4, 128), bits=4, group_size=128)

    assert symmetric.bits_per_value == 4 + 16 / 128
    assert affine.bits_per_value == 4 + 20 / 128


@given(st.lists(st.integers(-8, 7), min_size=1, max_size=40).map(lambda codes: codes * 2))
def test_packing_and_unpacking_give_the_codes_back(codes: list[int]) -> None:
    packed = pack_int4(torch.tensor(codes, dtype=torch.int8))

    assert packed.numel() == len(codes) // 2
    assert unpack_int4(packed).tolist() == codes


@pytest.mark.parametrize(("codes", "problem"), [([1, 2, 3], "even number"), ([8, 0], "-8..7")])
def test_what_does_not_fit_into_nibbles_is_refused(codes: list[int], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        pack_int4(torch.tensor(codes))
