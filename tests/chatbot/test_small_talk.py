"""Small talk is told from questions by the nearest example."""

import pytest

from companion.chatbot.small_talk import SmallTalk
from companion.rag import Embedder
from companion.rag.handbook import load_handbook_questions


@pytest.fixture(scope="module")
def is_talk() -> SmallTalk:
    return SmallTalk(Embedder)


def test_small_talk_is_told_from_questions(is_talk: SmallTalk) -> None:
    talk = ["Good morning", "Thank you", "What's my name?", "Who are you?", "Bye!", "I am Tavira."]
    questions = [one.text for one in load_handbook_questions()] + ["capital of Peru?"]

    assert [text for text in talk if not is_talk(text)] == []
    assert [text for text in questions if is_talk(text)] == []
