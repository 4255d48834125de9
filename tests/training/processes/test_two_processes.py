"""Two processes do what one does: losses, norms, weights, checkpoints. With FSDP2 each has half."""

import json
import os
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from companion.errors import CheckpointError
from companion.training.processes.loop import train
from companion.training.processes.progress import NAME, steps_done
from companion.training.processes.world import joined
from tests.training.processes import shared_task
from tests.training.processes.shared_task import SAVED, STEPS, Tiny, task

ROOT = Path(__file__).parents[3]
ENVIRONMENT = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One launch of two processes for all tests of this module: it takes seconds."""
    folder = tmp_path_factory.mktemp("two")
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    done = subprocess.run(
        [sys.executable, *launcher, str(Path(shared_task.__file__)), str(folder)],
        capture_output=True,
        text=True,
        timeout=240,
        env=os.environ | ENVIRONMENT,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, float]]:
    """The same run in one process."""
    with joined() as world:
        return list(train(task(), world, tmp_path_factory.mktemp("one")))


def found(two: Path, sharing: str) -> dict:
    return json.loads((two / f"{sharing}.json").read_text())


@pytest.mark.parametrize("sharing", ["ddp", "fsdp"])
def test_losses_and_norms_are_those_of_one_process(
    sharing: str, two: Path, one: list[dict[str, float]]
) -> None:
    shared = found(two, sharing)

    assert shared["losses"] == pytest.approx([r["loss"] for r in one[:SAVED]], abs=5e-6)
    assert shared["norms"] == pytest.approx([r["grad_norm"] for r in one[:SAVED]], abs=1e-4)
    assert one[-1]["loss"] < one[0]["loss"]


def test_a_copy_has_all_weights_and_a_part_half(two: Path) -> None:
    every = sum(parameter.numel() for parameter in Tiny(0).parameters())

    assert found(two, "ddp")["held"] == [every, every]
    first, second = found(two, "fsdp")["held"]
    assert first + second == every
    assert abs(first - second) < 0.05 * every


def test_the_weights_made_whole_are_the_same_either_way(two: Path) -> None:
    copied, parted = found(two, "ddp")["weights"], found(two, "fsdp")["weights"]

    assert copied.keys() == parted.keys() == Tiny(0).state_dict().keys()
    for name, values in copied.items():
        torch.testing.assert_close(torch.tensor(values), torch.tensor(parted[name]))


@pytest.mark.parametrize("sharing", ["ddp", "fsdp"])
def test_one_process_goes_on_from_the_checkpoint_of_two(
    sharing: str, two: Path, one: list[dict[str, float]], tmp_path: Path
) -> None:
    out = shutil.copytree(two / sharing, tmp_path / "copy")
    assert steps_done(out) == SAVED

    with joined() as world:
        rest = list(train(task(seed=7), world, out, sharing="ddp", save_steps=99))

    assert [record["step"] for record in rest] == list(range(SAVED + 1, STEPS + 1))
    assert [r["loss"] for r in rest] == pytest.approx([r["loss"] for r in one[SAVED:]], abs=1e-5)


def test_each_process_has_written_its_part_and_nothing_is_pickled(two: Path) -> None:
    files = [path for path in (two / "fsdp").rglob("*") if path.is_file()]

    assert sorted(path.suffix for path in files) == [".json", ".safetensors", ".safetensors"]
    written = [path for path in files if path.suffix == ".safetensors"]
    hashes = {path.name: sha256(path.read_bytes()).hexdigest() for path in written}
    assert json.loads((two / "fsdp" / NAME).read_text())["sha256"] == hashes
    parts = [load_file(path) for path in written]
    sizes = [sum(tensor.numel() for tensor in part.values()) for part in parts]
    assert max(sizes) < 1.1 * min(sizes)


def test_what_fails_in_one_process_is_heard_in_both(two: Path) -> None:
    assert [(two / f"heard-{rank}.txt").read_text() for rank in (0, 1)] == ["no room"] * 2


def test_a_damaged_part_of_either_process_is_named(two: Path, tmp_path: Path) -> None:
    """In values only: the file can still be read."""
    for rank in (1, 2):
        out = shutil.copytree(two / "fsdp", tmp_path / str(rank))
        (part,) = out.rglob(f"shard-0000{rank}*")
        content = bytearray(part.read_bytes())
        content[-400:] = bytes(400)
        part.write_bytes(content)
        with joined() as world, pytest.raises(CheckpointError, match=f"{part.name} is damaged"):
            next(train(task(), world, out))
