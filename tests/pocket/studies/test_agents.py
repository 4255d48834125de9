"""Agents are scored as whole tasks, and nothing of a question was trained."""

import json
import random

from companion.pocket.corpus import chains
from companion.pocket.corpus.holdout import held_out
from companion.pocket.studies import agents
from companion.tools import Toolbox, ToolCall
from tests.scripted import ASKED, GOOD, Scripted, notes, run


def test_an_episode_that_finds_both_notes_and_says_the_name_is_right():
    one = run(notes(), *GOOD)

    assert (one.right, one.found, one.calls, one.ended) == (True, 2, 2, "answer")


def test_a_conversation_without_room_ends():
    backend = Scripted(*GOOD)
    backend.context_length = agents.GREEDY.max_new_tokens + 60

    (one,) = agents.run_together(backend, [ASKED], notes())

    assert (one.ended, one.right) == ("context", False)


def test_a_view_changes_what_is_read_and_not_the_conversation():
    backend = Scripted(*GOOD)

    (one,) = agents.run_together(backend, [ASKED], notes(), view=lambda messages: messages[-1:])

    assert [len(shown) for (shown,) in backend.shown] == [1, 1, 1]
    assert "Zorin works for Bupos." in str(one.run.messages)


def test_the_first_note_is_kept_and_an_error_left_alone():
    talk = [
        {"role": "tool", "content": json.dumps({"notes": ["a", "b"]})},
        {"role": "tool", "content": '{"error": "nothing"}'},
    ]

    shown = [message["content"] for message in agents.first_note(talk)]

    assert shown == ['{"notes": ["a"]}', '{"error": "nothing"}']


def test_names_and_pairs_of_the_evaluation_are_new():
    rng = random.Random(1)

    trained = [chains.chain(rng, "train", 3) for _ in range(60)]

    assert not any(one.new for one in trained)
    assert not any(held_out(name.lower()) for one in trained for name in one.names)
    assert all(held_out(name.lower()) for one in agents.questions("t", 2, 20) for name in one.names)
    assert all(one.new for one in agents.questions("t", 2, 20, new=True))


def test_messages_count_only_when_they_are_sent():
    outbox = []
    box = Toolbox([agents.send_message(outbox, needs_approval=True)])
    written = ToolCall("send_message", {"to": "Bob", "text": "Hi"}).text()

    run(box, written, "Done.")
    assert outbox == []
    run(box, written, "Done.", approve=lambda _: True)
    assert outbox == [("Bob", "Hi")]
