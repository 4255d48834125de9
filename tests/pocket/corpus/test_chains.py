"""Chains of notes, and what an agent does to follow them."""

import json
import random

import pytest

from companion.pocket.corpus import chains
from companion.tools import parse_calls


def test_a_trace_is_calls_that_the_loop_reads_and_ends_with_the_answer():
    rng = random.Random(0)
    for _ in range(40):
        drawn = chains.chain(rng, "train", rng.randint(1, 3), message=rng.random() < 0.5)
        talk = chains.trace(rng, "train", drawn)

        said = [message["content"] for message in talk if message["role"] == "assistant"]

        assert all(len(parse_calls(text)) == 1 for text in said[:-1])
        assert parse_calls(said[-1]) == []
        assert drawn.to or said[-1] in (drawn.notes[-1], chains.GIVING_UP)


@pytest.mark.parametrize("hops", [1, 2, 3])
def test_each_note_leads_to_the_next(hops: int):
    rng = random.Random(hops)
    for _ in range(50):
        drawn = chains.chain(rng, "train", hops)

        assert len(drawn.notes) == len(drawn.steps) == len(drawn.names) - 1 == hops
        for note, one, other in zip(drawn.notes, drawn.names, drawn.names[1:], strict=False):
            assert one in note
            assert other in note
        assert drawn.names[0] in drawn.question
        assert drawn.answer not in drawn.question
        assert not drawn.new


def test_pairs_that_training_never_joins_are_drawn_on_request():
    rng = random.Random(0)

    assert all(chains.chain(rng, "eval", 3, new=True).new for _ in range(40))
    assert not any(chains.chain(rng, "eval", 3, new=False).new for _ in range(40))


def test_a_thought_says_what_is_known_and_what_is_wanted():
    asked = chains.Chain(
        "Where was the boss of Ann born? Tell Tom.",
        ("Who does Ann work for?", "Where was Bo born?"),
        ("Ann works for Bo.", "Bo was born in Ziv."),
        ("Ann", "Bo", "Ziv"),
        (0, 1),
        "Tom",
    )

    assert [chains.thought(asked, step) for step in range(3)] == [
        "I need the boss of Ann.",
        "The boss of Ann is Bo. I need to look up Bo.",
        "I tell Tom.",
    ]


def test_a_search_that_finds_nothing_has_other_notes_only():
    rng = random.Random(0)
    drawn = chains.chain(rng, "train", 2)

    for _ in range(50):
        notes = json.loads(chains.found(rng, "train", drawn, 0, hit=False, count=3))["notes"]
        assert len(notes) == 3
        assert drawn.notes[0] not in notes
        hits = json.loads(chains.found(rng, "train", drawn, 0, hit=True, count=2))["notes"]
        assert drawn.notes[0] in hits


def test_without_thoughts_a_turn_begins_with_its_call():
    (with_thoughts,), (without,) = (
        chains.records(3, "train", 1, thoughts=thoughts) for thoughts in (True, False)
    )

    for one, other in zip(with_thoughts["messages"], without["messages"], strict=True):
        assert one["content"].endswith(other["content"])
        if "<tool_call>" in one["content"]:
            assert other["content"].startswith("<tool_call>")
            assert one["content"] != other["content"]
