"""Conversations say a name once, in their first turn, and an answer counts if it is the user's."""

import pytest

from companion.pocket.corpus.lexicon import FIRST_NAMES
from companion.pocket.studies import memory


def test_a_conversation_has_the_name_in_its_first_turn_only() -> None:
    for turns in (1, 2, 4):
        messages = memory.conversation("Amara", 3, turns)
        roles = [message["role"] for message in messages]
        assert roles == ["user", "assistant"] * turns + ["user"]
        assert all("Amara" in message["content"] for message in messages[:2])
        assert not any("Amara" in message["content"] for message in messages[2:])


@pytest.mark.parametrize(
    ("text", "recalled"),
    [
        ("Your name is Amara.", True),
        ("Amara", True),
        ("You told me that you are Amara!", True),
        ("My name is Amara.", False),
        ("I'm Amara, your assistant.", False),
        ("I\u2019m Amara.", False),
        ("Your name is Amaranth.", False),
        ("I don't know.", False),
    ],
)
def test_a_name_counts_if_it_is_said_to_be_the_users(text, recalled) -> None:
    assert memory.recalls(text, "Amara") is recalled


def test_the_names_are_new_to_the_pocket_models_and_apart() -> None:
    development, held_out = (set(memory.names(split)) for split in ("development", "held_out"))

    assert (len(development), len(held_out)) == (10, 40)
    assert not development & held_out
    assert not (development | held_out) & set(FIRST_NAMES)
