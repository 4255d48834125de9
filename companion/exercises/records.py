"""What a learner has done, in one JSON file on the learner's own machine.

No account, no server. The file is replaced as a whole, so that a crash leaves the old one or the
new one; two notebooks that write at the same time take turns. A file that can't be read is kept
beside the new one, never overwritten.
"""

import contextlib
import json
import os
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

VERSION = 1
_DRIVE = Path("/content/drive/MyDrive")
_COLAB = Path("/content/sample_data")  # what every fresh Colab machine has
_LOCK_SECONDS = 5.0


@dataclass(frozen=True)
class Record:
    """What is known about one exercise.

    Args:
        attempts: Checks with an answer.
        best: Largest share of the points, 0 to 1.
        hints: Hints that were shown.
        solution: Whether the solution was shown.
        solved: Time of the first complete answer, in UTC; empty if there is none.
        unaided: Whether that was before the solution was shown.
    """

    attempts: int = 0
    best: float = 0.0
    hints: int = 0
    solution: bool = False
    solved: str = ""
    unaided: bool = False

    def attempted(self, share: float) -> "Record":
        """Return the record after one more attempt."""
        solved, unaided = self.solved, self.unaided
        if share >= 1.0 and not solved:
            solved, unaided = now(), not self.solution
        return Record(
            self.attempts + 1, max(self.best, share), self.hints, self.solution, solved, unaided
        )


def now() -> str:
    """Return the time in UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def progress_path() -> Path:
    """Return the path of the progress file.

    That is the environment variable COMPANION_PROGRESS if it is set; in Colab a folder on Google
    Drive if Drive is mounted; else ``~/.companion/progress.json``.
    """
    if path := os.environ.get("COMPANION_PROGRESS"):
        return Path(path).expanduser()
    if _DRIVE.is_dir():
        return _DRIVE / "companion" / "progress.json"
    return Path.home() / ".companion" / "progress.json"


def is_temporary() -> bool:
    """Whether this is Colab without Drive, where files go when the machine goes."""
    return _COLAB.is_dir() and not _DRIVE.is_dir() and "COMPANION_PROGRESS" not in os.environ


def read(path: Path | None = None) -> dict[str, Record]:
    """Return the records by exercise, of the progress file if ``path`` is None.

    A damaged file is set aside, with a warning that names the copy.
    """
    path = path or progress_path()
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        warnings.warn(f"can't read {path}: {error.strerror}; starting without it", stacklevel=2)
        return {}
    except UnicodeDecodeError:
        text = ""
    try:
        return _parse(text)
    except (ValueError, RecursionError) as error:
        kept = path.with_name(f"{path.name}.damaged-{time.time_ns()}")
        with contextlib.suppress(OSError):
            path.replace(kept)
        warnings.warn(f"{path} can't be read ({error}). It is kept as {kept.name}.", stacklevel=2)
        return {}


def _parse(text: str) -> dict[str, Record]:
    data = json.loads(text)
    if not isinstance(data, dict) or data.get("version") != VERSION:
        raise ValueError(f"not a progress file of version {VERSION}")
    records = data.get("exercises")
    if not isinstance(records, dict):
        raise ValueError("no exercises in it")
    return {str(name): _record(item) for name, item in records.items()}


def _record(item: Any) -> Record:
    if not isinstance(item, dict) or item.keys() != {field.name for field in fields(Record)}:
        raise ValueError("a record has other fields")
    for field in fields(Record):
        value, kind = item[field.name], type(field.default)
        if type(value) is not kind and not (kind is float and type(value) is int):
            raise ValueError(f"{field.name} is {value!r}")
    return Record(**item)


def update(name: str, change: Callable[[Record], Record], path: Path | None = None) -> Record:
    """Change one record and save the file.

    Args:
        name: Id of the exercise.
        change: Gets the record as it is, returns the new one.
        path: The file; `progress_path` if None.

    Returns:
        The new record. If the file can't be written, a warning says so, and nothing else is lost.
    """
    path = path or progress_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _lock(path):
            records = read(path)
            records[name] = change(records.get(name, Record()))
            _write(records, path)
            return records[name]
    except OSError as error:
        warnings.warn(
            f"your progress could not be saved to {path}: {error.strerror or error}. "
            "Set COMPANION_PROGRESS to a file that you may write.",
            stacklevel=2,
        )
        return change(read(path).get(name, Record()))


def _write(records: dict[str, Record], path: Path) -> None:
    data = {"version": VERSION, "exercises": {key: asdict(one) for key, one in records.items()}}
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(data, file, indent=1, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Wait for other writers; take over from one that died."""
    lock = path.with_name(f".{path.name}.lock")
    until = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            break
        except FileExistsError:
            if time.monotonic() > until:
                lock.unlink(missing_ok=True)
            time.sleep(0.01)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
