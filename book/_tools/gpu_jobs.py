"""The jobs of ``gpu_run.py``: which there are, in order of their worth, and how one is run.

    python book/_tools/gpu_jobs.py JOB --out FILE     run one, by itself (JOB as JSON)

Each job is a process of its own, so that one that hangs or dies takes no other along, and all can
be ended. It writes its result in one move. A job's digest depends on all that its result depends
on; by it a second run finds what is done.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from xml.etree import ElementTree

import nbformat
from notebook_file import is_executable
from open_cells import installed
from project import Page, Project, find_project

from companion._files import write_whole

FAR = Path(__file__).with_name("far")
WORTH = (
    *("gpt/decoding", "gpt/kv-cache", "gpt/sampling", "gpt/next-token", "gpt/inside"),
    *("open-models/bitsandbytes", "open-models/inside-llama", "open-models/formats"),
    *("open-models/qlora", "open-models/serving", "training/instruction-tuning", "training/lora"),
    *("training/reward-model", "training/ppo", "training/dpo-grpo", "prompting/few-shot"),
    *("applications/rag", "applications/embeddings", "applications/chatbot"),
)
"""Pages in which the device matters most; they come first."""
DRY_PAGES = ("start/how-to-use", "gpt/next-token")
HALVES = ("bfloat16", "float16")
_ROLES = ("base", "chat")
_REFUSED = "a model in float16 can't be trained"


@dataclass(frozen=True)
class Job:
    """One thing to run: a page, or one of "tests", "speed" and "memory"."""

    kind: str
    device: str
    page: str = ""
    source: str = ""
    """Of the models: "pocket" or "open"."""
    dtype: str = ""
    dry: bool = False

    @property
    def name(self) -> str:
        """How the record calls it."""
        return f"{self.page} {self.source} {self.dtype}" if self.page else self.kind

    @property
    def is_alone(self) -> bool:
        """Whether others would disturb it: it measures times or memory."""
        return self.kind in ("speed", "memory")

    def digest(self, project: Project, package: str) -> str:
        """Digest of all that the result depends on.

        Args:
            project: The book.
            package: Digest of the package and of the installed versions.
        """
        parts = hashlib.sha256(json.dumps([asdict(self), package]).encode())
        tools = [Path(__file__), Path(__file__).with_name("gpu_measures.py")]
        for file in [project.page(self.page).notebook] if self.page else tools:
            parts.update(file.read_bytes())
        return parts.hexdigest()[:20]


def all_jobs(project: Project, device: str, *, dry: bool, pages: list[str]) -> list[Job]:
    """List the jobs, the most valuable first.

    Args:
        project: The book.
        device: "cuda", "cpu" or "far".
        dry: A tiny selection, to see that all parts work.
        pages: Pages that are meant; all if empty, and the jobs that run no page besides.
    """
    whole = [Job(kind, device, dry=dry) for kind in ("tests", "speed", "memory")]
    found = [
        page
        for page in project.find_pages(list(DRY_PAGES) if dry and not pages else pages)
        if is_executable(page) and page.notebook.is_file()
    ]
    first = [page for name in WORTH for page in found if page.name == name]
    rest = [page for page in found if page not in first]
    jobs = [] if pages else whole
    for group in (first, rest):
        jobs += [Job("page", device, page.name, "pocket", "float32", dry) for page in group]
        if installed():
            open_pages = [page for page in group if asks_for_role(page)]
            for dtype in HALVES:
                jobs += [Job("page", device, page.name, "open", dtype, dry) for page in open_pages]
    return jobs


def asks_for_role(page: Page) -> bool:
    """Whether a page loads the role "base" or "chat" from the source that the reader chose."""
    for cell in nbformat.read(page.notebook, as_version=4).cells:
        if cell.cell_type != "code":
            continue
        try:
            nodes = list(ast.walk(ast.parse(cell.source)))
        except SyntaxError:  # a magic
            continue
        if any(_loads_role(node) for node in nodes if isinstance(node, ast.Call)):
            return True
    return False


def _loads_role(call: ast.Call) -> bool:
    if getattr(call.func, "attr", getattr(call.func, "id", "")) != "load":
        return False
    if any(keyword.arg == "source" for keyword in call.keywords):
        return False
    return not call.args or getattr(call.args[0], "value", None) in _ROLES


def environment(device: str) -> dict[str, str]:
    """What a job's process needs to have the device.

    Args:
        device: "cuda", "cpu" or "far".
    """
    if device != "far":
        return {}
    sys.path.insert(0, str(FAR))
    import far_device

    path = os.pathsep.join(filter(None, (str(FAR), os.environ.get("PYTHONPATH"))))
    # accelerate, below the trainers of transformers and TRL, would take the CPU.
    trainers = {"ACCELERATE_TORCH_DEVICE": "far"}
    return {"BOOK_FAR": str(far_device.build()), "PYTHONPATH": path} | trainers


def run(job: Job, project: Project, *, limit: int = 300) -> dict[str, object]:
    """Run one job in this process.

    Args:
        job: What to run.
        project: The book.
        limit: Seconds after which a page is left.

    Returns:
        Its result.
    """
    if job.kind == "page":
        return _run_page(job, project, limit)
    if job.kind == "tests":
        return _run_tests(job, project)
    import gpu_measures

    measure = gpu_measures.speed if job.kind == "speed" else gpu_measures.memory
    return measure(job.device, dry=job.dry)


def _run_page(job: Job, project: Project, limit: int) -> dict[str, object]:
    import carry_over

    limits = argparse.Namespace(cell=limit, page=limit, double=False)
    settings = {
        "COMPANION_MODELS": job.source,
        "COMPANION_DEVICE": job.device,
        "COMPANION_DTYPE": job.dtype,
    }
    result = carry_over.run(project.page(job.page), None, limits, settings)
    errors = [error for error in result.errors if _REFUSED not in error]
    return {
        "cells": result.cells,
        "ran": result.ran,
        "held": result.held,
        "failed": result.failed,
        "errors": errors,
        "refused": len(result.errors) - len(errors),
        "seconds": round(result.seconds, 1),
    }


def _run_tests(job: Job, project: Project) -> dict[str, object]:
    """Run the tests with the marker gpu; without a GPU, see that they can be collected."""
    files = [
        str(file)
        for file in sorted((project.root / "tests").rglob("test_*.py"))
        if "mark.gpu" in file.read_text(encoding="utf-8")
    ]
    command = [sys.executable, "-m", "pytest", *files, "-q", "-m", "gpu", "-p", "no:cacheprovider"]
    if job.device != "cuda":
        command.append("--collect-only")
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        done = subprocess.run(
            [*command, f"--junitxml={report}"],
            cwd=project.root,
            capture_output=True,
            text=True,
            check=False,
        )
        if job.device != "cuda":
            found = re.search(r"(\d+)(?:/\d+)? tests? collected", done.stdout)
            collected = int(found[1]) if found else 0
            failed = [] if done.returncode == 0 and collected else [done.stdout[-500:]]
            return {"passed": 0, "failed": failed, "collected": collected}
        if done.returncode not in (0, 1) or not report.is_file():
            return {"passed": 0, "failed": [(done.stdout + done.stderr)[-500:]]}
        cases = list(ElementTree.parse(report).iter("testcase"))
    failed = [case for case in cases if case.find("failure") is not None]
    failed += [case for case in cases if case.find("error") is not None]
    skipped = [case for case in cases if case.find("skipped") is not None]
    names = [f"{case.get('classname')}::{case.get('name')}" for case in failed]
    return {"passed": len(cases) - len(failed) - len(skipped), "failed": names}


def main() -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("job", type=json.loads, help="its fields, as JSON")
    parser.add_argument("--out", type=Path, required=True, help="file for the result")
    parser.add_argument("--limit", type=int, default=300, help="seconds that a page may take")
    options = parser.parse_args()
    job = Job(**options.job)
    result = run(job, find_project(), limit=options.limit)
    write_whole(options.out, json.dumps({"name": job.name, "result": result}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
