"""The library: nothing is read twice, nothing is stale, and no file of an index is trusted."""

import os
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from companion.errors import DocumentError
from companion.rag import library as module
from companion.rag.desk import Desk
from companion.rag.documents import Document
from companion.rag.embeddings import Embedder
from companion.rag.library import Library, cut
from tests.rag.counting import Counting


def texts(library: Library) -> list[str]:
    return sorted(document.text for document in library.current().documents)


def index_file(tmp_path: Path) -> Path:
    (file,) = (tmp_path / "cache").glob("*.sqlite")
    return file


def test_a_second_start_embeds_nothing_and_finds_the_same(opened) -> None:
    first, embedder, _ = opened()
    assert len(embedder.texts) == 2

    second, embedder, told = opened()

    assert (embedder.texts, told) == ([], [])
    assert second.search("Who sells honey?", 1) == first.search("Who sells honey?", 1)
    assert second.search("Who sells honey?", 1)[0].origin == "a.md"


def test_new_changed_moved_and_deleted_files_are_followed_while_it_runs(opened, folder) -> None:
    library, embedder, _ = opened()
    embedder.texts.clear()

    (folder / "c.md").write_text("Cleo sings.")
    (folder / "b.md").write_text("Bo paints.")
    assert texts(library) == ["Ann sells honey.", "Bo paints.", "Cleo sings."]
    assert sorted(embedder.texts) == ["Bo paints.", "Cleo sings."]

    embedder.texts.clear()
    (folder / "a.md").rename(folder / "sub.md")
    (folder / "c.md").unlink()
    assert texts(library) == ["Ann sells honey.", "Bo paints."]
    assert embedder.texts == []

    (folder / "sub.md").unlink()
    (folder / "b.md").unlink()
    assert (texts(library), library.search("Bo paints", 3)) == ([], [])


def test_a_change_that_keeps_size_and_time_is_seen(opened, folder: Path) -> None:
    library, _, _ = opened()
    before = (folder / "a.md").stat()

    (folder / "a.md").write_text("Eva sells honey.")
    os.utime(folder / "a.md", ns=(before.st_atime_ns, before.st_mtime_ns))

    assert texts(library) == ["Bo repairs clocks.", "Eva sells honey."]


def test_a_file_that_was_only_touched_is_not_embedded_again(opened, folder: Path) -> None:
    library, embedder, _ = opened()
    embedder.texts.clear()

    os.utime(folder / "a.md", (1, 1))

    assert texts(library) == ["Ann sells honey.", "Bo repairs clocks."]
    assert embedder.texts == []


def test_what_another_process_has_read_is_there_without_a_start(opened, folder: Path) -> None:
    one, _, _ = opened()
    other, embedder, _ = opened()

    (folder / "c.md").write_text("Cleo sings.")
    assert len(texts(one)) == 3
    embedder.texts.clear()

    assert len(texts(other)) == 3
    assert embedder.texts == []


def test_files_that_can_not_be_read_are_told_at_each_start_and_read_once_mended(
    opened, folder: Path
) -> None:
    (folder / "photo.png").write_bytes(b"x")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.4 nothing")
    library, _, told = opened()
    again = opened()[2]

    assert len(told) == 2
    assert sorted(told) == sorted(again)
    assert all(line.startswith("left out: ") for line in told)
    (folder / "broken.pdf").unlink()
    (folder / "broken.txt").write_text("Now it is text.")
    assert "Now it is text." in texts(library)


def test_the_index_can_be_read_by_its_owner_only(opened, tmp_path: Path) -> None:
    opened()

    assert stat.S_IMODE((tmp_path / "cache").stat().st_mode) == 0o700
    assert stat.S_IMODE(index_file(tmp_path).stat().st_mode) == 0o600
    assert sorted(os.listdir(tmp_path / "notes")) == ["a.md", "b.md"]


def flip_text(file: Path) -> None:
    data = file.read_bytes()
    file.write_bytes(data.replace(b"Ann sells honey.", b"Ann sells money."))


def flip_vector(file: Path) -> None:
    with sqlite3.connect(file) as database:
        database.execute("UPDATE vectors SET vector = zeroblob(32)")
    database.close()


def other_program(file: Path) -> None:
    file.unlink()
    with sqlite3.connect(file) as database:
        database.execute("CREATE TABLE label (text TEXT)")
    database.close()


def newer_version(file: Path) -> None:
    with sqlite3.connect(file) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()


@pytest.mark.parametrize(
    "damage",
    [
        flip_text,
        flip_vector,
        other_program,
        newer_version,
        lambda file: file.write_bytes(b"no database at all, but long enough to look like one" * 9),
        lambda file: file.write_bytes(file.read_bytes()[:5000]),
        lambda file: file.write_bytes(file.read_bytes()[:4096] + b"\xff" * 8192),
        lambda file: file.write_bytes(b"\x80\x04\x95K."),
    ],
)
def test_a_damaged_or_foreign_index_is_built_again_and_said(
    damage: Callable[[Path], None], opened, tmp_path: Path
) -> None:
    opened()[0]._file.close()
    damage(index_file(tmp_path))

    library, embedder, told = opened()

    assert texts(library) == ["Ann sells honey.", "Bo repairs clocks."]
    assert len(embedder.texts) == 2
    assert "is built again" in told[0]
    assert stat.S_IMODE(index_file(tmp_path).stat().st_mode) == 0o600
    assert opened()[1].texts == []


