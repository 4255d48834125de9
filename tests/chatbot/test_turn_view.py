"""A turn as the page shows it, in a form that JSON holds."""

import json

from companion.chatbot import Turn
from companion.chatbot.reply import Reply
from companion.chatbot.turn_view import shown
from companion.rag.documents import Document, Hit

ASKED = {"role": "user", "content": "Who?"}
ABOVE = {"source": "a.pdf", "page": 3, "heading": "Fees", "parents": "Rules"}
HITS = [Hit(Document("Ann sings.", ABOVE), 0.9), Hit(Document("Bo.", {"source": "b.txt"}), 0.5)]


def test_an_answer_has_its_words_and_passages_say_whether_they_are_cited() -> None:
    turn = Turn([ASKED, {"role": "assistant", "content": "Ann [1]."}], [HITS[0]], passages=HITS)

    view = json.loads(json.dumps(shown(turn)))

    assert (view["asked"], view["text"], view["interrupted"]) == ("Who?", "Ann [1].", False)
    assert view["passages"] == [
        {"origin": "a.pdf", "page": 3, "heading": "Rules > Fees", "text": "Ann sings.",
         "cited": True},
        {"origin": "b.txt", "page": None, "heading": "", "text": "Bo.", "cited": False},
    ]  # fmt: skip
    assert "tokens" not in view


def test_a_question_without_an_answer_has_no_text() -> None:
    view = shown(Turn([ASKED], interrupted=True, note="broken off"))

    assert (view["text"], view["interrupted"], view["note"]) == ("", True, "broken off")


def test_a_new_answer_shows_what_is_not_stored() -> None:
    turn = Turn([ASKED, {"role": "assistant", "content": "Ann."}])

    view = shown(turn, Reply("Ann.", reasoning="Hm", left_out=2, tokens=3, seconds=0.5))

    assert (view["reasoning"], view["left_out"], view["tokens"], view["seconds"]) == (
        "Hm", 2, 3, 0.5,
    )  # fmt: skip


def test_calls_of_every_form_have_name_arguments_and_result() -> None:
    called = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
    odd = {"id": "c2", "type": "function", "function": {"name": "add", "arguments": "{"}}
    turn = Turn(
        [
            ASKED,
            {"role": "assistant", "content": None, "tool_calls": [called, odd]},
            {"role": "tool", "content": "2", "tool_call_id": "c1"},
            {"role": "assistant", "content": '{"name": "add", "arguments": {"a": 3}}'},
            {"role": "tool", "content": "4"},
            {"role": "assistant", "content": "Done."},
        ]
    )

    calls = shown(turn)["calls"]

    assert calls[:2] == [
        {"name": "add", "arguments": {"a": 1}, "result": "2"},
        {"name": "add", "arguments": "{", "result": None},
    ]
    assert calls[2:] == [{"name": "add", "arguments": {"a": 3}, "result": "4"}]
