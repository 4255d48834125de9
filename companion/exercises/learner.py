"""What a learner calls: check, hint, solution, progress, add_progress, report, show.

Each returns what it has to say, for a notebook or a prompt to show, and prints it where the caller
throws it away: in a script, or in the middle of a cell.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from companion._files import write_whole
from companion.exercises import catalog
from companion.exercises import records as storage
from companion.exercises.display import show_if_lost
from companion.exercises.exercise import Exercise
from companion.exercises.judging import judge
from companion.exercises.records import Record
from companion.exercises.reports import report_page
from companion.exercises.verdict import Verdict

P = ParamSpec("P")
R = TypeVar("R")
_said: set[str] = set()  # notes that are shown once in a session


class Text(str):
    """Markdown that a notebook renders and a terminal prints."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Show the text itself."""
        return str(self)

    def _repr_markdown_(self) -> str:
        """Show it in a notebook."""
        return str(self)


def _shown(function: Callable[P, R]) -> Callable[P, R]:
    """Let a call alone on a line show its result everywhere."""

    @wraps(function)
    def call(*args: P.args, **options: P.kwargs) -> R:
        return show_if_lost(function(*args, **options))

    return call


@_shown
def check(exercise_id: str, answer: Any = None, *, covered: Sequence[int] | None = None) -> Verdict:
    """Check an answer, and remember the best one.

    Args:
        exercise_id: The exercise, for example ``"causal-mask"``.
        answer: Your function or class itself, your number, letters or text.
        covered: For a text, the numbers of the key points that it makes.

    Returns:
        The verdict, which is shown.

    Raises:
        ValueError: If there is no such exercise, or no such key point.
    """
    exercise = catalog.find(exercise_id)
    verdict = judge(exercise, answer, covered=covered)
    if verdict.state not in ("not attempted", "not judged"):
        before = storage.read().get(exercise.id, Record())
        record = storage.update(exercise.id, lambda record: record.attempted(verdict.share))
        if record.solved and not before.solved:
            verdict = replace(verdict, message=f"{verdict.message}\n{_after(exercise)}".strip())
    return verdict


def _after(exercise: Exercise) -> str:
    """Say what comes next, and once a session where progress goes if it is not kept."""
    message = f'Solved. ex.solution("{exercise.id}") shows ours.'
    if storage.is_temporary() and "temporary" not in _said:
        _said.add("temporary")
        message += (
            " Colab forgets your progress when this machine stops. To keep it: "
            'from google.colab import drive; drive.mount("/content/drive")'
        )
    return message


@_shown
def hint(exercise_id: str) -> Text:
    """Return the next hint; after the last one, all of them.

    Raises:
        ValueError: If there is no such exercise.
    """
    exercise = catalog.find(exercise_id)
    total = len(exercise.hints)
    record = storage.update(
        exercise.id, lambda record: replace(record, hints=min(record.hints + 1, total))
    )
    lines = [f"Hint {n} of {total}: {exercise.hints[n - 1]}" for n in range(1, record.hints + 1)]
    return Text("\n\n".join(lines))


@_shown
def solution(exercise_id: str) -> Text:
    """Return the solution, once the exercise has been attempted.

    Raises:
        ValueError: If there is no such exercise.
    """
    exercise = catalog.find(exercise_id)
    if not storage.read().get(exercise.id, Record()).attempts:
        return Text(
            f'Try it first: ex.check("{exercise.id}", ...) with any answer, even a wrong one. '
            f'Or take a hint: ex.hint("{exercise.id}").'
        )
    storage.update(exercise.id, lambda record: replace(record, solution=True))
    return Text(exercise.solution_text())


@_shown
def progress() -> Text:
    """Return what has been solved so far, by section."""
    records = storage.read()
    rows = ["| section | solved | points |", "| --- | --- | --- |"]
    done, of, earned, total = 0, 0, 0.0, 0
    for section, exercises in (
        (section, catalog.of_section(section)) for section in catalog.CONTENTS
    ):
        mine = [(exercise, records.get(exercise.id, Record())) for exercise in exercises]
        solved = sum(bool(record.solved) for _, record in mine)
        points = sum(record.best * exercise.points for exercise, record in mine)
        most = sum(exercise.points for exercise in exercises)
        rows.append(f"| {section} | {solved} of {len(mine)} | {points:.3g} of {most} |")
        done, of, earned, total = done + solved, of + len(mine), earned + points, total + most
    rows.append(f"| all | {done} of {of} | {earned:.4g} of {total} |")
    return Text("\n".join(rows))


@_shown
def add_progress(path: str | Path) -> Text:
    """Add what was done elsewhere: a progress file, such as a page of the website saves.

    Nothing is lost: of two records of an exercise, the better one counts.

    Args:
        path: The file.

    Raises:
        ValueError: If it is no progress file that can be read; nothing is changed then.
        OSError: If it is not there, or the sum can't be saved.
    """
    count = len(storage.add(Path(path)))
    what = "1 exercise" if count == 1 else f"{count} exercises"
    return Text(f"Added {what}.\n\n{progress()}")


def report(path: str | Path = "exercise-report.html", *, name: str = "") -> Path:
    """Write a completion report, an HTML page with scores and a digest.

    It is no proof of identity: anyone can edit the file that it is made from.

    Args:
        path: File to write; an existing one is replaced.
        name: Your name, if the report should have it.

    Returns:
        The path.

    Raises:
        OSError: If the file can't be written.
    """
    text = report_page(catalog.all_exercises(), storage.read(), name)
    write_whole(path, text)
    return Path(path)


@_shown
def show(exercise_id: str) -> Text:
    """Return an exercise: what to do, and the code to start from.

    Raises:
        ValueError: If there is no such exercise.
    """
    exercise = catalog.find(exercise_id)
    head = f"**{exercise.title}** ({exercise.difficulty}, about {exercise.minutes} minutes)"
    imports = exercise.imports() + "\n\n\n" if getattr(exercise, "uses", ()) else ""
    return Text(f"{head}\n\n{exercise.task()}\n\n```python\n{imports}{exercise.stub()}\n```")
