"""What ``companion models`` lists: the models of each role and some more, and whether they fit."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from companion.errors import MissingExtraError
from companion.models import devices, loading, open_model
from companion.models.checkpoint import parameter_count
from companion.models.embedding import embedding_folder
from companion.models.hub import cache_folder, is_cached
from companion.models.roles import HUB_MODELS, OPEN_TITLE, ROLES


def model_rows() -> Iterator[dict[str, Any]]:
    """Yield the models of each role, then other open models."""
    for name, role in ROLES.items():
        folder = _bundled(name)
        if folder is not None:
            count = parameter_count(folder)
            yield {
                "role": name,
                "source": "pocket",
                "model": "all-MiniLM-L6-v2" if name == "embedding" else f"pocket-{name}",
                "revision": None,
                "parameters": count,
                "download_bytes": 0,
                "cached": False,
                **_needs(4 * count, 0, "cpu"),
                "license": "Apache-2.0",
            }
        if name == "chat":
            yield _open_row(name)
        if role.hub_id is not None:
            yield _hub_row(name, role.hub_id)
    others = HUB_MODELS.keys() - {role.hub_id for role in ROLES.values()}
    for hub_id in sorted(others, key=lambda name: HUB_MODELS[name].parameters):
        yield _hub_row(None, hub_id)


def _bundled(role: str) -> Path | None:
    """Return the folder of the bundled model of a role; None if it is not installed."""
    if role == "embedding":
        with contextlib.suppress(MissingExtraError):
            return embedding_folder()
        return None
    folder = loading.WEIGHTS_ROOT / role
    return folder if (folder / "config.json").is_file() else None


def _open_row(role: str) -> dict[str, Any]:
    cached = open_model.installed()
    download = 0 if cached else open_model.WHEEL_BYTES
    return {
        "role": role,
        "source": "open",
        "model": f"{open_model.NAME} ({OPEN_TITLE})",
        "revision": None,
        "parameters": open_model.PARAMETERS,
        "download_bytes": open_model.WHEEL_BYTES,
        "cached": cached,
        **_needs(4 * open_model.PARAMETERS, download, "cpu"),
        "license": open_model.LICENSE,
    }


def _hub_row(role: str | None, hub_id: str) -> dict[str, Any]:
    model, device = HUB_MODELS[hub_id], devices.pick_device()
    cached = is_cached(hub_id, model.revision)
    memory = model.parameters * devices.pick_dtype(device).itemsize
    return {
        "role": role,
        "source": "hub",
        "model": hub_id,
        "revision": model.revision,
        "parameters": model.parameters,
        "download_bytes": model.download_bytes,
        "cached": cached,
        **_needs(memory, 0 if cached else model.download_bytes, device),
        "license": model.license,
    }


def _needs(memory: int, download: int, device: Any) -> dict[str, Any]:
    """Compare what a model needs with what is free."""
    free = devices.available_memory(device)
    if free is not None and memory > free:
        fits = "no: memory"
    elif download > devices.available_disk(cache_folder()):
        fits = "no: disk"
    else:
        fits = "unknown" if free is None else "yes"
    return {"memory_bytes": memory, "device": str(device), "fits": fits}
