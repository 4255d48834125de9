"""Grade submissions: in parallel, each in its own sandbox, resumable.

Whatever a submission does to its own grading, its row says so, and the others are graded. Only a
fault of the machine, such as a full disk, ends the run; it can be gone on with.
"""

import errno
import hashlib
import inspect
import os
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from queue import SimpleQueue
from typing import Any

from companion.errors import SandboxError
from companion.exercises import judging
from companion.exercises.arguments import encode_arguments
from companion.exercises.exercise import CodeExercise, Exercise
from companion.exercises.grading.bubblewrap import isolation
from companion.exercises.grading.ledger import Ledger
from companion.exercises.grading.marking import mark
from companion.exercises.grading.sandbox import Sandbox, WorkerTask, patience, worker_files
from companion.exercises.grading.submission import Submission
from companion.exercises.judging import AnswerKey
from companion.exercises.source import code

_ENDINGS = {
    "died": "your code ended the process",
    "timeout": "your code did not come to an end",
    "output": "your code said too much",
    "memory": "your code took too much memory",
    "files": "your code wrote too much to files",
}
_SLOWER = 1.4  # than a learner's own machine, which does nothing else
_NO_TIME = "not run, since what came before used up all the time"
_MOST_NOTES = 20
_OF_THE_MACHINE = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EROFS,
    errno.ENOMEM,
    errno.EMFILE,
    errno.ENFILE,
}


