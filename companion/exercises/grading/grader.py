"""Grade submissions: in parallel, each in its own sandbox, resumable."""

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
from companion.exercises.answers import judge_value
from companion.exercises.arguments import encode_arguments
from companion.exercises.exercise import CodeExercise, Exercise
from companion.exercises.grading.ledger import Ledger
from companion.exercises.grading.sandbox import Job, Sandbox, isolation, worker_files
from companion.exercises.grading.submission import Submission
from companion.exercises.judging import AnswerKey
from companion.exercises.running import Outcome
from companion.exercises.source import code
from companion.exercises.values import Foreign, decode, describe
from companion.exercises.verdict import CaseResult, Verdict, not_attempted

_STATES = ("value", "error", "timeout", "not run", "not attempted")
_ENDINGS = {
    "died": "your code ended the process",
    "timeout": "your code did not come to an end",
    "output": "your code said too much",
    "memory": "your code took too much memory",
    "files": "your code wrote too much to files",
}
_SLOWER = 1.4  # than a learner's own machine, which does nothing else
_NO_TIME = "not run, since what came before used up all the time"


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
        memory: int = 4 * 2**30,
        load_seconds: float = 15.0,
    ) -> None:
        """Draw the cases and work out the right and the known wrong answers."""
        self.exercises = list(exercises)
        self.jobs = jobs or os.cpu_count() or 1
        self.keys = {
            one.id: AnswerKey(one, seed) for one in exercises if isinstance(one, CodeExercise)
        }
        for key in self.keys.values():  # here, so that no two threads do it
            _ = key.expected, key.known, key.given
        told = tuple(map(self._for_worker, self.exercises))
        self._job = Job((), told, load_seconds, memory)
        self._stopped = threading.Event()

    def _for_worker(self, exercise: Exercise) -> dict[str, Any]:
        """Return what the worker needs to know of an exercise, and no more."""
        told = {"id": exercise.id, "variable": exercise.variable, "run": None, "seconds": 0.0}
        key = self.keys.get(exercise.id)
        if key is None:
            return {**told, "cases": []}
        run = code(key.exercise.run or judging.call)
        cases = [encode_arguments(case.args) for case in key.cases]
        seconds = _SLOWER * key.exercise.seconds
        return {**told, "run": run, "seconds": seconds, "cases": cases}

    def version(self) -> str:
        """Return a digest of the exercises as they are, so that a resumed run does not mix two."""
        parts = [
            repr((key.cases, key.expected)) + inspect.getsource(key.exercise.solution)
            for key in self.keys.values()
        ]
        return hashlib.sha256("".join(parts).encode()).hexdigest()

    def grade(
        self, submissions: Sequence[Submission], ledger: Ledger
    ) -> Iterator[tuple[Submission, dict[str, Any]]]:
        """Yield each submission with its row, as they are done; those in the ledger first.

        Leaving the loop early stops what is running. What was yielded is in the ledger.

        Raises:
            SandboxError: If the sandbox does not even run an empty submission.
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
            if todo and sandboxes[0].run(Job((), ()))[1] != "done":
                raise SandboxError(
                    f"no program can be started in the sandbox ({isolation()}); "
                    "try another machine, or without bubblewrap on one that holds nothing else"
                )
            for sandbox in sandboxes:
                free.put(sandbox)
            waiting = {pool.submit(self._grade_in, free, one): one for one in todo}
            try:
                for future in as_completed(waiting):
                    row = future.result()
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
        finally:
            free.put(sandbox)

    def row(self, submission: Submission, sandbox: Sandbox) -> dict[str, Any]:
        """Grade one submission.

        Returns:
            Plain data: ``status``, ``notes`` on the code as a whole, and for each exercise its
            state, share of the points, number of the known wrong answer, and text of the verdict.
        """
        if submission.problem:
            return {"status": "unreadable", "notes": [submission.problem], "exercises": {}}
        found, notes, status = self._collect(submission, sandbox)
        verdicts = {one.id: self._verdict(one, found.get(one.id, [])) for one in self.exercises}
        return {
            "status": status,
            "notes": list(dict.fromkeys(notes))[:20],
            "exercises": {name: _plain(verdict) for name, verdict in verdicts.items()},
        }

    def _collect(
        self, submission: Submission, sandbox: Sandbox
    ) -> tuple[dict[str, list[dict]], list[str], str]:
        """Run a submission, again without the exercise that it did not survive.

        All runs together have the time of one.
        """
        found: dict[str, list[dict]] = {}
        notes: list[str] = []
        order = [one.id for one in self.exercises]
        job = replace(self._job, cells=submission.cells)
        folder = submission.path if submission.path.is_dir() else None
        end = time.monotonic() + job.seconds()
        while not self._stopped.is_set():
            said, ending = sandbox.run(job, folder, end - time.monotonic())
            found |= said.found
            if job.skip == 0:
                notes += said.notes
            if ending == "done":
                return found, notes, "graded"
            if said.reached is None:  # it did not get beyond its own cells
                return found, [*notes, f"cell {said.cell}: {_ENDINGS[ending]}"], "stopped"
            found.setdefault(said.reached, []).append({"ended": _ENDINGS[ending]})
            notes.append(f"{said.reached}: {_ENDINGS[ending]}")
            job = replace(job, skip=said.position + 1)
            if job.skip == len(order):
                return found, notes, "graded"
            if time.monotonic() >= end:
                found |= {name: [{"ended": _NO_TIME}] for name in order[job.skip :]}
                return found, [*notes, f"{order[job.skip]} and what follows: {_NO_TIME}"], "stopped"
        return found, notes, "stopped"

    def _verdict(self, exercise: Exercise, messages: list[dict]) -> Verdict:
        """Judge what a worker said about one exercise."""
        key = self.keys.get(exercise.id)
        if key is None:
            return self._value_verdict(exercise, messages)
        for message in messages:
            if isinstance(message.get("missing"), str):
                if message["missing"] == "nothing":
                    return not_attempted(exercise)
                return judging.not_callable(exercise, f"an object of type {message['missing']}")
        outcomes = [Outcome("not run")] * len(key.cases)
        said = {m["case"]: m for m in messages if type(m.get("case")) is int}
        ended = next((m["ended"] for m in messages if "ended" in m), None)
        if not said and ended is None:
            return not_attempted(exercise)
        for number in range(len(outcomes)):
            if number in said:
                outcomes[number] = _outcome(said[number])
            elif ended is not None:
                outcomes[number] = Outcome("error", error=ended)
                ended = None
        return key.judge(outcomes)

    def _value_verdict(self, exercise: Exercise, messages: list[dict]) -> Verdict:
        for message in messages:
            if isinstance(message.get("value"), str):
                try:
                    answer = decode(message["value"])
                except ValueError:
                    answer = Foreign("damaged value")
                if isinstance(answer, Foreign):
                    message = f"The answer is an {describe(answer)}; give a plain value."
                    return Verdict(exercise, "wrong", message=message.replace("an an", "an"))
                return judge_value(exercise, answer)
        return not_attempted(exercise)


def _outcome(message: dict[str, Any]) -> Outcome:
    """Read an outcome that a worker, or a submission in its name, has written."""
    state = message.get("state")
    if state not in _STATES:
        return Outcome("error", error="no result")
    try:
        value = decode(message["value"]) if state == "value" else None
    except (ValueError, KeyError, TypeError):
        return Outcome("error", error="the result can't be read")
    error, place = (str(message.get(name, ""))[:500] for name in ("error", "place"))
    kinds = message.get("kinds")
    kinds = tuple(map(str, kinds[:20])) if isinstance(kinds, list) else ()
    return Outcome(state, value, error, place, kinds)


def _plain(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as plain data, without the arguments of hidden cases."""
    cases = tuple(
        CaseResult(one.name, one.passed, "", one.problem, one.think) for one in verdict.cases
    )
    return {
        "state": verdict.state,
        "share": verdict.share,
        "wrong": verdict.wrong,
        "text": repr(replace(verdict, cases=cases)),
    }
