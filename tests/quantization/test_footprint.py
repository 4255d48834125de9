"""Bytes: computed, and equal to what bitsandbytes keeps."""

from pathlib import Path

import pytest
import torch
import transformers

from companion.models import load
from companion.quantization.footprint import (
    GB,
    GIB,
    count_weights,
    measured_bytes,
    weight_bytes,
)


@pytest.mark.parametrize(("name", "gib"), [("float32", 26.08), ("bfloat16", 13.04), ("int8", 6.52)])
def test_seven_billion_parameters(name: str, gib: float) -> None:
    assert weight_bytes(7_000_000_000, dtype=name) / GIB == pytest.approx(gib, abs=0.005)


def test_llama_2_7b_in_every_format(llama_2_7b) -> None:
    counts = count_weights(llama_2_7b)

    assert counts.linear == 6_476_005_376
    assert counts.total == 6_738_415_616
    assert weight_bytes(counts) / GB == pytest.approx(13.48, abs=0.005)
    assert weight_bytes(counts, "int8") / GB == pytest.approx(7.00, abs=0.01)
    assert weight_bytes(counts, "nf4") / GB == pytest.approx(3.87, abs=0.005)
    assert weight_bytes(counts, "nf4") / GIB == pytest.approx(3.60, abs=0.005)


def test_tied_embeddings_count_once(gpt2) -> None:
    assert count_weights(gpt2).total == gpt2.num_parameters()


def test_a_layer_is_measured_as_counted_by_hand() -> None:
    assert measured_bytes(torch.nn.Linear(10, 5).to(torch.float16)) == 2 * 55


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_a_tied_tensor_counts_once(device: str) -> None:
    first, second = (torch.nn.Linear(4, 3, bias=False, device=device) for _ in range(2))
    model = torch.nn.Sequential(first, second, torch.nn.Linear(4, 3, bias=False, device=device))
    second.weight = first.weight

    assert measured_bytes(model) == 4 * 2 * 12


@pytest.mark.parametrize("quantization", ["int8", "nf4", "fp4"])
def test_the_calculator_agrees_with_what_lies_in_memory(quantization: str) -> None:
    pytest.importorskip("bitsandbytes")
    counts = count_weights(load("chat").model)

    model = load("chat", quantization=quantization).model
    fresh = measured_bytes(model)
    with torch.no_grad():
        model(torch.tensor([[1, 2, 3]]))

    computed = weight_bytes(counts, quantization, dtype="float32")
    assert fresh == measured_bytes(model) == pytest.approx(computed, rel=0.001)


def test_the_layers_of_gpt2_count_as_linear(tmp_path: Path, tokenizer) -> None:
    pytest.importorskip("bitsandbytes")
    config = transformers.GPT2Config(vocab_size=259, n_positions=64, n_embd=64, n_layer=2, n_head=2)
    model = transformers.GPT2LMHeadModel(config)
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)

    quantized = load(tmp_path, device="cpu", quantization="nf4").model

    counts = count_weights(model)
    assert counts.linear == 2 * 12 * 64 * 64
    computed = weight_bytes(counts, "nf4", dtype="float32")
    assert measured_bytes(quantized) == pytest.approx(computed, rel=0.02)


def test_nf4_linear_weights_take_less_than_16_percent() -> None:
    pytest.importorskip("bitsandbytes")
    whole, quantized = load("chat").model, load("chat", quantization="nf4").model

    share = measured_bytes(quantized, linear_only=True) / measured_bytes(whole, linear_only=True)

    assert 0.12 < share < 0.16


def test_shared_memory_is_measured_once(gpt2) -> None:
    assert measured_bytes(gpt2) < 4 * gpt2.num_parameters() + 100_000


@pytest.mark.parametrize(("quantization", "dtype"), [("int7", "bfloat16"), (None, "float8")])
def test_an_unknown_format_is_named(quantization: str | None, dtype: str) -> None:
    with pytest.raises(ValueError, match=r"unknown format .*known: float32, bfloat16"):
        weight_bytes(1000, quantization, dtype=dtype)
