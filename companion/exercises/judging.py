"""Judge an answer: case by case for code, as a whole for the other kinds.

`judge_outcomes` compares what came of the cases with what the solution returns, and asks which
known wrong answer behaves the same. It never runs the learner's code; the notebook and
``companion grade`` both end here.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any

from companion.exercises.answers import judge_value
from companion.exercises.exercise import Case, CodeExercise, Exercise
from companion.exercises.running import Outcome, run_case
from companion.exercises.values import describe, difference, freeze
from companion.exercises.verdict import CaseResult, Verdict, not_attempted

PUBLIC_SEED = "public"
_REFERENCE_SECONDS = 60.0


def judge(
    exercise: Exercise,
    answer: Any,
    *,
    covered: Sequence[int] | None = None,
    seed: str = PUBLIC_SEED,
) -> Verdict:
    """Judge an answer, running it here if it is code.

    Args:
        exercise: The exercise.
        answer: Function, class, number, letters or text.
        covered: For a text, the numbers of the key points that it covers.
        seed: Draws the cases.

    Raises:
        ValueError: If ``covered`` names key points that do not exist.
    """
    if not isinstance(exercise, CodeExercise):
        return judge_value(exercise, freeze(answer), covered=covered)
    if answer is None or answer is Ellipsis:
        return not_attempted(exercise)
    if not callable(answer):
        kind = "class" if isinstance(exercise.solution, type) else "function"
        message = f"Pass your {kind} {exercise.variable} itself, not {describe(freeze(answer))}."
        return Verdict(exercise, "wrong", message=message)
    cases = exercise.draw(seed)
    return judge_outcomes(exercise, cases, run_cases(exercise, answer, cases))


def run_cases(exercise: CodeExercise, answer: Any, cases: Sequence[Case]) -> list[Outcome]:
    """Run an answer on cases within the exercise's time limit."""
    for module in exercise.uses:  # its import is not the learner's time
        import_module(module)
    left, outcomes = exercise.seconds, []
    call = exercise.run or _call
    for case in cases:
        start = time.monotonic()
        if left <= 0:
            outcomes.append(Outcome("not run"))
            continue
        outcomes.append(run_case(call, answer, case.args, seconds=left))
        left -= time.monotonic() - start
    return outcomes


def _call(answer: Any, *args: Any) -> Any:
    return answer(*args)


def judge_outcomes(
    exercise: CodeExercise, cases: Sequence[Case], outcomes: Sequence[Outcome]
) -> Verdict:
    """Compare outcomes with those of the solution.

    Args:
        exercise: The exercise.
        cases: Its cases.
        outcomes: What came of the learner's answer, one for each.
    """
    if all(outcome.state == "not attempted" for outcome in outcomes):
        return not_attempted(exercise)
    expected = _reference(exercise, exercise.solution, cases)
    results = tuple(
        _case_result(exercise, case, wanted, outcome)
        for case, wanted, outcome in zip(cases, expected, outcomes, strict=True)
    )
    passed = sum(result.passed for result in results)
    if passed == len(results):
        return Verdict(exercise, "right", 1.0, results)
    if exercise.start is not None:
        given = _reference(exercise, exercise.start, cases)
        if _same_outcomes(exercise, given, outcomes):
            message = "This still behaves like the code that you were given."
            return Verdict(exercise, "not attempted", message=message)
    wrong = _diagnose(exercise, cases, outcomes)
    message = exercise.wrong[wrong].message if wrong is not None else ""
    state = "partly right" if passed else "wrong"
    return Verdict(exercise, state, passed / len(results), results, message, wrong)


def _reference(exercise: CodeExercise, answer: Any, cases: Sequence[Case]) -> list[Outcome]:
    """Run our own code on the cases."""
    return run_cases(replace(exercise, seconds=_REFERENCE_SECONDS), answer, cases)


def _case_result(
    exercise: CodeExercise, case: Case, expected: Outcome, outcome: Outcome
) -> CaseResult:
    shown = ", ".join(describe(freeze(argument), 200) for argument in case.args)
    problem = _problem(exercise, expected, outcome)
    if problem is None:
        return CaseResult(case.name, passed=True, shown=shown)
    return CaseResult(case.name, passed=False, shown=shown, problem=problem, think=case.think)


def _problem(exercise: CodeExercise, expected: Outcome, outcome: Outcome) -> str | None:
    """Say what is wrong with an outcome; None if it is right."""
    if expected.state == "error":  # the right answer is to raise
        kind = expected.error.split(":")[0]
        if outcome.state == "error" and outcome.error.split(":")[0] == kind:
            return None
        if outcome.state == "value":
            return f"expected a {kind}, got {describe(outcome.value)}"
    if outcome.state == "value":
        return difference(expected.value, outcome.value, exercise.tolerance)
    if outcome.state == "timeout":
        return f"stopped after {exercise.seconds:g} s: is there a loop that never ends?"
    if outcome.state == "not run":
        return "not run: the time was up"
    if outcome.state == "not attempted":
        return "a part of the stub is still there"
    return f"{outcome.error} ({outcome.place})" if outcome.place else outcome.error


def _diagnose(
    exercise: CodeExercise, cases: Sequence[Case], outcomes: Sequence[Outcome]
) -> int | None:
    """Return the number of the known wrong answer with the same outcomes, if there is one."""
    for number, wrong in enumerate(exercise.wrong):
        if _same_outcomes(exercise, _reference(exercise, wrong.answer, cases), outcomes):
            return number
    return None


def _same_outcomes(
    exercise: CodeExercise, known: Sequence[Outcome], outcomes: Sequence[Outcome]
) -> bool:
    return all(
        _problem(exercise, one, other) is None and one.state == other.state
        for one, other in zip(known, outcomes, strict=True)
    )
