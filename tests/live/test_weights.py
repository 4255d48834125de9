"""The weights in the page: what rounding to int8 changes, and that the same files come out."""

import hashlib
import json
from itertools import islice
from pathlib import Path
from statistics import mean

import pytest
import torch
from live_weights import rounded, write_live_weights

import companion
from companion.pocket.corpus import documents

LIMIT_BYTES = 5_000_000
SHIPPED = Path(companion.__file__).parent / "pocket" / "weights"


@pytest.mark.parametrize("model", [pytest.param("base", marks=pytest.mark.slow), "chat"])
def test_int8_changes_little(page, pocket, model):
    texts = [document.text for document in islice(documents(7), 6)]
    rows = [ids[:30] for ids in pocket("base")[1](texts)["input_ids"]]

    found = page("compare", rows=rows, model=model)

    divergence = mean(place["divergence"] for place in found)  # nats
    assert 0 < divergence < 0.0005  # 0: the same file would have been read twice
    assert mean(place["same"] for place in found) >= 0.95
    assert mean(place["largest"] for place in found) < 0.005  # of a token's probability


def test_a_model_is_at_most_five_megabytes(models):
    manifest = json.loads((models / "manifest.json").read_text(encoding="utf-8"))

    for model in manifest["models"].values():
        assert model["int8"]["bytes"] < LIMIT_BYTES


def test_float16_is_the_file_that_the_package_ships(models):
    manifest = json.loads((models / "manifest.json").read_text(encoding="utf-8"))
    shipped = (SHIPPED / "SHA256SUMS").read_text(encoding="utf-8")

    for name, model in manifest["models"].items():
        assert f"{model['float16']['sha256']}  {name}/model.safetensors" in shipped


def test_every_run_writes_the_same_bytes(models, tmp_path):
    write_live_weights(tmp_path, models=["chat"])

    again = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert again.pop("manifest.json")
    assert len(again) == 6  # weights twice, tokenizer, passages, weather, records
    for name, content in again.items():
        assert content == (models / name).read_bytes(), name


def test_names_hold_the_hash_of_the_content(models):
    for path in models.glob("*.bin"):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()

        assert digest.startswith(path.stem.split("-")[-1])


def test_a_row_is_scaled_by_its_largest_weight():
    weights = {"w": torch.tensor([[1.27, -0.5], [0.0, 0.0]]), "norm": torch.ones(2)}

    out = rounded(weights)

    assert out["w"].tolist() == [[127, -50], [0, 0]]
    assert torch.equal(out["norm"], weights["norm"])
