"""Do the pages carry over to another model? Run them with it, and list what holds.

    python book/_tools/carry_over.py [PAGE ...]      with the open model of the book
    python book/_tools/carry_over.py --model FOLDER  with another one, as COMPANION_CHAT takes it
    python book/_tools/carry_over.py --double        with a small random model of its form

Each notebook is run with COMPANION_MODELS=open, outputs aside. A cell that raises ends nothing, and
neither does an assert that fails: both are listed, by page. A cell is stopped after --cell seconds,
a page after --page seconds; what was not reached is counted as such. The exit status is 1 if a cell
raises or an assert fails.

The double has the tokenizer and the chat template of the open model and two narrow layers of random
numbers. It says nothing, but it is fast, and finds the cells that fail by form: another chat
template, another vocabulary, another context. Its asserts are not counted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from execution import KERNEL_ENVIRONMENT
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from notebook_file import is_executable
from project import BookError, Page, Project, find_project

RECORDING = Path(__file__).with_name("recording")
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_MAY_RAISE = "raises-exception"
_REPORT = "_build/carry_over.txt"


@dataclass
class PageResult:
    """What came of one page."""

    page: Page
    cells: int
    ran: int = 0
    errors: list[str] = field(default_factory=list)
    """Cells that raised or took too long: where, and the last line of the error."""
    held: int = 0
    failed: list[str] = field(default_factory=list)
    """Asserts that did not hold: where, and their source."""
    seconds: float = 0.0

    @property
    def is_right(self) -> bool:
        """Whether every cell ran and every assert held."""
        return self.ran == self.cells and not self.errors and not self.failed

    def lines(self) -> Iterator[str]:
        """Report the page, its faults below it."""
        asserts = self.held + len(self.failed)
        yield (
            f"{self.page.name}: {self.ran - len(self.errors)} of {self.cells} cells run, "
            f"{self.held} of {asserts} asserts hold ({self.seconds:.0f} s)"
        )
        if self.ran < self.cells:
            yield f"    not reached: {self.cells - self.ran} cells"
        yield from (f"    {fault}" for fault in [*self.errors, *self.failed])


def main(arguments: list[str] | None = None, project: Project | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parse(arguments)
    project = project or find_project()
    with tempfile.TemporaryDirectory() as scratch:
        try:
            pages = [page for page in project.find_pages(options.pages) if is_executable(page)]
            model = str(make_double(Path(scratch))) if options.double else options.model
            results = _run_all(pages, model, options)
        except BookError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("\nstopped", file=sys.stderr)
            return 130
    report = describe(results)
    target = project.root / _REPORT
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(report + "\n", encoding="utf-8")
    print(report.rsplit("\n", 1)[-1])
    print(f"in full: {target}")
    return int(not all(result.is_right for result in results))


def describe(results: list[PageResult]) -> str:
    """Write the report, a summary in its last line."""
    lines = [line for result in results for line in result.lines()]
    right = sum(result.is_right for result in results)
    errors = sum(len(result.errors) for result in results)
    held = sum(result.held for result in results)
    failed = sum(len(result.failed) for result in results)
    lines.append(
        f"{right} of {len(results)} pages carry over; {errors} cells raise or take too long, "
        f"{held} asserts hold, {failed} do not"
    )
    return "\n".join(lines)


def make_double(folder: Path) -> Path:
    """Write a small random model with the open model's tokenizer, template and configuration."""
    import torch
    import transformers

    from companion.errors import FetchError
    from companion.models.open_model import open_folder

    try:
        source = open_folder()
    except FetchError as error:
        raise BookError(str(error)) from error
    config = transformers.AutoConfig.from_pretrained(source)
    config.update({"num_hidden_layers": 2, "hidden_size": 96, "intermediate_size": 256})
    config.update({"num_attention_heads": 6, "num_key_value_heads": 2, "head_dim": 16})
    torch.manual_seed(0)
    model = transformers.AutoModelForCausalLM.from_config(config)
    model.generation_config = transformers.GenerationConfig.from_pretrained(source)
    model.save_pretrained(folder / "double")
    transformers.AutoTokenizer.from_pretrained(source).save_pretrained(folder / "double")
    return folder / "double"


