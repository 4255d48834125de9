"""The program inside the sandbox: runs a submission, hands its answers to cases, writes outcomes.

It is started as ``python -I -S worker.py`` with a job as JSON on standard input, and knows nothing
but that job: the code, the cases' arguments, the limits. There is no solution here and no expected
value, so a submission that takes over this process, or writes its own lines to the result channel,
can only do what every submission does: state answers. `values`, `arguments`, `limits` and
`guard` lie beside this file; all need nothing but the standard library.

The job is JSON: the code as ``cells``; for each exercise its ``cases`` and the source of ``run``;
the limits. See `companion.exercises.grading.sandbox.Job`.
"""

import __future__

import ast
import json
import os
import sys
import types


def main() -> None:
    """Read the job, give up what it does not need, run it."""
    channel = os.dup(1)
    job = json.loads(sys.stdin.buffer.read())
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)), *job["path"]]
    import guard
    import limits

    limits.set_limits(job)
    if job["guard"]:
        guard.install(os.getcwd())
    with os.fdopen(channel, "w", encoding="utf-8") as out:
        process = os.getpid()

        def say(**message: object) -> None:
            if os.getpid() != process:
                os._exit(1)  # a child that the submission has made ends here
            out.write(json.dumps(message) + "\n")
            out.flush()

        _run(job, say)
        say(done=True)
        os._exit(0)  # no thread, no atexit hook of the submission lives on


def _run(job: dict, say: object) -> None:
    """Run the cells, then every exercise's cases."""
    given: dict[str, object] = {}
    _install_stand_in(given)
    space: dict[str, object] = {"__name__": "__main__", "__builtins__": __builtins__}
    for number, source in enumerate(job["cells"], 1):
        say(cell=number)
        for error in _run_cell(source, f"<cell {number}>", space, job["load_seconds"]):
            say(cell=number, error=error)
    for exercise in job["exercises"][job["skip"] :]:
        name = exercise["id"]
        answer = given.get(name, space.get(exercise["variable"]))
        say(exercise=name)
        if exercise["run"] is None:
            say(exercise=name, value=_encoded(answer))
        elif not callable(answer):
            say(exercise=name, missing=_type_name(answer))
        else:
            call = _driver(exercise["run"])
            left = exercise["seconds"]
            for number, arguments in enumerate(exercise["cases"]):
                outcome, used = _run_case(call, answer, arguments, left)
                left -= used
                say(exercise=name, case=number, **outcome)


def _type_name(answer: object) -> str:
    return "nothing" if answer is None or answer is Ellipsis else type(answer).__name__[:100]


def _install_stand_in(given: dict) -> None:
    """Let ``from companion import exercises as ex`` work; ``ex.check`` only notes the answer."""

    def check(name: str, answer: object = None, **_: object) -> None:
        given[str(name)] = answer

    def ignore(*_: object, **__: object) -> None:
        return None

    exercises = types.ModuleType("companion.exercises")
    exercises.check = check
    for name in ("hint", "solution", "progress", "report", "show"):
        setattr(exercises, name, ignore)
    companion = types.ModuleType("companion")
    companion.exercises = exercises
    sys.modules.update({"companion": companion, "companion.exercises": exercises})


def _run_cell(source: str, name: str, space: dict, seconds: float) -> list[str]:
    """Run the statements of a cell one by one, so that one that fails does not take the rest along.

    Returns what went wrong, as text.
    """
    try:
        statements = ast.parse(source, name).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        return [f"{type(error).__name__}: {error}" + (f" (line {line})" if line else "")]
    import limits

    errors = []
    for statement in statements:
        try:
            with limits.Alarm(seconds):
                code = compile(ast.Module([statement], []), name, "exec")
                exec(code, space)  # noqa: S102, running submissions is what this program is for
        except limits.TimeIsUp:
            errors.append(f"line {statement.lineno}: stopped after {seconds:g} s")
        except BaseException as error:
            errors.append(f"line {statement.lineno}: {_said(error)}")
    return errors[:20]


def _driver(source: str) -> object:
    """Return the function that calls an answer; its source comes from the grader."""
    space: dict[str, object] = {}
    unread = __future__.annotations.compiler_flag  # type hints may name what is not here
    exec(compile(source, "<run>", "exec", unread), space)  # noqa: S102, the grader's own code
    return next(value for value in space.values() if isinstance(value, types.FunctionType))


def _run_case(call: object, answer: object, arguments: str, left: float) -> tuple[dict, float]:
    import time

    import arguments as codec
    import limits

    if left <= 0:
        return {"state": "not run"}, 0.0
    args = codec.decode_arguments(arguments)
    start = time.monotonic()
    try:
        with limits.Alarm(left):
            value = call(answer, *args)
            outcome = {"state": "value", "value": _encoded(value)}
    except limits.TimeIsUp:
        outcome = {"state": "timeout"}
    except BaseException as error:
        if isinstance(error, NotImplementedError) and "your code goes here" in str(error):
            outcome = {"state": "not attempted"}
        else:
            kinds = [kind.__name__ for kind in type(error).__mro__]
            outcome = {"state": "error", "error": _said(error), "place": _place(error)}
            outcome["kinds"] = kinds
    return outcome, time.monotonic() - start


def _encoded(value: object) -> str:
    import values

    return values.encode(values.freeze(value))


def _said(error: BaseException) -> str:
    try:
        text = str(error)
    except BaseException:
        text = ""
    return (f"{type(error).__name__}: {text}" if text else type(error).__name__)[:500]


def _place(error: BaseException) -> str:
    line, name, trace = 0, "", error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename.startswith("<cell"):
            line, name = trace.tb_lineno, trace.tb_frame.f_code.co_name
        trace = trace.tb_next
    return f"line {line} in {name}"[:200] if line else ""


if __name__ == "__main__":
    main()
