"""Checkpoints hold everything that training needs, and refuse what does not belong."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from companion.errors import CheckpointError
from companion.training import checkpoint

RECIPE = {"steps": 4, "seed": 0}


def model(width: int = 3) -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Linear(width, 2)


def optimizer(*modules: torch.nn.Module) -> torch.optim.Optimizer:
    return torch.optim.AdamW([p for m in modules for p in m.parameters()], lr=0.1)


def train(module: torch.nn.Module, opt: torch.optim.Optimizer, steps: int) -> list[float]:
    losses = []
    for _ in range(steps):
        loss = module(torch.ones(1, 3)).square().sum()
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    return losses


def test_training_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    first, unbroken = model(), model()
    opt = optimizer(first)
    train(first, opt, 3)
    checkpoint.save(tmp_path, {"model": first}, [opt], RECIPE, step=3, notes={"by": "me"})
    expected = train(unbroken, optimizer(unbroken), 6)[3:]

    second = model()
    new_opt = optimizer(second)
    progress = checkpoint.restore(tmp_path, {"model": second}, [new_opt], RECIPE)

    assert progress == (3, {"by": "me"})
    assert train(second, new_opt, 3) == expected


def test_several_modules_are_kept_apart(tmp_path: Path) -> None:
    one, two = model(), model()
    torch.nn.init.ones_(one.weight)
    torch.nn.init.zeros_(two.weight)
    checkpoint.save(tmp_path, {"one": one, "two": two}, [], RECIPE, step=1)

    found = {"one": model(), "two": model()}
    checkpoint.restore(tmp_path, found, [], RECIPE)

    assert found["one"].weight.unique().tolist() == [1]
    assert found["two"].weight.unique().tolist() == [0]


def test_without_a_checkpoint_a_run_starts_at_0(tmp_path: Path) -> None:
    assert checkpoint.restore(tmp_path, {"model": model()}, [], RECIPE) == (0, {})
    assert checkpoint.steps_done(tmp_path) == 0
    assert checkpoint.notes(tmp_path) == {}


def test_steps_and_notes_are_read_without_the_weights(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, {"model": model()}, [], RECIPE, step=7, notes={"by": "me"})

    assert checkpoint.steps_done(tmp_path) == 7
    assert checkpoint.notes(tmp_path)["by"] == "me"


def test_a_new_checkpoint_replaces_the_old_one_in_one_move(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dying(tensors: object, file: Path, metadata: object) -> None:
        file.write_bytes(b"died while writing this")
        raise KeyboardInterrupt

    checkpoint.save(tmp_path, {"model": model()}, [], RECIPE, step=1)
    monkeypatch.setattr(checkpoint, "save_file", dying)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.save(tmp_path, {"model": model()}, [], RECIPE, step=2)
    monkeypatch.undo()

    assert checkpoint.steps_done(tmp_path) == 1
    checkpoint.save(tmp_path, {"model": model()}, [], RECIPE, step=2)
    assert checkpoint.steps_done(tmp_path) == 2
    assert [path.name for path in tmp_path.iterdir()] == [checkpoint.NAME]


def test_another_recipe_is_refused_but_for_what_may_change(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, {"model": model()}, [], RECIPE, step=1)
    now = {"steps": 9, "seed": 0}

    with pytest.raises(CheckpointError, match=r"another recipe \(steps: 4 then, 9 now\)"):
        checkpoint.restore(tmp_path, {"model": model()}, [], now)
    assert checkpoint.restore(tmp_path, {"model": model()}, [], now, changeable=["steps"]).step == 1


@pytest.mark.parametrize(
    ("other", "found"), [({"model": 5}, r"\(2, 3\)"), ({"model": 3, "head": 3}, "nothing")]
)
def test_another_model_is_refused_and_not_changed(
    tmp_path: Path, other: dict[str, int], found: str
) -> None:
    checkpoint.save(tmp_path, {"model": model()}, [], RECIPE, step=1)
    modules = {name: model(width) for name, width in other.items()}
    for module in modules.values():
        torch.nn.init.zeros_(module.weight)

    with pytest.raises(CheckpointError, match=f"belongs to another model.*it has {found}"):
        checkpoint.restore(tmp_path, modules, [], RECIPE)
    assert not any(module.weight.any() for module in modules.values())


def test_a_damaged_file_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / checkpoint.NAME).write_bytes(b"not a checkpoint")

    for read in (checkpoint.read, checkpoint.notes, checkpoint.steps_done):
        with pytest.raises(CheckpointError, match="Delete it to start from the beginning"):
            read(tmp_path)


def test_a_truncated_file_says_what_to_do(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, {"model": model()}, [], RECIPE, step=1)
    path = tmp_path / checkpoint.NAME
    path.write_bytes(path.read_bytes()[:-5])

    with pytest.raises(CheckpointError, match="cannot be read"):
        checkpoint.read(tmp_path)


def test_a_file_of_another_program_is_refused(tmp_path: Path) -> None:
    save_file({"weight": torch.ones(1)}, tmp_path / checkpoint.NAME)

    with pytest.raises(CheckpointError, match="not a checkpoint of training"):
        checkpoint.restore(tmp_path, {"model": model()}, [], RECIPE)
