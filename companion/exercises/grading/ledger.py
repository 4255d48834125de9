"""What has been graded so far: one line of JSON for each submission, appended and flushed.

A run that was killed goes on from here. An entry counts only for the same files, the same seed,
the same exercises, isolation and limits; the last line of a killed run may be cut off and is then
dropped.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from companion._files import write_whole
from companion.exercises.grading.submission import Submission


class Ledger:
    """The file beside the CSV.

    Args:
        path: The file.
        seed: The secret; only its digest is kept.
        exercises: Ids, in their order.
        version: Digest of cases, isolation and limits, see `Grader.version`.
    """

    def __init__(self, path: Path, seed: str, exercises: Sequence[str], version: str) -> None:
        self.path = path
        self._run = _digest("run", seed, version, *exercises)
        self._entries: dict[str, dict[str, Any]] = {}
        self._read()

    def _read(self) -> None:
        try:
            text = self.path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return
        whole = text if text.endswith("\n") or not text else text[: text.rfind("\n") + 1]
        for line in whole.splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if isinstance(entry, dict) and isinstance(entry.get("key"), str) and "row" in entry:
                self._entries[entry["key"]] = entry["row"]
        if whole != text:  # else the next line would be written behind the piece
            write_whole(self.path, whole)

    def key(self, submission: Submission) -> str:
        """Return what identifies a submission in this run: name, files, seed, exercises."""
        return _digest(self._run, submission.name, submission.problem, submission.digest)

    def get(self, submission: Submission) -> dict[str, Any] | None:
        """Return the row of a submission, if it has been graded."""
        return self._entries.get(self.key(submission))

    def put(self, submission: Submission, row: dict[str, Any]) -> None:
        """Keep a row."""
        key = self.key(submission)
        self._entries[key] = row
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"key": key, "row": row}) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:  # a full disk names no file
            raise OSError(error.errno, error.strerror, str(self.path)) from None

    def delete(self) -> None:
        """Remove the file: the run is complete."""
        self.path.unlink(missing_ok=True)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()
