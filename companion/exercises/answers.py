"""Judge answers that are values: a number, letters of options, printed text, an explanation."""

import re
from collections.abc import Sequence
from typing import Any

from companion.exercises.exercise import (
    ChoiceExercise,
    Exercise,
    NumericExercise,
    OutputExercise,
    WordsExercise,
)
from companion.exercises.values import describe, difference
from companion.exercises.verdict import Verdict, not_attempted


def judge_value(
    exercise: Exercise, answer: Any, *, covered: Sequence[int] | None = None
) -> Verdict:
    """Judge an answer that is a frozen value: a number, letters, or text."""
    if answer is None or answer == [] or (isinstance(answer, str) and not answer.strip()):
        return not_attempted(exercise)
    if isinstance(exercise, WordsExercise):
        return _judge_words(exercise, answer, covered)
    if isinstance(exercise, NumericExercise):
        return _judge_number(exercise, answer)
    if isinstance(exercise, ChoiceExercise):
        return _judge_choice(exercise, answer)
    if isinstance(exercise, OutputExercise):
        return _judge_output(exercise, answer)
    raise TypeError(f"no way to judge {type(exercise).__name__}")


def _judge_number(exercise: NumericExercise, answer: Any) -> Verdict:
    if isinstance(answer, bool) or not isinstance(answer, int | float):
        message = f"Give a plain number ({exercise.unit}), not {describe(answer)}."
        return Verdict(exercise, "wrong", message=message)

    def near(value: float) -> bool:
        scaled = difference(1.0, answer / value if value else answer + 1.0, exercise.tolerance)
        return scaled is None

    if near(exercise.compute()):
        return Verdict(exercise, "right", 1.0)
    for number, wrong in enumerate(exercise.wrong):
        if near(wrong.answer):
            return Verdict(exercise, "wrong", message=wrong.message, wrong=number)
    return Verdict(exercise, "wrong", message=f"{describe(answer)} {exercise.unit} is not right.")


def _judge_choice(exercise: ChoiceExercise, answer: Any) -> Verdict:
    chosen = set(re.findall(r"[a-z]", "".join(map(str, answer)).lower()))
    if unknown := sorted(chosen - exercise.letters.keys()) or not chosen:
        known = ", ".join(exercise.letters)
        named = ", ".join(unknown) if isinstance(unknown, list) else describe(answer)
        return Verdict(exercise, "wrong", message=f"Options are {known}, not {named}.")
    right = {letter for letter, option in exercise.letters.items() if option.right}
    if chosen == right:
        why = " ".join(exercise.letters[letter].why for letter in sorted(right))
        return Verdict(exercise, "right", 1.0, message=why)
    first = min(chosen - right, default=None)
    if first is None:
        message = f"{', '.join(sorted(chosen))}: right, but {len(right - chosen)} more hold."
        share = len(chosen) / len(right) / 2
        return Verdict(exercise, "partly right", share, message=message)
    message = f"{first}: {exercise.letters[first].why}"
    return Verdict(exercise, "wrong", message=message, wrong="abcdefgh".index(first))


def _judge_output(exercise: OutputExercise, answer: Any) -> Verdict:
    def lines(text: str) -> list[str]:
        return [" ".join(line.split()) for line in text.strip().splitlines()]

    if not isinstance(answer, str):
        answer = describe(answer)
    if lines(answer) == lines(exercise.output()):
        return Verdict(exercise, "right", 1.0, message=exercise.why)
    for number, wrong in enumerate(exercise.wrong):
        if lines(answer) == lines(wrong.answer):
            return Verdict(exercise, "wrong", message=wrong.message, wrong=number)
    return Verdict(
        exercise, "wrong", message=f"It does not print {describe(answer)}. Go through it by hand."
    )


def _judge_words(exercise: WordsExercise, answer: Any, covered: Sequence[int] | None) -> Verdict:
    count = len(answer.split()) if isinstance(answer, str) else 0
    if count < exercise.least_words:
        message = f"Write at least {exercise.least_words} words; there are {count}."
        return Verdict(exercise, "not attempted", message=message)
    if covered is None:
        message = (
            f"{exercise.solution_text()}\n\nWhich of the points does your text make? "
            f'For example: ex.check("{exercise.id}", {exercise.variable}, covered=[1, 2])'
        )
        return Verdict(exercise, "to assess", message=message)
    total = len(exercise.key_points)
    if strange := [number for number in covered if number not in range(1, total + 1)]:
        raise ValueError(f"covered holds {strange[0]!r}; the key points are 1 to {total}")
    share = len(set(covered)) / total
    missing = [
        point for number, point in enumerate(exercise.key_points, 1) if number not in covered
    ]
    message = "Still missing: " + " ".join(missing) if missing else ""
    state = "right" if share == 1 else "partly right" if share else "wrong"
    return Verdict(exercise, state, share, message=message)
