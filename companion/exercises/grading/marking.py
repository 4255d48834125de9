"""Mark what a worker has said about one exercise: outside of the sandbox, on plain values.

Whatever a worker says, a submission may have said it in its name. So nothing is believed but
values, and an answer that makes the judge itself fail costs its own points and no one else's.
"""

from dataclasses import replace
from typing import Any

from companion.exercises import judging
from companion.exercises.answers import judge_value
from companion.exercises.comparison import describe
from companion.exercises.exercise import Exercise
from companion.exercises.judging import AnswerKey
from companion.exercises.running import Outcome, unpack
from companion.exercises.values import Foreign, decode
from companion.exercises.verdict import CaseResult, Verdict, not_attempted

_NOTHING = "What was handed in has no answer to this exercise."
_UNJUDGED = "This answer could not be judged. Your teacher has been told."


def mark(
    exercise: Exercise, key: AnswerKey | None, messages: list[dict[str, Any]]
) -> tuple[dict[str, Any], str]:
    """Mark one exercise.

    Args:
        exercise: The exercise.
        key: Its cases, if it asks for code.
        messages: What the worker said about it.

    Returns:
        The verdict as plain data: state, share of the points, number of the known wrong answer,
        text. And why it could not be judged, empty if it could.
    """
    try:
        verdict = _verdict(exercise, key, messages)
        if verdict == not_attempted(exercise):  # there is no cell that one could run again
            verdict = replace(verdict, message=_NOTHING)
        return _plain(verdict), ""
    except Exception as error:  # of whatever kind, it is about this answer only
        verdict = Verdict(exercise, "wrong", message=_UNJUDGED)
        reason = f"{type(error).__name__}: {error}"[:200]
        return _plain(verdict), f"{exercise.id} could not be judged: {reason}"


def _verdict(exercise: Exercise, key: AnswerKey | None, messages: list[dict[str, Any]]) -> Verdict:
    if key is None:
        return _value_verdict(exercise, messages)
    for message in messages:
        if isinstance(message.get("missing"), str):
            if message["missing"] == "nothing":
                return not_attempted(exercise)
            return judging.not_callable(exercise, f"an object of type {message['missing']}")
    outcomes = [Outcome("not run")] * len(key.cases)
    said = {m["case"]: m for m in messages if type(m.get("case")) is int}
    ended = next((m["ended"] for m in messages if "ended" in m), None)
    if not said and ended is None:
        return not_attempted(exercise)
    for number in range(len(outcomes)):
        if number in said:
            outcomes[number] = unpack(said[number])
        elif ended is not None:
            outcomes[number] = Outcome("error", error=ended)
            ended = None
    return key.judge(outcomes)


def _value_verdict(exercise: Exercise, messages: list[dict[str, Any]]) -> Verdict:
    for message in messages:
        if isinstance(message.get("value"), str):
            try:
                answer = decode(message["value"])
            except ValueError:
                answer = Foreign("damaged value")
            if isinstance(answer, Foreign):
                said = f"The answer is {describe(answer)}; give a plain value."
                return Verdict(exercise, "wrong", message=said)
            return judge_value(exercise, answer)
    return not_attempted(exercise)


def _plain(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as plain data, without the arguments of hidden cases."""
    cases = tuple(
        CaseResult(case.name, case.passed, "", case.problem, case.think) for case in verdict.cases
    )
    return {
        "state": verdict.state,
        "share": verdict.share,
        "wrong": verdict.wrong,
        "text": repr(replace(verdict, cases=cases)),
    }
