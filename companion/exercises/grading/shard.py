"""One part of a class that is graded on several machines: ``--shard 2/5``, and its file.

Who belongs to which shard depends on the student alone: on the id or name that the platform gives,
else on the name of the file without its suffix. So machines agree whatever the order of the files,
and all that one student has handed in is in one shard.

The file of a shard holds all that is needed to write the grades: a head that says which shard of
what it is, then one line of JSON for each submission. It is written when the shard is complete,
whole or not at all. `merge` puts shards together.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from companion._files import write_whole
from companion.exercises.grading.student import Student
from companion.exercises.grading.submission import Submission, alike, readable_name, without_suffix

_FORMAT = "companion grade --shard, 1"
_EXERCISES = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Shard:
    """Which part of the class.

    Args:
        number: From 1.
        of: Number of shards.
    """

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """Read ``2/5``.

        Raises:
            ValueError: If it is none.

        Example:
            >>> Shard.parse("2/5")
            Shard(number=2, of=5)
        """
        match = re.fullmatch(r"(\d{1,4})/(\d{1,4})", text)
        if not match or not 1 <= int(match[1]) <= int(match[2]):
            raise ValueError(
                f"--shard {text}: give the number of this shard and of all, such as 2/5 for the "
                "second of five; the first is 1/5"
            )
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.number} of {self.of}"

    def path(self, out: Path) -> Path:
        """Return the shard's file, beside the CSV that all shards together will make."""
        return out.with_name(f"{out.name}.shard-{self.number}-of-{self.of}")

    def holds(self, submission: Submission) -> bool:
        """Say if a submission belongs to this shard."""
        digest = hashlib.sha256(identity(submission).encode("utf-8", "replace")).digest()
        return int.from_bytes(digest[:8], "big") % self.of == self.number - 1


def identity(submission: Submission) -> str:
    """Return what is the same in all that a student has handed in, on every machine."""
    student = submission.student
    if student.platform:
        return alike(f"{student.platform}\n{student.id or student.name}")
    return alike(without_suffix(readable_name(submission.path.name))).casefold()


def class_digest(submissions: Sequence[Submission]) -> str:
    """Return a digest of who has handed in files of which names, whatever is in them."""
    seen = sorted(
        [identity(one), *sorted(alike(readable_name(path.name)) for _, path in one.parts)]
        for one in submissions
    )
    return _digest(json.dumps(seen))


def book_version() -> str:
    """Return a digest of the exercises and of the code that grades them."""
    digest = hashlib.sha256()
    for file in sorted(_EXERCISES.rglob("*.py")):
        text = file.read_text(encoding="utf-8")
        digest.update(f"{file.relative_to(_EXERCISES).as_posix()}\n{text}\0".encode())
    return digest.hexdigest()


@dataclass(frozen=True)
class ShardHead:
    """What must be the same in all shards, but for the first.

    Args:
        number: Which shard.
        of: Number of shards.
        seed: Digest of the seed.
        exercises: Ids, in their order.
        version: See `book_version`.
        memory: Limit of a submission's memory, MiB.
        submissions: Number of submissions in the whole class.
        listed: Their `class_digest`.
        remarks: What is to be said about the class.
    """

    number: int
    of: int
    seed: str
    exercises: tuple[str, ...]
    version: str
    memory: int
    submissions: int
    listed: str
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class ShardFile:
    """A shard's file, read.

    Args:
        path: Where it lies.
        head: What it says of itself.
        submissions: Who is in it, by name; without code.
        rows: What the grader says, by name of submission.
    """

    path: Path
    head: ShardHead
    submissions: Sequence[Submission]
    rows: Mapping[str, Mapping[str, Any]]


def seed_digest(seed: str) -> str:
    """Return what tells two seeds apart and gives neither away."""
    return _digest(f"seed of a shard\n{seed}")


def write_shard(
    path: Path,
    head: ShardHead,
    submissions: Sequence[Submission],
    rows: Mapping[str, Mapping[str, Any]],
) -> None:
    """Write a shard's file, whole or not at all."""
    lines = [
        json.dumps({
            "name": one.name, "student": asdict(one.student), "row": rows[one.name]
        })
        for one in submissions
    ]  # fmt: skip
    body = "".join(f"{line}\n" for line in lines)
    first = {"format": _FORMAT, **asdict(head), "lines": len(lines)}
    digest = _digest(f"{json.dumps(first)}\n{body}")
    write_whole(path, f"{json.dumps({**first, 'digest': digest})}\n{body}")


def read_shard(path: Path) -> ShardFile:
    """Read a shard's file.

    Raises:
        ValueError: If it is none, is damaged or was cut off; the message says what to do.
        OSError: If it can't be read.
    """
    text = path.read_text(encoding="utf-8", errors="replace")
    first, _, body = text.partition("\n")
    try:
        about = json.loads(first)
        known = isinstance(about, dict) and about.get("format") == _FORMAT
    except ValueError:
        known = False
    if not known:
        raise ValueError(
            f"{path} is not the file of a shard, or that of another version of companion; such a "
            "file ends in .shard-1-of-2, and companion grade --shard writes it"
        )
    digest = about.pop("digest", "")
    if digest != _digest(f"{json.dumps(about)}\n{body}"):
        raise ValueError(f"{path} is damaged, or was cut off on its way; copy it again")
    known_parts = {part.name: about[part.name] for part in fields(ShardHead)}
    known_parts |= {part: tuple(about[part]) for part in ("exercises", "remarks")}
    submissions, rows = [], {}
    for line in body.split("\n")[:-1]:
        entry = json.loads(line)
        submissions.append(Submission(entry["name"], (), student=_student(entry["student"])))
        rows[entry["name"]] = entry["row"]
    return ShardFile(path, ShardHead(**known_parts), submissions, rows)


def _student(fields: dict[str, Any]) -> Student:
    group = tuple(map(_student, fields.pop("group")))
    return Student(**fields, group=group)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
