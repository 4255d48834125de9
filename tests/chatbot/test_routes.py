"""What the page asks for, and how it is answered."""

import base64
import json

import pytest

from companion.chatbot import Chatbot, archive
from companion.chatbot.routes import RefusedError
from companion.errors import DocumentError
from tests.chatbot.page import ask


@pytest.mark.parametrize("at", [-1, 3, True, "1", 1.0])
def test_only_a_message_that_is_there_can_be_asked_again(at: object, make_routes, scripted) -> None:
    routes = make_routes(lambda: Chatbot(scripted()))
    name = routes.enter({})["session"]
    ask(routes, name, "a")

    with pytest.raises(RefusedError, match="no such message"):
        routes.chat({"session": name, "text": "x", "at": at})


def test_a_page_that_is_behind_is_told(make_routes, scripted) -> None:
    routes = make_routes(lambda: Chatbot(scripted()))
    name = routes.enter({})["session"]
    ask(routes, name, "a")

    seen = routes.enter({"session": name})["version"]
    assert ask(routes, name, "b", version=seen)["version"] != seen
    with pytest.raises(RefusedError, match="changed elsewhere") as error:
        routes.chat({"session": name, "text": "x", "version": seen})
    assert (error.value.status, error.value.more) == (409, {"stale": True})


@pytest.mark.parametrize("at", [0, 1])
def test_a_turn_that_another_server_has_edited_is_told(
    at: int, make_routes, scripted, archive
) -> None:
    one, two = (make_routes(lambda: Chatbot(scripted()), archive=archive) for _ in range(2))
    name = one.enter({})["session"]
    ask(one, name, "a")
    seen = ask(one, name, "b")["version"]
    ask(two, name, "c", at=at)

    for request in ({"text": "x"}, {"text": "x", "at": 1}):
        with pytest.raises(RefusedError, match="changed elsewhere"):
            one.chat({"session": name, "version": seen, **request})
    with pytest.raises(RefusedError, match="changed elsewhere"):
        one.resume({"session": name, "version": seen})
    now = one.enter({"session": name})["version"]
    assert ask(one, name, "x", version=now)["text"] == "ok"


def test_the_version_is_the_same_after_a_restart(make_routes, scripted, archive) -> None:
    one, two = (make_routes(lambda: Chatbot(scripted()), archive=archive) for _ in range(2))
    name = one.enter({})["session"]

    version = ask(one, name, "a")["version"]

    assert one.enter({"session": name})["version"] == version
    assert two.enter({"session": name})["version"] == version


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
