"""Saved conversations: on disk, in memory, and between servers."""

import os
import stat
from pathlib import Path

import pytest

from companion.chatbot import Conversation, Turn
from companion.chatbot.archive import Archive, new_name, title_of
from companion.errors import ConversationError


def talk(*texts: str, title: str = "") -> Conversation:
    turns = [Turn([{"role": "user", "content": text}]) for text in texts]
    return Conversation(None, turns, title=title)


def asked(conversation: Conversation) -> list[str]:
    return [turn.messages[0]["content"] for turn in conversation.turns]


def test_a_conversation_comes_back(archive: Archive) -> None:
    name = new_name()
    archive.write(name, talk("Hi", title="Tea"))

    assert archive.read(name) == talk("Hi", title="Tea")
    assert Archive(archive.folder).entries()[0][0][:3] == (name, "Tea", 1)


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_only_the_owner_can_read_it(archive: Archive) -> None:
    archive.write(new_name(), talk("Hi"))
    archive.key()

    modes = {stat.S_IMODE(path.stat().st_mode) for path in archive.folder.iterdir()}
    assert modes == {0o600}
    assert stat.S_IMODE(archive.folder.stat().st_mode) == 0o700


def test_nothing_is_made_before_it_is_needed(archive: Archive) -> None:
    assert archive.entries() == ([], [])
    assert not archive.folder.exists()


def test_the_last_changed_comes_first_and_bad_files_are_named(archive: Archive) -> None:
    names = [new_name() for _ in range(3)]
    for at, name in enumerate(names):
        archive.write(name, talk(f"number {at}"))
        os.utime(archive.folder / f"{name}.json", (at, at))
    (archive.folder / f"{names[1]}.json").write_text("{")
    (archive.folder / "mine.json").write_text("{")

    entries, problems = archive.entries()

    assert [entry.title for entry in entries] == ["number 2", "number 0"]
    assert len(problems) == 1
    assert names[1] in problems[0]


@pytest.mark.parametrize("name", ["../key", "", "a" * 42, "a" * 44, f"{'a' * 42}/", "." * 43])
def test_no_name_leads_out_of_the_folder(name: str, archive: Archive) -> None:
    for use in (archive.read, archive.delete, lambda name: archive.write(name, talk("Hi"))):
        with pytest.raises(ConversationError, match="no name of a conversation"):
            use(name)


def test_the_key_stays_the_same_and_a_readable_one_is_replaced(archive: Archive) -> None:
    key = archive.key()
    assert Archive(archive.folder).key() == key

    if os.name == "posix":
        (archive.folder / "key").chmod(0o644)
        assert archive.key() != key
    (archive.folder / "key").write_text("short")
    assert len(archive.key()) == 43


def test_a_folder_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    archive = Archive(tmp_path / "file" / "talks")

    with pytest.raises(ConversationError, match="can't write"):
        archive.write(new_name(), talk("Hi"))
    with pytest.raises(ConversationError, match="can't keep conversations"):
        archive.key()


def test_two_versions_are_both_kept(archive: Archive) -> None:
    name = new_name()
    seen = archive.write(name, talk("Hi"))
    archive.write(name, talk("Hi", "from another server"), seen)

    archive.write(name, talk("Hi", "mine, written meanwhile"), seen)

    kept = sorted(tuple(asked(archive.read(entry.name))) for entry in archive.entries()[0])
    assert kept == [("Hi", "from another server"), ("Hi", "mine, written meanwhile")]


def test_a_long_or_missing_title_is_the_beginning() -> None:
    assert title_of(talk("one\n two")) == "one two"
    assert len(title_of(talk("x" * 500))) == 80
    assert title_of(Conversation()) == ""


# Sessions.
