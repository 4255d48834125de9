"""The files of a checkpoint are those that were written."""

import re
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from companion.errors import CheckpointError
from companion.training.processes.part_hashes import check, computed
from companion.training.processes.world import joined

NAMES = ["a.safetensors", "b.safetensors"]


@pytest.fixture(autouse=True)
def _world() -> Iterator[None]:
    with joined():
        yield


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    for name in NAMES:
        (tmp_path / name).write_bytes(name.encode() * 1000)
    return tmp_path


def test_the_hashes_are_those_of_the_files_and_fit(parts: Path) -> None:
    (parts / "other.json").write_text("{}")

    hashes = computed(parts)

    assert hashes == {name: sha256((parts / name).read_bytes()).hexdigest() for name in NAMES}
    check(parts, hashes, parts / "checkpoint.json")


@pytest.mark.parametrize(
    ("harm", "what"),
    [
        (lambda path: path.unlink(), "is missing"),
        (lambda path: path.write_bytes(b""), "is damaged"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "is damaged"),
        (lambda path: path.write_bytes(path.read_bytes().replace(b"b", b"\0", 1)), "is damaged"),
    ],
)
def test_a_file_that_is_gone_or_other_is_named(harm: Callable, what: str, parts: Path) -> None:
    hashes, path = computed(parts), parts / NAMES[1]
    harm(path)

    message = f"^{re.escape(str(path))} {what}.*from a copy, or delete .*checkpoint.json"
    with pytest.raises(CheckpointError, match=message):
        check(parts, hashes, parts / "checkpoint.json")
