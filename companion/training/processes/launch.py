"""Start a program once for each process, and say what became of it.

``torchrun`` starts the processes and ends all of them when one dies. This does the same with the
same library, and adds what its report leaves out: which checkpoint there is, and the command that
goes on. Taught in :doc:`/book/training/many-processes`.

Left out: processes that join or leave while a run goes on, and restarts by themselves.
"""

import logging
import os
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from signal import SIGINT, SIGTERM

import torch.distributed as dist
from torch.distributed import run as torchrun
from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure
from torch.distributed.elastic.rendezvous.api import RendezvousError

from companion._checks import check_whole
from companion.training.processes.progress import how_to_go_on
from companion.training.processes.world import World

LOST = 75
"""Exit status of a process that stopped because another one is gone."""

PATIENCE = 2.0
"""Seconds in which a launcher on this machine may end a process that lost another one, before it
says so itself."""

REFUSED = 2
"""Exit status of a process that has said what is wrong with its order; the same one won't do."""


def launched() -> bool:
    """Tell whether a launcher has started this process as one of several."""
    return "RANK" in os.environ and "WORLD_SIZE" in os.environ


def launch(
    module: str,
    arguments: Sequence[str],
    *,
    processes: int,
    folder: Path,
    nodes: int = 1,
    rendezvous: str | None = None,
) -> int:
    """Run ``python -m module arguments`` in several processes, and wait for them.

    Taught in :doc:`/book/training/many-processes`.

    Args:
        module: What to run. It joins the others by `companion.training.processes.world.joined`.
        arguments: Its arguments.
        processes: Processes on this machine.
        folder: Where the run keeps its checkpoint, for the message.
        nodes: Machines. Start the same command on each.
        rendezvous: ``host:port`` of one of them, where all meet; needed for more than one.

    Returns:
        Exit status, 0 if all went well, 130 after Ctrl-C, otherwise that of the process which
        failed first, or 128 and the number of the signal if it was killed. What happened is on
        stderr; of `REFUSED`, the process itself has said it.

    Raises:
        ValueError: If a number is below 1, or a rendezvous is missing.
    """
    check_whole(processes=processes, nodes=nodes)
    if nodes > 1 and not rendezvous:
        raise ValueError(f"{nodes} machines need a rendezvous, the host:port of one of them")
    for name in list(logging.root.manager.loggerDict):
        if name.startswith("torch.distributed"):  # what they would report, the lines below say
            logging.getLogger(name).setLevel(logging.CRITICAL)
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // processes)))
    meeting = (
        ["--nnodes", str(nodes), "--rdzv-backend", "c10d", "--rdzv-endpoint", rendezvous]
        if rendezvous
        else ["--standalone"]
    )
    options = [*meeting, "--nproc-per-node", str(processes), "-m", module, *arguments]
    try:
        torchrun.run(torchrun.parse_args(options))
    except ChildFailedError as error:
        rank, failure = culprit(error.failures)
        if failure.exitcode == REFUSED:
            return REFUSED
        what = described(rank, failure, processes * nodes)
        status = failure.exitcode if failure.exitcode > 0 else 128 - failure.exitcode
    except SignalException as error:
        what, status = "Stopped.", 128 + error.sigval
    except RendezvousError as error:
        what, status = f"The machines did not meet at {rendezvous or 'localhost'}: {error}.", 1
    else:
        return 0
    if status == 128 + SIGINT:
        what = "Stopped."
    command = shlex.join(["python", "-m", module, *arguments])
    print(f"{what} {how_to_go_on(folder)}:\n  {command}", file=sys.stderr)  # noqa: T201
    return status


def culprit(failures: dict[int, ProcessFailure]) -> tuple[int, ProcessFailure]:
    """Return the process that failed by itself, with its rank.

    The others fail as well: they wait for it in vain, or are ended by SIGTERM on its account.

    Args:
        failures: By rank, of one machine.
    """
    followed = (LOST, -SIGTERM)
    return min(failures.items(), key=lambda item: (item[1].exitcode in followed, item[1].timestamp))


def described(rank: int, failure: ProcessFailure, processes: int) -> str:
    """Say in one sentence how a process ended."""
    name = f"Process {rank} of {processes}"
    if failure.exitcode < 0:
        return f"{name} was killed ({failure.signal_name()}), and the run ended."
    if failure.exitcode == LOST:
        return f"{name} lost a process on another machine, and the run ended."
    return f"{name} failed with exit status {failure.exitcode} (see above), and the run ended."


@contextmanager
def farewell(world: World, folder: Path) -> Iterator[None]:
    """Turn the loss of another process into one sentence and the exit status `LOST`.

    Args:
        world: The processes, seen by this one.
        folder: Where the run keeps its checkpoint.
    """
    try:
        yield
    except RuntimeError as error:
        if not is_loss(error):
            raise
        time.sleep(PATIENCE)
        message = f"Process {world.rank} of {world.size}: another process is gone."
        print(f"{message} {how_to_go_on(folder)}.", file=sys.stderr)  # noqa: T201
        sys.stderr.flush()
        os._exit(LOST)  # leaving the group in order would wait for the one that is gone


def is_loss(error: RuntimeError) -> bool:
    """Tell whether an error means that another process does not answer."""
    if isinstance(error, dist.DistError):
        return True
    return any(word in str(error) for word in ("gloo", "Connection closed by peer", "NCCL"))
