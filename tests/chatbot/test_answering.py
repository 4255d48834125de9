"""Answers on their way to the page: asking again, approval of tools, settings, uploads."""

import threading
import time
from dataclasses import replace

import pytest

from companion.chatbot import Chatbot, ChatSettings
from companion.errors import EndpointError
from companion.tools import Tool, Toolbox

pytest.importorskip("starlette")

from companion.chatbot import archive
from companion.chatbot.answering import Answering, Request
from companion.chatbot.sessions import Session
from tests.chatbot.page import ask, asked, read

CALL = '{"name": "delete", "arguments": {"path": "a.txt"}}'


def test_a_message_is_asked_again_with_other_words(make_routes, scripted) -> None:
    routes = make_routes(lambda: Chatbot(scripted(lambda m: f"to {m[-1]['content']}")))
    name = routes.enter({})["session"]
    for text in "abc":
        ask(routes, name, text)

    assert ask(routes, name, "B", at=1, turns=3)["text"] == "to B"

    assert asked(routes, name) == ["a", "B"]


def test_the_same_words_again_are_a_new_answer(make_routes, scripted) -> None:
    routes = make_routes(lambda: Chatbot(scripted("ok")))
    name = routes.enter({})["session"]
    ask(routes, name, "a")

    assert ask(routes, name, "a", at=0)["text"] == "ok"
    assert asked(routes, name) == ["a"]


def test_an_answer_that_fails_leaves_the_old_ones(make_routes, scripted, cut) -> None:
    backend = scripted("ok")
    routes = make_routes(lambda: Chatbot(backend))
    name = routes.enter({})["session"]
    ask(routes, name, "a")
    ask(routes, name, "b")
    backend.answer = lambda messages: ("", cut)

    for at in (0, 1):
        kind, values = read(routes.chat({"session": name, "text": "x", "at": at}))[-1]
        assert (kind, values) == ("error", {"message": "cut"})
        assert asked(routes, name) == ["a", "b"]
    read(routes.chat({"session": name, "text": "x"}))
    assert asked(routes, name) == ["a", "b"]


def test_a_stopped_answer_goes_on(make_routes, scripted) -> None:
    routes = make_routes(lambda: Chatbot(scripted("one two three")))
    name = routes.enter({})["session"]
    session = routes.sessions.find(name)
    answer = session.bot.stream("count")
    next(answer)
    answer.close()

    done = read(routes.resume({"session": name, "turns": 1}))[-1][1]

    assert (done["text"], done["interrupted"]) == ("oneone two three", False)
    assert asked(routes, name) == ["count"]


def test_an_answer_that_can_not_be_saved_is_shown_all_the_same(
    make_routes, scripted, tmp_path
) -> None:
    (tmp_path / "file").touch()
    full = archive.Archive(tmp_path / "file" / "x")
    routes = make_routes(lambda: Chatbot(scripted()), archive=full)

    done = ask(routes, routes.enter({})["session"], "a")

    assert done["text"] == "ok"
    assert "can't write" in done["unsaved"]


# Approval.


def delete(path: str) -> str:
    """Delete a file.

    Args:
        path: Which one.
    """
    return f"deleted {path}"


@pytest.fixture
def careful(scripted) -> Session:
    """A session whose model calls a tool that needs an approval."""

    def answer(messages: list[dict]) -> str:
        return CALL if messages[-1]["role"] == "user" else f"so: {messages[-1]['content']}"

    tool = replace(Tool.from_function(delete), needs_approval=True)
    return Session(Chatbot(scripted(answer), tools=Toolbox([tool])))


def begin(session: Session, seconds: float = 30.0) -> Answering:
    assert session.busy.acquire(blocking=False)
    return Answering(session, Request("go"), lambda: None, approval_seconds=seconds)


@pytest.mark.parametrize(("allow", "result"), [(True, "deleted a.txt"), (False, "did not allow")])
def test_the_user_decides(allow: bool, result: str, careful: Session) -> None:
    answering = begin(careful)
    kind, question = answering.next_event()
    assert (kind, question["name"], question["arguments"]) == (
        "approval",
        "delete",
        {"path": "a.txt"},
    )
    assert not answering.decide(99, allow=True)

    assert answering.decide(question["question"], allow)
    assert not answering.decide(question["question"], allow=True)
    *_, (_, done) = iter(answering.next_event, None)

    call = done["parts"][0]["call"]
    assert (call["name"], call["arguments"]) == ("delete", {"path": "a.txt"})
    assert result in call["result"]
    assert not careful.busy.locked()


def test_no_answer_is_a_refusal(careful: Session) -> None:
    *_, (_, done) = iter(begin(careful, 0.05).next_event, None)

    assert "did not allow" in done["parts"][0]["call"]["result"]


@pytest.mark.parametrize("end", ["stop", "leave"])
def test_stop_refuses_and_ends_the_answer(end: str, careful: Session) -> None:
    ran = []
    careful.bot.settings = ChatSettings(log=ran)
    answering = begin(careful)
    answering.next_event()

    getattr(answering, end)()
    answering.thread.join(10)

    assert not careful.busy.locked()
    assert ran == []
    assert careful.bot.conversation.turns[0].interrupted


def test_the_settings_are_as_before(careful: Session) -> None:
    before = careful.bot.settings

    list(iter(begin(careful, 0.01).next_event, None))

    assert careful.bot.settings is before


def test_a_reader_that_has_gone_does_not_hold_the_model(scripted) -> None:
    session = Session(Chatbot(scripted("word " * 1000)))
    answering = begin(session)
    answering.next_event()
    time.sleep(0.2)  # now the queue is full

    answering.leave()

    assert not answering.thread.is_alive()
    assert session.bot.conversation.turns[0].interrupted


def test_nobody_waits_for_an_answer_that_was_left(scripted) -> None:
    """A thread that waited for ever would keep the server from ending."""
    slow = threading.Event()
    session = Session(Chatbot(scripted(lambda messages: str(slow.wait(10)))))
    answering = begin(session)
    reader = threading.Thread(target=answering.next_event, daemon=True)
    reader.start()
    threading.Timer(0.2, slow.set).start()

    answering.leave()

    reader.join(5)
    assert not reader.is_alive()


def test_a_fault_is_told_and_the_session_goes_on(scripted) -> None:
    session = Session(Chatbot(scripted(lambda messages: 1 / 0)))
    quiet, threading.excepthook = threading.excepthook, lambda arguments: None
    try:
        (kind, values), *_ = iter(begin(session).next_event, None)
    finally:
        threading.excepthook = quiet

    assert kind == "error"
    assert "ZeroDivisionError" in values["message"]
    assert not session.busy.locked()


# Settings.


# Files.


def test_an_endpoint_that_breaks_off_keeps_what_was_written(make_routes, scripted) -> None:
    routes = make_routes(lambda: Chatbot(scripted(("half", EndpointError("cut")))))
    name = routes.enter({})["session"]

    events = read(routes.chat({"session": name, "text": "hi"}))

    assert events == [("piece", {"text": "half"}), ("error", {"message": "cut"})]
    (turn,) = routes.enter({"session": name})["turns"]
    assert (turn["text"], turn["interrupted"], turn["note"]) == ("half", True, "broken off")
