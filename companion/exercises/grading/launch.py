"""What ``companion grade`` does: find, grade with a progress bar, write the results."""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from companion._extras import require
from companion._files import resolved, write_whole
from companion.exercises import catalog
from companion.exercises.exercise import Exercise, WordsExercise
from companion.exercises.grading.bubblewrap import isolation
from companion.exercises.grading.gradebook import write_gradebooks
from companion.exercises.grading.grader import Grader
from companion.exercises.grading.hand_in import write_classroom_json, write_results_json
from companion.exercises.grading.ledger import Ledger
from companion.exercises.grading.results import (
    remove_stale_feedback,
    write_csv,
    write_feedback,
)
from companion.exercises.grading.submission import (
    Submission,
    find_submissions,
    usual_exercises,
)
from companion.exercises.grading.summary import summary

_WARNING = """\
WARNING: bubblewrap is not installed, or does not work here. Submissions run as you, with limits of
time and memory and a guard that skilled code gets around: they can read your files. Install it
(Debian, Ubuntu: sudo apt-get install bubblewrap), or grade on a machine that holds nothing else.
"""


@dataclass(frozen=True)
class GradeOptions:
    """The options of ``companion grade``.

    Args:
        folder: Holds one notebook, script, ``.zip`` archive or folder per student.
        out: The CSV; feedback and summary are written beside it.
        seed: The secret that draws the hidden cases, or ``@file`` that holds it.
        section: Grade the exercises of these sections.
        exercises: Grade these exercises. Without both: those that at least half of the
            submissions check.
        jobs: Submissions at a time; None for the number of processors.
        memory: Limit of a submission's memory in MiB.
        assignment: Column of the assignment in the file for Canvas.
        results_json: Write the result of the only submission for Gradescope, too.
        classroom_json: Write it for GitHub Classroom's reporter, too.
    """

    folder: Path
    out: Path
    seed: str
    section: Sequence[str] | None = None
    exercises: Sequence[str] | None = None
    jobs: int | None = None
    memory: int = 4096
    assignment: str = ""
    results_json: Path | None = None
    classroom_json: Path | None = None

    @property
    def feedback(self) -> Path:
        """The folder of the feedback files."""
        return self.out.with_name(f"{self.out.stem}-feedback")

    @property
    def summary(self) -> Path:
        """The file of the summary."""
        return self.out.with_name(f"{self.out.stem}-summary.md")

    @property
    def unfinished(self) -> Path:
        """The file of what has been graded, while the run lasts."""
        return self.out.with_name(f"{self.out.name}.unfinished")


def grade(options: GradeOptions) -> int:
    """Grade a folder; returns the exit status.

    Raises:
        ValueError: If an option does not make sense; the message says which and why.
        MissingExtraError: If a library that reads notebooks is missing.
        KeyboardInterrupt: On Ctrl-C. What has been graded is kept for the next run.
        SystemExit: When the process is told to end, likewise.
    """
    seed = _checked(options)
    with _ending_in_order():
        submissions = find_submissions(options.folder)
        _check_one(options, submissions)
        exercises = _chosen(options, submissions)
        if options.results_json or options.classroom_json:  # see `hand_in`
            seed = f"{seed} {submissions[0].digest}"
        grader = Grader(exercises, seed, jobs=options.jobs, memory=options.memory * 2**20)
        names = [exercise.id for exercise in exercises]
        ledger = Ledger(options.unfinished, seed, names, grader.version())
        if isolation() != "bubblewrap":
            sys.stderr.write(_WARNING)
        rows = _grade_all(grader, submissions, ledger)
        _write(options, submissions, rows, exercises)
        ledger.delete()
    return 0


def _write(
    options: GradeOptions,
    submissions: Sequence[Submission],
    rows: dict[str, dict[str, Any]],
    exercises: Sequence[Exercise],
) -> None:
    """Write all results; the CSV last, so that it is there only if all of them are."""
    out = options.out
    files = write_feedback(options.feedback, rows, exercises)
    remove_stale_feedback(out, files)
    books = write_gradebooks(out, submissions, rows, exercises, options.assignment)
    remarks = [f"to import: {book.name}" for book in books]
    text = summary(rows, exercises, remarks)
    write_whole(options.summary, text)
    for path, write in (
        (options.results_json, write_results_json),
        (options.classroom_json, write_classroom_json),
    ):
        if path is not None:
            write(path, rows[submissions[0].name], exercises)
    write_csv(out, submissions, rows, exercises)
    sys.stdout.write(f"{text}\n{out}: grades; {options.feedback}: a file for each student\n")


