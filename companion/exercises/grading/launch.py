"""What ``companion grade`` does: find, grade with a progress bar, write the results.

Taught in :doc:`/book/back/teaching`.
"""

import contextlib
import errno
import os
import shlex
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from companion._extras import require
from companion._files import write_whole
from companion.exercises import catalog
from companion.exercises.exercise import Exercise, WordsExercise
from companion.exercises.grading.archive import class_folder
from companion.exercises.grading.bubblewrap import isolation
from companion.exercises.grading.gradebook import write_gradebooks
from companion.exercises.grading.grader import Grader
from companion.exercises.grading.hand_in import write_classroom_json, write_results_json
from companion.exercises.grading.ledger import Ledger
from companion.exercises.grading.merge import merge
from companion.exercises.grading.options import (
    GradeOptions,
    check_grading,
    check_merging,
    check_one,
    check_places,
)
from companion.exercises.grading.results import (
    remove_stale_feedback,
    write_csv,
    write_feedback,
)
from companion.exercises.grading.shard import (
    Shard,
    ShardHead,
    book_version,
    class_digest,
    seed_digest,
    write_shard,
)
from companion.exercises.grading.submission import (
    Submission,
    list_submissions,
    read_submissions,
    usual_exercises,
)
from companion.exercises.grading.summary import summary

_WARNING = """\
WARNING: bubblewrap is not installed, or does not work here. Submissions run as you, with limits of
time and memory and a guard that skilled code gets around: they can read your files. Install it
(Debian, Ubuntu: sudo apt-get install bubblewrap), or grade on a machine that holds nothing else.
"""
Rows = dict[str, dict[str, Any]]


def grade(options: GradeOptions) -> int:
    """Grade a class, or a shard of it, or put shards together; returns the exit status.

    Raises:
        ValueError: If an option does not make sense; the message says which and why.
        MissingExtraError: If a library that reads notebooks is missing.
        KeyboardInterrupt: On Ctrl-C. What has been graded is kept for the next run.
        SystemExit: When the process is told to end, likewise.
    """
    if os.name != "posix":
        raise ValueError("grading needs Linux or another Unix system; on Windows, use WSL")
    for library in ("IPython", "jupytext", "nbformat"):
        require(library, extra="grade")
    if options.merge is not None:
        return _merge(options)
    seed = check_grading(options)
    shard = Shard.parse(options.shard) if options.shard else None
    out = shard.path(options.out) if shard else options.out
    unfinished = out.with_name(f"{out.name}.unfinished")
    check_places(options, [out, unfinished] if shard else [out, options.summary, unfinished])
    with _ending_in_order(), _saying_what_is_kept(), class_folder(options.folder) as folder:
        listed, remarks = list_submissions(folder, options.roster)
        check_one(options, len(listed))
        mine = [one for one in listed if shard is None or shard.holds(one)]
        exercises, submissions = _chosen(options, listed, mine)
        if options.results_json or options.classroom_json:  # see `hand_in`
            seed = f"{seed} {submissions[0].digest}"
        grader = Grader(exercises, seed, jobs=options.jobs, memory=options.memory * 2**20)
        names = tuple(exercise.id for exercise in exercises)
        ledger = Ledger(unfinished, seed, names, grader.version())
        if isolation() != "bubblewrap":
            sys.stderr.write(_WARNING)
        rows = _grade_all(grader, submissions, ledger)
        if shard is None:
            _write(options, submissions, rows, exercises, remarks)
        else:
            head = _head(options, shard, seed, names, listed, remarks)
            write_shard(out, head, submissions, rows)
            _tell_shard(options, shard, out, rows, len(listed))
        ledger.delete()
    return 0


def _head(
    options: GradeOptions,
    shard: Shard,
    seed: str,
    exercises: tuple[str, ...],
    listed: Sequence[Submission],
    remarks: tuple[str, ...],
) -> ShardHead:
    """Return what a shard's file says of itself."""
    return ShardHead(
        number=shard.number,
        of=shard.of,
        seed=seed_digest(seed),
        exercises=exercises,
        version=book_version(),
        memory=options.memory,
        submissions=len(listed),
        listed=class_digest(listed),
        remarks=remarks,
    )


