"""Run a learner's answer on a case: a copy of the arguments, a time limit, and what came of it.

An `Outcome` can be said as plain data where the answer ran elsewhere: in the sandbox of ``companion
grade``, or in a Worker of a browser.
"""

import copy
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from companion.exercises.attempts import attempt
from companion.exercises.values import decode, encode, freeze

_STANDARD = os.path.dirname(copy.__file__)  # where Python's own library is, a .zip perhaps
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


def pack(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome as plain data for JSON, which `unpack` reads."""
    packed: dict[str, Any] = {"state": outcome.state, "kinds": list(outcome.kinds)}
    packed |= {"error": outcome.error, "place": outcome.place}
    return packed | ({"value": encode(outcome.value)} if outcome.state == "value" else {})


def unpack(message: dict[str, Any]) -> Outcome:
    """Read an outcome, whoever wrote it: a submission may have done it in a worker's name.

    Example:
        >>> unpack(pack(Outcome("value", [1, 2.5]))).value
        [1, 2.5]
        >>> unpack({"state": "right"}).error
        'no result'
    """
    state = message.get("state")
    if state not in get_args(State):
        return Outcome("error", error="no result")
    try:
        value = decode(message["value"]) if state == "value" else None
    except (ValueError, KeyError, TypeError):
        return Outcome("error", error="the result can't be read")
    error, place = (str(message.get(name, ""))[:500] for name in ("error", "place"))
    kinds = message.get("kinds")
    kinds = tuple(map(str, kinds[:20])) if isinstance(kinds, list) else ()
    return Outcome(state, value, error, place, kinds)


def run_case(
    call: Callable[..., Any],
    answer: Any,
    args: tuple[Any, ...],
    *,
    seconds: float,
    through: tuple[type[BaseException], ...] = (KeyboardInterrupt,),
) -> Outcome:
    """Call ``call(answer, *args)`` on copies of the arguments.

    Args:
        call: The exercise's ``run``.
        answer: The learner's function or class.
        args: Arguments of the case.
        seconds: Time limit, for the call and for taking its result apart; see
            `companion.exercises.attempts` for what it stops.
        through: Exceptions that pass through, since they are nobody's answer.

    Returns:
        What came of it.

    Example:
        >>> run_case(lambda answer, x: answer(x), lambda x: 1 / x, (0,), seconds=1).error
        'ZeroDivisionError: division by zero'
    """
    args = copy.deepcopy(args)
    outcome = attempt(lambda: freeze(call(answer, *args)), seconds, theirs=_theirs, through=through)
    return Outcome(**outcome)


def _theirs(file: str) -> bool:
    """Tell whether a file is neither ours nor a library's."""
    ours = "/companion/exercises/" in file.replace("\\", "/")
    return not ours and "site-packages" not in file and not file.startswith(_STANDARD)
