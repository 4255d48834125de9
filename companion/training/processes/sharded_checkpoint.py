"""A checkpoint of several processes: each writes its part, and the parts fit any number of them.

PyTorch's distributed checkpoint (DCP) writes and reads the parts. Its usual form keeps a pickled
index, which runs code when it is opened; here the parts are safetensors files, whose headers are
the index, so nothing is pickled. Steps, settings and the sha256 of each file are in
``checkpoint.json``, which is written last, in one move. A run that dies while it saves leaves the
checkpoint before.

::

    runs/two/checkpoint.json           {"step": 10, "parts": "step-000010", "sha256": {...}, ...}
    runs/two/step-000010/shard-00001-model-00001-of-00001.safetensors
    runs/two/step-000010/shard-00002-model-00001-of-00001.safetensors

On several machines the folder must be one that all of them see. Taught in
:doc:`/book/training/many-processes`.

Left out: states of random generators, writing while training goes on.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torch import Tensor, nn, optim
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_optimizer_state_dict,
    set_optimizer_state_dict,
)

from companion._files import in_words, write_whole
from companion.errors import CheckpointError, CompanionError
from companion.training.checkpoint import check_recipe
from companion.training.processes import part_hashes, progress
from companion.training.processes.sharing import core
from companion.training.processes.world import agreeing

_FLAT = StateDictOptions(flatten_optimizer_state_dict=True)


def save(
    folder: Path,
    model: nn.Module,
    optimizer: optim.Optimizer,
    recipe: Mapping[str, Any],
    *,
    step: int,
) -> None:
    """Write the state after ``step`` steps. All processes must call it.

    Args:
        folder: Where to write. It is made if it does not exist.
        model: What `companion.training.processes.sharing.wrap` returned.
        optimizer: Its optimizer.
        recipe: The settings of the run, which must be the same when it goes on.
        step: Steps done.

    Raises:
        CheckpointError: If it can't be written, such as on a full disk. The one before stays.
    """
    parts = folder / f"step-{step:06d}"
    first = dist.get_rank() == 0
    try:
        with agreeing(), in_words(parts):
            if first:
                kept = (progress.read(folder) or {}).get("parts")
                _remove_parts(folder, but=kept if kept != parts.name else None)
                parts.mkdir(parents=True)
        _write(parts, model, optimizer)
        facts = {"step": step, "parts": parts.name, "processes": dist.get_world_size()}
        facts |= {"sha256": part_hashes.computed(parts), "recipe": dict(recipe)}
        with agreeing(), in_words(folder / progress.NAME):
            if first:
                write_whole(folder / progress.NAME, json.dumps(facts, indent=1) + "\n")
    except CompanionError as error:
        if first:
            shutil.rmtree(parts, ignore_errors=True)
        raise CheckpointError(f"{error}. {progress.how_to_go_on(folder)}.") from error
    with agreeing():
        if first:
            _remove_parts(folder, but=parts.name)


def restore(
    folder: Path, model: nn.Module, optimizer: optim.Optimizer, recipe: Mapping[str, Any]
) -> int:
    """Load the checkpoint in ``folder``, if there is one. All processes must call it.

    Args:
        folder: Where `save` wrote, with the same or another number of processes.
        model: As in `save`.
        optimizer: As in `save`, new.
        recipe: As in `save`.

    Returns:
        Steps done, 0 if there is no checkpoint.

    Raises:
        CheckpointError: If it is damaged, or was written by another recipe or for another model.
    """
    facts = progress.read(folder)
    if facts is None:
        return 0
    check_recipe(folder / progress.NAME, facts["recipe"], recipe)
    parts = folder / facts["parts"]
    part_hashes.check(parts, facts.get("sha256", {}), folder / progress.NAME)
    tensors = _tensors(model, optimizer)
    try:
        reader = dcp.HuggingFaceStorageReader(str(parts))
        dcp.load(tensors, storage_reader=reader)
    except dcp.CheckpointException as error:
        what = "belongs to another model" if "sha256" in facts else "can't be read"
        raise CheckpointError(f"{parts} {what} ({_first(error)}). Use another folder.") from error
    states = get_optimizer_state_dict(model, optimizer, options=_FLAT)
    states |= {
        name.removeprefix("optimizer."): tensor
        for name, tensor in tensors.items()
        if name.startswith("optimizer.")
    }
    set_optimizer_state_dict(model, optimizer, states, options=_FLAT)
    return facts["step"]


def _write(parts: Path, model: nn.Module, optimizer: optim.Optimizer) -> None:
    """Write the tensors, each process its part; ends when all have written.

    Raises:
        CompanionError: If one can't.
    """
    writer = dcp.HuggingFaceStorageWriter(str(parts), save_distributed=True)
    with agreeing(), in_words(parts):
        try:
            dcp.save(_tensors(model, optimizer), storage_writer=writer)
        except dcp.CheckpointException as error:
            raise OSError(_first(error)) from error


def _remove_parts(folder: Path, *, but: str | None) -> None:
    """Remove the parts of all checkpoints, except for one."""
    for old in folder.glob("step-*"):
        if old.name != but:
            shutil.rmtree(old, ignore_errors=True)


def _tensors(model: nn.Module, optimizer: optim.Optimizer) -> dict[str, Tensor]:
    """Return weights and optimizer states; of a new optimizer, zeros in the right shapes."""
    states = get_optimizer_state_dict(model, optimizer, options=_FLAT)
    return {
        **{f"model.{name}": parameter for name, parameter in core(model).named_parameters()},
        **{
            f"optimizer.{name}": value
            for name, value in states.items()
            if isinstance(value, Tensor)
        },
    }


def _first(error: BaseException) -> str:
    """Return the reason in one line: that of the first process which failed."""
    failures = getattr(error, "failures", {})
    reason = next((failure[0] for failure in failures.values()), error)
    return (getattr(reason, "strerror", None) or str(reason)).strip().partition("\n")[0]