def test_an_empty_file_in_its_place_is_no_damage(opened, tmp_path: Path) -> None:
    opened()[0]._file.close()
    index_file(tmp_path).write_bytes(b"")

    assert len(texts(opened()[0])) == 2


def test_where_nothing_can_be_written_the_index_is_in_memory(opened, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")

    library, _, told = opened()

    assert len(texts(library)) == 2
    assert "in memory only" in told[0]


def test_an_interrupt_loses_nothing_that_was_embedded(opened, folder: Path, monkeypatch) -> None:
    for number in range(300):
        (folder / f"n{number}.md").write_text(f"Note {number} is short.")
    embed, calls = Counting.embed, []

    def interrupted(self: Counting, texts: list[str], progress: bool = True) -> np.ndarray:
        calls.append(len(texts))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return embed(self, texts, progress)

    monkeypatch.setattr(Counting, "embed", interrupted)
    with pytest.raises(KeyboardInterrupt):
        opened()
    monkeypatch.undo()

    library, embedder, _ = opened()

    assert len(texts(library)) == 302
    assert len(embedder.texts) == 302 - sum(calls[:2])


def test_two_processes_at_once_build_one_index(folder: Path, tmp_path: Path) -> None:
    for number in range(200):
        (folder / f"n{number}.md").write_text(f"Note {number} is short.")
    code = (
        "import sys; sys.path.insert(0, sys.argv[3])\n"
        "from tests.rag.test_library import Counting, Library\n"
        "library = Library(sys.argv[1], Counting(), cache=sys.argv[2])\n"
        "print(len(library), library.search('Note 123', 1)[0].origin)"
    )
    root = str(Path(__file__).parents[2])
    command = [sys.executable, "-c", code, str(folder), str(tmp_path / "cache"), root]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]

    assert [one.communicate()[0].split() for one in running] == [["202", "n123.md"]] * 2


def test_searches_from_many_threads_see_whole_states(opened, folder: Path) -> None:
    library, _, _ = opened()
    found, stop = set(), threading.Event()

    def search() -> None:
        while not stop.is_set():
            found.update(hit.text for hit in library.search("Bo repairs clocks or paints", 5))

    threads = [threading.Thread(target=search) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(10):
        (folder / "b.md").write_text(f"Bo repairs clocks or paints {number}.")
        library.current()
    stop.set()
    for thread in threads:
        thread.join()

    assert texts(library)[1] == "Bo repairs clocks or paints 9."
    assert {text[:7] for text in found} <= {"Bo repa", "Ann sel"}


def test_old_indexes_go_when_there_are_too_many_bytes(opened, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "cache").mkdir()
    for number, name in enumerate(("old.sqlite", "young.sqlite", "other.txt")):
        (tmp_path / "cache" / name).write_bytes(b"x" * 600)
        os.utime(tmp_path / "cache" / name, (number + 1, number + 1))
    monkeypatch.setattr(module, "MAX_CACHE_BYTES", 1000)

    opened()

    names = set(os.listdir(tmp_path / "cache"))
    assert {"young.sqlite", "other.txt"} <= names
    assert "old.sqlite" not in names


def test_a_folder_without_readable_files_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    with pytest.raises(DocumentError, match="holds no files"):
        Library(tmp_path / "docs", Counting())
    (tmp_path / "docs" / "a.png").write_bytes(b"x")
    with pytest.raises(DocumentError, match="none of its 1 files could be read"):
        Library(tmp_path / "docs", Counting())


@pytest.mark.slow
def test_2000_notes_are_read_once_and_a_restart_takes_no_time(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    for number in range(2000):
        text = f"Member number {number} joined in Bergen, and has paid the fee on 3 March. "
        (tmp_path / "notes" / f"{number}.md").write_text(f"# Member {number}\n\n{text * 2}")
    seconds = []
    for _ in range(2):
        began = time.process_time()
        library = Library(tmp_path / "notes", Embedder(), cache=tmp_path / "cache")
        seconds.append(time.process_time() - began)

    assert library.search("Who is member number 1234?", 1)[0].origin == "1234.md"
    assert seconds[1] < 2
    assert seconds[1] < seconds[0] / 5, seconds


@pytest.mark.parametrize("length", [60, 120, 1000])
def test_no_passage_is_a_heading_alone_if_there_is_text_below_it(length: int) -> None:
    body = "Knead it for eight minutes and let it rise in a warm place until the evening."
    texts = [Document(f"Dough\n\n{body}", {"title": "Bread", "heading": "Dough"})]
    bare = Document("Tools", {"title": "Bread", "heading": "Tools"})

    found = [one.text for one in cut([*texts, bare], length)]

    assert "Dough" not in found
    assert found[-1] == "Tools"
    assert " ".join(" ".join(found[:-1]).split()).removeprefix("Dough ") == body


def test_a_library_and_a_desk_of_sentences_hold_one_a_passage(folder: Path, tmp_path: Path) -> None:
    (folder / "c.md").write_text("# Ferry\n\nIt leaves at 7. It is blue.")
    cache = tmp_path / "cache"
    library = Library(folder, Counting(), length=300, sentences=True, cache=cache)
    desk = Desk(library, Counting, 300, sentences=True)
    desk.add("d.txt", b"Dana rows. Eli swims.")

    known = ["Ann sells honey.", "Bo repairs clocks.", "It is blue.", "It leaves at 7."]
    assert texts(library) == known
    assert [hit.text for hit in desk.search("Eli swims.", 5)] == ["Eli swims."]
    assert len(Library(folder, Counting(), length=300, cache=cache)) == 3  # an index of its own
