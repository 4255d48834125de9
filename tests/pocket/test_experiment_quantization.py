"""The recorded comparisons of formats: what is measured, that a small run works, what they say."""

import json

import pytest
import torch

from companion.models import load
from companion.pocket.corpus import demonstrations
from companion.pocket.experiments import qlora, quantization
from companion.pocket.records import record
from companion.prompts.evaluation import Accuracy
from companion.training.adapters import apply_lora
from companion.training.sft import sft_trainer

pytest.importorskip("bitsandbytes")


@pytest.fixture(scope="module")
def small() -> dict:
    """The comparison of formats on few items."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quantization, "FORMATS", {"float32": {}, "nf4": {"quantization": "nf4"}})
        patch.setattr(
            quantization, "chat_tasks", lambda tokenizer, count, real=quantization.chat_tasks: [
                task for task in real(tokenizer, 20) if task.name.startswith("recalls")
            ]
        )  # fmt: skip
        return quantization.measure(scale=0.05)


def test_every_format_is_measured_on_the_same_items(small) -> None:
    assert list(small["formats"]) == ["float32", "nf4"]
    assert len({json.dumps(row["total"]) for row in small["formats"].values()}) == 1


def test_bytes_are_measured_and_computed(small) -> None:
    for row in small["formats"].values():
        assert row["measured_bytes"] == pytest.approx(row["computed_bytes"], rel=0.01)
    assert small["formats"]["float32"]["linear_share"] == 1
    assert small["formats"]["nf4"]["linear_share"] < 0.16


def test_perplexity_and_time_are_numbers(small) -> None:
    for row in small["formats"].values():
        assert 1 < row["perplexity"] < 10
        assert set(row["seconds_per_token"]) == {"1", "32"}
        assert all(0 < seconds < 10 for seconds in row["seconds_per_token"].values())


def test_the_small_run_fits_into_json(small) -> None:
    assert json.loads(json.dumps(small)) == small


def test_qlora_trains_no_more_than_lora_and_keeps_fewer_bytes() -> None:
    plain, quantized = (qlora.run(name, steps=2, count=3) for name in ("lora", "lora_nf4"))

    assert plain["trainable"] == quantized["trainable"] == 235_008
    assert quantized["computed_bytes"]["weights"] < 0.3 * plain["computed_bytes"]["weights"]
    assert quantized["computed_bytes"]["gradients"] == plain["computed_bytes"]["gradients"]
    assert plain["losses"][0] == pytest.approx(quantized["losses"][0], rel=0.05)


def test_what_is_trained_beside_4_bit_weights_stays_in_float32() -> None:
    model, tokenizer = load("base", quantization="nf4")
    tuned = apply_lora(model, rank=2)

    sft_trainer(
        tuned, tokenizer, demonstrations.instruction_records(0, "train", 4), steps=1, batch_size=2
    )

    trained = {p.dtype for p in tuned.parameters() if p.requires_grad}
    assert trained == {torch.float32}


def test_the_record_holds_the_figures_of_the_book() -> None:
    formats = record("quantization")["formats"]
    share = {
        name: Accuracy(sum(row["right"].values()), sum(row["total"].values())).share
        for name, row in formats.items()
    }

    assert abs(share["nf4"] - share["float32"]) < 0.03
    assert formats["nf4"]["linear_share"] <= 0.16
    for row in formats.values():
        assert row["measured_bytes"] == pytest.approx(row["computed_bytes"], rel=0.02)
