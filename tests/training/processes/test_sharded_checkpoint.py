"""A checkpoint of several processes is whole or not there, and refuses what does not belong."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from companion.errors import CheckpointError
from companion.training.processes import progress, sharded_checkpoint
from companion.training.processes.progress import steps_done
from companion.training.processes.world import joined

RECIPE = {"rate": 0.1, "seed": 0}


@pytest.fixture(autouse=True)
def _world() -> Iterator[None]:
    with joined():
        yield


def made(width: int = 3) -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(0)
    model = nn.Linear(width, 2)
    return model, torch.optim.AdamW(model.parameters(), lr=0.1)


def train(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int) -> list[float]:
    losses = []
    for _ in range(steps):
        loss = model(torch.ones(1, 3)).square().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def test_training_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    first, unbroken = made(), made()
    train(*first, 3)
    sharded_checkpoint.save(tmp_path, *first, RECIPE, step=3)
    expected = train(*unbroken, 6)[3:]

    second = made()
    torch.nn.init.zeros_(second[0].weight)

    assert sharded_checkpoint.restore(tmp_path, *second, RECIPE) == 3
    assert train(*second, 3) == expected


def test_without_a_checkpoint_a_run_starts_at_0(tmp_path: Path) -> None:
    model, optimizer = made()
    before = model.weight.clone()

    assert sharded_checkpoint.restore(tmp_path, model, optimizer, RECIPE) == 0
    assert steps_done(tmp_path) == 0
    assert torch.equal(model.weight, before)


def test_a_newer_checkpoint_takes_the_place_of_the_older(tmp_path: Path) -> None:
    model, optimizer = made()
    for step in (1, 2):
        train(model, optimizer, 1)
        sharded_checkpoint.save(tmp_path, model, optimizer, RECIPE, step=step)

    assert sorted(path.name for path in tmp_path.iterdir()) == [progress.NAME, "step-000002"]


def test_what_a_run_left_that_died_while_saving_is_not_read(tmp_path: Path) -> None:
    model, optimizer = made()
    train(model, optimizer, 1)
    sharded_checkpoint.save(tmp_path, model, optimizer, RECIPE, step=1)
    half = tmp_path / "step-000002"
    half.mkdir()
    (half / "shard-00009-model-00001-of-00001.safetensors").write_bytes(b"half")

    assert sharded_checkpoint.restore(tmp_path, *made(), RECIPE) == 1
    sharded_checkpoint.save(tmp_path, model, optimizer, RECIPE, step=2)
    assert sharded_checkpoint.restore(tmp_path, *made(), RECIPE) == 2


def test_another_recipe_is_refused(tmp_path: Path) -> None:
    sharded_checkpoint.save(tmp_path, *made(), RECIPE, step=1)

    with pytest.raises(CheckpointError, match=r"another recipe \(rate: 0.1 then, 0.2 now\)"):
        sharded_checkpoint.restore(tmp_path, *made(), RECIPE | {"rate": 0.2})


def test_another_model_is_refused(tmp_path: Path) -> None:
    sharded_checkpoint.save(tmp_path, *made(), RECIPE, step=1)

    with pytest.raises(CheckpointError, match=r"belongs to another model.*delete"):
        sharded_checkpoint.restore(tmp_path, *made(5), RECIPE)


def test_damaged_parts_say_what_to_do(tmp_path: Path) -> None:
    sharded_checkpoint.save(tmp_path, *made(), RECIPE, step=1)
    (part,) = tmp_path.rglob("*.safetensors")
    part.write_bytes(part.read_bytes()[:-5])

    with pytest.raises(CheckpointError, match=r"step-000001 cannot be read.*from the beginning"):
        sharded_checkpoint.restore(tmp_path, *made(), RECIPE)


@pytest.mark.parametrize(
    "text",
    ["not JSON", "[]", "{}", json.dumps({"step": 1, "parts": "../elsewhere", "recipe": {}})],
)
def test_a_damaged_record_says_what_to_do(text: str, tmp_path: Path) -> None:
    (tmp_path / progress.NAME).write_text(text)

    with pytest.raises(CheckpointError, match="Delete it to start from the beginning"):
        steps_done(tmp_path)
