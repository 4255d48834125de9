"""Measured run time and memory of each page, kept in ``book/_data/timings.json``."""

from __future__ import annotations

import datetime
import json
import os
import platform
import re
from pathlib import Path

from execution import Measurement

from companion._files import write_whole


def read_timings(path: Path) -> dict[str, dict[str, dict]]:
    """All timings: page name, then device ("cpu"), then the figures."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def record(path: Path, page: str, measurement: Measurement) -> None:
    """Replace the CPU figures of one page; everything else in the file stays."""
    timings = read_timings(path)
    timings.setdefault(page, {})["cpu"] = {
        "date": datetime.date.today().isoformat(),
        "machine": describe_cpu(),
        "peak_mebibytes": round(measurement.peak_mebibytes),
        "seconds": round(measurement.seconds, 1),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(timings, indent=2, sort_keys=True) + "\n")


def describe_cpu() -> str:
    """The processor's name and the number of cores this process may use."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        match = re.search(r"^model name\s*:\s*(.+)$", cpuinfo.read_text("utf-8"), re.MULTILINE)
        name = match[1].strip() if match else name
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count()
    return f"{name}, {cores} core{'s' if cores != 1 else ''}"
