"""The sha256 of each file of a checkpoint: computed when it was written, compared when it is read.

A disk that loses a block leaves a file that can still be read, with other numbers in it. Each
process reads its share of the files, and all hear of what one finds. Taught in
:doc:`/book/training/many-processes`.
"""

from pathlib import Path

import torch
import torch.distributed as dist

from companion._files import in_words
from companion.errors import CheckpointError
from companion.models.checkpoint import sha256
from companion.training.processes.world import agreeing, total

_SIZE = 32  # bytes of a sha256


def computed(parts: Path) -> dict[str, str]:
    """Return the sha256 of each file of a checkpoint, by its name. All processes must call it.

    Args:
        parts: Folder of the files.

    Raises:
        CheckpointError: If one can't be read.
    """
    names = sorted(path.name for path in parts.glob("*.safetensors"))
    found = torch.zeros(len(names), _SIZE, dtype=torch.uint8)
    with agreeing(CheckpointError), in_words(parts):
        for at in _mine(names):
            found[at] = torch.tensor(list(bytes.fromhex(sha256(parts / names[at]))))
    return {name: bytes(row).hex() for name, row in zip(names, total(found), strict=True)}


def check(parts: Path, hashes: dict[str, str], record: Path) -> None:
    """Compare the files of a checkpoint with their sha256. All processes must call it.

    Args:
        parts: Folder of the files.
        hashes: The sha256 of each, by its name.
        record: The file that they stand in, for the message.

    Raises:
        CheckpointError: If a file is missing or damaged, in all processes.
    """
    names = sorted(hashes)
    with agreeing(CheckpointError):
        for path in (parts / names[at] for at in _mine(names)):
            if not path.is_file():
                raise CheckpointError(f"{path} is missing. {_remedy(record)}")
            if sha256(path) != hashes[path.name]:
                raise CheckpointError(
                    f"{path} is damaged: its sha256 is not the one in {record.name}. "
                    f"{_remedy(record)}"
                )


def _mine(names: list[str]) -> range:
    """Return the positions of the files that this process reads."""
    return range(dist.get_rank(), len(names), dist.get_world_size())


def _remedy(record: Path) -> str:
    return f"Bring it back from a copy, or delete {record} to start from the beginning."
