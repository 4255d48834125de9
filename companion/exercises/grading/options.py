"""The options of ``companion grade``: what can be asked for, and what makes no sense.

Taught in :doc:`/book/back/teaching`.
"""

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from companion._files import resolved

HELP = """\
Grades notebooks and scripts on the exercises of the book, with hidden cases.

  companion grade submissions/ --out grades.csv --seed @secret.txt --section gpt
  companion grade submissions.zip --out grades.csv --seed @secret.txt --section gpt

FOLDER holds one notebook (.ipynb), script (.py), .zip archive or folder with such files per
student; names as Canvas, Moodle and Blackboard give them are understood, and so are Gradescope's
export and repositories of GitHub Classroom with their roster. It can be the .zip archive that the
platform gives you. Cases are drawn from the seed: keep it secret until the grades are out. Each
submission runs in a sandbox (bubblewrap); comparison with the solutions happens outside it. Beside
the CSV there will be a folder with a file of feedback for each student, a summary that says who
needs attention, and, where the platform is known, a CSV with its columns. Answers in words are not
graded. A run that was stopped goes on when the same command is given.

On several machines, each with the same files, grade a part on each and put the parts together:

  companion grade submissions/ --out grades.csv --seed @secret.txt --section gpt --shard 1/3
  companion grade --merge grades.csv.shard-* --out grades.csv
"""


@dataclass(frozen=True)
class GradeOptions:
    """The options of ``companion grade``.

    Args:
        out: The CSV; feedback and summary are written beside it.
        folder: Holds one notebook, script, ``.zip`` archive or folder per student; or an archive
            of these.
        seed: The secret that draws the hidden cases, or ``@file`` that holds it.
        section: Grade the exercises of these sections.
        exercises: Grade these exercises. Without both: those that at least half of the
            submissions check.
        roster: GitHub Classroom's roster, unless it lies in the folder.
        shard: Grade a part of the class, such as ``2/5``, and write its file only.
        merge: Files of shards; nothing is graded, their grades are written.
        partial: Merge though shards are missing.
        jobs: Submissions at a time; None for the number of processors.
        memory: Limit of a submission's memory in MiB.
        assignment: Column of the assignment in the file for Canvas.
        results_json: Write the result of the only submission for Gradescope, too.
        classroom_json: Write it for GitHub Classroom's reporter, too.
    """

    out: Path
    folder: Path | None = None
    seed: str = ""
    section: Sequence[str] | None = None
    exercises: Sequence[str] | None = None
    roster: Path | None = None
    shard: str | None = None
    merge: Sequence[Path] | None = None
    partial: bool = False
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


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options on the command line."""
    parser.add_argument(
        "folder", type=Path, nargs="?", metavar="FOLDER",
        help="submissions, one per student; a folder, or a .zip archive",
    )  # fmt: skip
    add = parser.add_argument
    add("--out", type=Path, required=True, metavar="CSV", help="file for the grades")
    add("--seed", default="", metavar="SECRET", help="draws the hidden cases; @FILE reads it")
    add("--section", nargs="+", metavar="NAME", help="exercises of these sections")
    add("--exercises", nargs="+", metavar="ID", help="these exercises")
    add("--roster", type=Path, metavar="CSV", help="of GitHub Classroom, unless it is in FOLDER")
    add("--shard", metavar="I/N", help="grade the I-th of N parts of the class; see --merge")
    add("--merge", nargs="+", type=Path, metavar="SHARD", help="write the grades of these shards")
    add("--partial", action="store_true", help="with --merge: though shards are missing")
    add("--jobs", type=int, metavar="N", help="submissions at a time")
    add("--memory", type=int, default=GradeOptions.memory, metavar="MIB",
        help="memory of one (default %(default)s)")  # fmt: skip
    add("--assignment", default="", metavar="NAME",
        help="column of the assignment in the file for Canvas")  # fmt: skip
    add("--results-json", type=Path, metavar="FILE", help="of one submission, for Gradescope")
    add("--classroom-json", type=Path, metavar="FILE",
        help="of one submission, for GitHub Classroom")  # fmt: skip


def check_grading(options: GradeOptions) -> str:
    """Check the options of a run that grades, before any work is done.

    Returns:
        The seed.

    Raises:
        ValueError: If one does not make sense; the message says which and why.
    """
    if options.folder is None:
        raise ValueError("give FOLDER, which holds the submissions, or --merge with shards")
    if options.partial:
        raise ValueError("--partial is for --merge, where shards may be missing")
    if options.jobs is not None and options.jobs < 1:
        raise ValueError(f"--jobs must be at least 1, not {options.jobs}")
    if options.memory < 256:
        raise ValueError(f"--memory must be at least 256 MiB, not {options.memory}")
    if options.shard and (options.results_json or options.classroom_json):
        raise ValueError("--results-json and --classroom-json are about one submission, without "
                         "--shard")  # fmt: skip
    return read_seed(options.seed)


def check_merging(options: GradeOptions) -> str:
    """Check the options of ``--merge``, which takes few of them.

    Returns:
        The seed; empty if it is not given.

    Raises:
        ValueError: If one does not make sense; the message says which and why.
    """
    if options.folder is not None:
        raise ValueError(f"--merge grades nothing: leave out {options.folder}")
    for name in ("section", "exercises", "roster", "shard", "jobs", "results_json",
                 "classroom_json"):  # fmt: skip
        if getattr(options, name):
            option = f"--{name.replace('_', '-')}"
            raise ValueError(f"--merge takes what the shards say of this: leave out {option}")
    if any(path.resolve() == options.out.resolve() for path in options.merge or ()):
        raise ValueError(f"--out {options.out} is one of the shards; name another file")
    return read_seed(options.seed) if options.seed else ""


def check_places(options: GradeOptions, written: Sequence[Path]) -> None:
    """Check that what will be written can be, and takes the place of nothing else.

    Args:
        options: The options.
        written: The files.
    """
    out = options.out
    if not out.parent.is_dir():
        raise ValueError(f"--out {out}: there is no folder {out.parent}")
    if out.is_dir():
        raise ValueError(f"--out {out} is a folder; name a file, such as {out / 'grades.csv'}")
    for path in written:
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
    if options.folder and out.resolve().is_relative_to(options.folder.resolve()):
        raise ValueError(
            f"--out {out} lies in the folder of the submissions: on the next run the results would "
            "count as submissions; choose another place"
        )


def check_one(options: GradeOptions, count: int) -> None:
    """Check that a file for one submission is asked of a folder with one."""
    for name in ("results_json", "classroom_json"):
        path = getattr(options, name)
        if path is None:
            continue
        option = f"--{name.replace('_', '-')} {path}"
        if count > 1:
            raise ValueError(
                f"{option} is about one submission, and {options.folder} has {count}; "
                "put all files of a student into one folder of it"
            )
        if not path.parent.is_dir():
            raise ValueError(f"{option}: there is no folder {path.parent}")


def read_seed(seed: str) -> str:
    """Return the seed, out of its file if it is given as ``@file``."""
    if not seed:
        raise ValueError("give --seed, the secret that draws the hidden cases, such as @secret.txt")
    if seed.startswith("@"):
        try:
            seed = Path(seed[1:]).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"--seed {seed}: can't read this file: {error}") from error
    if len(seed) < 8:
        raise ValueError("--seed must have at least 8 characters, or students could guess it")
    return seed
