"""A large class for tests and measurements: ``python -m tests.exercises.large_class FOLDER COUNT``.

Students solve an exercise, make one of its known mistakes, or skip it. One in two hands in a
notebook, the others a script. A few hand in what ends no class: a cell that is no Python, an
endless loop, a notebook that was cut off, a picture.
"""

import random
import sys
from collections.abc import Sequence
from pathlib import Path

from companion.exercises import catalog
from companion.exercises.exercise import CodeExercise, Exercise
from companion.exercises.source import code
from tests.exercises.classroom import notebook

TROUBLE = {  # of a thousand
    "no Python": 20,
    "cut off": 5,
    "picture": 5,
    "loop in an answer": 4,
    "loop in a cell": 3,
    "ends the process": 3,
}


def code_exercises(section: str) -> list[Exercise]:
    """Return the exercises of a section that ask for code."""
    return [one for one in catalog.of_section(section) if isinstance(one, CodeExercise)]


def answers(exercises: Sequence[Exercise], rng: random.Random) -> tuple[list[str], set[str]]:
    """Return the cells of a student, and the exercises that they solve."""
    parts, solved = ["\n".join(dict.fromkeys(one.imports() for one in exercises))], set()
    for one in exercises:
        kind = rng.choice(["right", "right", "wrong", "skipped"])
        if kind == "right":
            solved.add(one.id)
            parts.append(code(one.solution))
        elif kind == "wrong":
            wrong = rng.choice(one.wrong).answer
            if code(wrong).count(one.variable) == 0:  # it stands alone
                parts.append(code(wrong).replace(wrong.__name__, one.variable, 1))
    return parts, solved


def write_class(
    folder: Path,
    exercises: Sequence[Exercise],
    count: int,
    *,
    trouble: dict[str, int] | None = None,
    canvas: bool = False,
) -> dict[str, set[str] | None]:
    """Write a class.

    Args:
        folder: Is made.
        exercises: What the students answer.
        count: Number of students.
        trouble: How many of a thousand hand in each kind of `TROUBLE`; none without.
        canvas: Name the files as Canvas does.

    Returns:
        For each submission the exercises that are solved; None for one with trouble.
    """
    rng = random.Random(0)
    folder.mkdir()
    solved: dict[str, set[str] | None] = {}
    kinds = list(trouble or {})
    weights = [(trouble or {})[kind] for kind in kinds]
    for number in range(count):
        name = f"student-{number:05d}"
        parts, right = answers(exercises, rng)
        (kind,) = rng.choices(["", *kinds], [1000 - sum(weights), *weights])
        solved[name] = None if kind else right
        suffix, content = _file(parts, kind, number % 2 == 0)
        file = f"{name}{suffix}"
        if canvas:
            file = f"student{chr(97 + number % 26)}_{10_000 + number}_{90_000 + number}_hw{suffix}"
        (folder / file).write_bytes(content)
    return solved


def _file(parts: list[str], kind: str, is_notebook: bool) -> tuple[str, bytes]:
    """Return suffix and content of what a student hands in."""
    if kind == "picture":
        return ".png", b"\x89PNG\r\n\x1a\n" + bytes(1000)
    parts = list(parts)
    if kind == "no Python":
        parts.insert(1, "def f(:\n")
    elif kind == "loop in a cell":
        parts.append("while True:\n    pass\n")
    elif kind == "loop in an answer":
        parts.append("def causal_mask(length):\n    while True:\n        pass\n")
    elif kind == "ends the process":
        parts.append("import os\nos._exit(0)\n")
    if kind == "cut off":
        return ".ipynb", notebook(*parts).encode()[:-100]
    if is_notebook:
        return ".ipynb", notebook(*parts).encode()
    return ".py", "\n\n\n".join(parts).encode()


if __name__ == "__main__":
    write_class(Path(sys.argv[1]), code_exercises("gpt"), int(sys.argv[2]), trouble=TROUBLE)
