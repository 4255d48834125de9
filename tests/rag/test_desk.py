"""A desk: a library, and the files of one conversation."""

from pathlib import Path

import pytest

from companion.errors import DocumentError
from companion.rag.desk import MAX_PASSAGES, Desk
from tests.rag.counting import Counting


def test_a_desk_adds_files_to_one_conversation_only(opened, folder: Path) -> None:
    library = opened()[0]
    mine, yours = Desk(library, Counting), Desk(library, Counting)

    assert mine.add("C:\\letters\\ferry.md", b"# Ferry\n\nThe ferry leaves at 7.") == "ferry.md"

    assert mine.search("Ferry leaves at 7?", 1)[0].origin == "ferry.md"
    assert yours.search("Ferry leaves at 7?", 1) == []
    assert (mine.names(), yours.names(), len(mine), len(yours)) == (["ferry.md"], [], 3, 2)
    (folder / "c.md").write_text("Cleo sings.")
    assert mine.search("Cleo sings", 1)[0].origin == "c.md"
    mine.add("ferry.md", b"The ferry leaves at 9.")
    assert [hit.text for hit in mine.search("The ferry leaves", 9)] == ["The ferry leaves at 9."]
    mine.remove("ferry.md")
    assert mine.search("The ferry leaves", 1) == []


def test_a_desk_without_a_library_is_empty_until_a_file_is_added() -> None:
    made = []
    desk = Desk(None, lambda: made.append(1) or Counting())

    assert (len(desk), desk.given, desk.search("x", 1), made) == (0, False, [], [])
    desk.add("a.txt", b"Ann sells honey.")
    assert desk.given
    assert desk.search("Ann sells honey", 1)[0].text == "Ann sells honey."


def test_a_folder_that_was_empty_is_read_again(opened, folder: Path) -> None:
    desk = Desk(opened()[0], None)
    kept = {file: file.read_bytes() for file in folder.iterdir()}
    for file in kept:
        file.unlink()

    assert (desk.search("Ann sells honey", 9), len(desk), desk.given) == ([], 0, True)
    desk.add("ferry.md", b"The ferry leaves at 7.")
    assert [hit.text for hit in desk.search("The ferry leaves at 7.", 9)] == [
        "The ferry leaves at 7."
    ]
    desk.remove("ferry.md")
    for file, data in kept.items():
        file.write_bytes(data)
    desk.search("Ann", 1)
    assert len(desk) == 2


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("photo.png", b"x", "photo.png is a picture"),
        ("run.py", b"x", "run.py is a program"),
        ("empty.txt", b" ", "empty.txt holds no text"),
        ("b.pdf", b"%PDF-1.4", "b.pdf is damaged"),
        ("big.txt", b"x" * 20_000_001, "big.txt has 20,000,001 bytes, and at most 20,000,000"),
        ("", b"x", "can't be the name of a document"),
        ("..", b"x", "can't be the name of a document"),
        ("a\nb.txt", b"x", "can't be the name of a document"),
        ("a" * 300 + ".txt", b"x", "can't be the name of a document"),
        ("many.csv", b"n\n" + b"1\n" * (MAX_PASSAGES + 1), "there is room for 2,000"),
    ],
)
def test_what_can_not_be_added_is_said_and_changes_nothing(
    name: str, data: bytes, said: str
) -> None:
    desk = Desk(None, Counting)

    with pytest.raises(DocumentError, match=said):
        desk.add(name, data)

    assert (desk.names(), len(desk)) == ([], 0)
