"""The book on a GPU: tests, notebooks, speed and memory, within a few minutes.

    python book/_tools/gpu_run.py                    all of it, in 8 minutes at most
    python book/_tools/gpu_run.py gpt/sampling       some pages only
    python book/_tools/gpu_run.py --device cpu --dry-run    does every part work? No GPU needed
    python book/_tools/gpu_run.py --device far PAGE  a device that only refuses what a GPU refuses

The tests marked gpu come first, then speed and memory, each alone on the machine, then notebooks
side by side: with the pocket models in float32, with the open model in bfloat16 and in float16, as
a T4 needs it. Pages in which the device matters most come first. When the time is over, what runs
is ended, and what was not reached is listed and not claimed.

What came to an end is kept in _build/gpu, so a second run goes on where the first one stopped. The
record, book/_data/gpu.json, is written anew after each run of all pages on a GPU; from it pages
show their line. A dry run, some pages or another device write theirs to _build/gpu.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import gpu_record
import psutil
from gpu_jobs import Job, all_jobs, environment
from project import BookError, Project, find_project
from trial import package_digest

FOLDER = "_build/gpu"
JOBS = Path(__file__).with_name("gpu_jobs.py")
_SHORTEST = 10  # seconds in which a page has a chance
_POLL = 0.1


class Facts(NamedTuple):
    """What is known about torch and the GPU of a machine."""

    torch: str | None
    """Version of torch; None if it can't be imported."""
    cuda: str | None
    """The CUDA that torch was built for, if any."""
    works: bool
    """Whether a sum on the GPU came out."""
    words: str
    """What torch said about it."""
    has_driver: bool
    """Whether there is a driver of NVIDIA."""


