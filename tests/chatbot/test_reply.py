"""A turn and a reply are made of what was written, finished or not."""

import pytest

from companion.chatbot.reply import BROKEN, USUAL, Draft, conclude, ending_note
from companion.rag.documents import Document, Hit

HITS = [Hit(Document("Ann sings.", {"source": "a.txt"}), 0.9), Hit(Document("Bo."), 0.5)]


def concluded(draft: Draft, limit: int = 64):
    return conclude(draft, keep=lambda text: text.replace("Ann", "***"), limit=limit)


def test_a_finished_answer_is_a_turn_of_two_messages() -> None:
    draft = Draft("Who?", [], pieces=["It is", " Bo."], finished=True, finish="eos", tokens=3)

    turn, reply = concluded(draft)

    assert turn.messages == [
        {"role": "user", "content": "Who?"},
        {"role": "assistant", "content": "It is Bo."},
    ]
    assert (reply.text, reply.note, reply.interrupted, reply.tokens) == ("It is Bo.", "", False, 3)


def test_steps_of_tools_stand_between_question_and_answer() -> None:
    steps = [{"role": "assistant", "content": "{}"}, {"role": "tool", "content": "7"}]

    turn, _ = concluded(Draft("Who?", [], pieces=["7"], steps=steps, finished=True))

    assert [message["role"] for message in turn.messages] == [
        "user", "assistant", "tool", "assistant",
    ]  # fmt: skip


def test_a_continued_answer_begins_with_what_was_there() -> None:
    _, reply = concluded(Draft("Who?", [], before="It is", pieces=[" Bo."], finished=True))

    assert reply.text == "It is Bo."


def test_what_was_stopped_is_kept_and_nothing_is_no_message() -> None:
    some, reply = concluded(Draft("Who?", [], pieces=["It"]))
    none, _ = concluded(Draft("Who?", []))

    assert (some.interrupted, reply.interrupted, reply.note) == (True, True, "")
    assert some.messages[-1] == {"role": "assistant", "content": "It"}
    assert none.messages == [{"role": "user", "content": "Who?"}]


def test_an_answer_that_broke_off_says_so() -> None:
    turn, reply = concluded(Draft("Who?", [], pieces=["It"], finish=BROKEN))

    assert turn.note == reply.note == "broken off"
    assert turn.interrupted


def test_sources_are_the_passages_that_are_cited_and_others_are_not_shown() -> None:
    draft = Draft("Who?", HITS, pieces=["Bo [2], and not [7]."], finished=True)

    turn, reply = concluded(draft)

    assert reply.sources == (HITS[1],)
    assert turn.sources == [HITS[1]]
    assert reply.unknown_citations == (7,)
    assert reply.passages == tuple(HITS)


@pytest.mark.parametrize("hits", [HITS, []])
def test_what_is_kept_is_what_the_model_wrote(hits: list[Hit]) -> None:
    wrote = "```python\nx = [9]\ny = [1, 2, 30]\n```\nSo `b[7]`, and not [8]."
    draft = Draft("Who?", hits, documents=True, pieces=[wrote], finished=True)

    turn, reply = concluded(draft)

    assert turn.messages[-1]["content"] == reply.text == wrote
    assert (reply.sources, reply.unknown_citations) == ((), (8,))


def test_what_may_not_be_kept_is_in_no_message_and_in_no_reasoning() -> None:
    draft = Draft("Who?", [], pieces=["An", "n."], reasoning=["Ann", "or Bo"], finished=True)

    turn, reply = concluded(draft)

    assert turn.messages[-1]["content"] == reply.text == "***."
    assert reply.reasoning == "***\nor Bo"


@pytest.mark.parametrize(
    ("finish", "text", "reasoning", "note"),
    [
        *[(finish, "It is.", "", "") for finish in USUAL],
        ("length", "It", "", "cut at 9 tokens"),
        ("length", "It", "Hm", "cut at 9 tokens"),
        ("length", "", "Hm", "cut at 9 tokens, all of them reasoning: no answer"),
        ("refusal", "", "", "refused"),
        ("content_filter", "", "", "refused: stopped by the server's content filter"),
        (BROKEN, "", "", "broken off"),
        ("a new\nreason", "It", "", "ended by the server: a new reason"),
        ("x" * 200, "It", "", f"ended by the server: {'x' * 80}"),
        ("eos", " \n", "", "an empty answer"),
        ("eos", "", "Hm", "no answer: reasoning only"),
    ],
)
def test_an_unusual_end_is_said(finish: str, text: str, reasoning: str, note: str) -> None:
    assert ending_note(finish, text, reasoning, 9) == note