class Grader:
    """Grades submissions on exercises.

    Args:
        exercises: The exercises.
        seed: Draws the hidden cases; keep it secret until the grades are out.
        jobs: Submissions at a time; the number of processors if None.
        memory: Limit of a submission's address space, bytes.
        load_seconds: Time limit for each statement of a submission.
    """

    def __init__(
        self,
        exercises: Sequence[Exercise],
        seed: str,
        *,
        jobs: int | None = None,
        memory: int = WorkerTask.memory,
        load_seconds: float = WorkerTask.load_seconds,
    ) -> None:
        self.exercises = list(exercises)
        self.jobs = jobs or os.cpu_count() or 1
        self.keys = {
            exercise.id: AnswerKey(exercise, seed)
            for exercise in exercises
            if isinstance(exercise, CodeExercise)
        }
        for key in self.keys.values():  # here, so that no two threads do it
            _ = key.expected, key.known, key.given
        tasks = tuple(map(self._for_worker, self.exercises))
        self._job = WorkerTask((), tasks, load_seconds, memory)
        self._stopped = threading.Event()

    def _for_worker(self, exercise: Exercise) -> dict[str, Any]:
        """Return what the worker needs to know of an exercise, and no more."""
        task = {"id": exercise.id, "variable": exercise.variable, "run": None, "seconds": 0.0}
        key = self.keys.get(exercise.id)
        if key is None:
            return {**task, "cases": []}
        run = code(key.exercise.run or judging.call)
        cases = [encode_arguments(case.args) for case in key.cases]
        seconds = _SLOWER * key.exercise.seconds
        return {**task, "run": run, "seconds": seconds, "cases": cases}

    def version(self) -> str:
        """Return a digest of exercises, isolation and limits, so that no run mixes two of them."""
        parts = [
            repr((key.cases, key.expected)) + inspect.getsource(key.exercise.solution)
            for key in self.keys.values()
        ]
        parts += [isolation(), str((self._job.memory, self._job.load_seconds, self._job.disk))]
        return hashlib.sha256("".join(parts).encode()).hexdigest()

    def grade(
        self, submissions: Sequence[Submission], ledger: Ledger
    ) -> Iterator[tuple[Submission, dict[str, Any]]]:
        """Yield each submission with its row, as they are done; those in the ledger first.

        Leaving the loop early stops what is running. What was yielded is in the ledger.

        Raises:
            SandboxError: If the sandbox does not even run an empty submission.
            OSError: If the machine's disk is full, or the like.
        """
        todo = []
        for submission in submissions:
            row = ledger.get(submission)
            if row is None:
                todo.append(submission)
            else:
                yield submission, row
        with worker_files() as tools, ThreadPoolExecutor(self.jobs) as pool:
            free: SimpleQueue[Sandbox] = SimpleQueue()
            sandboxes = [Sandbox(tools, slot) for slot in range(self.jobs)]
            if todo and sandboxes[0].run(WorkerTask((), ()))[1] != "done":
                raise SandboxError(
                    f"no program can be started in the sandbox ({isolation()}); "
                    "try another machine, or without bubblewrap on one that holds nothing else"
                )
            for sandbox in sandboxes:
                free.put(sandbox)
            waiting = {
                pool.submit(self._grade_in, free, submission): submission for submission in todo
            }
            try:
                for future in as_completed(waiting):
                    row = future.result()
                    if row["status"] != "not judged":  # else the next run tries again
                        ledger.put(waiting[future], row)
                    yield waiting[future], row
            finally:
                self._stopped.set()
                pool.shutdown(wait=False, cancel_futures=True)
                for sandbox in sandboxes:
                    sandbox.stop()

    def _grade_in(self, free: "SimpleQueue[Sandbox]", submission: Submission) -> dict[str, Any]:
        sandbox = free.get()
        try:
            return self.row(submission, sandbox)
        except Exception as error:
            if isinstance(error, OSError) and error.errno in _OF_THE_MACHINE:
                raise
            reason = f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
            return _row(submission, "not judged", notes=[f"could not be judged: {reason}"])
        finally:
            free.put(sandbox)

    def row(self, submission: Submission, sandbox: Sandbox) -> dict[str, Any]:
        """Grade one submission.

        Returns:
            Plain data: ``status``; ``isolation``; ``code``, whether there is any; ``notes`` on
            the submission as a whole; ``lost``, code that did not run to its end; ``ending``, how
            it was stopped, or nothing; and for each of
            the ``exercises`` its state, share of the points, number of the known wrong answer,
            and text of the verdict.
        """
        if submission.problem:
            return _row(submission, "unreadable", notes=[submission.problem])
        answers, lost, ending = self._collect(submission, sandbox)
        notes = [*submission.notes, *([ending] if ending else [])]
        marks = {}
        for exercise in self.exercises:
            messages = answers.get(exercise.id, [])
            marks[exercise.id], failed = mark(exercise, self.keys.get(exercise.id), messages)
            notes += [failed] if failed else []
        row = _row(submission, "stopped" if ending else "graded", notes=notes)
        held = f" ({', '.join(sandbox.held)})" if isolation() != "bubblewrap" else ""
        lost = list(dict.fromkeys(lost))[:_MOST_NOTES]
        row |= {"isolation": isolation() + held, "ending": ending}
        return {**row, "lost": lost, "exercises": marks}

    def _collect(
        self, submission: Submission, sandbox: Sandbox
    ) -> tuple[dict[str, list[dict]], list[str], str]:
        """Run a submission, again without the exercise that it did not survive.

        All runs together have the time of one.

        Returns:
            What was said about each exercise, the code that was lost, and how it was stopped;
            empty if it came to the end.
        """
        answers: dict[str, list[dict]] = {}
        lost: list[str] = []
        order = [exercise.id for exercise in self.exercises]
        job = replace(self._job, cells=submission.cells, patience=patience())
        end = time.monotonic() + job.seconds()
        while not self._stopped.is_set():
            said, ending = sandbox.run(job, submission.parts, end - time.monotonic())
            answers |= said.found
            if job.skip == 0:
                lost += [f"{submission.place(cell)}, {text}" for cell, text in said.notes]
            if ending == "done":
                return answers, lost, ""
            if said.reached is not None:
                answers.setdefault(said.reached, []).append({"ended": _ENDINGS[ending]})
                lost.append(f"{said.reached}: {_ENDINGS[ending]}")
                job = replace(job, skip=said.position + 1)
                if job.skip == len(order):
                    break
            elif job.skip == 0:  # it did not get beyond its own cells
                return answers, lost, f"{submission.place(said.cell)}: {_ENDINGS[ending]}"
            if said.reached is None or time.monotonic() >= end:
                answers |= {name: [{"ended": _NO_TIME}] for name in order[job.skip :]}
                return answers, lost, f"{order[job.skip]} and what follows: {_NO_TIME}"
        return answers, lost, ""


def _row(submission: Submission, status: str, notes: Sequence[str]) -> dict[str, Any]:
    """Return a row without any exercise."""
    return {
        "status": status,
        "isolation": "",
        "code": any(cell.source.strip() for cell in submission.cells),
        "notes": list(dict.fromkeys(notes))[:_MOST_NOTES],
        "lost": [],
        "ending": "",
        "exercises": {},
    }
