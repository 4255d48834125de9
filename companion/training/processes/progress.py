"""How far a run of several processes is: read without its weights, and without heavy libraries.

`companion.training.processes.sharded_checkpoint` writes it.
"""

import json
from pathlib import Path
from typing import Any

from companion.errors import CheckpointError

NAME = "checkpoint.json"


def read(folder: Path) -> dict[str, Any] | None:
    """Return what is written of the checkpoint in ``folder``, None if there is none.

    Returns:
        ``step``, ``parts`` (the folder inside with the tensors), ``processes``, ``recipe``, and
        ``sha256`` of each file of ``parts``, by its name; older ones have none.

    Raises:
        CheckpointError: If it is damaged.
    """
    path = folder / NAME
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        known = {"step": int, "parts": str, "recipe": dict}
        sound = all(isinstance(facts[key], kind) for key, kind in known.items())
        hashes = facts.get("sha256", {})
        sound &= all(isinstance(digest, str) for digest in hashes.values())
        if not sound or any(Path(name).name != name for name in [facts["parts"], *hashes]):
            raise ValueError("it is not a checkpoint of several processes")
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"{path} cannot be read ({error}). Delete it to start from the beginning."
        ) from error
    return facts


def steps_done(folder: Path) -> int:
    """Return how many steps the checkpoint in ``folder`` has behind it, 0 if there is none.

    Raises:
        CheckpointError: If it is damaged.
    """
    facts = read(folder)
    return 0 if facts is None else facts["step"]


def how_to_go_on(folder: Path) -> str:
    """Say what is kept of a run, and what to do."""
    try:
        done = steps_done(folder)
    except CheckpointError as error:
        return f"{error} Then start the same command"
    if not done:
        return "No checkpoint was written yet. To begin again, start the same command"
    return f"{folder} has the checkpoint of step {done}. To go on, start the same command"
