"""A turn as the page shows it, in a form that JSON holds."""

import json

from companion.chatbot import Turn
from companion.chatbot.reply import Reply
from companion.chatbot.turn_view import shown, version
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

    view = shown(turn, Reply("Ann.", reasoning="Hm", left_out=2, unread=1, tokens=3, seconds=0.5))

    assert (view["reasoning"], view["left_out"], view["tokens"], view["seconds"]) == (
        "Hm", 2, 3, 0.5,
    )  # fmt: skip
    assert view["unread"] == 1


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

    *parts, last = shown(turn)["parts"]

    calls = [part["call"] for part in parts]
    assert last == {"text": "Done."}
    assert calls[:2] == [
        {"name": "add", "arguments": {"a": 1}, "result": "2"},
        {"name": "add", "arguments": "{", "result": None},
    ]
    assert calls[2:] == [{"name": "add", "arguments": {"a": 3}, "result": "4"}]


def call(name: str, id_: str) -> dict:
    return {"id": id_, "type": "function", "function": {"name": name, "arguments": "{}"}}


def answer(text: str, *calls: dict) -> dict:
    return {"role": "assistant", "content": text} | ({"tool_calls": list(calls)} if calls else {})


def test_texts_and_calls_stand_in_their_order() -> None:
    turn = Turn(
        [
            ASKED,
            answer("Let me compute.", call("add", "1")),
            {"role": "tool", "content": "2", "tool_call_id": "1"},
            answer("Once more.", call("mul", "1")),  # some servers count anew in each answer
            {"role": "tool", "content": "6", "tool_call_id": "1"},
            answer("It is 6."),
        ]
    )

    assert shown(turn)["parts"] == [
        {"text": "Let me compute."},
        {"call": {"name": "add", "arguments": {}, "result": "2"}},
        {"text": "Once more."},
        {"call": {"name": "mul", "arguments": {}, "result": "6"}},
        {"text": "It is 6."},
    ]


def test_words_before_a_call_that_is_text_are_shown_without_it() -> None:
    said = 'I will look.\n<tool_call>{"name": "add", "arguments": {}}</tool_call>'
    turn = Turn([ASKED, answer(said), {"role": "tool", "content": "2"}, answer("2.")])

    texts = [part.get("text") for part in shown(turn)["parts"]]

    assert texts == ["I will look.", None, "2."]


def test_an_answer_in_several_messages_is_shown_whole() -> None:
    turn = Turn([ASKED, answer("c"), answer(" "), answer("d")])

    assert shown(turn)["parts"] == [{"text": "c"}, {"text": "d"}]


def test_what_was_said_before_a_call_shows_no_invented_citation() -> None:
    turn = Turn(
        [ASKED, answer("Ann [1] [7].", call("add", "1")),
         {"role": "tool", "content": "2", "tool_call_id": "1"}],
        passages=HITS,
    )  # fmt: skip

    assert shown(turn)["parts"][0] == {"text": "Ann [1]."}


def test_an_answer_without_passages_shows_no_invented_citation_and_its_code_whole() -> None:
    said = "It is 7. [1]\n\n```\nx, [9]\n```"
    turn = Turn([ASKED, answer(said)], unknown_citations=[1])

    view = shown(turn)

    assert view["parts"] == [{"text": "It is 7.\n\n```\nx, [9]\n```"}]
    assert view["text"] == said


def test_the_version_changes_with_what_is_shown() -> None:
    turns = [
        [],
        [Turn([ASKED])],
        [Turn([ASKED], interrupted=True)],
        [Turn([ASKED, answer("a")])],
        [Turn([ASKED, answer("b")])],
        [Turn([ASKED, answer("b")]), Turn([ASKED])],
    ]

    assert len({version(some) for some in turns}) == len(turns)
    assert version(turns[3]) == version([Turn([ASKED, answer("a")])])
