"""The program inside the sandbox: runs a submission, hands its answers to cases, writes outcomes.

It is started as ``python -I -S worker.py`` with a job as JSON on standard input, and knows nothing
but that job: the code, the cases' arguments, the limits. There is no solution here and no expected
value, so a submission that takes over this process, or writes its own lines to the result channel,
can only do what every submission does: state answers. What it needs lies beside this file
(see `companion.exercises.grading.sandbox.worker_files`) and uses the standard library only.

The job is JSON: the code as ``cells``; for each exercise its ``cases`` and the source of ``run``;
the limits. See `companion.exercises.grading.sandbox.Job`.
"""

import __future__

import ast
import json
import os
import sys
import types

_SHORT = 1.0  # seconds for what takes no time, unless a submission wants it to
_LARGEST_VALUE = 5 * 2**20  # characters


def main() -> None:
    """Read the job, give up what it does not need, run it."""
    channel = os.dup(1)
    job = json.loads(sys.stdin.buffer.read())
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)), *job["path"]]
    import limits

    held = limits.confine(job)
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


def _run(job: dict, say: object) -> None:
    """Run the cells, then every exercise's cases."""
    import limits

    given: dict[str, object] = {}
    _install_stand_in(given)
    space: dict[str, object] = {"__name__": "__main__", "__builtins__": __builtins__}
    limit, budget = job["load_seconds"], limits.Budget(job["cell_seconds"])
    for number, source in enumerate(job["cells"], 1):
        say(cell=number)
        for error in _run_cell(source, f"<cell {number}>", space, limit, budget):
            say(cell=number, error=error)
    for exercise in job["exercises"][job["skip"] :]:
        name = exercise["id"]
        answer = given.get(name, space.get(exercise["variable"]))
        say(exercise=name)
        if exercise["run"] is None:
            value, error = limits.within(_SHORT, _encoded, answer)
            say(exercise=name, value=value if error is None else _encoded(None))
        elif not callable(answer):
            say(exercise=name, missing=_type_name(answer))
        else:
            call = _driver(exercise["run"])
            budget = limits.Budget(exercise["seconds"])
            for number, arguments in enumerate(exercise["cases"]):
                outcome = _run_case(call, answer, arguments, budget.left())
                say(exercise=name, case=number, **outcome)


def _type_name(answer: object) -> str:
    return "nothing" if answer is None or answer is Ellipsis else _name(type(answer))[:100]


# The name of a type, whatever its own type does.
_name = type.__dict__["__name__"].__get__


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


def _run_cell(source: str, name: str, space: dict, seconds: float, budget: object) -> list[str]:
    """Run the statements of a cell one by one, so that one that fails does not take the rest along.

    Each may take some seconds, and all cells together their budget.

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
        left = min(seconds, budget.left())
        if left <= 0:
            errors.append(f"line {statement.lineno}: not run, the time for all cells was over")
            break
        _, error = limits.within(left, _run_statement, statement, name, space)
        if error is None:
            continue
        said = f"stopped after {left:.3g} s"
        if not issubclass(type(error), limits.TimeIsUp):
            said = limits.within(_SHORT, _said, error)[0] or _name(type(error))
        errors.append(f"line {statement.lineno}: {said}")
    return errors[:20]


def _run_statement(statement: ast.stmt, name: str, space: dict) -> None:
    code = compile(ast.Module([statement], []), name, "exec")
    exec(code, space)  # noqa: S102, running submissions is what this program is for


def _driver(source: str) -> object:
    """Return the function that calls an answer; its source comes from the grader."""
    space: dict[str, object] = {}
    unread = __future__.annotations.compiler_flag  # type hints may name what is not here
    exec(compile(source, "<run>", "exec", unread), space)  # noqa: S102, the grader's own code
    return next(value for value in space.values() if isinstance(value, types.FunctionType))


def _run_case(call: object, answer: object, arguments: str, left: float) -> dict:
    import arguments as codec
    import limits

    if left <= 0:
        return {"state": "not run"}
    args = codec.decode_arguments(arguments)
    value, error = limits.within(left, lambda: _encoded(call(answer, *args)))
    if error is None:
        return {"state": "value", "value": value}
    if issubclass(type(error), limits.TimeIsUp):
        return {"state": "timeout"}
    told, _ = limits.within(_SHORT, _described, error)
    told = told or {"error": _name(type(error)), "place": "", "kinds": []}
    unfinished = issubclass(type(error), NotImplementedError)
    if unfinished and "your code goes here" in told["error"]:
        return {"state": "not attempted"}
    return {"state": "error", **told}


def _described(error: BaseException) -> dict:
    kinds = [_name(kind) for kind in type(error).__mro__]
    return {"error": _said(error), "place": _place(error), "kinds": kinds}


def _encoded(value: object) -> str:
    import values

    text = values.encode(values.freeze(value))
    if len(text) > _LARGEST_VALUE:
        return values.encode(values.Foreign(f"{type(value).__name__} that takes {len(text)} bytes"))
    return text


def _said(error: BaseException) -> str:
    try:
        text = str.__getitem__(str(error), slice(500))
    except Exception:
        text = ""
    name = _name(type(error))
    return (f"{name}: {text}" if text else name)[:500]


def _place(error: BaseException) -> str:
    line, name, trace = 0, "", error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename.startswith("<cell"):
            line, name = trace.tb_lineno, trace.tb_frame.f_code.co_name
        trace = trace.tb_next
    return f"line {line} in {name}"[:200] if line else ""


if __name__ == "__main__":
    main()
