"""A checkpoint of several processes is whole or not there, and refuses what does not belong."""

import errno
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
import torch.distributed.checkpoint as dcp
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

    with pytest.raises(CheckpointError, match=r"belongs to another model") as error:
        sharded_checkpoint.restore(tmp_path, *made(5), RECIPE)
    assert str(error.value).endswith("Use another folder.")  # what is sound is not to be deleted


def test_damaged_parts_say_what_to_do(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    sharded_checkpoint.save(tmp_path, *made(), RECIPE, step=1)
    (part,) = tmp_path.rglob("*.safetensors")
    part.write_bytes(part.read_bytes()[:-5])

    with pytest.raises(CheckpointError, match=f"{part.name} is damaged.*from the beginning"):
        sharded_checkpoint.restore(tmp_path, *made(), RECIPE)
    assert capfd.readouterr().err == ""


def test_a_checkpoint_from_before_there_were_hashes_is_read(tmp_path: Path) -> None:
    sharded_checkpoint.save(tmp_path, *made(), RECIPE, step=1)
    record = tmp_path / progress.NAME
    facts = json.loads(record.read_text())
    del facts["sha256"]
    record.write_text(json.dumps(facts))

    assert sharded_checkpoint.restore(tmp_path, *made(), RECIPE) == 1


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def full_in_a_process(*_: object, **__: object) -> None:
    """Fail as DCP does: the reason is in the failures, by process."""
    failure = OSError(errno.ENOSPC, "No space left on device")
    raise dcp.CheckpointException("write", {0: (failure, None)})


@pytest.mark.parametrize(
    ("module", "name", "fault"),
    [
        (dcp, "save", full_in_a_process),
        (sharded_checkpoint, "write_whole", full),
        (Path, "mkdir", full),
    ],
)
def test_a_full_disk_leaves_the_checkpoint_before_and_no_half_one(
    module: object, name: str, fault: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sharded_checkpoint.save(tmp_path, *made(), RECIPE, step=1)
    there = sorted(tmp_path.rglob("*"))
    monkeypatch.setattr(module, name, fault)

    with pytest.raises(CheckpointError) as error:
        sharded_checkpoint.save(tmp_path, *made(), RECIPE, step=2)

    said = str(error.value)
    assert "MB of its disk are free" in said
    assert "are free): No space left on device. Make room" in said
    assert f"{tmp_path} has the checkpoint of step 1. To go on, start the same command." in said
    assert sorted(tmp_path.rglob("*")) == there
    monkeypatch.undo()
    assert sharded_checkpoint.restore(tmp_path, *made(), RECIPE) == 1


@pytest.mark.parametrize(
    "text",
    ["not JSON", "[]", "{}", json.dumps({"step": 1, "parts": "../elsewhere", "recipe": {}})],
)
def test_a_damaged_record_says_what_to_do(text: str, tmp_path: Path) -> None:
    (tmp_path / progress.NAME).write_text(text)

    with pytest.raises(CheckpointError, match="Delete it to start from the beginning"):
        steps_done(tmp_path)
