"""Conversations ask for what was told."""

import random

from companion.pocket.corpus import (
    chat,
)


def test_a_conversation_asks_for_what_was_told():
    turns = chat.conversation(random.Random(0), "train", details=["name", "city"], fillers=2)

    assert len(turns) == 6
    told = " ".join(user for user, _ in turns[:2])
    for _, reply in turns[-2:]:
        assert reply.split()[-1].rstrip(".") in told
