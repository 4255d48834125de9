"""Read submissions in a process of their own: ``python -m companion.exercises.grading.reader``.

Files come from strangers: one may take for ever to parse, or more memory than there is. Then this
process is ended, the submission's row says so, and the others are read by the next process. What
is read here is text; nothing of it runs.
"""

import ast
import hashlib
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from companion.exercises import catalog
from companion.exercises.grading.cells import MOST_CODE, Cell, kind, read_cells
from companion.exercises.grading.members import (
    Files,
    Member,
    Parts,
    find_files,
    is_archive,
    seen_inside,
)
from companion.exercises.grading.sandbox import patience

SECONDS = 60.0  # for one submission
_MEMORY = 2 * 2**30  # bytes of address space
_MOST_FILES = 20
_MOST_SAID = 3  # reasons
_CHECK = re.compile(r"\bcheck\s*\(")
_ELSEWHERE = {
    ".html": "an exported web page", ".pdf": "an exported PDF", ".docx": "a Word document",
    ".rar": "an archive of another kind than .zip", ".7z": "an archive of another kind than .zip",
    ".gz": "an archive of another kind than .zip", ".tar": "an archive of another kind than .zip",
}  # fmt: skip

_TYPED = {"onlinetext.html", "text.html", "link.html"}  # so Moodle and Canvas call it


def read_all(requests: Sequence[Parts], seconds: float = SECONDS) -> Iterator[dict[str, Any]]:
    """Read submissions.

    Args:
        requests: For each submission the names and places of its files.
        seconds: Time for one of them; longer while the machine is busy with others.

    Yields:
        For each one ``cells``, ``notes``, ``digest`` of all its files, and ``problem``: why there
        is nothing to run; empty if there is.
    """
    done = 0
    while done < len(requests):
        process = _start()
        timer = threading.Timer(seconds, process.kill)
        try:
            for parts in requests[done:]:
                timer = threading.Timer(patience() * seconds, process.kill)
                timer.start()
                answer = _ask(process, parts)
                timer.cancel()
                done += 1
                if answer is None:
                    problem = f"reading it takes more than {seconds:g} s, or too much memory"
                    yield _result(problem=problem)
                    break
                yield answer
        finally:
            timer.cancel()
            process.kill()
            process.communicate()  # closes its pipes


def _start() -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.Popen(
        [sys.executable, "-m", __spec__.name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        start_new_session=True,
    )


def _ask(process: subprocess.Popen[bytes], parts: Parts) -> dict[str, Any] | None:
    request = json.dumps([(name, str(path)) for name, path in parts])
    try:
        process.stdin.write(request.encode() + b"\n")
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())
    except (OSError, ValueError):
        return None
    return {**answer, "cells": tuple(Cell(**cell) for cell in answer["cells"])}


def _result(
    cells: Sequence[Cell] = (), notes: Sequence[str] = (), digest: str = "", problem: str = ""
) -> dict[str, Any]:
    return {"cells": cells, "notes": list(notes), "digest": digest, "problem": problem}


def read(parts: Parts) -> dict[str, Any]:
    """Read one submission, here.

    Whatever is wrong with it is in the result's ``problem``.
    """
    try:
        files = find_files(parts)
        code = graded_files(files)
        cells: list[Cell] = []
        for member in code:
            more, notes = read_cells(member.name, member.read())
            cells += more
            files.notes += notes
        if sum(len(cell.source) for cell in cells) > MOST_CODE:
            raise ValueError(f"more than {MOST_CODE // 2**20} MiB of code")
        digest = _digest(files, cells)
        return _result(cells, files.notes, digest)
    except OSError as error:
        return _result(problem=f"can't be read: {error.strerror or error}")
    except Exception as error:
        text = " ".join(str(error).split())[:300]
        said = text if isinstance(error, ValueError) else f"{type(error).__name__} {text}"
        return _result(problem=said or type(error).__name__)


