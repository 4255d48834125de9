"""Put the shards of a class together, so that no row is lost and none comes twice.

What does not fit together is refused before anything is written, in words that name the files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from companion._words import some
from companion.exercises.grading.shard import (
    Shard,
    ShardFile,
    ShardHead,
    book_version,
    read_shard,
    seed_digest,
)
from companion.exercises.grading.submission import Submission

_SAME = {
    "of": "of another number of shards",
    "seed": "drawn from another seed",
    "exercises": "of other exercises",
    "version": "graded by another version of the book",
    "memory": "graded with another --memory",
    "submissions": "of a class with another number of submissions",
    "listed": "of a class with other students or files",
    "remarks": "of a class with another roster",
}
_MOST_NAMED = 5


@dataclass(frozen=True)
class Merged:
    """A class put together.

    Args:
        head: What its shards have in common; ``remarks`` say what is missing, too.
        submissions: All submissions, by name; without code.
        rows: What the grader says, by name of submission.
    """

    head: ShardHead
    submissions: Sequence[Submission]
    rows: Mapping[str, Mapping[str, Any]]


def merge(paths: Sequence[Path], *, partial: bool = False, seed: str = "") -> Merged:
    """Read shards and put them together.

    Args:
        paths: The files that ``--shard`` has written.
        partial: Whether shards may be missing.
        seed: If given, it must be that of the shards.

    Returns:
        The class. With ``partial`` its remarks say what is missing.

    Raises:
        ValueError: If they do not make a class; the message says why, and what to do.
        OSError: If a file can't be read.
    """
    shards = [_read(path) for path in paths]
    _check_same(shards, seed)
    _check_once(shards)
    head = shards[0].head
    missing = _missing(shards)
    if missing and not partial:
        raise ValueError(
            f"{missing}; bring {'it' if missing.startswith('shard ') else 'them'} here, or write "
            "the grades of the others with --partial"
        )
    submissions = [one for shard in shards for one in shard.submissions]
    rows = {name: row for shard in shards for name, row in shard.rows.items()}
    _check_complete(shards, len(rows), bool(missing))
    remarks = head.remarks
    if missing:
        remarks += (f"NOT ALL: {missing}; these are {len(rows)} of {head.submissions} submissions",)
    ordered = sorted(submissions, key=lambda one: one.name)
    together = ShardHead(**{**vars(head), "remarks": remarks})
    return Merged(together, ordered, {one.name: rows[one.name] for one in ordered})


def _read(path: Path) -> ShardFile:
    unfinished = path.with_name(f"{path.name}.unfinished")
    if path.suffix == ".unfinished" or (unfinished.exists() and not path.exists()):
        raise ValueError(
            f"{path.with_suffix('') if path.suffix == '.unfinished' else path} is not finished: "
            "give the command of that shard again, where its file .unfinished lies, and it goes "
            "on; then merge"
        )
    if not path.is_file():
        raise ValueError(f"{path} is no file; give the files that --shard has written")
    return read_shard(path)


def _check_same(shards: Sequence[ShardFile], seed: str) -> None:
    """Check that all shards are of one run."""
    first = shards[0]
    for shard in shards[1:]:
        for part, what in _SAME.items():
            here, there = getattr(first.head, part), getattr(shard.head, part)
            if here != there:
                counts = f" ({there} and {here})" if isinstance(here, int) else ""
                raise ValueError(
                    f"{shard.path} is {what} than {first.path}{counts}; grade one of the two again "
                    "with the same files, seed, options and version, under the same --out"
                )
    if seed and seed_digest(seed) != first.head.seed:
        raise ValueError(f"--seed is not that of {first.path}; it may be left out here")
    if first.head.version != book_version():
        raise ValueError(
            f"{first.path} was graded by another version of the book than this; "
            "merge with the version that graded"
        )


def _check_once(shards: Sequence[ShardFile]) -> None:
    """Check that no shard and no submission comes twice."""
    given: dict[int, ShardFile] = {}
    places: dict[str, ShardFile] = {}
    for shard in shards:
        number = shard.head.number
        other = given.setdefault(number, shard)
        if other is not shard:
            differing = [name for name, row in shard.rows.items() if other.rows.get(name) != row]
            said = "they say the same" if other.rows == shard.rows else "they differ"
            if differing:
                said += f" on {some(differing, _MOST_NAMED)}"
            raise ValueError(
                f"shard {Shard(number, shard.head.of)} is given twice, as {other.path} and "
                f"{shard.path}; {said}: leave one of them out"
            )
        for name in shard.rows:
            other = places.setdefault(name, shard)
            if other is not shard:
                raise ValueError(
                    f"{name} is in {other.path} and in {shard.path}; grade one of the two again"
                )


def _missing(shards: Sequence[ShardFile]) -> str:
    """Say which shards are missing; empty if none is."""
    of = shards[0].head.of
    there = {shard.head.number for shard in shards}
    absent = [number for number in range(1, of + 1) if number not in there]
    if not absent:
        return ""
    listed = ", ".join(map(str, absent))
    if len(absent) > 1:
        return f"shards {listed} of {of} are missing"
    return f"shard {listed} of {of} is missing"


def _check_complete(shards: Sequence[ShardFile], count: int, is_partial: bool) -> None:
    """Check that each submission that the machines have seen is there."""
    whole = shards[0].head.submissions
    if count > whole or (count != whole and not is_partial):
        raise ValueError(
            f"the shards hold {count} submissions, and the class has {whole}; grade the shards "
            "again, with the same version on all machines"
        )
