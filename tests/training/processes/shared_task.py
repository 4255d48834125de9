"""Train a tiny model in two processes, with DDP and with FSDP2: see test_two_processes.

python -m torch.distributed.run --standalone --nproc-per-node 2 shared_task.py FOLDER
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from companion.errors import CompanionError
from companion.training.processes.loop import TrainingTask, train
from companion.training.processes.sharing import held_here, whole_weights
from companion.training.processes.world import Batch, World, agreeing, joined, total

STEPS, SAVED = 6, 4
WORDS, WIDTH, ROWS = 24, 8, 5  # five rows: the processes get three and two


class Block(nn.Module):
    """A block with a residual connection."""

    def __init__(self) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(WIDTH, 2 * WIDTH), nn.Linear(2 * WIDTH, WIDTH)

    def forward(self, hidden: Tensor) -> Tensor:
        return hidden + self.down(self.up(hidden).relu())


class Tiny(nn.Module):
    """Two blocks, and a table that is input and output."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.embed = nn.Embedding(WORDS, WIDTH)
        self.layers = nn.ModuleList(Block() for _ in range(2))
        self.head = nn.Linear(WIDTH, WORDS, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, ids: Tensor) -> Tensor:
        hidden = self.embed(ids)
        for layer in self.layers:
            hidden = layer(hidden)
        return self.head(hidden)


def loss(model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
    """Add up the losses of the labels that count."""
    scores = model(batch["ids"]).flatten(0, 1)
    labels = batch["labels"].flatten()
    return cross_entropy(scores, labels, ignore_index=-100, reduction="sum"), (labels >= 0).sum()


def batches(first_step: int) -> Iterator[Batch]:
    """Yield rows with few labels for the first process, 7, and many for the second, 21."""
    for step in range(first_step, STEPS):
        draw = torch.Generator().manual_seed(step)
        ids = torch.randint(WORDS, (ROWS, 11), generator=draw)
        labels = ids.roll(-1, 1)
        for row, count in enumerate((1, 4, 2, 10, 11)):
            labels[row, count:] = -100
        yield {"ids": ids, "labels": labels}


def task(*, seed: int = 0, steps: int = STEPS) -> TrainingTask:
    """Return what is trained; its steps may be fewer than those of the whole run."""
    rate = 0.03
    return TrainingTask(
        Tiny(seed), torch.optim.AdamW, batches, loss, lambda _: rate, steps, {"rate": rate}
    )


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    with joined() as world:
        for sharing in ("ddp", "fsdp"):
            # The second process begins with other weights: those of the first must be taken.
            mine = task(seed=world.rank, steps=SAVED)
            records = list(train(mine, world, folder / sharing, sharing=sharing, save_steps=SAVED))
            held = torch.zeros(world.size, dtype=torch.long)
            held[world.rank] = held_here(mine.model)
            weights = whole_weights(mine.model)
            found = {
                "losses": [record["loss"] for record in records],
                "norms": [record["grad_norm"] for record in records],
                "held": total(held).tolist(),
                "weights": {name: value.tolist() for name, value in weights.items()},
            }
            if world.first:
                (folder / f"{sharing}.json").write_text(json.dumps(found))
        hear_of_a_failure(folder, world)


def hear_of_a_failure(folder: Path, world: World) -> None:
    """Let the second process fail, and write down what each has heard."""
    try:
        with agreeing():
            if not world.first:
                raise OSError("no room")
    except CompanionError as error:
        (folder / f"heard-{world.rank}.txt").write_text(str(error))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
