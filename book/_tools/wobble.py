"""Do the outputs of the book hold on another CPU? Run the notebooks while the numbers wobble.

    python book/_tools/wobble.py [PAGE ...] [--seeds 1 2] [--settings here sse41]
    python book/_tools/wobble.py --changed origin/main    pages whose notebook differs from there
    python book/_tools/wobble.py --calibrate              how far apart are CPUs, and the noise?

Two processors add the same numbers in another order, so the last digits differ. A page must not
show them. Each page runs once for each seed and each setting. A seed disturbs the weights (folder
noise says how), a setting makes the libraries use the code for another processor. Every cell is
compared as `make notebooks` does. Cells that changed are listed, and the exit status is 1.

How much noise: a weight w becomes w * (1 + e * x), with x around 0 and of mean square 1, and --size
is e. Measured with --calibrate on an AMD EPYC with AVX2, on logits of pocket-base and pocket-chat
and on vectors of all-MiniLM-L6-v2, each divided by its standard deviation (root mean square):

                     logits          vectors
    setting sse41    7e-7            5e-7
    e = 1e-7         7e-7            7e-7     as far apart as two CPUs
    e = 1e-6         3e-6            5e-6     the default

AVX2 and two threads move none of these there. So the default is ten times the noise that stands
for another CPU: a page that holds has room. --size 1e-5 shows whether it has ten times that.

Results are kept in _build/wobble, by the content of notebook and package and by the installed
versions. A run that was stopped goes on where it was, and what did not change is not run again.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import calibration
from notebook import stale
from notebook_file import is_executable
from project import BookError, Page, Project, find_project
from references import read_references
from trial import SETTINGS, Change, Trial, result

SIZE = 1e-6
LARGEST_SIZE = 1e-3
FOLDER = "_build/wobble"
_SHOWN_LINES = 30


def main(arguments: list[str] | None = None, project: Project | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parse(arguments)
    project = project or find_project()
    if options.calibrate:
        calibration.main(SETTINGS)
        return 0
    try:
        pages = _pages(project, options)
        trials = [
            Trial(page, setting, seed, options.size)
            for seed in options.seeds
            for setting in options.settings
            for page in pages
        ]
        changes = dict(_results(trials, project, options.jobs))
    except BookError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped; what is finished is kept", file=sys.stderr)
        return 130
    report = describe(changes)
    (project.root / FOLDER).mkdir(parents=True, exist_ok=True)
    (project.root / FOLDER / "report.txt").write_text(report + "\n", encoding="utf-8")
    print(report)
    return int(any(changes.values()))


def describe(changes: dict[Trial, list[Change]]) -> str:
    """List each cell that changed: where, in which trials, and the first difference."""
    cells: dict[tuple[str, int], list[tuple[Trial, str]]] = defaultdict(list)
    for trial, changed in changes.items():
        for change in changed:
            cells[trial.page.name, change.cell].append((trial, change.difference))
    lines = []
    for (name, cell), seen in sorted(cells.items()):
        where = ", ".join(f"{trial.setting}/{trial.seed}" for trial, _ in seen)
        lines.append(f"{name}, cell {cell}: changes in {len(seen)} trials ({where})")
        lines += [f"    {line}" for line in seen[0][1].splitlines()[:_SHOWN_LINES]]
    if cells:
        lines.append("(+ is the stored output, - the one of the first trial named)")
    pages = {trial.page.name for trial in changes}
    lines.append(f"{len(changes)} trials of {len(pages)} pages: {len(cells)} cells change")
    return "\n".join(lines)


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pages", nargs="*", metavar="PAGE", help="page to run (default: all)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1], help="0 is without noise")
    parser.add_argument("--settings", nargs="+", default=["here"], choices=[*SETTINGS, "all"])
    parser.add_argument("--size", type=float, default=SIZE, help=f"size of the noise, {SIZE:g}")
    parser.add_argument("--jobs", type=int, default=2, help="pages at a time")
    parser.add_argument("--changed", metavar="COMMIT", help="only pages that differ from there")
    parser.add_argument("--calibrate", action="store_true", help="measure, run no page")
    options = parser.parse_args(arguments)
    if not 0 < options.size <= LARGEST_SIZE:
        parser.error(f"--size must be above 0 and at most {LARGEST_SIZE:g}, got {options.size:g}")
    if min(options.seeds) < 0:
        parser.error(f"seeds must not be negative, got {min(options.seeds)}")
    if options.jobs < 1:
        parser.error(f"--jobs must be at least 1, got {options.jobs}")
    if "all" in options.settings:
        options.settings = list(SETTINGS)
    return options


def _pages(project: Project, options: argparse.Namespace) -> list[Page]:
    pages = [page for page in project.find_pages(options.pages) if is_executable(page)]
    missing = [page.name for page in pages if not page.notebook.is_file()]
    if missing:
        raise BookError(f"no notebook yet: {', '.join(missing)}; run make notebook")
    if options.changed:
        changed = _changed_files(project.root, options.changed)
        pages = [
            page for page in pages if {page.source.resolve(), page.notebook.resolve()} & changed
        ]
    references = read_references(project)
    if old := [page.name for page in pages if stale(page, project, references)]:
        raise BookError(
            f"the notebooks of {', '.join(old)} are not those of the pages; run make notebook"
        )
    return pages


def _changed_files(root: Path, commit: str) -> set[Path]:
    """Files that differ from the last commit that this branch shares with ``commit``."""
    base = _git(root, "merge-base", commit, "HEAD").strip()
    names = _git(root, "diff", "--name-only", "-z", "--no-renames", base).split("\0")
    return {(root / name).resolve() for name in names if name}


def _git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", root, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise BookError(f"git {words[0]} {words[1]}: {done.stderr.strip() or 'no common commit'}")
    return done.stdout


def _results(
    trials: list[Trial], project: Project, jobs: int
) -> Iterator[tuple[Trial, list[Change]]]:
    """Run the trials, ``jobs`` threads at a time, and show how far they are."""
    number = 0
    for setting in dict.fromkeys(trial.setting for trial in trials):
        threads = int(SETTINGS[setting]["OMP_NUM_THREADS"])
        with ThreadPoolExecutor(max(1, jobs // threads)) as pool:
            mine = [trial for trial in trials if trial.setting == setting]
            waiting = {pool.submit(_timed, trial, project): trial for trial in mine}
            try:
                for done in as_completed(waiting):
                    trial, number = waiting[done], number + 1
                    changes, took = done.result()
                    verdict = f"{len(changes)} CELLS CHANGE" if changes else "holds"
                    where = f"[{number}/{len(trials)}] {trial.page.name} {setting}/{trial.seed}"
                    print(f"{where}: {verdict} ({took})", flush=True)
                    yield trial, changes
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise


def _timed(trial: Trial, project: Project) -> tuple[list[Change], str]:
    begun = time.monotonic()
    changes, known = result(trial, project, project.root / FOLDER)
    return changes, "known" if known else f"{time.monotonic() - begun:.0f} s"


if __name__ == "__main__":
    sys.exit(main())
