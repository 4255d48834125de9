"""The recorded runs on quantized models: what is measured, and that a small run works."""

import json

import pytest
import torch
from _experiments import qlora, quantization

from companion.models import load
from companion.pocket.records import record

# of pocket-chat's linear layers: int8 adds a scale in float32 for each of 15,936 rows
INT8 = 1 / 4 + 15_936 / 4_743_168
SHARE = {"float32": 1.0, "int8": INT8, "nf4": 4.127 / 32}


@pytest.fixture(scope="module", autouse=True)
def _bitsandbytes() -> None:
    pytest.importorskip("bitsandbytes")


@pytest.fixture(scope="module")
def small() -> dict:
    """One format of each kind with 20 items, the fewest that are drawn."""
    return quantization.measure(scale=0.01, formats=["float32", "int8", "nf4"])


@pytest.fixture(scope="module")
def trained() -> dict[str, dict]:
    """Each variant trained for two steps, in this process."""
    return {name: qlora.run(name, steps=2, count=3) for name in qlora.VARIANTS}


@pytest.mark.slow
def test_all_formats_answer_the_same_items(small) -> None:
    totals = [found["total"] for found in small["formats"].values()]

    assert list(small["formats"]) == ["float32", "int8", "nf4"]
    assert len(totals[0]) == 9
    assert all(total == totals[0] for total in totals)


@pytest.mark.slow
def test_linear_layers_have_the_share_of_float32_that_their_bits_say(small) -> None:
    shares = {name: found["linear_share"] for name, found in small["formats"].items()}

    assert shares == pytest.approx(SHARE, rel=0.002)
    assert shares["nf4"] < 0.16


@pytest.mark.slow
def test_the_calculator_is_within_two_percent_of_what_was_measured(small) -> None:
    for found in small["formats"].values():
        assert found["measured_bytes"] == pytest.approx(found["computed_bytes"], rel=0.02)


@pytest.mark.slow
def test_fewer_bits_cost_perplexity_but_little(small) -> None:
    found = {name: one["perplexity"] for name, one in small["formats"].items()}

    assert found["int8"] == pytest.approx(found["float32"], rel=0.005)
    assert found["float32"] < found["nf4"] < 1.05 * found["float32"]


@pytest.mark.slow
def test_speed_is_measured_alone_and_in_a_batch(small) -> None:
    for found in small["formats"].values():
        alone, batch = found["seconds_per_token"].values()
        assert list(found["seconds_per_token"]) == ["1", "32"]
        assert 0 < min(alone, batch) <= max(alone, batch) < 5  # seconds of one step
    assert json.loads(json.dumps(small)) == small


def test_the_record_keeps_nf4_within_three_points_on_the_mean_over_tasks() -> None:
    formats = record("quantization")["formats"]
    means = {
        name: sum(row["right"][task] / row["total"][task] for task in row["total"]) / 9
        for name, row in formats.items()
    }

    assert list(formats) == list(quantization.FORMATS)
    assert record("quantization")["items"] == 200
    assert formats["nf4"]["linear_share"] <= 0.16
    assert abs(means["nf4"] - means["float32"]) < 0.03


@pytest.mark.slow
def test_only_the_format_of_the_frozen_weights_differs_between_lora_and_qlora(trained) -> None:
    lora, four_bits = trained["lora"], trained["lora_nf4"]

    assert lora["trainable"] == four_bits["trainable"] == 235_008
    assert lora["settings"] == four_bits["settings"]
    assert lora["computed_bytes"]["gradients"] == four_bits["computed_bytes"]["gradients"]
    assert four_bits["computed_bytes"]["weights"] < 0.26 * lora["computed_bytes"]["weights"]
    assert trained["full"]["trainable"] == trained["full"]["total"] == 5_270_784


@pytest.mark.slow
def test_the_computed_bytes_of_qlora_count_the_scales_and_the_adapters(trained) -> None:
    model, _ = load("base", device="cpu")
    linear = sum(
        module.weight.numel()
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and name != "lm_head"
    )
    other = 5_270_784 - linear
    expected = linear * 4.127 / 8 + 4 * other + 4 * 235_008

    found = trained["lora_nf4"]["computed_bytes"]["weights"]

    assert found == pytest.approx(expected, rel=0.005)


@pytest.mark.slow
def test_all_variants_start_from_the_same_loss_up_to_rounding(trained) -> None:
    first = {name: found["losses"][0] for name, found in trained.items()}

    assert first["lora"] == pytest.approx(first["full"], rel=1e-3)
    assert first["lora_int8"] == pytest.approx(first["full"], rel=0.02)
    assert first["lora_nf4"] == pytest.approx(first["full"], rel=0.02)
    assert first["lora_nf4"] != first["lora"]  # 4 bits, really


def test_the_recorded_qlora_is_as_good_as_lora_within_the_interval() -> None:
    found = record("qlora")["variants"]

    low, high = found["lora"]["interval"]
    assert list(found) == list(qlora.VARIANTS)
    assert low <= found["lora_nf4"]["share"] <= high
    assert found["lora_nf4"]["items"] == 400
