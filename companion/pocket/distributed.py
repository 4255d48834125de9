"""Train a pocket model on several processes, on CPUs or GPUs: pre-training, SFT, rollouts.

    python -m companion.pocket.distributed pretrain --processes 2 --sharing fsdp --out runs/two
    python -m companion.pocket.distributed sft --processes 2 --sharing ddp --out runs/sft
    python -m companion.pocket.distributed rollouts --processes 2 --out runs/rollouts

The losses are those of one process (``--processes 1``). A run that was stopped, or one of whose
processes died, goes on from its checkpoint when the same command is started again; with another
number of processes, too. ``torchrun`` may start it instead, without ``--processes``. Taught in
:doc:`/book/training/many-processes`.

Left out: Muon, which needs whole matrices, while FSDP cuts them; everything is trained with AdamW.
"""

import argparse
import os
import sys
from contextlib import ExitStack
from pathlib import Path

from companion._checks import check_whole
from companion._claim import claimed
from companion.errors import CompanionError
from companion.training.processes.launch import REFUSED, farewell, launch, launched
from companion.training.processes.world import SHARINGS, agreeing, joined

MODULE = "companion.pocket.distributed"


def work(options: argparse.Namespace) -> int:
    """Do the part of one process; returns the exit status."""
    from . import distributed_tasks as tasks  # the launcher needs none of it

    out = options.out
    with (
        joined(gpu=False if options.cpu else None) as world,
        farewell(world, out),
        ExitStack() as claim,  # left when the work has ended
    ):
        common = {"steps": options.steps, "seed": options.seed}
        try:
            with agreeing():
                out.mkdir(parents=True, exist_ok=True)
                if world.first:
                    claim.enter_context(claimed(out))
            if options.task == "rollouts":
                share = {"sharing": options.sharing, "count": options.count, "seed": options.seed}
                tasks.write_rollouts(world, out, **share)
                return 0
            made = (
                tasks.pretraining(world, out, size=options.size, **common)
                if options.task == "pretrain"
                else tasks.fine_tuning(world, out, **common)
            )
            how = {"sharing": options.sharing, "save_every": options.save_every}
            tasks.run(made, world, out, **how, bf16=options.bf16)
        except KeyboardInterrupt:
            return 130
        except (CompanionError, OSError, ValueError) as error:
            if world.first:
                print(error, file=sys.stderr)  # noqa: T201
            return REFUSED
    return 0


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(
        prog=f"python -m {MODULE}",
        description="Train a pocket model on several processes; goes on from --out.",
    )
    made.add_argument("task", choices=("pretrain", "sft", "rollouts"))
    made.add_argument("--out", type=Path, required=True, help="folder of checkpoint, log and model")
    made.add_argument("--processes", type=int, default=2, help="on this machine (default: 2)")
    made.add_argument("--nodes", type=int, default=1, help="machines (default: 1)")
    made.add_argument("--rendezvous", metavar="HOST:PORT", help="where several machines meet")
    made.add_argument("--bf16", action="store_true", help="matrix products in bfloat16")
    made.add_argument("--cpu", action="store_true", help="even if there are GPUs")
    made.add_argument("--sharing", choices=SHARINGS, default="ddp", help="copies, or parts")
    made.add_argument("--size", choices=("small", "base"), default="small", help="of pretrain")
    made.add_argument("--steps", type=int, default=20, help="of the whole run (default: 20)")
    made.add_argument("--count", type=int, default=8, help="prompts of rollouts (default: 8)")
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--save-every", type=int, default=5, metavar="STEPS")
    return made


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    options = parser().parse_args(given)
    try:
        check_whole(
            steps=options.steps,
            count=options.count,
            save_every=options.save_every,
            processes=options.processes,
            nodes=options.nodes,
        )
        check_folder(options.out)
        if launched() or options.processes * options.nodes == 1:
            return work(options)
        if options.out.is_dir() and options.nodes == 1:
            with claimed(options.out):  # now, if another run has it; to begin takes seconds
                pass
        return launch(
            MODULE,
            given,
            processes=options.processes,
            folder=options.out,
            nodes=options.nodes,
            rendezvous=options.rendezvous,
        )
    except (CompanionError, OSError, ValueError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return REFUSED


def check_folder(out: Path) -> None:
    """Look whether the folder of a run is there or can be made, before any process starts.

    Raises:
        ValueError: If there can be none.
    """
    there = next(path for path in (out, *out.absolute().parents) if path.exists())
    if not there.is_dir():
        raise ValueError(f"--out {out}: {there} is a file; name a folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise ValueError(f"--out {out}: {there} can't be written to; name another folder")


if __name__ == "__main__":
    sys.exit(main())
