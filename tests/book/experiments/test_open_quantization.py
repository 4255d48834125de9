"""Pocket and open, quantization: outliers that were planted are found; a small run; the record."""

import json

import pytest
import torch
from _experiments import open_quantization

from companion.linear_layers import linear_layers
from companion.models import load
from companion.pocket.records import record

TEXTS = ["The cat sat on the mat.", "Ann sold a boat."]


@pytest.fixture
def chat():
    """pocket-chat, loaded anew, since tests change its weights."""
    return load("chat", source="pocket")


def test_the_peak_is_the_largest_value_over_the_median_one() -> None:
    assert open_quantization.peak(torch.tensor([[1.0, -2.0], [-3.0, 1.0], [1.0, 40.0]])) == 40.0


def test_a_weight_that_stands_out_is_found_in_its_layer_only(chat) -> None:
    before = open_quantization.outliers(chat, TEXTS)["q_proj"]["weights"]
    layer = linear_layers(chat.model)["model.layers.2.self_attn.q_proj"]
    with torch.no_grad():
        layer.weight[3, 5] = 100 * layer.weight.std()

    after = open_quantization.outliers(chat, TEXTS)["q_proj"]["weights"]

    assert max(before) < 20
    assert after[2] > 60
    assert after[:2] + after[3:] == before[:2] + before[3:]


def test_a_loud_channel_is_found_in_the_layers_that_read_it(chat) -> None:
    before = open_quantization.outliers(chat, TEXTS)
    with torch.no_grad():
        chat.model.model.layers[1].input_layernorm.weight[7] *= 1000

    after = open_quantization.outliers(chat, TEXTS)

    for name in ("q_proj", "k_proj", "v_proj"):
        assert after[name]["inputs"][1] > 20 * before[name]["inputs"][1]
        assert after[name]["inputs_after_first"][1] > 20 * before[name]["inputs_after_first"][1]
    assert after["q_proj"]["inputs"][0] == before["q_proj"]["inputs"][0]


def test_each_layer_gets_one_row_per_token_of_each_text(chat) -> None:
    layers = linear_layers(chat.model)
    lengths = [len(ids) for ids in chat.tokenizer(TEXTS)["input_ids"]]

    found = open_quantization.read_inputs(chat, TEXTS, layers)

    assert set(found) == set(layers)
    for name, inputs in found.items():
        assert [one.shape for one in inputs] == [
            (length, layers[name].in_features) for length in lengths
        ]
    assert not any(layer._forward_pre_hooks for layer in layers.values())


def test_a_small_run_has_a_row_for_each_format() -> None:
    pytest.importorskip("bitsandbytes")

    found = open_quantization.measure(scale=0.01, columns=["pocket"], formats=(None, "nf4"))
    rows = found["columns"]["pocket"]["formats"]

    assert list(rows) == ["float32", "nf4"]
    assert rows["nf4"]["bytes"] < 0.5 * rows["float32"]["bytes"]
    assert rows["float32"]["capitals"]["right"] == 3
    assert set(rows["nf4"]["perplexity"]) == {"a story", "an explanation"}
    assert json.loads(json.dumps(found)) == found


def test_the_record_says_where_the_weights_come_from_and_has_all_formats() -> None:
    found = record("open_quantization")

    assert "Q4_1" in found["origin"]
    assert set(found["columns"]) == {"pocket", "open"}
    for column in found["columns"].values():
        assert list(column["formats"]) == ["float32", "int8", "nf4", "fp4"]
        sizes = [row["bytes"] for row in column["formats"].values()]
        assert sizes[0] > sizes[1] > sizes[2]
        assert all(row["capitals"]["total"] == 40 for row in column["formats"].values())
    blocks = {
        name: {len(row["inputs"]) for row in column["outliers"].values()}
        for name, column in found["columns"].items()
    }
    assert blocks == {"pocket": {6}, "open": {30}}
