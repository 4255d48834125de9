"""Written items of the studies, as JSON in the folder ``items``."""

import json
from importlib.resources import files
from typing import Any


def load_items(name: str) -> dict[str, Any]:
    """Return the content of a file."""
    path = files(__package__) / "items" / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8"))