def main(arguments: list[str] | None = None, project: Project | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parse(arguments)
    project = project or find_project()
    try:
        if options.device == "cuda" and (words := machine_fault(look())):
            raise BookError(words)
        jobs = all_jobs(project, options.device, dry=options.dry_run, pages=options.pages)
        return _run_all(jobs, project, options)
    except BookError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped; what has ended is kept, and the next run goes on there", file=sys.stderr)
        return 130


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pages", nargs="*", metavar="PAGE", help="page to run (default: all)")
    parser.add_argument("--device", choices=("cuda", "cpu", "far"), default="cuda")
    parser.add_argument("--minutes", type=float, default=8.0, metavar="M", help="time for all")
    parser.add_argument(
        "--jobs",
        type=int,
        default=max(1, (os.cpu_count() or 1) // 2),
        metavar="N",
        help="notebooks side by side (default: %(default)s, one for two cores)",
    )
    parser.add_argument(
        "--limit", type=int, default=300, metavar="S", help="seconds of one job (default: 300)"
    )
    parser.add_argument("--dry-run", action="store_true", help="a tiny selection, small sizes")
    options = parser.parse_args(arguments)
    for name in ("jobs", "limit"):
        if getattr(options, name) < 1:
            parser.error(f"--{name} must be at least 1, got {getattr(options, name)}")
    if not 0 < options.minutes < float("inf"):
        parser.error(f"--minutes must be above 0, got {options.minutes:g}")
    return options


def look() -> Facts:
    """Find out whether torch can use the GPU."""
    try:
        done = subprocess.run(["nvidia-smi", "-L"], capture_output=True, check=False, timeout=30)
        has_driver = done.returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        has_driver = False
    try:
        import torch
    except ImportError as error:
        return Facts(None, None, False, str(error), has_driver)
    words = ""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            works = bool((torch.ones(2, device="cuda") + 1).sum().item() == 4)
        except (RuntimeError, AssertionError) as error:
            works, words = False, str(error).splitlines()[0]
    words = " ".join([*(str(one.message).splitlines()[0] for one in said), words]).strip()
    return Facts(torch.__version__, torch.version.cuda, works, words, has_driver)


def machine_fault(facts: Facts) -> str | None:
    """Say why nothing can run on this machine's GPU, and what to do; None if it can.

    Args:
        facts: What `look` found.
    """
    dry = "Without a GPU: make gpu DEVICE=cpu DRY=1."
    if facts.works:
        return None
    if facts.torch is None:
        return (
            f"torch can't be imported ({facts.words}). Run make setup, or make gpu "
            "WHEELHOUSE=folder with a folder that make wheelhouse has filled."
        )
    if not facts.has_driver:
        return f"there is no NVIDIA GPU here, or no driver (nvidia-smi finds none). {dry}"
    if facts.cuda is None:
        return (
            f"the installed torch {facts.torch} is a build without CUDA, though there is a GPU. "
            "Install a CUDA build: PyTorch's installation page shows the address of an index."
        )
    return (
        f"torch {facts.torch}, built for CUDA {facts.cuda}, can't use the GPU: {facts.words}. If "
        "the driver is too old, install a newer one or a torch for an older CUDA; if the GPU is, "
        "a torch that still supports it."
    )


def _run_all(jobs: list[Job], project: Project, options: argparse.Namespace) -> int:
    deadline = time.monotonic() + 60 * options.minutes
    folder = project.root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    package = package_digest(project.root)
    files = {job: folder / f"{job.digest(project, package)}.json" for job in jobs}
    waiting = [job for job in jobs if not files[job].is_file()]
    if known := len(jobs) - len(waiting):
        print(f"{known} of {len(jobs)} jobs are known from an earlier run")
    _schedule(waiting, files, options, deadline)
    results = {
        job.name: json.loads(files[job].read_text(encoding="utf-8"))["result"]
        for job in jobs
        if files[job].is_file()
    }
    not_run = [job.name for job in jobs if job.name not in results]
    record = gpu_record.make_record(options.device, results, not_run)
    whole = options.device == "cuda" and not options.dry_run and not options.pages
    name = "dry_run" if options.dry_run else options.device
    target = project.gpu if whole else folder / f"{name}.json"
    gpu_record.save(record, target)
    print(describe(record))
    print(f"wrote {target}")
    return int(bool(not_run) or bool(faults(record)))


def _schedule(
    waiting: list[Job], files: dict[Job, Path], options: argparse.Namespace, deadline: float
) -> None:
    """Start the jobs in their order, as many at a time as may be, until the time is over."""
    variables = {**os.environ, "OMP_NUM_THREADS": "1", **environment(options.device)}
    running: dict[Job, tuple[subprocess.Popen, float]] = {}
    waiting = list(waiting)
    try:
        while (waiting or running) and time.monotonic() < deadline:
            for job, (process, begun) in list(running.items()):
                seconds = time.monotonic() - begun
                if process.poll() is None and seconds < options.limit + 60:
                    continue
                _end(process)
                del running[job]
                print(f"{job.name}: {_outcome(files[job])} ({seconds:.0f} s)", flush=True)
            while waiting and _may_start(waiting[0], list(running), options.jobs, deadline):
                job = waiting.pop(0)
                log = files[job].with_suffix(".log").open("w")
                command = [sys.executable, str(JOBS), json.dumps(asdict(job))]
                process = subprocess.Popen(
                    [*command, "--out", str(files[job]), "--limit", str(options.limit)],
                    env=variables,
                    stdout=log,
                    stderr=log,
                    stdin=subprocess.DEVNULL,
                )
                log.close()
                running[job] = process, time.monotonic()
            if waiting and not running and deadline - time.monotonic() < _SHORTEST:
                return
            time.sleep(_POLL)
    finally:
        for process, _ in running.values():
            _end(process)


def _may_start(job: Job, running: list[Job], at_a_time: int, deadline: float) -> bool:
    """Whether there is a place and time for a job. What measures is alone on the machine."""
    if deadline - time.monotonic() < _SHORTEST:
        return False
    if job.is_alone or any(other.is_alone for other in running):
        return not running
    return len(running) < at_a_time


def _end(process: subprocess.Popen) -> None:
    """End a process and what it has started, kernels among them."""
    try:
        family = [psutil.Process(process.pid)]
        family += family[0].children(recursive=True)
    except psutil.NoSuchProcess:
        family = []
    for member in family:
        try:
            member.kill()
        except psutil.NoSuchProcess:
            continue
    process.wait()


def _outcome(file: Path) -> str:
    if not file.is_file():
        log = file.with_suffix(".log")
        return f"gave no result, its words are in {log}"
    result = json.loads(file.read_text(encoding="utf-8"))["result"]
    if "cells" in result:
        words = f"{result['ran']} of {result['cells']} cells, {result['held']} asserts hold"
        wrong = len(result["errors"]) + len(result["failed"])
        return words + (f", {wrong} FAULTS" if wrong else "")
    return "done" if not result.get("failed") else f"{len(result['failed'])} FAIL"


def faults(record: dict) -> list[str]:
    """What went wrong in the jobs of a record, a line each."""
    return [
        f"{name}: {fault}"
        for name, result in record["results"].items()
        for fault in [*result.get("errors", []), *result.get("failed", [])]
    ]


def describe(record: dict) -> str:
    """Write the end of the report: what is wrong, and what was not run."""
    wrong, missing = faults(record), record["not_run"]
    lines = [*wrong, f"{len(record['results'])} jobs ended, {len(wrong)} faults"]
    if missing:
        lines.append(f"not run, and not claimed: {', '.join(missing)}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
