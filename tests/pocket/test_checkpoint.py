"""From the checkpoint of a run to a model that transformers loads."""

import json

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from companion.errors import CheckpointError
from companion.pocket.checkpoint import RESUMABLE_CHANGES, export
from companion.pocket.recipe import Recipe
from companion.training import checkpoint


def saved(llama, folder):
    """A checkpoint of a run as `companion.pocket.pretrain` writes it."""
    optimizer = torch.optim.SGD(llama.parameters(), lr=0.1)
    notes = {"config": json.dumps(llama.config.to_dict())}
    checkpoint.save(folder, {"model": llama}, [optimizer], {"seed": 0}, step=3, notes=notes)


def test_the_weights_are_those_of_the_run_in_float16(llama, tokenizer, tmp_path):
    saved(llama, tmp_path)

    export(tmp_path, tmp_path / "model", tokenizer)

    model = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    assert model.dtype == torch.float16
    for mine, original in zip(model.parameters(), llama.parameters(), strict=True):
        assert torch.equal(mine, original.half())
    again = AutoTokenizer.from_pretrained(tmp_path / "model")
    assert again("abc").input_ids == tokenizer("abc").input_ids


def test_without_a_checkpoint_nothing_is_written(tokenizer, tmp_path):
    with pytest.raises(CheckpointError):
        export(tmp_path, tmp_path / "model", tokenizer)

    assert list(tmp_path.iterdir()) == []


def test_what_may_change_is_part_of_the_recipe():
    assert set(Recipe.__dataclass_fields__) >= RESUMABLE_CHANGES
