"""Checkpoints of a training run: weights and optimizer state in one safetensors file.

A new checkpoint replaces the old one in one move. Nothing is pickled, so opening somebody else's
checkpoint runs no code.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from companion.errors import CompanionError

NAME = "checkpoint.safetensors"
# What may still change while the learning rate is on its plateau: the plan for the rest of the run.
RESUMABLE_CHANGES = frozenset({"steps", "decay_share", "annealing_begins"})


class CheckpointError(CompanionError):
    """A checkpoint is damaged or does not belong to this run."""


def save(
    folder: Path,
    model: LlamaForCausalLM,
    optimizers: Sequence[torch.optim.Optimizer],
    recipe: dict[str, float],
    *,
    step: int,
) -> None:
    """Write the state after ``step`` steps; the old file stays until the new one is complete."""
    tensors = {f"model.{name}": value for name, value in model.named_parameters()}
    for i, optimizer in enumerate(optimizers):
        for j, values in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{i}.{j}.{key}": value for key, value in values.items()}
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"{NAME}.partial"
    contiguous = {name: value.detach().contiguous().cpu() for name, value in tensors.items()}
    save_file(
        contiguous,
        partial,
        metadata={
            "step": str(step),
            "recipe": json.dumps(recipe),
            "config": model.config.to_json_string(),
        },
    )
    os.replace(partial, folder / NAME)


def _open(folder: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    path = folder / NAME
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118 - not a dict
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path} cannot be read ({error}). Delete it to start from the beginning."
        ) from error


def steps_done(folder: Path) -> int:
    """Return how many steps the checkpoint in ``folder`` has behind it, 0 if there is none."""
    return int(_open(folder)[1]["step"]) if (folder / NAME).exists() else 0


def restore(
    folder: Path,
    model: LlamaForCausalLM,
    optimizers: Sequence[torch.optim.Optimizer],
    recipe: dict[str, float],
) -> int:
    """Load the checkpoint in ``folder``, if there is one, into the model and its optimizers.

    Returns:
        Number of steps done.

    Raises:
        CheckpointError: If the file is damaged or was written by another recipe.
    """
    if not (folder / NAME).exists():
        return 0
    tensors, metadata = _open(folder)
    before = json.loads(metadata["recipe"])
    changed = sorted(
        key for key in recipe if key not in RESUMABLE_CHANGES and before.get(key) != recipe[key]
    )
    if changed:
        was = ", ".join(f"{key}: {before.get(key)} then, {recipe[key]} now" for key in changed)
        raise CheckpointError(
            f"{folder / NAME} belongs to another recipe ({was}). "
            "Use another folder or the old recipe."
        )
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(tensors[f"model.{name}"])
    for i, optimizer in enumerate(optimizers):
        states: dict[int, dict[str, torch.Tensor]] = {}
        for name, value in tensors.items():
            head, *rest = name.split(".")
            if head == "optimizer" and int(rest[0]) == i:
                states.setdefault(int(rest[1]), {})[rest[2]] = value
        optimizer.load_state_dict(
            {"state": states, "param_groups": optimizer.state_dict()["param_groups"]}
        )
    return int(metadata["step"])


def export(folder: Path, target: Path, tokenizer: PreTrainedTokenizerFast) -> None:
    """Write the weights as a float16 ``transformers`` model, with the tokenizer."""
    tensors, metadata = _open(folder)
    model = LlamaForCausalLM(LlamaConfig(**json.loads(metadata["config"])))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(tensors[f"model.{name}"])
    model.half().save_pretrained(target)
    tokenizer.save_pretrained(target)
