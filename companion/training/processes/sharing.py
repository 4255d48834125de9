"""A model on several processes: a copy in each (DDP), or a part in each (FSDP2).

*Data parallel*, ``"ddp"``: every process has all weights, gradients and optimizer states, and
gradients are averaged while the backward pass goes on (Li et al. 2020,
https://arxiv.org/abs/2006.15704). *Fully sharded*, ``"fsdp"``: every process has a part of all
three; the weights of a block are collected just before it computes, and thrown away after
(Rajbhandari et al. 2020, https://arxiv.org/abs/1910.02054, stage 3; Zhao et al. 2023,
https://arxiv.org/abs/2304.11277). Both are PyTorch's. Taught in
:doc:`/book/training/many-processes`.

Left out: models that do not fit into one process to begin with (make them on the "meta" device),
shards within a machine and copies between machines (a mesh of two dimensions), CPU offload.
"""

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel

from companion.training.processes.world import SHARINGS, World


def wrap(
    model: nn.Module, sharing: str, world: World, *, dtype: torch.dtype | None = None
) -> nn.Module:
    """Hand a model to DDP or FSDP2. All processes then have the weights of the first one.

    Taught in :doc:`/book/training/many-processes`.

    Args:
        model: A model in float32. Its blocks are the entries of its outermost ``ModuleList``.
        sharing: ``"ddp"`` or ``"fsdp"``.
        world: The processes.
        dtype: With ``"fsdp"``: the format in which blocks compute, such as ``torch.bfloat16``;
            gradients are added up in float32. None: as the weights. (With ``"ddp"``, use
            ``torch.autocast``.)

    Returns:
        What is to be called and trained. Make the optimizer of *its* parameters.

    Raises:
        ValueError: If the sharing is unknown.
    """
    if sharing not in SHARINGS:
        raise ValueError(f"sharing must be one of {', '.join(SHARINGS)}, got {sharing!r}")
    model.to(world.device)
    for tensor in [*model.parameters(), *model.buffers()]:
        dist.broadcast(tensor.detach(), src=0)
    if sharing == "ddp":
        return DistributedDataParallel(model, gradient_as_bucket_view=True)
    mesh = init_device_mesh(world.device.type, (world.size,))
    policy = MixedPrecisionPolicy(dtype, torch.float32 if dtype else None)
    for block in blocks(model):
        fully_shard(block, mesh=mesh, mp_policy=policy)
    return fully_shard(model, mesh=mesh, mp_policy=policy)


def blocks(model: nn.Module) -> list[nn.Module]:
    """Return the blocks of a model: the entries of its first ``ModuleList``, none if it has none.

    Example:
        >>> linear = nn.Linear(2, 2)
        >>> model = nn.ModuleDict({"embed": linear, "layers": nn.ModuleList([linear, linear])})
        >>> len(blocks(model))
        2
    """
    lists = (module for module in model.modules() if isinstance(module, nn.ModuleList))
    return list(next(lists, []))


def core(model: nn.Module) -> nn.Module:
    """Return the model inside DDP; FSDP2 changes the model itself."""
    return model.module if isinstance(model, DistributedDataParallel) else model


def clip_gradients(model: nn.Module, max_norm: float) -> float:
    """Scale the gradients so that their norm over *all* processes is at most ``max_norm``.

    Args:
        model: What `wrap` returned, after ``backward``.
        max_norm: Largest norm.

    Returns:
        The norm before.

    Raises:
        RuntimeError: If it is not finite.
    """
    norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm, error_if_nonfinite=True)
    return whole(norm).item()


def held_here(model: nn.Module) -> int:
    """Count the weights that this process holds; a shared tensor counts once."""
    return sum(
        parameter.to_local().numel() if isinstance(parameter, DTensor) else parameter.numel()
        for parameter in model.parameters()
    )


def whole(tensor: Tensor) -> Tensor:
    """Collect a tensor whose parts lie in several processes. All of them must call it."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def whole_weights(model: nn.Module, *, everywhere: bool = False) -> dict[str, Tensor]:
    """Collect the weights. All processes must call it.

    Args:
        model: What `wrap` returned.
        everywhere: Give them to every process, on its device, such as to generate with a plain
            copy. Otherwise the first process gets them, in the host's memory, to be saved.

    Returns:
        The state dict of the model that was wrapped; empty in the other processes.
    """
    options = StateDictOptions(full_state_dict=True, cpu_offload=not everywhere)
    return get_model_state_dict(model, options=options)
