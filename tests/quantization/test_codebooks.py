"""NF4 and FP4 against bitsandbytes, blocks, double quantization."""

import pytest
import torch

from companion.quantization.codebooks import (
    bits_per_parameter,
    dequantize_blocks,
    double_quantize,
    fp4_codebook,
    nf4_codebook,
    quantize_blocks,
    restore_scales,
)

CODEBOOKS = {"nf4": nf4_codebook, "fp4": fp4_codebook}


@pytest.fixture(scope="module")
def bitsandbytes():
    return pytest.importorskip("bitsandbytes.functional")


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", CODEBOOKS)
def test_the_derived_values_are_those_of_bitsandbytes(bitsandbytes, name: str) -> None:
    theirs = bitsandbytes.get_4bit_type(name, device="cpu").unique()  # sorts

    torch.testing.assert_close(CODEBOOKS[name](), theirs, atol=2e-7, rtol=0)


@pytest.mark.parametrize("name", CODEBOOKS)
@pytest.mark.parametrize("shape", [(64, 64), (250, 260), (3, 7)])
def test_blocks_come_back_as_from_bitsandbytes(bitsandbytes, name: str, shape: tuple) -> None:
    values = noise(*shape)
    packed, state = bitsandbytes.quantize_4bit(values, blocksize=64, quant_type=name)
    theirs = bitsandbytes.dequantize_4bit(packed, state)

    ours = quantize_blocks(values, CODEBOOKS[name]())

    assert torch.equal(ours.scales, state.absmax)
    torch.testing.assert_close(dequantize_blocks(ours), theirs, atol=2e-6, rtol=0)


def test_nf4_has_seven_values_below_zero_and_eight_above() -> None:
    values = nf4_codebook()

    assert (values < 0).sum() == 7
    assert (values > 0).sum() == 8
    assert (values.diff() > 0).all()


def test_nf4_beats_fp4_on_normal_numbers() -> None:
    values = noise(100, 64)

    errors = {
        name: (dequantize_blocks(quantize_blocks(values, make())) - values).pow(2).mean()
        for name, make in CODEBOOKS.items()
    }

    assert errors["nf4"] < 0.8 * errors["fp4"]


def test_a_number_halfway_takes_the_lower_value() -> None:
    found = quantize_blocks(torch.tensor([1.0, 0.5]), torch.tensor([-1.0, 0.0, 1.0]))

    assert found.codes[0, :2].tolist() == [2, 1]


def test_the_nearest_value_is_taken_everywhere() -> None:
    values, codebook = noise(4, 64), nf4_codebook()

    found = quantize_blocks(values, codebook)

    scaled = values / values.abs().amax(dim=-1, keepdim=True)
    nearest = (scaled[..., None] - codebook).abs().argmin(dim=-1)
    assert torch.equal(found.codes.long(), nearest)


def test_the_last_block_may_be_short() -> None:
    values = noise(70)

    found = quantize_blocks(values, nf4_codebook())

    assert found.codes.shape == (2, 64)
    assert dequantize_blocks(found).shape == (70,)


def test_zeros_come_back_as_zeros() -> None:
    assert torch.equal(
        dequantize_blocks(quantize_blocks(torch.zeros(65), fp4_codebook())), torch.zeros(65)
    )


@pytest.mark.parametrize(
    ("values", "codebook", "block_size", "problem"),
    [
        ([float("nan")], [-1.0, 1.0], 64, "finite"),
        ([], [-1.0, 1.0], 64, "at least one"),
        ([1.0], [-1.0, 1.0], 0, "block_size must be a whole number from 1, got 0"),
        ([1.0], [1.0, -1.0], 64, "rising"),
        ([1.0], [1.0], 64, "2 to 256"),
    ],
)
def test_bad_arguments_are_named(values, codebook, block_size: int, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        quantize_blocks(torch.tensor(values), torch.tensor(codebook), block_size=block_size)


def test_double_quantization_is_as_close_as_that_of_bitsandbytes(bitsandbytes) -> None:
    values = noise(512, 64)
    _, state = bitsandbytes.quantize_4bit(values, blocksize=64, compress_statistics=True)
    theirs = bitsandbytes.dequantize_blockwise(state.absmax, state.state2) + state.offset
    scales = quantize_blocks(values, nf4_codebook()).scales

    ours = restore_scales(double_quantize(scales))

    assert ours.shape == scales.shape
    assert (ours - scales).abs().max() <= (theirs - scales).abs().max()


def test_double_quantization_keeps_equal_scales() -> None:
    assert torch.equal(
        restore_scales(double_quantize(torch.full((300,), 0.25))), torch.full((300,), 0.25)
    )


def test_bits_per_parameter_by_hand() -> None:
    assert bits_per_parameter(block_size=32) == 5.0
    assert bits_per_parameter(double=True) == 4 + 8 / 64 + 32 / 16384
