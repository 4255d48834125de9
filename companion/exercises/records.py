"""What a learner has done, in one JSON file on the learner's own machine.

No account, no server. The file is replaced as a whole, so that a crash leaves the old one or the
new one; two notebooks that write at the same time take turns. A file that can't be read is kept
beside the new one, never overwritten. A link is followed; what is no regular file, such as
/dev/null, is left alone, and then nothing is kept.
"""

import contextlib
import errno
import json
import os
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from companion._files import resolved, write_whole

VERSION = 1
_DRIVE = Path("/content/drive/MyDrive")
_COLAB = Path("/content/sample_data")  # what every fresh Colab machine has
_LOCK_SECONDS = 5.0
_MOST_BYTES = 10 * 2**20
_MOST_COUNT = 2**53 - 1  # as the page, which has no larger number exactly


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

    def merged(self, other: "Record") -> "Record":
        """Return one record of two that were kept apart: the most of each, the earlier solution."""
        solved = [record for record in (self, other) if record.solved]
        first = min(solved, key=lambda record: record.solved, default=self)
        return Record(
            max(self.attempts, other.attempts),
            max(self.best, other.best),
            max(self.hints, other.hints),
            self.solution or other.solution,
            first.solved,
            first.unaided,
        )


def now() -> str:
    """Return the time in UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def progress_path() -> Path:
    """Return the path of the progress file.

    That is the environment variable COMPANION_PROGRESS if it is set; in Colab a folder on Google
    Drive if Drive is mounted; else ``~/.companion/progress.json``.

    Raises:
        OSError: If there is no home folder, or none of the user that the path names.
    """
    try:
        if path := os.environ.get("COMPANION_PROGRESS"):
            return Path(path).expanduser()
        if _DRIVE.is_dir():
            return _DRIVE / "companion" / "progress.json"
        return Path.home() / ".companion" / "progress.json"
    except RuntimeError:
        name = path.partition("/")[0] if path else "this user"
        raise OSError(f"no home folder of {name} is known") from None


def is_temporary() -> bool:
    """Whether this is Colab without Drive, where files go when the machine goes."""
    return _COLAB.is_dir() and not _DRIVE.is_dir() and "COMPANION_PROGRESS" not in os.environ


def read(path: Path | None = None) -> dict[str, Record]:
    """Return the records by exercise, of the progress file if ``path`` is None.

    A damaged file is set aside, with a warning that names the copy. What can't be read at all is
    left as it is, with a warning.
    """
    try:
        return _load(resolved(path or progress_path()))
    except OSError as error:
        warnings.warn(f"your progress could not be read{_reason(error)}", stacklevel=2)
        return {}


def _reason(error: OSError, path: Path | None = None) -> str:
    place = path or error.filename
    return (f" ({place}): " if place else ": ") + str(error.strerror or error)


def _load(path: Path) -> dict[str, Record]:
    """Read a file; set it aside if it is damaged.

    Raises:
        OSError: If it can't be read, or is damaged and can't be set aside.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise ValueError(f"more than {_MOST_BYTES >> 20} MiB")
        return _parse(data.decode("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (ValueError, RecursionError) as error:
        kept = path.with_name(f"{path.name}.damaged-{time.time_ns()}")
        try:
            path.rename(kept)
        except OSError:
            text = f"it is damaged ({error}) and can't be set aside, so it stays as it is"
            raise OSError(errno.EIO, text, str(path)) from None
        warnings.warn(f"{path} can't be read ({error}). It is kept as {kept.name}.", stacklevel=3)
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
        if type(value) is not kind and not {kind, type(value)} == {int, float}:
            raise ValueError(f"{field.name} is {str(value)[:40]!r}")
    counts = {name: item[name] for name in ("attempts", "hints")}
    if not 0 <= item["best"] <= 1:  # NaN neither
        raise ValueError(f"best is {str(item['best'])[:40]}; it should be 0 to 1")
    if not all(0 <= count <= _MOST_COUNT and count == int(count) for count in counts.values()):
        raise ValueError(f"a count is none of 0 to {_MOST_COUNT}: {str(counts)[:80]}")
    return Record(**{**item, **{name: int(count) for name, count in counts.items()}})


def update(name: str, change: Callable[[Record], Record], path: Path | None = None) -> Record:
    """Change one record and save the file.

    Args:
        name: Id of the exercise.
        change: Gets the record as it is, returns the new one.
        path: The file; `progress_path` if None.

    Returns:
        The new record. If the file can't be written, a warning says so, and nothing else is lost.
    """
    target = None
    try:
        target = resolved(path or progress_path())
        target.parent.mkdir(parents=True, exist_ok=True)
        with _lock(target):
            records = _load(target)
            records[name] = change(records.get(name, Record()))
            _write(records, target)
            return records[name]
    except OSError as error:
        warnings.warn(
            f"your progress could not be saved{_reason(error, target)}. "
            "Set COMPANION_PROGRESS to a file that you may write.",
            stacklevel=2,
        )
        return change(_known(path).get(name, Record()))


def add(source: Path, path: Path | None = None) -> dict[str, Record]:
    """Add the records of another progress file, such as the one that a page of the site saves.

    Args:
        source: That file. It stays as it is.
        path: The file that they are added to; `progress_path` if None.

    Returns:
        The records that were in it. Adding them again changes nothing.

    Raises:
        ValueError: If it can't be read; nothing is changed then.
        OSError: If it is not there, or the sum can't be saved.
    """
    try:
        with source.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise ValueError(f"more than {_MOST_BYTES >> 20} MiB")
        more = _parse(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{source} can't be added ({error}); nothing was changed") from None
    target = resolved(path or progress_path())
    target.parent.mkdir(parents=True, exist_ok=True)
    with _lock(target):
        records = _load(target)
        for name, record in more.items():
            records[name] = records.get(name, Record()).merged(record)
        _write(records, target)
    return more


def _known(path: Path | None) -> dict[str, Record]:
    """Return the records of a file that can be read and not written, without another warning."""
    try:
        return _load(resolved(path or progress_path()))
    except OSError:
        return {}


def _write(records: dict[str, Record], path: Path) -> None:
    data = {
        "version": VERSION,
        "exercises": {key: asdict(record) for key, record in records.items()},
    }
    write_whole(path, json.dumps(data, indent=1, sort_keys=True, allow_nan=False))


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
