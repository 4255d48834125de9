"""Answers on their way to the page: asking again, approval of tools, settings, uploads."""

import base64
import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from companion.chatbot import Chatbot, ChatSettings
from companion.errors import DocumentError, EndpointError, UnknownModelError
from companion.tools import Tool, Toolbox

pytest.importorskip("starlette")

from companion.chatbot import archive
from companion.chatbot.answering import Answering, Request
from companion.chatbot.choices import ChoiceError, Choices
from companion.chatbot.routes import RefusedError, Routes
from companion.chatbot.sessions import Session, Sessions

CALL = '{"name": "delete", "arguments": {"path": "a.txt"}}'


@pytest.fixture
def make_routes() -> Callable[..., Routes]:
    def make(make_bot: Callable[[], Chatbot], switch: Callable | None = None, **more) -> Routes:
        return Routes(Sessions(make_bot, **more), "chat", Choices(switch))

    return make


def read(begin: Callable[[], Answering]) -> list[tuple[str, dict]]:
    answering = begin()
    found = []
    while (event := answering.next_event()) is not None:
        found.append(tuple(event))
    return found


def ask(routes: Routes, session: str, text: str, **more: object) -> dict:
    kind, values = read(routes.chat({"session": session, "text": text, **more}))[-1]
    assert kind == "done", values
    return values


def asked(routes: Routes, session: str) -> list[str]:
    return [turn["asked"] for turn in routes.enter({"session": session})["turns"]]


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


@pytest.mark.parametrize("at", [-1, 3, True, "1", 1.0])
def test_only_a_message_that_is_there_can_be_asked_again(at: object, make_routes, scripted) -> None:
    routes = make_routes(lambda: Chatbot(scripted()))
    name = routes.enter({})["session"]
    ask(routes, name, "a")

    with pytest.raises(RefusedError, match="no such message"):
        routes.chat({"session": name, "text": "x", "at": at})


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


def test_a_page_that_is_behind_is_told(make_routes, scripted) -> None:
    routes = make_routes(lambda: Chatbot(scripted()))
    name = routes.enter({})["session"]
    ask(routes, name, "a")

    with pytest.raises(RefusedError, match="went on elsewhere") as error:
        routes.chat({"session": name, "text": "x", "turns": 0})
    assert (error.value.status, error.value.more) == (409, {"stale": True})


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

    (call,) = done["calls"]
    assert (call["name"], call["arguments"]) == ("delete", {"path": "a.txt"})
    assert result in call["result"]
    assert not careful.busy.locked()


def test_no_answer_is_a_refusal(careful: Session) -> None:
    *_, (_, done) = iter(begin(careful, 0.05).next_event, None)

    assert "did not allow" in done["calls"][0]["result"]


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


class Endpoint:
    """A backend that leaves the temperature to its server, and lists models."""

    context_length, sampling, models = 1000, False, ["a", "b"]

    def count_tokens(self, messages: list[dict]) -> int:
        return sum(len(message["content"].split()) for message in messages)

    def stream(self, messages: list[dict], params: object):
        yield f"{self.sampling} {params.temperature} {params.max_new_tokens}"


def test_settings_hold_from_the_next_message_on(make_routes) -> None:
    routes = make_routes(lambda: Chatbot(Endpoint()))
    name = routes.enter({})["session"]
    assert routes.settings({"session": name})["temperature"] is None

    wanted = {"system": "Be brief.", "temperature": 0.5, "max_new_tokens": 7, "context": 100}
    shown = routes.settings({"session": name, "set": wanted})

    assert {field: shown[field] for field in wanted} == wanted
    assert ask(routes, name, "hi")["text"] == "True 0.5 7"
    routes.settings({"session": name, "set": {}})
    assert ask(routes, name, "hi")["text"] == "False 0 125"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("temperature", value) for value in (-0.1, 5.1, "hot", True, [1], 1e999)],
        *[("max_new_tokens", value) for value in (0, -1, 1.5, "x", 1000, True)],
        *[("context", value) for value in (0, 1001, "all", 2.0)],
        *[("system", value) for value in (3, ["x"], "word " * 1000)],
        *[("model", value) for value in ("c", 3, ["a"])],
    ],
)
def test_bad_settings_are_refused_in_words_and_change_nothing(
    field: str, value: object, make_routes
) -> None:
    def switch(bot: Chatbot, model: str) -> None:
        raise UnknownModelError(f"there is no {model}")

    routes = make_routes(lambda: Chatbot(Endpoint()), switch)
    name = routes.enter({})["session"]
    before = routes.settings({"session": name})

    with pytest.raises(ChoiceError) as error:
        routes.settings({"session": name, "set": {"temperature": 0.3, field: value}})

    assert error.value.field == field
    assert len(str(error.value)) > 10
    assert routes.settings({"session": name}) == before


