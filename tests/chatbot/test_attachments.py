"""Files that a message names with an @."""

from pathlib import Path

import pytest

from companion.chatbot import attachments
from companion.chatbot.attachments import attach
from companion.errors import DocumentError


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.md").write_text("# Cheese\n\nGouda is Dutch.\n")
    (tmp_path / "my list.txt").write_text("bread\nmilk\n")
    (tmp_path / "a.py").write_text("def f():\n    return 1\n")
    (tmp_path / "a.json").write_text('{"a": 1}')
    (tmp_path / "docs").mkdir()
    (tmp_path / "empty.txt").write_text(" \n")
    for name in ("picture.png", "sound.mp3", "archive.zip", "program.bin"):
        (tmp_path / name).write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01" * 9)
    return tmp_path


def test_the_text_of_a_file_follows_the_words() -> None:
    found = attach("What does @notes.md say?")

    assert found.text == "What does notes.md say?\n\nnotes.md:\nCheese\n\nGouda is Dutch."
    assert found.files == {"notes.md": len("Cheese\n\nGouda is Dutch.")}
    assert found.missing == []


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ('Buy @"my list.txt".', "Buy my list.txt.\n\nmy list.txt:\nbread\nmilk"),
        ("(see @a.py)?", "(see a.py)?\n\na.py:\ndef f():\n    return 1"),
        ("@a.json", 'a.json\n\na.json:\n{"a": 1}'),
        ("@a.json, @a.json!", 'a.json, a.json!\n\na.json:\n{"a": 1}'),
        ("@./a.json", './a.json\n\n./a.json:\n{"a": 1}'),
    ],
)
def test_names_may_have_blanks_and_punctuation_behind_them(message: str, text: str) -> None:
    assert attach(message).text == text


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("ann@notes.md", "ann@notes.md"),
        ("a @ b", "a @ b"),
        ("ask @@notes.md", "ask @notes.md"),
        ("@@", "@"),
        ("no file", "no file"),
    ],
)
def test_an_at_sign_that_names_no_file_stays(message: str, text: str) -> None:
    assert attach(message) == (text, {}, [])


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("Read @no.md!", "there is no file 'no.md!'. .* written twice: @@no.md!"),
        ("@docs", "docs is a folder; .* start with --docs"),
        ("@empty.txt", "empty.txt holds no text"),
        ("@picture.png", "picture.png is a picture. Words on it need text recognition"),
        ("@sound.mp3", "sound.mp3 is a recording"),
        ("@archive.zip", "archive.zip is an archive"),
        ("@program.bin", "program.bin is not read. Convert it"),
        ("@~nobody-at-all/x", "there is no file"),
        ("@" + "x" * 5000, "there is no file"),
        ("@/dev/zero", "not a regular file"),
    ],
)
def test_what_can_not_be_read_is_refused_in_words(message: str, said: str) -> None:
    with pytest.raises(DocumentError, match=said):
        attach(message)


def test_pasted_code_keeps_its_decorators() -> None:
    code = "@dataclass\nclass A:\n    @property\n    def x(self): ..."

    assert attach(code) == (code, {}, ["dataclass", "property"])
    assert attach(f"Why?\n@a.json\n{code}").text.startswith("Why?\na.json\n@dataclass")


def test_a_file_can_be_too_large(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "long.txt").write_text("word " * 250_000)
    with pytest.raises(DocumentError, match="1,249,999 characters of text; at most 1,000,000"):
        attach("@long.txt")
    monkeypatch.setattr(attachments, "MAX_BYTES", 2**20)
    with pytest.raises(DocumentError, match="1,250,000 bytes, and at most 1,048,576 are read"):
        attach("@long.txt")
