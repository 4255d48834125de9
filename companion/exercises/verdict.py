"""What a check found: a verdict, with a result for each case of code."""

from dataclasses import dataclass
from typing import Literal

from companion.exercises.exercise import CodeExercise, Exercise

State = Literal["not attempted", "not judged", "wrong", "partly right", "right", "to assess"]


@dataclass(frozen=True)
class CaseResult:
    """How one case went.

    Args:
        name: What is special about the case.
        passed: Whether the answer was right.
        shown: The call's arguments, in short.
        problem: What was expected and what came; empty if passed.
        think: What to think about.
    """

    name: str
    passed: bool
    shown: str = ""
    problem: str = ""
    think: str = ""


@dataclass(frozen=True)
class Verdict:
    """What a check found.

    Args:
        exercise: The exercise.
        state: From ``"not attempted"`` to ``"right"``; ``"to assess"`` for a text; ``"not
            judged"`` where the solution itself does not run.
        share: Part of the points that was earned, 0 to 1.
        cases: The cases, for code.
        message: What is to be said about the answer as a whole.
        wrong: Number of the known wrong answer that it is; None if it is none of them.
    """

    exercise: Exercise
    state: State
    share: float = 0.0
    cases: tuple[CaseResult, ...] = ()
    message: str = ""
    wrong: int | None = None

    @property
    def points(self) -> float:
        """Points earned."""
        return self.share * self.exercise.points

    def __repr__(self) -> str:
        """Show it as text."""
        from companion.exercises.display import as_text

        return as_text(self)

    def _repr_html_(self) -> str:
        """Show it in a notebook."""
        from companion.exercises.display import as_html

        return as_html(self)


def not_attempted(exercise: Exercise) -> Verdict:
    """Return the verdict on an untouched stub."""
    verb = "Fill in" if isinstance(exercise, CodeExercise) else "Set"
    message = f"{verb} {exercise.variable}, then run this cell again."
    return Verdict(exercise, "not attempted", message=message)
