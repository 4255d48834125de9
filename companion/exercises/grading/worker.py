"""The program inside the sandbox: runs a submission, hands its answers to cases, writes outcomes.

It is started as ``python -I -S worker.py`` with a job as JSON on standard input, and knows nothing
but that job: the code, the cases' arguments, the limits. There is no solution here and no expected
value, so a submission that takes over this process, or writes its own lines to the result channel,
can only do what every submission does: state answers. What it needs lies beside this file
(see `companion.exercises.grading.sandbox.worker_files`) and uses the standard library only.

The job is JSON: the code as ``cells``; for each exercise its ``cases`` and the source of ``run``;
the limits. See `companion.exercises.grading.sandbox.WorkerTask`.
"""

import __future__

import json
import os
import sys
import types
from collections.abc import Callable

_FOLDER = os.path.dirname(os.path.abspath(__file__))
_beside = types.SimpleNamespace()  # the modules beside this file
_SHORT = 1.0  # seconds for what takes no time, unless a submission wants it to
_LARGEST_VALUE = 5 * 2**20  # characters


def main() -> None:
    """Read the job, give up what it does not need, run it."""
    channel = os.dup(1)
    job = json.loads(sys.stdin.buffer.read())
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    _load(job["path"])
    held = _beside.limits.confine(job)
    with os.fdopen(channel, "w", encoding="utf-8") as out:
        process = os.getpid()

        def say(**message: object) -> None:
            if os.getpid() != process:
                os._exit(1)  # a child that the submission has made ends here
            out.write(json.dumps(message) + "\n")
            out.flush()

        say(held=held)
        _run(job, say)
        say(done=True)
        os._exit(0)  # no thread, no atexit hook of the submission lives on


def _load(path: list[str]) -> None:
    """Import what lies beside this file, and keep it in `_beside`."""
    sys.path[:0] = [_FOLDER, *path]
    for name in (
        "arguments",
        "attempts",
        "history",
        "limits",
        "session",
        "shell",
        "stand_in",
        "values",
    ):
        setattr(_beside, name, __import__(name))
    sys.path.append(sys.path.pop(0))


def _give_way(files: list[str]) -> None:
    """Let a student's own module be imported that has the name of one beside this file.

    Args:
        files: Names of the student's files.
    """
    for name in {os.path.splitext(file)[0] for file in files}:
        place = getattr(sys.modules.get(name), "__file__", None) or ""
        if os.path.dirname(place) == _FOLDER:
            del sys.modules[name]


def _run(job: dict, say: Callable[..., None]) -> None:
    """Run the cells, then every exercise's cases."""
    attempts, given = _beside.attempts, {}
    _beside.stand_in.install(given)
    history, seconds = _beside.history, job["load_seconds"]
    notebook = _beside.session.Notebook(os.getcwd(), attempts, history, seconds)
    shell = _beside.shell.install(notebook.space, _give_way)
    for _, _, files in os.walk("."):
        _give_way(files)
    patience = job["patience"]
    notebook.begin(attempts.Budget(job["cell_seconds"], patience * job["cell_seconds"]))
    for number, cell in enumerate(job["cells"], 1):
        say(cell=number)
        for error in [*notebook.run_cell(cell), *shell.take_notes()]:
            say(cell=number, error=error)
    space = notebook.space
    for exercise in job["exercises"][job["skip"] :]:
        name = exercise["id"]
        answer = given.get(name, space.get(exercise["variable"]))
        say(exercise=name)
        if exercise["run"] is None:
            value, error = attempts.within(_SHORT, _encoded, answer)
            say(exercise=name, value=value if error is None else _encoded(None))
        elif not callable(answer):
            say(exercise=name, missing=_type_name(answer))
        else:
            call = _driver(exercise["run"])
            budget = attempts.Budget(exercise["seconds"], patience * exercise["seconds"])
            for number, arguments in enumerate(exercise["cases"]):
                outcome = _run_case(call, answer, arguments, budget)
                say(exercise=name, case=number, **outcome)


def _type_name(answer: object) -> str:
    if answer is None or answer is Ellipsis:
        return "nothing"
    return _beside.values.type_name(type(answer))


def _driver(source: str) -> object:
    """Return the function that calls an answer; its source comes from the grader."""
    space: dict[str, object] = {}
    unread = __future__.annotations.compiler_flag  # type hints may name what is not here
    exec(compile(source, "<run>", "exec", unread), space)  # noqa: S102, the grader's own code
    return next(value for value in space.values() if isinstance(value, types.FunctionType))


def _run_case(call: object, answer: object, arguments: str, budget: object) -> dict:
    left, most = budget.left(), budget.most_left()
    if left <= 0:
        return {"state": "not run"}
    args = _beside.arguments.decode_arguments(arguments)
    return _beside.attempts.attempt(
        lambda: _encoded(call(answer, *args)), left, theirs=_theirs, most=most
    )


def _theirs(file: str) -> bool:
    return file.startswith("<cell")


def _encoded(value: object) -> str:
    values = _beside.values
    text = values.encode(values.freeze(value))
    if len(text) > _LARGEST_VALUE:
        return values.encode(values.Foreign(f"{type(value).__name__} that takes {len(text)} bytes"))
    return text


if __name__ == "__main__":
    main()
