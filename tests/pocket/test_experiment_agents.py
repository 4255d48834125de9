"""Agents are scored as whole tasks, what failed is named, and nothing of a question was trained."""

import json
import random

import pytest

from companion.backends.backend import Ending, Written
from companion.pocket.corpus import chains
from companion.pocket.corpus.holdout import held_out
from companion.pocket.experiments import _episodes as episodes
from companion.pocket.experiments import _open_agent as open_agent
from companion.pocket.experiments import agents as study
from companion.pocket.records import record
from companion.rag.documents import Document
from companion.tools import Toolbox, ToolCall, parse_calls


class Scripted:
    """A backend that says the texts of each question, by how many turns it has had."""

    context_length = 500

    def __init__(self, *texts: str) -> None:
        self.texts, self.shown = texts, []

    def bind_tools(self, toolbox):
        return self

    def clean(self, text: str) -> str:
        return text

    def count_tokens(self, messages) -> int:
        return sum(len(message["content"]) for message in messages)

    def write_all(self, conversations, params):
        self.shown.append([list(messages) for messages in conversations])
        turn = len(self.shown) - 1
        return [Written(self.texts[turn], ending=Ending("stop", tokens=7)) for _ in conversations]


def call(query: str) -> str:
    return f"I search.\n<tool_call>{ToolCall('search', {'query': query}).text()}</tool_call>"


@pytest.fixture
def asked():
    return chains.Chain(
        "Where was the boss of Zorin born?",
        ("Who does Zorin work for?", "Where was Bupos born?"),
        ("Zorin works for Bupos.", "Bupos was born in Tarpa."),
        ("Zorin", "Bupos", "Tarpa"),
        (0, 1),
    )


@pytest.fixture
def toolbox(asked):
    other = Document("Felk sells Horno.")
    return Toolbox([episodes.notes_tool([other, *map(Document, asked.notes)], 1)])


def run(asked, toolbox, *texts, **settings):
    (one,) = episodes.run_together(Scripted(*texts), [asked], toolbox, **settings)
    return one


GOOD = [call("Zorin works for"), call("Where was Bupos born?"), "Bupos was born in Tarpa."]


def test_an_episode_that_finds_both_notes_and_says_the_name_is_right(asked, toolbox):
    one = run(asked, toolbox, *GOOD)

    assert (one.right, one.found, one.calls, one.ended) == (True, 2, 2, "answer")
    assert episodes.failure(one) == ""


@pytest.mark.parametrize(
    ("texts", "settings", "name"),
    [
        (["It is Tarp."], {}, "stopped early"),
        (["It is Tarpas."], {}, "stopped early"),  # the name is a part of another
        ([*GOOD[:2], "It is Felk."], {}, "misread"),
        ([call("Where was Gonzor born?"), "It is Oslo."], {}, "wrong name"),
        ([GOOD[0].replace('"search"', '"look"'), "It is Oslo."], {}, "wrong tool"),
        ([GOOD[0], chains.GIVING_UP], {}, "gave up"),
        ([GOOD[0], GOOD[1]], {"max_steps": 1}, "out of steps"),
    ],
)
def test_what_failed_first_is_named(asked, toolbox, texts, settings, name):
    assert episodes.failure(run(asked, toolbox, *texts, **settings)) == name


def test_a_conversation_without_room_ends(asked, toolbox):
    backend = Scripted(*GOOD)
    backend.context_length = episodes.GREEDY.max_new_tokens + 60

    (one,) = episodes.run_together(backend, [asked], toolbox)

    assert (one.ended, episodes.failure(one)) == ("context", "context full")


def test_a_view_changes_what_is_read_and_not_the_conversation(asked, toolbox):
    backend = Scripted(*GOOD)

    (one,) = episodes.run_together(backend, [asked], toolbox, view=episodes.clear_old)

    results = [m["content"] for m in backend.shown[2][0] if m["role"] == "tool"]
    assert results == ['{"notes": []}', '{"notes": ["Bupos was born in Tarpa."]}']
    assert "Zorin works for Bupos." in str(one.run.messages)


def test_the_first_note_is_kept_and_an_error_left_alone():
    talk = [
        {"role": "tool", "content": json.dumps({"notes": ["a", "b"]})},
        {"role": "tool", "content": '{"error": "nothing"}'},
    ]

    shown = [message["content"] for message in episodes.first_note(talk)]

    assert shown == ['{"notes": ["a"]}', '{"error": "nothing"}']


def test_a_trace_is_calls_that_the_loop_reads_and_ends_with_the_answer():
    rng = random.Random(0)
    for _ in range(40):
        drawn = chains.chain(rng, "train", rng.randint(1, 3), message=rng.random() < 0.5)
        talk = chains.trace(rng, "train", drawn)

        said = [message["content"] for message in talk if message["role"] == "assistant"]

        assert all(len(parse_calls(text)) == 1 for text in said[:-1])
        assert parse_calls(said[-1]) == []
        assert drawn.to or said[-1] in (drawn.notes[-1], chains.GIVING_UP)


def test_names_and_pairs_of_the_evaluation_are_new():
    rng = random.Random(1)

    trained = [chains.chain(rng, "train", 3) for _ in range(60)]

    assert not any(one.new for one in trained)
    assert not any(held_out(name.lower()) for one in trained for name in one.names)
    assert all(
        held_out(name.lower()) for one in episodes.questions("t", 2, 20) for name in one.names
    )
    assert all(one.new for one in episodes.questions("t", 2, 20, new=True))


def test_messages_count_only_when_they_are_sent(asked):
    outbox = []
    box = Toolbox([episodes.send_message(outbox, needs_approval=True)])
    written = ToolCall("send_message", {"to": "Bob", "text": "Hi"}).text()

    run(asked, box, written, "Done.")
    assert outbox == []
    run(asked, box, written, "Done.", approve=lambda _: True)
    assert outbox == [("Bob", "Hi")]


def test_open_questions_need_both_of_their_notes():
    for question, (first, second), city in open_agent.open_questions(8):
        person = question.split("boss of ")[1].split(" ")[0]

        assert f"boss of {person} is" in first
        assert city in second
        assert person not in second


def test_the_record_has_what_the_page_shows():
    run = record("agents")

    assert set(run["hops"]) == set(map(str, study.HOPS))
    for found in run["hops"].values():
        assert found["right"] + sum(found["failures"].values()) == found["items"]
        assert len(found["calls"]) == found["right"]
        assert len(found["found"]) == found["items"]
