"""Judge answers that are values: a number, letters of options, printed text, an explanation."""

import math
import re
from collections.abc import Sequence
from typing import Any

from companion.exercises.comparison import close, named
from companion.exercises.display import as_code
from companion.exercises.exercise import (
    ChoiceExercise,
    Exercise,
    NumericExercise,
    OutputExercise,
    WordsExercise,
)
from companion.exercises.options import LETTERS
from companion.exercises.values import is_array
from companion.exercises.verdict import Verdict, not_attempted

_UNSPACED = re.compile(  # letters of Thai, Lao, Burmese, Khmer, Japanese and Chinese
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u9fff"
    "\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]"
)
_FILLERS = {"and", "or", "both", "option", "options", "answer", "answers", "letter", "letters"}


def judge_value(exercise: Exercise, answer: Any, *, covered: Any = None) -> Verdict:
    """Judge an answer that is a frozen value, whatever it is.

    Raises:
        ValueError: If ``covered`` is no sequence of numbers of key points.
    """
    empty = answer is None or (isinstance(answer, list | dict) and not answer)
    if empty or (isinstance(answer, str) and not answer.strip()):
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
        message = f"Give a plain number ({exercise.unit}), not {as_code(named(answer))}."
        if is_array(answer) and answer.size == 1:
            message += " `.item()` takes the number out of an array."
        return Verdict(exercise, "wrong", message=message)

    def near(value: float) -> bool:
        scale = abs(value) or 1.0  # the tolerance is relative
        return close(value, answer, min(scale, 1.0) * exercise.tolerance)

    if near(exercise.compute()):
        return Verdict(exercise, "right", 1.0)
    for number, wrong in enumerate(exercise.wrong):
        if near(wrong.answer):
            return Verdict(exercise, "wrong", message=wrong.message, wrong=number)
    message = f"{as_code(named(answer))} {exercise.unit} is not right."
    return Verdict(exercise, "wrong", message=message)


def _letters(answer: Any) -> list[str] | None:
    """Return the words of a choice; None if it is neither a text nor a list of texts."""
    texts = answer if isinstance(answer, list) else [answer]
    if not all(isinstance(text, str) for text in texts):
        return None
    words = re.findall(r"\w+", " ".join(texts).lower())
    return [word for word in words if word not in _FILLERS]


def _judge_choice(exercise: ChoiceExercise, answer: Any) -> Verdict:
    known, words = exercise.letters, _letters(answer)
    unknown = [word for word in words or () if not set(word) <= known.keys()]
    if unknown or not words:
        got = ", ".join(unknown[:5]) if unknown else named(answer)
        example = "".join(list(known)[1::2])
        message = f'Options are {", ".join(known)}, given as text such as "{example}"; not '
        return Verdict(exercise, "wrong", message=f"{message}{as_code(got[:120])}.")
    chosen = set("".join(words))
    right = {letter for letter, option in known.items() if option.right}
    if chosen == right:
        why = " ".join(known[letter].why for letter in sorted(right))
        return Verdict(exercise, "right", 1.0, message=why)
    first = min(chosen - right, default=None)
    if first is None:
        message = f"{', '.join(sorted(chosen))}: right, but {len(right - chosen)} more hold."
        share = len(chosen) / len(right) / 2
        return Verdict(exercise, "partly right", share, message=message)
    message = f"{first}: {known[first].why}"
    return Verdict(exercise, "wrong", message=message, wrong=LETTERS.index(first))


def _judge_output(exercise: OutputExercise, answer: Any) -> Verdict:
    def lines(text: str) -> list[str]:
        return [" ".join(line.split()) for line in text.strip().splitlines()]

    if isinstance(answer, list) and all(isinstance(line, str) for line in answer):
        answer = "\n".join(answer)
    text = answer if isinstance(answer, str) else named(answer)
    if lines(text) == lines(exercise.output()):
        return Verdict(exercise, "right", 1.0, message=exercise.why)
    for number, wrong in enumerate(exercise.wrong):
        if lines(text) == lines(wrong.answer):
            return Verdict(exercise, "wrong", message=wrong.message, wrong=number)
    message = f"It does not print {as_code(named(answer))}. Go through it by hand."
    return Verdict(exercise, "wrong", message=message)


def count_words(text: str) -> int:
    r"""Count the words of a text; in writing without blanks, two characters count as one.

    Example:
        >>> count_words("A mask - it hides."), count_words("\u4eca\u65e5\u306f\u6674")
        (4, 2)
    """
    words = [word for word in _UNSPACED.sub(" ", text).split() if any(map(str.isalnum, word))]
    return len(words) + math.ceil(len(_UNSPACED.findall(text)) / 2)


def _judge_words(exercise: WordsExercise, answer: Any, covered: Any) -> Verdict:
    count = count_words(answer) if isinstance(answer, str) else 0
    if count < exercise.least_words:
        verb = "is" if count == 1 else "are"
        message = f"Write at least {exercise.least_words} words; there {verb} {count}."
        if isinstance(answer, str) and _UNSPACED.search(answer):
            message += " In writing without blanks between words, two characters count as a word."
        return Verdict(exercise, "not attempted", message=message)
    if covered is None:
        message = (
            f"{exercise.solution_text()}\n\nWhich of the points does your text make? For "
            f'example: `ex.check("{exercise.id}", {exercise.variable}, covered=[1, 2])`'
        )
        return Verdict(exercise, "to assess", message=message)
    numbers = _covered(covered, len(exercise.key_points))
    share = len(numbers) / len(exercise.key_points)
    points = enumerate(exercise.key_points, 1)
    missing = [point for number, point in points if number not in numbers]
    message = "Still missing: " + " ".join(missing) if missing else ""
    state = "right" if share == 1 else "partly right" if share else "wrong"
    return Verdict(exercise, state, share, message=message)


def _covered(covered: Any, total: int) -> set[int]:
    """Check the numbers of the key points that a text is said to cover."""
    if is_array(covered):
        covered = covered.tolist()
    numbers: Sequence[Any] = covered if isinstance(covered, list) else [covered]
    for number in numbers:
        if type(number) is not int or not 1 <= number <= total:
            raise ValueError(
                f"covered holds {named(number)}; the key points are 1 to {total}: "
                "give a list of their numbers, such as covered=[1, 2]"
            )
    return set(numbers)
