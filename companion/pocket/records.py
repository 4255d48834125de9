"""Records of long runs: what was measured, with date and hardware, so that pages can plot it."""

import json
from importlib.resources import files
from typing import Any


def record(name: str) -> dict[str, Any]:
    """Return a recorded run.

    Args:
        name: ``"pretrain"`` (loss curve, hours, hardware, date), ``"evaluation"`` (accuracy and
            perplexity), their counterparts for the other pocket models, or an experiment of the
            book (``python book/_experiments`` in a checkout lists them).

    Returns:
        The content of the JSON file.

    Raises:
        ValueError: If there is no such record.
    """
    folder = files(__package__) / "data"
    known = sorted(
        entry.name.removesuffix(".json")
        for entry in folder.iterdir()
        if entry.name.endswith(".json")
    )
    if name not in known:
        raise ValueError(f"name must be one of {known}, got {name!r}")
    return json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