def run(
    page: Page,
    model: str | None,
    options: argparse.Namespace,
    settings: Mapping[str, str] | None = None,
) -> PageResult:
    """Run one page's notebook.

    Args:
        page: The page.
        model: What COMPANION_CHAT is to name; None for the open model of the book.
        options: The limits, and whether asserts count.
        settings: What the environment of the kernel is to hold besides.
    """
    notebook = nbformat.read(page.notebook, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    result = PageResult(page, len(code))
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        claims = Path(folder) / "claims.jsonl"
        environment = _environment(claims, model) | dict(settings or {})
        asyncio.run(_run(notebook, page, environment, options, result))
        if claims.is_file() and not options.double:
            _read_claims(claims, result)
    result.seconds = time.monotonic() - started
    return result


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pages", nargs="*", metavar="PAGE", help="page to run (default: all)")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--model", metavar="MODEL", help="folder, GGUF file or Hub id")
    which.add_argument("--double", action="store_true", help="a random model of the same form")
    parser.add_argument("--cell", type=int, default=300, metavar="S", help="limit of a cell")
    parser.add_argument("--page", type=int, default=900, metavar="S", help="limit of a page")
    parser.add_argument("--jobs", type=int, default=2, help="pages at a time")
    options = parser.parse_args(arguments)
    if min(options.cell, options.page, options.jobs) < 1:
        parser.error("--cell, --page and --jobs must be at least 1")
    return options


def _run_all(pages: list[Page], model: str | None, options: argparse.Namespace) -> list[PageResult]:
    """Run the pages, several at a time, and show each when it is done."""
    results = []
    with ThreadPoolExecutor(options.jobs) as pool:
        try:
            for result in pool.map(lambda page: run(page, model, options), pages):
                print("\n".join(result.lines()), flush=True)
                results.append(result)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return results


def _environment(claims: Path, model: str | None) -> dict[str, str]:
    path = os.pathsep.join(filter(None, (str(RECORDING), os.environ.get("PYTHONPATH"))))
    environment = {
        **os.environ,
        **KERNEL_ENVIRONMENT,
        "COMPANION_MODELS": "open",
        "OMP_NUM_THREADS": "1",
        "BOOK_CLAIMS": str(claims),
        "PYTHONPATH": path,
    }
    environment.pop("COMPANION_CHAT", None)
    return environment | ({"COMPANION_CHAT": model} if model else {})


async def _run(
    notebook: NotebookNode,
    page: Page,
    environment: dict[str, str],
    options: argparse.Namespace,
    result: PageResult,
) -> None:
    client = NotebookClient(
        notebook,
        timeout=options.cell,
        interrupt_on_timeout=True,
        allow_errors=True,
        resources={"metadata": {"path": str(page.notebook.parent)}},
    )
    manager = client.create_kernel_manager()
    try:
        await client.async_start_new_kernel(env=environment, stderr=subprocess.DEVNULL)
        await client.async_start_new_kernel_client()
        client.kc.execute("%load_ext claims", silent=True)
        deadline = time.monotonic() + options.page  # the start of the kernel doesn't count
        for index, cell in enumerate(notebook.cells):
            if cell.cell_type != "code":
                continue
            left = deadline - time.monotonic()
            if left < 1:
                return
            client.timeout = round(min(options.cell, left))
            await client.async_execute_cell(cell, index)
            result.ran += 1
            if (error := _error(cell)) is not None:
                result.errors.append(f"cell {index} raises {error}")
    except DeadKernelError:
        result.errors.append("the kernel died")
    finally:
        if client.kc is not None:
            client.kc.stop_channels()
        await manager.shutdown_kernel(now=True)


def _error(cell: NotebookNode) -> str | None:
    """The error that a cell ended in, in a line, unless it was to raise one."""
    if _MAY_RAISE in cell.metadata.get("tags", ()):
        return None
    for output in cell.outputs:
        if output.output_type == "error":
            words = _ANSI.sub("", f"{output.ename}: {output.evalue}").strip().splitlines()
            line = next((row for row in cell.source.splitlines() if row.strip()), "")
            return f"{' '.join(words)[:200]}  <- {line[:60]}"
    return None


def _read_claims(file: Path, result: PageResult) -> None:
    """Count the asserts; one in a loop or a function holds if it held each time."""
    claims: dict[tuple[int, int, str], bool] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        claim = json.loads(line)
        place = (claim["cell"], claim["line"], claim["source"])
        claims[place] = claims.get(place, True) and claim["held"]
    for (cell, line, source), held in claims.items():
        if held:
            result.held += 1
        else:
            result.failed.append(f"code cell {cell}, line {line}: {source[:160]}")


if __name__ == "__main__":
    sys.exit(main())
