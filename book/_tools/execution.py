"""Run a notebook in a fresh kernel and measure the run.

Leaves out: where notebooks come from and where they go. An error of a cell becomes a
``BookError`` that shows the cell's source and its traceback.
"""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from project import BookError

# What every run of a notebook adds to the environment, here and under nbval.
KERNEL_ENVIRONMENT = {
    "COMPANION_MODELS": "pocket",
    "COMPANION_DEVICE": "",
    "COMPANION_DTYPE": "",
    # tqdm warns in every kernel without ipywidgets; no page needs a widget
    "PYTHONWARNINGS": "ignore:IProgress not found",
    "MATPLOTLIBRC": str(Path(__file__).with_name("matplotlibrc")),
}

# Plots are drawn as lines and letters, which are sharp at any size. Readers' own runs draw pixels.
KERNEL_ARGUMENTS = ["--InlineBackend.figure_formats={'svg'}"]

# What an author can do about a page that takes too long.
SLOW = (
    "Make the page faster, or raise book.budget_seconds in its front matter. On a busy or slow "
    "machine set BOOK_BUDGET_SCALE=3."
)
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_SAMPLE_SECONDS = 0.1
_MEBIBYTE = 2**20


@dataclass(frozen=True)
class Measurement:
    """What one run cost: wall-clock seconds and peak memory of the kernel and its children."""

    seconds: float
    peak_mebibytes: float


class MemoryWatch:
    """Samples the resident memory of a process tree until it is stopped."""

    def __init__(self, pid: int) -> None:
        """Watch the process ``pid`` and its descendants."""
        self._process = psutil.Process(pid)
        self._peak_bytes = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def stop(self) -> float:
        """End the watch and return the peak in mebibytes."""
        self._stopping.set()
        self._thread.join()
        return max(self._peak_bytes, _high_water_mark(self._process.pid)) / _MEBIBYTE

    def _sample(self) -> None:
        while not self._stopping.wait(_SAMPLE_SECONDS):
            try:
                family = [self._process, *self._process.children(recursive=True)]
                total = sum(process.memory_info().rss for process in family)
            except psutil.NoSuchProcess:
                continue  # a child ended between the two calls
            self._peak_bytes = max(self._peak_bytes, total)


def _high_water_mark(pid: int) -> int:
    """Peak resident memory of one process in bytes, where the system keeps it (Linux), else 0."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return 0
    match = re.search(r"^VmHWM:\s*(\d+) kB", status, re.MULTILINE)
    return int(match[1]) * 1024 if match else 0


def execute(
    notebook: NotebookNode,
    *,
    folder: Path,
    cell_timeout: float,
    describe: Callable[[int], str],
) -> Measurement:
    """Run all code cells in order and keep their outputs in ``notebook``.

    Args:
        notebook: Cells to run; changed in place.
        folder: Working directory of the kernel.
        cell_timeout: Seconds that one cell may take.
        describe: Gives the place of a cell from its index, for error messages.

    Raises:
        BookError: If a cell raises, takes too long or kills the kernel.
        KeyboardInterrupt: After Ctrl-C, when the kernel has been stopped.
    """
    client = NotebookClient(
        notebook,
        timeout=max(1, round(cell_timeout)),
        record_timing=False,
        extra_arguments=KERNEL_ARGUMENTS,
        resources={"metadata": {"path": str(folder)}},
    )
    with tempfile.TemporaryFile() as complaints:
        try:
            return asyncio.run(_run(client, complaints, describe))
        except DeadKernelError as error:
            complaints.seek(0)
            tail = complaints.read().decode("utf-8", "replace")[-2000:]
            raise BookError(f"{error}\n{tail}") from error


async def _run(
    client: NotebookClient, complaints: object, describe: Callable[[int], str]
) -> Measurement:
    manager = client.create_kernel_manager()  # nbclient's own set-up would swallow Ctrl-C
    try:
        environment = {**os.environ, **KERNEL_ENVIRONMENT}
        await client.async_start_new_kernel(env=environment, stderr=complaints)
        await client.async_start_new_kernel_client()
        watch = MemoryWatch(manager.provisioner.pid)
        started = time.perf_counter()
        for index, cell in enumerate(client.nb.cells):
            await _run_cell(client, cell, index, describe)
        seconds = time.perf_counter() - started
        return Measurement(seconds, watch.stop())
    finally:
        if client.kc is not None:
            client.kc.stop_channels()
        await manager.shutdown_kernel(now=True)


async def _run_cell(
    client: NotebookClient, cell: NotebookNode, index: int, describe: Callable[[int], str]
) -> None:
    try:
        await client.async_execute_cell(cell, index)
    except DeadKernelError:
        if asyncio.current_task().cancelling():  # Ctrl-C, which nbclient takes for a dead kernel
            raise asyncio.CancelledError from None
        raise DeadKernelError(f"{describe(index)} ended the kernel; its last words:") from None
    except CellExecutionError as error:
        problem = _ANSI.sub("", error.traceback).strip()
        raise BookError(f"{describe(index)} raises\n{problem}") from None
    except CellTimeoutError:
        limit = f"took longer than {client.timeout:g} s. {SLOW}\n{cell.source}"
        raise BookError(f"{describe(index)} {limit}") from None


def tidy_outputs(notebook: NotebookNode) -> None:
    """Join neighbouring pieces of the same stream, as they depend on timing."""
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        joined: list[NotebookNode] = []
        for output in cell.outputs:
            last = joined[-1] if joined else None
            is_more = last is not None and output.output_type == last.output_type == "stream"
            if is_more and output.name == last.name:
                last.text += output.text
            else:
                joined.append(output)
        cell.outputs = joined
