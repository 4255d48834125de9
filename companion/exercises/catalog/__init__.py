"""All exercises, one module per topic. Each module lists its own in ``EXERCISES``."""

import difflib
from functools import cache
from importlib import import_module

from companion.exercises.exercise import Exercise

MODULES = {  # in the order of the book
    "gpt": ("attention",),
}


@cache
def all_exercises() -> tuple[Exercise, ...]:
    """Return every exercise, in the order of the book."""
    return tuple(
        exercise
        for names in MODULES.values()
        for name in names
        for exercise in import_module(f"{__name__}.{name}").EXERCISES
    )


def by_section() -> dict[str, list[Exercise]]:
    """Return the exercises by section."""
    sections: dict[str, list[Exercise]] = {section: [] for section in MODULES}
    for exercise in all_exercises():
        sections[exercise.section].append(exercise)
    return sections


def find(exercise_id: str) -> Exercise:
    """Return the exercise of this id.

    Raises:
        ValueError: If there is none; the message names the nearest ids.
    """
    known = {exercise.id: exercise for exercise in all_exercises()}
    if exercise_id in known:
        return known[exercise_id]
    near = difflib.get_close_matches(str(exercise_id), known, 3, 0.4) or sorted(known)[:3]
    raise ValueError(f"there is no exercise {exercise_id!r}; did you mean {', '.join(near)}?")