def _merge(options: GradeOptions) -> int:
    """Write the results of shards, as one run would have."""
    seed = check_merging(options)
    check_places(options, [options.out, options.summary])
    merged = merge(options.merge or (), partial=options.partial, seed=seed)
    exercises = [catalog.find(name) for name in merged.head.exercises]
    _write(options, merged.submissions, merged.rows, exercises, merged.head.remarks)
    return 0


def _tell_shard(options: GradeOptions, shard: Shard, file: Path, rows: Rows, count: int) -> None:
    name = shlex.quote(str(options.out))
    sys.stdout.write(
        f"{file}: shard {shard}, with {len(rows)} of {count} submissions.\n"
        f"When the files of all {shard.of} are in one folder:\n"
        f"companion grade --merge {name}.shard-* --out {name}\n"
    )


def _write(
    options: GradeOptions,
    submissions: Sequence[Submission],
    rows: Mapping[str, Mapping[str, Any]],
    exercises: Sequence[Exercise],
    remarks: Sequence[str],
) -> None:
    """Write all results; the CSV last, so that it is there only if all of them are."""
    out = options.out
    files = write_feedback(options.feedback, rows, exercises)
    remove_stale_feedback(out, files)
    books = write_gradebooks(out, submissions, rows, exercises, options.assignment)
    text = summary(rows, exercises, [*remarks, *(f"to import: {book.name}" for book in books)])
    write_whole(options.summary, text)
    for path, write in (
        (options.results_json, write_results_json),
        (options.classroom_json, write_classroom_json),
    ):
        if path is not None:
            write(path, rows[submissions[0].name], exercises)
    write_csv(out, submissions, rows, exercises)
    sys.stdout.write(f"{text}\n{out}: grades; {options.feedback}: a file for each student\n")


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


@contextlib.contextmanager
def _saying_what_is_kept() -> Iterator[None]:
    """Say on a full disk what to do; the error itself names the file."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            sys.stderr.write(
                "\nthe disk is full; what has been graded is kept: make room, and the same command "
                "goes on from here\n"
            )
        raise


def _chosen(
    options: GradeOptions, listed: Sequence[Submission], mine: Sequence[Submission]
) -> tuple[list[Exercise], list[Submission]]:
    """Return the exercises to grade, and the submissions to grade, read.

    Where no exercises are named, the whole class is read: it says which they are.
    """
    names = list(options.exercises or [])
    for section in options.section or []:
        if section not in catalog.CONTENTS:
            raise ValueError(f"--section {section}: sections are {', '.join(catalog.CONTENTS)}")
        names += catalog.ids(section)
    if names:
        exercises = _gradable(names)
        return exercises, _read(mine)
    whole = _read(listed)
    names = usual_exercises(whole, catalog.ids())
    if not names:
        raise ValueError(
            "no exercise is checked by half of the submissions; "
            "name them with --section or --exercises"
        )
    kept = {one.name for one in mine}
    return _gradable(names), [one for one in whole if one.name in kept]


def _gradable(names: Sequence[str]) -> list[Exercise]:
    """Return exercises by id; texts are for people to read, and left out."""
    named = [catalog.find(name) for name in dict.fromkeys(names)]
    chosen = [exercise for exercise in named if not isinstance(exercise, WordsExercise)]
    if not chosen:
        raise ValueError("only exercises in words are chosen; these have to be read by a person")
    return chosen


def _read(listed: Sequence[Submission]) -> list[Submission]:
    from tqdm import tqdm

    reading = read_submissions(listed)
    return list(tqdm(reading, "reading", len(listed), unit="submission", disable=None))


def _grade_all(grader: Grader, submissions: Sequence[Submission], ledger: Ledger) -> Rows:
    """Return the rows, in the order of the submissions whoever was done first."""
    from tqdm import tqdm

    rows: Rows = {}
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
    return {submission.name: rows[submission.name] for submission in submissions}