def _digest(files: Files, cells: Sequence[Cell]) -> str:
    """Return a digest of what will run and of what it may import or open."""
    code = [vars(cell) for cell in cells]
    digest = hashlib.sha256(json.dumps([code, sorted(files.folders)]).encode())
    for member in seen_inside(files):
        try:
            data = member.read()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            files.notes.append(f"{member.name} is left out: {reason}")
            continue
        for part in (member.name.encode("utf-8", "surrogatepass"), data):
            digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def graded_files(files: Files) -> list[Member]:
    """Return the notebooks to run, or the scripts where there is no notebook.

    With notebooks, scripts are modules to import. Of several notebooks or scripts those count
    that check an exercise, if some do, and those that define an answer which these leave open:
    such come first. Scripts that others import, and modules of a package, do not count.
    ``files.notes`` says which of several are graded.

    Raises:
        ValueError: If there are none, or too many.
    """
    graded = [member for member in files.members if kind(member.name) == ".ipynb"]
    if not graded:
        graded = _scripts(files)
    if not graded:
        raise ValueError(_nothing(files))
    chosen = _answering(graded) if len(graded) > 1 else graded
    if len(chosen) > _MOST_FILES:
        raise ValueError(f"{len(chosen)} notebooks and scripts; at most {_MOST_FILES} are read")
    if len(graded) > 1:
        names = ", ".join(member.name for member in chosen)
        left = [member.name for member in graded if member not in chosen]
        note = f"graded together, in this order, the last answer counts: {names}"
        note = f"graded: {names}" if len(chosen) == 1 else note
        if left:
            note += "; not graded, without a call of ex.check or an answer that is missing "
            note += f"elsewhere: {', '.join(left)}"
        files.notes.append(note)
    return chosen


def _answering(members: Sequence[Member]) -> list[Member]:
    """Return which of several notebooks or scripts hold the answers, in the order to run them."""
    code = {member.name: _code(member) for member in members}
    checking = [member for member in members if any(map(_CHECK.search, code[member.name]))]
    if not checking:
        return list(members)
    answers = {exercise.variable for exercise in catalog.all_exercises()}
    given = {name for member in checking for name in _defined(code[member.name])}
    before = []
    for member in members:
        if member not in checking and (more := _defined(code[member.name]) & answers - given):
            given |= more
            before.append(member)
    return before + checking


def _code(member: Member) -> list[str]:
    """Return the code cells of a notebook or script; none if it can't be read."""
    try:
        return [cell.source for cell in read_cells(member.name, member.read())[0]]
    except (OSError, ValueError):
        return []


def _defined(cells: Sequence[str]) -> set[str]:
    """Return the names that cells define or assign at their top level."""
    names = set()
    for statement in (statement for cell in cells for statement in _parsed(cell)):
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(statement.name)
        else:
            nodes = [node for node in ast.walk(statement) if isinstance(node, ast.Name)]
            names |= {node.id for node in nodes if isinstance(node.ctx, ast.Store)}
    return names


def _parsed(source: str | bytes) -> list[ast.stmt]:
    """Return the statements of a cell or script; none if it is not Python."""
    try:
        return ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


def _content(member: Member) -> bytes:
    try:
        return member.read()
    except (OSError, ValueError):
        return b""


def _scripts(files: Files) -> list[Member]:
    scripts = [member for member in files.members if kind(member.name) == ".py"]
    packages = {
        PurePosixPath(script.name).parent
        for script in scripts
        if script.name.endswith("__init__.py")
    }
    scripts = [
        script for script in scripts if PurePosixPath(script.name).parent not in packages
    ] or scripts
    if len(scripts) == 1:
        return scripts
    imported = {name for script in scripts for name in _imports(_content(script))}
    alone = [script for script in scripts if PurePosixPath(script.name).stem not in imported]
    return alone or scripts


def _imports(source: bytes) -> set[str]:
    """Return the modules that a script imports, as far as it is Python."""
    nodes = [node for statement in _parsed(source) for node in ast.walk(statement)]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    return {name.split(".")[0] for name in names}


def _nothing(files: Files) -> str:
    """Say what is there instead of a notebook."""
    members = files.members
    if not members:
        return "; ".join(["there is nothing in it", *files.notes[:_MOST_SAID]])
    if not files.notes and all(is_archive(member.name) for member in members):
        return "nothing but archives inside each other; hand in the notebook (.ipynb) itself"
    if files.notes or len(members) > 1:
        return "; ".join(["no notebook (.ipynb) or script (.py) in it", *files.notes[:_MOST_SAID]])
    name = members[0].name
    if PurePosixPath(name).name in _TYPED:
        return f"{name}: typed into the platform; hand in the notebook (.ipynb) as a file"
    ending = PurePosixPath(name).suffix.lower()
    what = f"{ending} ({_ELSEWHERE[ending]})" if ending in _ELSEWHERE else ending or "no suffix"
    return f"{what}: not a notebook (.ipynb), script (.py), folder or .zip archive"


def main() -> None:
    """Answer requests from standard input, one line of JSON each."""
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    for line in sys.stdin:
        parts = [(name, Path(path)) for name, path in json.loads(line)]
        result = read(parts)
        cells = [vars(cell) for cell in result["cells"]]
        sys.stdout.write(json.dumps({**result, "cells": cells}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
