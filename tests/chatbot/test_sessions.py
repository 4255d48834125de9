"""Conversations in memory make room, and come back from the archive."""

import pytest

from companion.chatbot import Chatbot, Conversation
from companion.chatbot.archive import Archive
from companion.chatbot.sessions import Sessions
from companion.errors import ConversationError


def test_a_busy_conversation_is_not_dropped(scripted) -> None:
    sessions = Sessions(lambda: Chatbot(scripted()), limit=1)
    name, session = sessions.new()

    with session.busy:
        assert sessions.new() is None
    assert sessions.find(name) is session
    assert sessions.new() is not None
    assert sessions.find(name) is None


def asked(conversation: Conversation) -> list[str]:
    return [turn.messages[0]["content"] for turn in conversation.turns]


def titles(archive: Archive) -> list[str]:
    return [entry.title for entry in archive.entries()[0]]


def test_a_session_outlives_the_memory_and_the_server(archive: Archive, scripted) -> None:
    def make() -> Chatbot:
        return Chatbot(scripted())

    sessions = Sessions(make, limit=2, archive=archive)
    names = []
    for text in ("one", "two", "three"):
        name, session = sessions.new()
        session.bot.ask(text)
        sessions.save(name, session)
        names.append(name)

    assert len(sessions) == 2
    assert asked(sessions.find(names[0]).bot.conversation) == ["one"]
    assert asked(Sessions(make, archive=archive).find(names[1]).bot.conversation) == ["two"]


def test_what_another_server_has_written_is_read(archive: Archive, scripted) -> None:
    here, there = (Sessions(lambda: Chatbot(scripted()), archive=archive) for _ in range(2))
    name, session = here.new()
    session.bot.ask("one")
    here.save(name, session)
    other = there.find(name)
    other.bot.ask("two")
    there.save(name, other)

    assert asked(here.find(name).bot.conversation) == ["one", "two"]


def test_settings_of_its_own_keep_a_session_in_memory(archive: Archive, scripted) -> None:
    sessions = Sessions(lambda: Chatbot(scripted()), limit=1, archive=archive)
    _, session = sessions.new()
    session.own = True

    assert sessions.new() is None


def test_a_copy_goes_its_own_way(archive: Archive, scripted) -> None:
    sessions = Sessions(lambda: Chatbot(scripted()), archive=archive)
    _, session = sessions.new()
    session.bot.ask("one")

    name, copied = sessions.new(session.bot.conversation)
    copied.bot.ask("two")
    copied.bot.conversation.turns[0].messages[0]["content"] = "changed"

    assert asked(session.bot.conversation) == ["one"]
    assert sessions.find(name) is copied


def test_what_is_deleted_is_gone(archive: Archive, scripted) -> None:
    sessions = Sessions(lambda: Chatbot(scripted()), archive=archive)
    name, session = sessions.new()
    session.bot.ask("one")
    sessions.save(name, session)

    with session.busy, pytest.raises(ConversationError, match="still being written"):
        sessions.delete(name)
    sessions.delete(name)

    assert sessions.find(name) is None
    assert titles(archive) == []


def test_an_empty_conversation_is_not_saved(archive: Archive, scripted) -> None:
    sessions = Sessions(lambda: Chatbot(scripted()), archive=archive)
    sessions.save(*sessions.new())

    assert not archive.folder.exists()
