"""Small talk is told from questions by the nearest example."""

import numpy as np
import pytest

from companion.chatbot.small_talk import QUESTIONS, TALK, SmallTalk, introduces
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


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("My name is Norway.", True),
        ("hello, my name is mr. osei", True),
        ("Hi, I\u2019m \u00d6rjan and I live in Bergen!", True),
        ("I am Priya Raman.", True),
        ("My name is Ann. When do you open?", False),
        ("I am Ann and I want to know the opening hours.", False),
        ("My name is missing on the list.", False),
        ("I am ill.", False),
        ("my name is priya", True),
        ("MY NAME IS ANN", True),
        ("My name is on the list.", False),
        ("my name is misspelled", False),
        ("I AM LOOKING FOR BREAKFAST", False),
    ],
)
def test_an_introduction_is_small_talk_whatever_the_name(message: str, expected: bool) -> None:
    assert introduces(message) is expected


def test_an_introduction_is_surer_than_any_example(is_talk: SmallTalk) -> None:
    assert is_talk("My name is Petra Lund.") == 1.0
    assert is_talk("Good morning, thank you!") == 1.0
    assert 0.9 < is_talk("Good morning, nice to meet you.") < 1


class Table:
    """Vectors of a table; of another text, the one that is like nothing."""

    def __init__(self, **vectors: tuple[float, float, float]) -> None:
        self.vectors, self.calls = vectors, 0

    def embed(self, texts: list[str], **_: object) -> np.ndarray:
        self.calls += 1
        kinds = [self._of(text) for text in texts]
        return np.array(kinds, dtype=np.float32)

    def _of(self, text: str) -> tuple[float, float, float]:
        if text in TALK:
            return (1.0, 0.0, 0.0)
        if text in QUESTIONS:
            return (0.0, 1.0, 0.0)
        return self.vectors[text]


@pytest.mark.parametrize(
    ("vector", "expected"),
    [
        ((0.6, 0.5, 0.62), 0.6),
        ((0.5, 0.6, 0.62), 0),  # a question is nearer
        ((0.34, 0.1, 0.93), 0),  # like no example
        ((0.36, 0.1, 0.92), 0.36),
    ],
)
def test_the_nearest_example_counts_if_it_is_near_enough(
    vector: tuple[float, float, float], expected: float
) -> None:
    assert SmallTalk(lambda: Table(message=vector))("message") == pytest.approx(expected)


def test_the_examples_are_embedded_with_the_first_message_only() -> None:
    made: list[Table] = []

    def make() -> Table:
        made.append(Table(joke=(1.0, 0.0, 0.0)))
        return made[-1]

    is_talk = SmallTalk(make)
    assert made == []
    assert is_talk("joke")
    assert is_talk("joke")

    assert [table.calls for table in made] == [3]
