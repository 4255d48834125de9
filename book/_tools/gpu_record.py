"""What was measured on a GPU: ``book/_data/gpu.json``, written by ``gpu_run.py``, read by the site.

The file has the date, the hardware, the versions, and under ``results`` one entry for each job that
came to an end, by the job's name. ``not_run`` lists the others, so that nobody takes silence for
success. Without the file, pages have no line about a GPU.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

from project import BookError
from timings import describe_cpu

PACKAGES = ("torch", "transformers", "trl", "peft", "bitsandbytes", "sentence-transformers")
_FIELDS = {"date": str, "hardware": dict, "versions": dict, "results": dict, "not_run": list}
_RESULTS = {
    "tests": {"passed": int, "failed": list},
    "speed": {"read_bytes_per_second": float, "runs": list},
    "memory": {"rows": list},
}
_PAGE = {"cells": int, "ran": int, "held": int, "failed": list, "errors": list, "seconds": float}


def hardware(device: str) -> dict[str, Any]:
    """Describe the device and the machine around it.

    Args:
        device: "cuda", "cpu" or "far".
    """
    found: dict[str, Any] = {"device": device, "cpu": describe_cpu()}
    if device == "cuda":
        import torch

        facts = torch.cuda.get_device_properties(0)
        found |= {
            "name": facts.name,
            "memory_bytes": facts.total_memory,
            "capability": f"{facts.major}.{facts.minor}",
            "driver": _driver(),
        }
    return found


def versions() -> dict[str, str]:
    """Versions of Python, CUDA and the libraries whose kernels are measured."""
    import torch

    found = {"python": platform.python_version(), "cuda": torch.version.cuda or "none"}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def _driver() -> str:
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return done.stdout.split("\n")[0].strip() or "unknown"


def make_record(device: str, results: dict[str, dict], not_run: list[str]) -> dict[str, Any]:
    """Put a record together, with today's date.

    Args:
        device: Where the jobs ran.
        results: Result of each job that ended, by its name.
        not_run: Names of the other jobs.
    """
    return {
        "date": datetime.date.today().isoformat(),
        "hardware": hardware(device),
        "versions": versions(),
        "results": results,
        "not_run": not_run,
    }


def check(record: Any, source: str) -> dict[str, Any]:
    """Return a record if it has the form that pages rely on.

    Args:
        record: What JSON gave.
        source: The file, for the message.

    Raises:
        BookError: If a field is missing or of another kind. It names the field.
    """
    _check_fields(record, _FIELDS, source, "")
    try:
        datetime.date.fromisoformat(record["date"])
    except ValueError as error:
        raise BookError(f"{source}: date must be YYYY-MM-DD, got {record['date']!r}") from error
    for name, result in record["results"].items():
        _check_fields(result, _RESULTS.get(name, _PAGE), source, f"results[{name!r}].")
    return record


def _check_fields(found: Any, fields: dict[str, type], source: str, where: str) -> None:
    if not isinstance(found, dict):
        raise BookError(f"{source}: {where or 'the file '}must be an object, got {found!r:.60}")
    for field, kind in fields.items():
        kinds = (int, float) if kind is float else kind
        if not isinstance(found.get(field), kinds):
            raise BookError(
                f"{source}: {where}{field} must be {kind.__name__}, got {found.get(field)!r:.60}. "
                "Write the file with make gpu."
            )


def read_record(path: Path) -> dict[str, Any] | None:
    """Return the record, or None if nothing was measured yet.

    Raises:
        BookError: If the file is no such record.
    """
    if not path.is_file():
        return None
    try:
        return check(json.loads(path.read_text(encoding="utf-8")), path.name)
    except ValueError as error:
        raise BookError(f"{path.name} is not JSON: {error}") from error


def page_line(record: dict[str, Any] | None, page: str) -> tuple[str, str] | None:
    """What a page says about a GPU: the line, and what hardware and versions stand behind it.

    Args:
        record: The record, or None.
        page: Name of the page.

    Returns:
        Line and details; None if the page was not run there from its first cell to its last, or a
        cell raised.
    """
    result = (record or {}).get("results", {}).get(f"{page} pocket float32")
    if result is None or result["errors"] or result["ran"] < result["cells"]:
        return None
    seconds = result["seconds"]
    shown = f"{seconds:.0f}" if seconds >= 10 else f"{seconds:.1f}"
    found, built = record["hardware"], record["versions"]
    line = f"On a GPU: {shown} s ({found.get('name', found['device'])}, {record['date']})"
    details = (
        f"{found['cpu']}; torch {built['torch']}, CUDA {built['cuda']}; several pages side by side"
    )
    return line, details


def save(record: dict[str, Any], path: Path) -> None:
    """Check and write a record."""
    from companion._files import write_whole

    check(record, path.name)
    os.makedirs(path.parent, exist_ok=True)
    write_whole(path, json.dumps(record, indent=1) + "\n")