def _checked(options: GradeOptions) -> str:
    """Check the options before any work is done; returns the seed."""
    if os.name != "posix":
        raise ValueError("grading needs Linux or another Unix system; on Windows, use WSL")
    for library in ("IPython", "jupytext", "nbformat"):
        require(library, extra="grade")
    _check_places(options)
    if options.jobs is not None and options.jobs < 1:
        raise ValueError(f"--jobs must be at least 1, not {options.jobs}")
    if options.memory < 256:
        raise ValueError(f"--memory must be at least 256 MiB, not {options.memory}")
    return _seed(options.seed)


def _check_places(options: GradeOptions) -> None:
    """Check that what will be written can be, and takes the place of nothing else."""
    out = options.out
    if not out.parent.is_dir():
        raise ValueError(f"--out {out}: there is no folder {out.parent}")
    if out.is_dir():
        raise ValueError(f"--out {out} is a folder; name a file, such as {out / 'grades.csv'}")
    for path in (out, options.summary, options.unfinished):
        try:
            place = resolved(path).parent
        except OSError:
            raise ValueError(
                f"--out {out}: {path} is a folder, a device, a pipe or a circle of links; "
                "name a file, or one that is not there yet"
            ) from None
        if not place.is_dir():
            raise ValueError(f"--out {out}: {path} leads to {place}, where there is no folder")
        if not os.access(place, os.W_OK):
            raise ValueError(f"--out {out}: you may not write to the folder {place}")
    feedback = options.feedback
    if feedback.exists() and not feedback.is_dir():
        raise ValueError(f"--out {out}: {feedback}, for feedback, is not a folder")
    if feedback.exists() and not os.access(feedback, os.W_OK):
        raise ValueError(f"--out {out}: you may not write to the folder {feedback}")
    if out.resolve().is_relative_to(options.folder.resolve()):
        raise ValueError(
            f"--out {out} lies in the folder of the submissions: on the next run the results would "
            "count as submissions; choose another place"
        )


def _check_one(options: GradeOptions, submissions: Sequence[Submission]) -> None:
    """Check that a file for one submission is asked of a folder with one."""
    for name in ("results_json", "classroom_json"):
        path = getattr(options, name)
        if path is None:
            continue
        option = f"--{name.replace('_', '-')} {path}"
        if len(submissions) > 1:
            raise ValueError(
                f"{option} is about one submission, and {options.folder} has {len(submissions)}; "
                "put all files of a student into one folder of it"
            )
        if not path.parent.is_dir():
            raise ValueError(f"{option}: there is no folder {path.parent}")


@contextlib.contextmanager
def _ending_in_order() -> Iterator[None]:
    """Let SIGTERM end the run as an exception does: processes and temporary folders go."""

    def end(*_: object) -> None:
        raise SystemExit(128 + signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _seed(seed: str) -> str:
    if seed.startswith("@"):
        try:
            seed = Path(seed[1:]).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"--seed {seed}: can't read this file: {error}") from error
    if len(seed) < 8:
        raise ValueError("--seed must have at least 8 characters, or students could guess it")
    return seed


def _chosen(options: GradeOptions, submissions: Sequence[Submission]) -> list[Exercise]:
    """Return the exercises to grade; texts are for people to read, and left out."""
    names = list(options.exercises or [])
    for section in options.section or []:
        if section not in catalog.CONTENTS:
            raise ValueError(f"--section {section}: sections are {', '.join(catalog.CONTENTS)}")
        names += catalog.ids(section)
    if not names:
        names = usual_exercises(submissions, catalog.ids())
        if not names:
            raise ValueError(
                "no exercise is checked by half of the submissions; "
                "name them with --section or --exercises"
            )
    named = [catalog.find(name) for name in dict.fromkeys(names)]
    chosen = [exercise for exercise in named if not isinstance(exercise, WordsExercise)]
    if not chosen:
        raise ValueError("only exercises in words are chosen; these have to be read by a person")
    return chosen


def _grade_all(
    grader: Grader, submissions: Sequence[Submission], ledger: Ledger
) -> dict[str, dict[str, Any]]:
    from tqdm import tqdm

    rows: dict[str, dict[str, Any]] = {}
    with tqdm(total=len(submissions), unit="submission", disable=None) as bar:
        try:
            with contextlib.closing(grader.grade(submissions, ledger)) as graded:
                for submission, row in graded:
                    rows[submission.name] = row
                    bar.update()
        except (KeyboardInterrupt, SystemExit):
            sys.stderr.write(
                f"\nstopped after {len(rows)} of {len(submissions)} submissions; "
                "the same command goes on from here\n"
            )
            raise
    return rows
