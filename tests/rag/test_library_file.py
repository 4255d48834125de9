"""The file of a library: whole changes, checksums, and nobody else's files."""

import sqlite3
import stat
from pathlib import Path

import numpy as np
import pytest

from companion.errors import IndexFileError
from companion.rag.documents import Document
from companion.rag.library_file import FileReading, FileRecord, LibraryFile

ANN, BO = Document("Ann sings.", {"page": 1}), Document("Bo rows.")
RECORD = FileRecord("10 bytes", "digest", "")


def reading(source: str, *pairs: tuple[Document, bytes]) -> FileReading:
    return FileReading(source, RECORD, pairs)


def vector(*numbers: float) -> np.ndarray:
    return np.array(numbers)


@pytest.fixture(params=["disk", "memory"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> LibraryFile:
    return LibraryFile(tmp_path / "a.sqlite" if request.param == "disk" else None, "mine")


def test_what_was_put_is_loaded_in_the_order_of_files_and_places(file: LibraryFile) -> None:
    file.put([reading("b.md", (BO, b"2")), reading("a.md", (ANN, b"1"), (BO, b"2"))])
    file.put_vectors({b"1": vector(1, 0), b"2": vector(0, 0.5)})

    documents, vectors = file.load()

    assert documents == [ANN, BO, BO]
    assert vectors.dtype == np.float32
    assert vectors.tolist() == [[1, 0], [0, 0.5], [0, 0.5]]
    assert file.files() == {"a.md": RECORD, "b.md": RECORD}


def test_passages_without_a_vector_are_missing_and_not_loaded(file: LibraryFile) -> None:
    file.put([reading("a.md", (ANN, b"1"), (BO, b"2"))])
    file.put_vectors({b"1": vector(1, 0)})

    assert file.missing() == {b"2": BO}
    assert file.without_vectors([b"1", b"2", b"3"]) == [b"2", b"3"]
    assert file.load()[0] == [ANN]


def test_an_empty_library_has_no_vectors(file: LibraryFile) -> None:
    documents, vectors = file.load()

    assert (documents, vectors.shape) == ([], (0, 0))


def test_a_file_that_was_read_again_takes_the_place_of_what_was_there(file: LibraryFile) -> None:
    file.put([reading("a.md", (ANN, b"1"), (BO, b"2"))])
    file.put([reading("a.md", (BO, b"2"))])
    touched = FileRecord("later", "digest", "")
    file.put([FileReading("a.md", touched, None)])
    file.put_vectors({b"2": vector(0, 1)})

    assert file.load()[0] == [BO]
    assert file.files() == {"a.md": touched}


def test_vectors_go_with_the_last_passage_that_has_them(file: LibraryFile) -> None:
    file.put([reading("a.md", (ANN, b"1")), reading("b.md", (ANN, b"1"), (BO, b"2"))])
    file.put_vectors({b"1": vector(1, 0), b"2": vector(0, 1)})

    file.remove(["b.md", "never"])

    assert file.without_vectors([b"1", b"2"]) == [b"2"]
    assert list(file.files()) == ["a.md"]


def test_a_change_that_fails_changes_nothing(file: LibraryFile) -> None:
    file.put([reading("a.md", (ANN, b"1"))])

    with pytest.raises(IndexFileError):
        file.put([reading("b.md", (BO, b"2")), reading("c.md", (BO, None))])

    assert list(file.files()) == ["a.md"]


def test_a_change_of_another_program_is_noticed(tmp_path: Path) -> None:
    one, other = (LibraryFile(tmp_path / "a.sqlite", "mine") for _ in range(2))
    before = one.changes()
    one.put([reading("a.md", (ANN, b"1"))])
    assert one.changes() == before

    other.put([reading("b.md", (BO, b"2"))])

    assert one.changes() != before
    assert list(one.files()) == ["a.md", "b.md"]


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    LibraryFile(tmp_path / "a.sqlite", "mine").close()

    assert stat.S_IMODE((tmp_path / "a.sqlite").stat().st_mode) == 0o600


def change(path: Path, *statements: str) -> None:
    with sqlite3.connect(path) as database:
        for statement in statements:
            database.execute(statement)
    database.close()


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE label SET text = 'other'", "belongs to other documents or another model"),
        ("PRAGMA user_version = 99", "it has the version 99, not 1"),
        ("PRAGMA application_id = 5", "a file of another program"),
        ("CREATE TABLE more (x)", "a file of another program"),
        ("DROP TABLE vectors", "a file of another program"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, statement: str, said: str) -> None:
    LibraryFile(tmp_path / "a.sqlite", "mine").close()
    change(tmp_path / "a.sqlite", statement)

    with pytest.raises(IndexFileError, match=said):
        LibraryFile(tmp_path / "a.sqlite", "mine")


def test_another_label_is_another_library(tmp_path: Path) -> None:
    LibraryFile(tmp_path / "a.sqlite", "mine").close()

    with pytest.raises(IndexFileError, match="belongs to other documents"):
        LibraryFile(tmp_path / "a.sqlite", "yours")


def test_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.sqlite").write_bytes(b"no database at all" * 99)

    with pytest.raises(IndexFileError, match="it is damaged"):
        LibraryFile(tmp_path / "a.sqlite", "mine")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE passages SET text = 'Ann sinks.'",
        "UPDATE passages SET metadata = '{}'",
        "UPDATE vectors SET vector = zeroblob(8)",
    ],
)
def test_a_checksum_finds_what_was_changed(tmp_path: Path, statement: str) -> None:
    file = LibraryFile(tmp_path / "a.sqlite", "mine")
    file.put([reading("a.md", (ANN, b"1"))])
    file.put_vectors({b"1": vector(1, 0)})
    change(tmp_path / "a.sqlite", statement)

    with pytest.raises(IndexFileError, match="a checksum is wrong"):
        file.load()
