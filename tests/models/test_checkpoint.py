"""The files of a checkpoint: all there, undamaged, and of a known size."""

import json
from pathlib import Path

import pytest

from companion.errors import (
    WeightsError,
)
from companion.models import (
    load,
)
from companion.models.checkpoint import parameter_count


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_damaged_file_is_named_with_the_remedy(weights: Path, name: str) -> None:
    file = weights / "base" / name
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)

    with pytest.raises(
        WeightsError, match=rf"{name} is damaged.*git checkout -- companion/pocket/weights"
    ):
        load("base", weights_root=weights)


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_a_missing_file_is_named_with_the_remedy(weights: Path, name: str) -> None:
    (weights / "base" / name).unlink()

    with pytest.raises(WeightsError, match=rf"{name} is missing.*or reinstall the package"):
        load("base", weights_root=weights)


def test_a_truncated_file_is_named(weights: Path) -> None:
    file = weights / "base" / "model.safetensors"
    file.write_bytes(file.read_bytes()[:1000])

    with pytest.raises(WeightsError, match=r"model.safetensors is damaged"):
        load("base", weights_root=weights)


def test_a_file_nobody_vouches_for_is_refused(weights: Path) -> None:
    (weights / "base" / "adapter_config.json").write_text("{}")

    with pytest.raises(WeightsError, match=r"adapter_config.json is not listed in SHA256SUMS"):
        load("base", weights_root=weights)


def test_missing_checksums_are_refused(weights: Path) -> None:
    (weights / "SHA256SUMS").unlink()

    with pytest.raises(WeightsError, match="SHA256SUMS is missing"):
        load("base", weights_root=weights)


def test_a_broken_checksum_line_is_refused(weights: Path) -> None:
    (weights / "SHA256SUMS").write_text("abc base/config.json\n")

    with pytest.raises(WeightsError, match="has a line that is not"):
        load("base", weights_root=weights)


def test_a_role_without_bundled_weights_says_which_there_are(weights: Path) -> None:
    with pytest.raises(WeightsError, match=r"role 'chat' \(bundled: base\).*source='hub'"):
        load("chat", weights_root=weights)


def test_a_folder_without_config_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"is not a checkpoint: it has no config.json"):
        load(tmp_path)


def test_pickled_weights_are_not_loaded(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")

    with pytest.raises(WeightsError, match=r"lacks a .safetensors file. Pickled weights"):
        load(folder)


def test_a_missing_part_of_a_split_checkpoint_is_named(folder: Path) -> None:
    index = {"weight_map": {"a": "model.safetensors", "b": "model-2.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))

    with pytest.raises(WeightsError, match=r"lacks model-2.safetensors"):
        load(folder)


@pytest.mark.parametrize("cut", [4, 500, -1])
def test_a_truncated_weight_file_is_refused(folder: Path, cut: int) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:cut])

    with pytest.raises(WeightsError, match=r"model.safetensors is (truncated|not a readable)"):
        load(folder)


def test_the_size_is_known_before_loading(checkpoint: Path, llama) -> None:
    assert parameter_count(checkpoint) == llama.num_parameters()