def test_the_model_is_switched(make_routes, scripted) -> None:
    def switch(bot: Chatbot, model: str) -> None:
        bot.backend = scripted(model)

    routes = make_routes(lambda: Chatbot(Endpoint()), switch)
    name = routes.enter({})["session"]

    routes.settings({"session": name, "set": {"model": " b "}})

    assert routes.enter({"session": name})["model"] == "b"
    assert ask(routes, name, "hi")["text"] == "b"


# Files.


class Desk:
    """Takes files that are no pictures."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def search(self, query: str, k: int) -> list:
        return []

    def names(self) -> list[str]:
        return list(self.files)

    def add(self, name: str, data: bytes) -> None:
        if name.endswith(".png"):
            raise DocumentError(f"{name} is a picture")
        self.files[name] = data

    def remove(self, name: str) -> None:
        del self.files[name]


def test_a_document_is_added_and_taken_away(make_routes, scripted) -> None:
    routes = make_routes(lambda: Chatbot(scripted(), retriever=Desk()))
    name = routes.enter({})["session"]
    data = base64.b64encode(b"\x00text").decode()

    found = routes.upload({"session": name, "name": "a.txt", "data": data})

    assert found == {"documents": ["a.txt"]}
    assert routes.sessions.find(name).bot.retriever.files == {"a.txt": b"\x00text"}
    assert routes.enter({"session": name})["documents"] == ["a.txt"]
    with pytest.raises(DocumentError, match="is a picture"):
        routes.upload({"session": name, "name": "b.png", "data": data})
    assert routes.remove({"session": name, "name": "a.txt"}) == {"documents": []}


def test_documents_that_are_gone_are_told(make_routes, scripted) -> None:
    routes = make_routes(lambda: Chatbot(scripted(), retriever=Desk()))
    name = routes.enter({})["session"]

    for documents in (["a.txt"], [["a.txt"]], [3]):
        with pytest.raises(RefusedError, match="Add them again"):
            routes.chat({"session": name, "text": "x", "documents": documents})
    for documents in ([], None, 3):
        assert ask(routes, name, "x", documents=documents)["text"] == "ok"


@pytest.mark.parametrize("data", ["!", "a", None, 3, ["YQ=="], "YQ"])
def test_a_document_that_is_not_whole_is_refused(data: object, make_routes, scripted) -> None:
    routes = make_routes(lambda: Chatbot(scripted(), retriever=Desk()))
    name = routes.enter({})["session"]

    with pytest.raises(RefusedError, match="not arrived whole"):
        routes.upload({"session": name, "name": "a.txt", "data": data})


def test_without_a_desk_no_document_is_taken(make_routes, scripted, retriever) -> None:
    routes = make_routes(lambda: Chatbot(scripted(), retriever=retriever("Ann sings.")))
    entered = routes.enter({})

    assert entered["documents"] is None
    with pytest.raises(RefusedError, match="takes no documents"):
        routes.upload({"session": entered["session"], "name": "a", "data": ""})


def test_conversations_are_imported_listed_renamed_and_deleted(
    make_routes, scripted, tmp_path
) -> None:
    kept = archive.Archive(tmp_path / "talks")
    routes = make_routes(lambda: Chatbot(scripted()), archive=kept)
    lines = [json.dumps([{"role": "user", "content": text}]) for text in ("one", "two")]

    found = routes.import_file({"text": "\n".join([*lines, "{"])})

    assert len(found["sessions"]) == 2
    assert found["problems"][0].startswith("line 3")
    one, two = found["sessions"]
    assert routes.rename({"session": one, "title": " A  name "}) == {"title": "A name"}
    assert routes.delete({"session": two}) == {}
    assert [entry["title"] for entry in routes.conversations({})["conversations"]] == ["A name"]
    with pytest.raises(RefusedError, match="write a title"):
        routes.rename({"session": one, "title": " "})


def test_an_endpoint_that_breaks_off_keeps_what_was_written(make_routes, scripted) -> None:
    routes = make_routes(lambda: Chatbot(scripted(("half", EndpointError("cut")))))
    name = routes.enter({})["session"]

    events = read(routes.chat({"session": name, "text": "hi"}))

    assert events == [("piece", {"text": "half"}), ("error", {"message": "cut"})]
    (turn,) = routes.enter({"session": name})["turns"]
    assert (turn["text"], turn["interrupted"], turn["note"]) == ("half", True, "broken off")
