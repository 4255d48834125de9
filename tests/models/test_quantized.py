"""Models loaded through bitsandbytes: right, quiet, and refused with a reason."""

import math
import sys

import pytest
import torch

from companion.errors import MissingExtraError, NotEnoughMemoryError
from companion.generation.decoding import generate
from companion.generation.params import SamplingParams
from companion.models import load, loading
from companion.models.quantized import restored_weight
from companion.quantization.codebooks import (
    dequantize_blocks,
    fp4_codebook,
    nf4_codebook,
    quantize_blocks,
)
from companion.quantization.footprint import measured_bytes

PROMPTS = ["Question: What is 37 + 25?\nAnswer:", "The capital of France is"]
GREEDY = SamplingParams(max_new_tokens=6, temperature=0)


@pytest.fixture(scope="module", autouse=True)
def _bitsandbytes() -> None:
    pytest.importorskip("bitsandbytes")


@pytest.mark.parametrize(
    "quantization", ["int8", "nf4", pytest.param("fp4", marks=pytest.mark.slow)]
)
def test_a_quantized_model_generates_in_batches(quantization: str, capfd) -> None:
    model, tokenizer = load("base", quantization=quantization)

    together = generate(model, tokenizer, PROMPTS, GREEDY)
    alone = [generate(model, tokenizer, prompt, GREEDY)[0] for prompt in PROMPTS]

    assert [one.text for one in together] == [one.text for one in alone]
    assert together[0].text.startswith(" 62")
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("quantization", ["nf4", "fp4"])
def test_generating_does_not_change_how_weights_are_stored(quantization: str) -> None:
    model, tokenizer = load("base", quantization=quantization)
    weight = model.model.layers[0].mlp.gate_proj.weight
    before, nested = weight.data.clone(), weight.quant_state.nested

    generate(model, tokenizer, PROMPTS, GREEDY)

    assert torch.equal(weight.data, before)
    assert weight.quant_state.nested == nested == (quantization == "nf4")


@pytest.mark.parametrize("name", ["self_attn.q_proj", "mlp.gate_proj", "mlp.down_proj"])
def test_a_layer_computes_with_the_weights_that_we_compute(name: str) -> None:
    plain, quantized = (
        load("base", quantization=q).model.model.layers[0].get_submodule(name)
        for q in (None, "nf4")
    )
    inputs = torch.randn(5, plain.in_features, generator=torch.Generator().manual_seed(0))

    ours = inputs @ dequantize_blocks(quantize_blocks(plain.weight.data, nf4_codebook())).T
    theirs = quantized(inputs)

    # the scales were quantized as well, so a little apart, but far closer than to the original
    assert (ours - theirs).abs().mean() < 0.1 * (plain(inputs) - theirs).abs().mean()


SHAPES = [(1, 1), (1, 3), (3, 5), (7, 9), (5, 688), (3, 700), (65, 65), (129, 63), (2, 4099)]


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")  # shape (0, 4)
@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("shape", [*SHAPES, (64, 64), (17, 1), (0, 4), (4, 0)])
@pytest.mark.parametrize("quantization", ["nf4", "fp4"])
def test_weights_of_any_shape_are_restored_as_we_restore_them(
    quantization: str, shape: tuple[int, int], double: bool
) -> None:
    """Counts that fill no block, odd rows, a single number, none at all."""
    import bitsandbytes as bnb

    weights = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    book = nf4_codebook() if quantization == "nf4" else fp4_codebook()
    layer = bnb.nn.Linear4bit(shape[1], shape[0], bias=False, compute_dtype=torch.float32)
    settings = {"quant_type": quantization, "compress_statistics": double}
    layer.weight = bnb.nn.Params4bit(weights.clone(), requires_grad=False, **settings)
    layer = layer.to("cpu")

    found = restored_weight(layer)

    expected = weights
    if weights.numel():
        expected = dequantize_blocks(quantize_blocks(weights, book))
    tolerance = 0.05 if double else 1e-5  # the scales themselves are rounded, and ours are not
    torch.testing.assert_close(found, expected, rtol=0, atol=tolerance)


def test_whole_blocks_of_64_columns_are_all_that_bitsandbytes_restores(monkeypatch) -> None:
    """Where its CPU code is wrong (AVX512), it is wrong for other shapes only."""
    import bitsandbytes as bnb

    seen = []
    original = bnb.functional.dequantize_4bit

    def watched(packed, state):
        seen.append((tuple(state.shape), packed.numel()))
        return original(packed, state)

    monkeypatch.setattr(bnb.functional, "dequantize_4bit", watched)
    layer = bnb.nn.Linear4bit(700, 3, bias=False, compute_dtype=torch.float32).to("cpu")

    restored_weight(layer)

    assert seen == [((33, 64), 33 * 32)]  # 2,100 numbers


def test_weights_scales_and_scales_of_scales_are_measured() -> None:
    model, _ = load("base", quantization="nf4")
    layers = [m for m in model.modules() if hasattr(getattr(m, "weight", None), "quant_state")]
    blocks = [math.prod(layer.weight.quant_state.shape) / 64 for layer in layers]
    expected = sum(32 * n + n + 4 * math.ceil(n / 256) + 4 for n in blocks)  # 4 for the mean

    assert measured_bytes(model, linear_only=True) == expected


def test_gradients_pass_through_a_quantized_layer() -> None:
    layer = load("base", quantization="nf4").model.model.layers[0].mlp.down_proj
    inputs = torch.randn(2, 688, requires_grad=True)

    layer(inputs).sum().backward()

    torch.testing.assert_close(inputs.grad[0], restored_weight(layer).sum(dim=0))
    assert layer.weight.grad is None


@pytest.mark.parametrize("quantization", ["int8", "nf4"])
def test_embeddings_and_output_layer_stay_whole_and_tied(quantization: str) -> None:
    model = load("base", quantization=quantization).model

    assert model.lm_head.weight.dtype == torch.float32
    assert model.lm_head.weight is model.model.embed_tokens.weight


@pytest.mark.parametrize("quantization", ["int4", "gptq", "", "NF4"])
def test_an_unknown_quantization_names_the_known_ones(quantization: str) -> None:
    with pytest.raises(ValueError, match="'int8', 'nf4', 'fp4', or None, got"):
        load("base", quantization=quantization)


def test_without_bitsandbytes_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "bitsandbytes"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)

    with pytest.raises(MissingExtraError, match=r"bitsandbytes is not .*the extra 'quant'"):
        load("base", quantization="nf4")


def test_the_memory_check_knows_the_quantized_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "available_memory", lambda device: 6_000_000)

    with pytest.raises(NotEnoughMemoryError):
        load("base")
    assert load("base", quantization="nf4").model is not None


def test_a_reward_model_can_be_quantized_too() -> None:
    model, _ = load("reward", quantization="nf4")

    assert model.score.weight.dtype == torch.float32
