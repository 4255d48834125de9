"""Checkpoints of our own training loops: weights and optimizer state in one safetensors file.

A new checkpoint replaces the old one in one move. Nothing is pickled, so opening somebody else's
checkpoint runs no code. Pre-training and PPO use it; the trainers of TRL write their own.

Left out: states of random generators (our loops draw from the seed and the number of the step),
several processes
(`companion.training.processes.sharded_checkpoint`).
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from companion._files import replacing
from companion.errors import CheckpointError

NAME = "checkpoint.safetensors"


class Progress(NamedTuple):
    """How far a run is."""

    step: int
    """Steps done."""
    notes: dict[str, str]
    """What was handed to `save` as ``notes``."""


def save(
    folder: Path,
    modules: Mapping[str, nn.Module],
    optimizers: Sequence[torch.optim.Optimizer],
    recipe: Mapping[str, Any],
    *,
    step: int,
    notes: Mapping[str, str] | None = None,
) -> None:
    """Write the state after ``step`` steps; the old file stays until the new one is complete.

    Args:
        folder: Where to write. It is made if it does not exist.
        modules: What is trained, each under a name without a dot.
        optimizers: Their optimizers.
        recipe: The settings of the run, which must be the same when it goes on.
        step: Steps done.
        notes: Further texts to keep.
    """
    tensors = dict(_parameters(modules))
    for i, optimizer in enumerate(optimizers):
        for j, values in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{i}.{j}.{key}": value for key, value in values.items()}
    folder.mkdir(parents=True, exist_ok=True)
    contiguous = {name: value.detach().contiguous().cpu() for name, value in tensors.items()}
    facts = {"step": str(step), "recipe": json.dumps(dict(recipe))}
    with replacing(folder / NAME) as new:
        save_file(contiguous, new, metadata=facts | dict(notes or {}))


def read(folder: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the tensors and the texts of the checkpoint in ``folder``.

    Raises:
        CheckpointError: If there is none or it is damaged.
    """
    with _opened(folder) as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118 - not a dict


def notes(folder: Path) -> dict[str, str]:
    """Return the texts of the checkpoint in ``folder`` without its tensors; none if there is none.

    Raises:
        CheckpointError: If it is damaged.
    """
    if not (folder / NAME).exists():
        return {}
    with _opened(folder) as file:
        return file.metadata()


def steps_done(folder: Path) -> int:
    """Return how many steps the checkpoint in ``folder`` has behind it, 0 if there is none."""
    return int(notes(folder).get("step", 0))


def restore(
    folder: Path,
    modules: Mapping[str, nn.Module],
    optimizers: Sequence[torch.optim.Optimizer],
    recipe: Mapping[str, Any],
    *,
    changeable: Iterable[str] = (),
) -> Progress:
    """Load the checkpoint in ``folder``, if there is one, into the modules and their optimizers.

    Args:
        folder: Where `save` wrote.
        modules: As in `save`.
        optimizers: As in `save`.
        recipe: As in `save`.
        changeable: Settings that may have changed since.

    Returns:
        Steps done and notes; 0 and no notes if there is no checkpoint.

    Raises:
        CheckpointError: If the file is damaged, or was written by another recipe or for another
            model. Nothing has been changed then.
    """
    if not (folder / NAME).exists():
        return Progress(0, {})
    tensors, texts = read(folder)
    check_recipe(folder / NAME, json.loads(texts.pop("recipe")), recipe, changeable=changeable)
    load_parameters(folder, tensors, modules)
    for i, optimizer in enumerate(optimizers):
        states: dict[int, dict[str, Tensor]] = {}
        for name, value in tensors.items():
            head, *rest = name.split(".")
            if head == "optimizer" and int(rest[0]) == i:
                states.setdefault(int(rest[1]), {})[rest[2]] = value
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": states, "param_groups": groups})
    return Progress(int(texts.pop("step")), texts)


def load_parameters(
    folder: Path, tensors: Mapping[str, Tensor], modules: Mapping[str, nn.Module]
) -> None:
    """Copy the weights of a checkpoint into modules.

    Args:
        folder: Where the checkpoint lies, for the error.
        tensors: What `read` returned.
        modules: As in `save`.

    Raises:
        CheckpointError: If a tensor is missing or has another shape. Nothing has been changed.
    """
    parameters = dict(_parameters(modules))
    for name, parameter in parameters.items():
        shape = tuple(tensors[name].shape) if name in tensors else "nothing"
        if shape != tuple(parameter.shape):
            raise CheckpointError(
                f"{folder / NAME} belongs to another model: for {name} it has {shape}, this model "
                f"{tuple(parameter.shape)}. Use another folder or the old model."
            )
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(tensors[name])


def check_recipe(
    path: Path,
    before: Mapping[str, Any],
    now: Mapping[str, Any],
    *,
    changeable: Iterable[str] = (),
) -> None:
    """Refuse to go on with other settings than a run began with.

    Args:
        path: The checkpoint, for the error.
        before: Settings when it was written.
        now: Settings of this run.
        changeable: Settings that may have changed since.

    Raises:
        CheckpointError: If another one has changed.
    """
    free = set(changeable)
    changed = sorted(key for key in now if key not in free and before.get(key) != now[key])
    if changed:
        was = ", ".join(f"{key}: {before.get(key)} then, {now[key]} now" for key in changed)
        raise CheckpointError(
            f"{path} belongs to another recipe ({was}). Use another folder or the old recipe."
        )


@contextmanager
def _opened(folder: Path) -> Iterator[Any]:
    path = folder / NAME
    try:
        with safe_open(path, framework="pt") as file:
            if not {"step", "recipe"} <= set(file.metadata() or {}):
                raise CheckpointError(f"{path} is not a checkpoint of training. Move it away.")
            yield file
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path} cannot be read ({error}). Delete it to start from the beginning."
        ) from error


def _parameters(modules: Mapping[str, nn.Module]) -> Iterator[tuple[str, Tensor]]:
    for prefix, module in modules.items():
        for name, parameter in module.named_parameters():
            yield f"{prefix}.{name}", parameter
