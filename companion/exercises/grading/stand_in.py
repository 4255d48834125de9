"""What ``from companion import exercises as ex`` gives inside the sandbox.

The functions have the parameters of the real ones (a test compares them). ``check`` notes the
answer; the others do nothing. There is no solution in here to find.
"""

import sys
import types


class Noted:
    """What ``check`` returns: nothing is judged inside the sandbox."""

    state, share, points, message, cases, wrong = "noted", 0.0, 0.0, "", (), None

    def __repr__(self) -> str:
        """Say so."""
        return "noted"


def install(given: dict) -> None:
    """Put the stand-in where Python looks for modules.

    Args:
        given: Where answers are noted, by id of the exercise.
    """

    def check(exercise_id: str, answer: object = None, *, covered: object = None) -> Noted:
        if answer is not None and answer is not Ellipsis:  # else: what stands in the variable
            given[str(exercise_id)] = answer
        return Noted()

    def hint(exercise_id: str) -> str:
        return ""

    def solution(exercise_id: str) -> str:
        return ""

    def show(exercise_id: str) -> str:
        return ""

    def progress() -> str:
        return ""

    def report(path: str = "exercise-report.html", *, name: str = "") -> str:
        return path

    exercises = types.ModuleType("companion.exercises")
    for function in (check, hint, solution, show, progress, report):
        setattr(exercises, function.__name__, function)

    def __getattr__(name: str) -> object:
        if name.startswith("__"):  # Python itself asks for these
            raise AttributeError(name)
        raise ImportError(
            f"companion.{name} is not there while grading, only companion.exercises is"
        )

    companion = types.ModuleType("companion")
    companion.__getattr__ = __getattr__
    companion.exercises = exercises
    sys.modules.update({"companion": companion, "companion.exercises": exercises})
