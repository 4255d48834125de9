"""Build the website from the pages and the outputs of their notebooks; nothing is executed.

    python book/_tools/build_site.py [--out _build]

The new site replaces the old one at OUT/html only when it was built without a warning and passed
the checks of check_site.py.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import open_weights
from check_site import check
from exercise_runtime import add_runtime
from lean_site import lean
from live_weights import write_live_weights
from llms_text import llms_text
from notebook_file import Address, published, write
from offline_files import add_offline
from prime_cache import prime
from project import BookError, Page, Project, find_project
from references import read_references
from wheel_file import find_wheel

# jupyter-book cannot be run with python -m, and its script may not be on the PATH. Its command has
# no option for the number of processes. Collecting what points at itself as often as Python does by
# default takes a fifth of its time.
_JUPYTER_BOOK = """\
import functools, gc, os
from jupyter_book import sphinx
from jupyter_book.cli.main import main

gc.set_threshold(50_000, 100, 100)
sphinx.build_sphinx = functools.partial(sphinx.build_sphinx, jobs=os.cpu_count() or 1)
main()
"""
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_COMPLAINT = re.compile(r"WARNING:|ERROR:|CRITICAL:|^\w*(?:Error|Exception): ")
_EXECUTION_MARKS = ("Executing notebook", "executing notebook")


def main(arguments: list[str] | None = None, project: Project | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("_build"), help="folder for the result")
    options = parser.parse_args(arguments)
    project = project or find_project()
    try:
        return build(project, (project.root / options.out).resolve())
    except BookError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped; the previous site is unchanged", file=sys.stderr)
        return 130


def build(project: Project, out: Path) -> int:
    """Build into ``out/html``; returns the exit status.

    Raises:
        BookError: If a page is stale or the build fails.
    """
    started = time.perf_counter()
    work = out / "work"
    shutil.rmtree(work, ignore_errors=True)
    pages = prime(work / "_build" / ".jupyter_cache", project)
    _name_what_is_missing()
    print(f"building the site from {len(pages)} executed notebooks ...", flush=True)
    open_model = open_weights.find()
    with ThreadPoolExecutor(1) as beside:  # one core has nothing to do meanwhile
        weights = beside.submit(write_live_weights, work / "models", open_model)
        log = run_jupyter_book(project, work, out / "build.log")
        weights.result()
    executed = [line for line in log.splitlines() if any(mark in line for mark in _EXECUTION_MARKS)]
    if executed:
        raise BookError("the build executed code, which it must not:\n" + "\n".join(executed))
    html = work / "_build" / "html"
    _add_notebooks(project, pages, html, find_wheel(out))
    add_runtime(html / "_static")
    if open_model is None:
        print("note: the open model is not on the site; book/_tools/open_weights.py brings it")
    live = html / "_static" / "live"
    live.mkdir(parents=True, exist_ok=True)
    os.replace(work / "models", live / "models")
    (html / "llms.txt").write_text(llms_text(project), encoding="utf-8")
    lean(html)
    add_offline(html)
    status = check(html, project.site_path, project)
    if status:
        print(f"the site with these faults is at {html}", file=sys.stderr)
        return status
    shutil.rmtree(out / "html", ignore_errors=True)
    os.replace(html, out / "html")
    shutil.rmtree(work, ignore_errors=True)
    print(f"built in {time.perf_counter() - started:.0f} s: {out / 'html' / 'index.html'}")
    return 0


def _name_what_is_missing() -> None:
    """Tell that node is missing, what that changes, and how to get it."""
    if shutil.which("node") is None:
        print(
            "note: node is not installed, so formulas are drawn in the reader's browser, which "
            "makes pages heavier.\n      to install it: sudo apt-get install nodejs"
        )


def run_jupyter_book(project: Project, work: Path, log_file: Path) -> str:
    """Run jupyter-book with warnings as errors; returns its log, which is also kept in a file.

    Raises:
        BookError: If it fails; the message has its warnings and errors.
    """
    command = [sys.executable, "-c", _JUPYTER_BOOK, "build", str(project.root)]
    command += ["--path-output", str(work), "-W", "-n", "--keep-going"]
    environment = {"SOURCE_DATE_EPOCH": last_change(project), **os.environ, "PYTHONUTF8": "1"}
    with log_file.open("w", encoding="utf-8") as log:  # a pipe would wait for node, too
        done = subprocess.run(
            command,
            cwd=project.root,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        )
    text = _ANSI.sub("", log_file.read_text(encoding="utf-8"))
    log_file.write_text(text, encoding="utf-8")
    if done.returncode != 0:
        lines = text.splitlines()
        complaints = [line for line in lines if _COMPLAINT.search(line)] or lines[-25:]
        raise BookError(
            "jupyter-book failed:\n" + "\n".join(complaints) + f"\nfull log: {log_file}"
        )
    return text


def last_change(project: Project) -> str:
    """Time of the last commit, in seconds: the date of a page is not the day of the build."""
    command = ["git", "-C", str(project.root), "log", "-1", "--format=%ct"]
    try:
        time_of_commit = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        time_of_commit = ""
    return time_of_commit.strip() or str(int(time.time()))


def _add_notebooks(project: Project, pages: list[Page], html: Path, wheel: str) -> None:
    """Put the notebooks beside the pages, for download and for the branch that Colab opens."""
    if not project.repository:
        print("note: the repository on GitHub is not known, so there are no buttons for Colab")
    references = read_references(project)
    for page in pages:
        target = html / "notebooks" / f"{page.name}.ipynb"
        if project.repository:
            address = Address(project.repository, project.site_url, wheel)
            write(published(page, project, references, address), target)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(page.notebook, target)


if __name__ == "__main__":
    sys.exit(main())
