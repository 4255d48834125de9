"""One page under one disturbance: run its notebook with nbval, and keep what changed.

A disturbance is a setting, which makes the libraries use the code of another processor, and a seed
for the noise on the weights; folder noise explains that one. Leaves out: which trials there are,
and the report.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from xml.etree import ElementTree

from execution import KERNEL_ENVIRONMENT
from project import BookError, Page, Project

from companion._files import write_whole

NOISE = Path(__file__).with_name("noise")
CELL_TIMEOUT = 1800  # seconds; code for an old processor is slow
SETTINGS: dict[str, dict[str, str]] = {
    "here": {"OMP_NUM_THREADS": "1"},
    "two-threads": {"OMP_NUM_THREADS": "2"},
    "avx2": {
        "OMP_NUM_THREADS": "1",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "ATEN_CPU_CAPABILITY": "avx2",
        "MKL_CBWR": "AVX2",
        "OPENBLAS_CORETYPE": "Haswell",
        "FAISS_OPT_LEVEL": "avx2",
    },
    "sse41": {
        "OMP_NUM_THREADS": "1",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "ATEN_CPU_CAPABILITY": "default",
        "MKL_CBWR": "COMPATIBLE",
        "OPENBLAS_CORETYPE": "Nehalem",
        "FAISS_OPT_LEVEL": "generic",
    },
}
"""What each setting adds to the environment: PyTorch's own kernels, oneDNN, MKL, NumPy, Faiss."""

_ANSI = re.compile(r"(\x1b|#x1B)\[[0-9;]*m")


@dataclass(frozen=True)
class Change:
    """A cell that gave another output, or failed: its number among the cells, and how."""

    cell: int
    difference: str


@dataclass(frozen=True)
class Trial:
    """A page, and how the numbers under it are disturbed. Seed 0 is no noise."""

    page: Page
    setting: str
    seed: int
    size: float

    def environment(self) -> dict[str, str]:
        """Environment of the run."""
        path = os.pathsep.join(filter(None, (str(NOISE), os.environ.get("PYTHONPATH"))))
        noise = {"BOOK_WOBBLE_SEED": str(self.seed), "BOOK_WOBBLE_SIZE": str(self.size)}
        return {
            **os.environ,
            **KERNEL_ENVIRONMENT,
            **SETTINGS[self.setting],
            **noise,
            "PYTHONPATH": path,
        }

    def digest(self, project: Project) -> str:
        """Digest of all that the result depends on."""
        parts = [self.page.name, self.setting, SETTINGS[self.setting], self.seed, self.size]
        files = [self.page.notebook, *sorted(NOISE.glob("*.py"))]
        contents = b"".join(hashlib.sha256(file.read_bytes()).digest() for file in files)
        known = json.dumps(parts).encode() + contents + package_digest(project.root).encode()
        return hashlib.sha256(known).hexdigest()[:20]


def result(trial: Trial, project: Project, folder: Path) -> tuple[list[Change], bool]:
    """What changed, and whether that was known from an earlier run.

    Args:
        trial: What to run.
        project: The book.
        folder: Where results are kept, one file for each trial.

    Raises:
        BookError: If the run could not be made.
    """
    kept = folder / f"{trial.digest(project)}.json"
    if kept.is_file():
        stored = json.loads(kept.read_text(encoding="utf-8"))
        return [Change(**change) for change in stored["changes"]], True
    changes = run(trial, project)
    named = {"page": trial.page.name, "setting": trial.setting, "seed": trial.seed}
    stored = {**named, "size": trial.size, "changes": [asdict(change) for change in changes]}
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(kept, json.dumps(stored, indent=1))
    return changes, False


def run(trial: Trial, project: Project) -> list[Change]:
    """Run the trial's notebook and compare every output.

    Raises:
        BookError: If pytest could not run.
    """
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "--nbval", str(trial.page.notebook)]
        command += ["-q", "--color=no", "-p", "no:cacheprovider", f"--junitxml={report}"]
        command += ["--nbval-current-env", f"--nbval-cell-timeout={CELL_TIMEOUT}"]
        command += ["--override-ini=timeout=0"]  # that limit is for unit tests
        done = subprocess.run(
            command,
            cwd=project.root,
            env=trial.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode not in (0, 1) or not report.is_file():
            words = (done.stdout + done.stderr).strip()[-2000:]
            raise BookError(f"{trial.page.name}: pytest ended with {done.returncode}\n{words}")
        return read_report(report)


def read_report(path: Path) -> list[Change]:
    """The cells that failed, from a report that pytest wrote in JUnit's format."""
    changes = []
    for case in ElementTree.parse(path).iter("testcase"):
        for failure in (*case.findall("failure"), *case.findall("error")):
            cell = int(case.get("name", "").removeprefix("Cell "))
            text = _ANSI.sub("", failure.text or failure.get("message", ""))
            changes.append(Change(cell, text.split("Traceback:\n", 1)[-1].strip()))
    return changes


@cache
def package_digest(root: Path) -> str:
    """Digest of the package's files and of the versions of everything that is installed."""
    versions = sorted({f"{package.name}=={package.version}" for package in distributions()})
    state = hashlib.sha256("\n".join(versions).encode())
    for file in sorted((root / "companion").rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            state.update(file.relative_to(root).as_posix().encode())
            state.update(hashlib.sha256(file.read_bytes()).digest())
    return state.hexdigest()
