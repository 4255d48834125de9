"""Several processes that train one model: who they are, what each reads, what they add up.

A launcher (``torchrun``, `companion.training.processes.launch`) starts the same program several
times and gives each a *rank*, from 0. They talk through ``torch.distributed``: over gloo on CPUs,
over NCCL on GPUs. Without a launcher there is one process, and the same code runs. Taught in
:doc:`/book/training/many-processes`.

Left out: tensor, pipeline and sequence parallelism, which cut a layer or a text in pieces.

Shape letters: ``B`` rows of the whole batch.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor

from companion.errors import CompanionError
from companion.training.processes.parent import ending_with_parent

LONGEST = 1000
"""Bytes of a message that all processes get."""
SHARINGS = ("ddp", "fsdp")
"""How processes can share a model, see `companion.training.processes.sharing`."""

Batch = Mapping[str, Tensor]
"""Tensors by name, each with ``B`` rows."""


class World(NamedTuple):
    """The processes of a run, seen by one of them."""

    rank: int
    """Number of this process, from 0."""
    size: int
    """Number of processes."""
    device: torch.device
    """Where this process computes."""

    @property
    def first(self) -> bool:
        """Whether this is the process that writes logs and files."""
        return self.rank == 0


@contextmanager
def joined(*, gpu: bool | None = None) -> Iterator[World]:
    """Join the other processes of a run, and leave them at the end of the block.

    Taught in :doc:`/book/training/many-processes`.

    Args:
        gpu: Whether each process takes a GPU of its own. None: if there is one for each process of
            this machine.

    Yields:
        This process's view of them. Without a launcher it is alone.

    Raises:
        ValueError: If there are not enough GPUs.
    """
    launched = "RANK" in os.environ and "WORLD_SIZE" in os.environ
    rank, size = (int(os.environ[name]) for name in ("RANK", "WORLD_SIZE")) if launched else (0, 1)
    local, here = (
        int(os.environ.get(name, default))
        for name, default in (("LOCAL_RANK", 0), ("LOCAL_WORLD_SIZE", 1))
    )
    cards = torch.cuda.device_count()
    if gpu and cards < here:
        raise ValueError(f"gpu=True needs {here} GPUs, one for each process here, found {cards}")
    on_gpu = cards >= here if gpu is None else gpu
    device = torch.device("cuda", local) if on_gpu else torch.device("cpu")
    if on_gpu:
        torch.cuda.set_device(device)
    dist.init_process_group(
        "cpu:gloo,cuda:nccl" if on_gpu else "gloo",
        rank=rank,
        world_size=size,
        store=None if launched else dist.HashStore(),
        init_method="env://" if launched else None,
    )
    with ending_with_parent(tell=rank == 0) if launched else nullcontext():
        try:
            yield World(rank, size, device)
        finally:
            dist.destroy_process_group()


def share_of(batch: Batch, world: World) -> dict[str, Tensor]:
    """Cut a batch into neighboring pieces and return the one of this process.

    Every process makes the same batch and takes another piece. Pieces differ by one row at most.

    Args:
        batch: Tensors by name, each with ``B`` rows.
        world: The processes.

    Returns:
        The rows of this process, on its device.

    Raises:
        ValueError: If there are fewer rows than processes: one would have nothing to do.

    Example:
        >>> ids = torch.arange(5)[:, None]
        >>> for rank in range(2):
        ...     world = World(rank, 2, torch.device("cpu"))
        ...     print(share_of({"input_ids": ids}, world)["input_ids"].flatten().tolist())
        [0, 1, 2]
        [3, 4]
    """
    rows = min(len(tensor) for tensor in batch.values())
    if rows < world.size:
        raise ValueError(
            f"a batch needs a row for each of the {world.size} processes, got {rows}: make it "
            "larger or take fewer processes"
        )
    return {
        name: tensor.tensor_split(world.size)[world.rank].to(world.device)
        for name, tensor in batch.items()
    }


def total(value: Tensor) -> Tensor:
    """Add up a tensor over all processes: an all-reduce. Each of them gets the sum.

    Args:
        value: What this process has. It stays as it is.

    Returns:
        The sum, same shape, without gradient.
    """
    summed = value.detach().clone()
    dist.all_reduce(summed)
    return summed


@contextmanager
def agreeing(kind: type[CompanionError] = CompanionError) -> Iterator[None]:
    """Do something that must succeed in all processes: if it fails in one, it fails in all.

    The block may differ from process to process, and do nothing in some. All processes have left
    it before one goes on.

    Args:
        kind: What is raised.

    Raises:
        CompanionError: In all processes, with the words of the first one that failed by a
            `CompanionError` or an `OSError`.

    Example:
        >>> with joined() as world, agreeing():
        ...     if world.first:
        ...         raise OSError("no room")
        Traceback (most recent call last):
            ...
        companion.errors.CompanionError: no room
    """
    said, cause = torch.zeros(dist.get_world_size(), LONGEST, dtype=torch.uint8), None
    try:
        yield
    except (CompanionError, OSError) as error:
        cause = error
        words = str(error).encode()[:LONGEST] or b"?"
        said[dist.get_rank(), : len(words)] = torch.tensor(list(words), dtype=torch.uint8)
    for words in total(said):  # each process has written its own row
        if words.any():
            raise kind(bytes(words).rstrip(b"\0").decode(errors="replace")) from cause
