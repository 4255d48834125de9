"""Run a learner's answer on a case: a copy of the arguments, a time limit, and what came of it."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from companion.exercises.attempts import attempt
from companion.exercises.values import freeze

State = Literal["value", "error", "timeout", "not run", "not attempted"]


@dataclass(frozen=True)
class Outcome:
    """What came of one call.

    Args:
        state: ``"value"``, or why there is none.
        value: The frozen result.
        error: Type and message of the exception.
        place: Where the learner's code raised it: ``"line 3 in f: return 1 / 0"``.
        kinds: Names of the exception's class and of those it derives from.
    """

    state: State
    value: Any = None
    error: str = ""
    place: str = ""
    kinds: tuple[str, ...] = ()


def run_case(
    call: Callable[..., Any], answer: Any, args: tuple[Any, ...], *, seconds: float
) -> Outcome:
    """Call ``call(answer, *args)`` on copies of the arguments.

    Args:
        call: The exercise's ``run``.
        answer: The learner's function or class.
        args: Arguments of the case.
        seconds: Time limit, for the call and for taking its result apart; see
            `companion.exercises.attempts` for what it stops.

    Returns:
        What came of it. Only `KeyboardInterrupt` passes through.

    Example:
        >>> run_case(lambda answer, x: answer(x), lambda x: 1 / x, (0,), seconds=1).error
        'ZeroDivisionError: division by zero'
    """
    args = copy.deepcopy(args)
    found = attempt(
        lambda: freeze(call(answer, *args)), seconds, theirs=_theirs, through=(KeyboardInterrupt,)
    )
    return Outcome(**found)


def _theirs(file: str) -> bool:
    """Tell whether a file is neither ours nor a library's."""
    return "/companion/exercises/" not in file.replace("\\", "/") and "site-packages" not in file
