"""What a message is by its form."""

import pytest

from companion.chatbot.forms import asks, is_courtesy, is_of_the_talk


@pytest.mark.parametrize(
    "message",
    ["okay thanks", "\U0001f44d", "haha", "Hallo", "Guten Morgen", "Good for you!", "?!"],
)
def test_polite_words_and_pictures_are_courtesies(message: str) -> None:
    assert is_courtesy(message)


@pytest.mark.parametrize(
    "message",
    ["Otto Danke", "breakfast", "Help", "\u8c22\u8c22", "Tomorrow morning?", "This evening?"],
)
def test_any_other_word_is_none(message: str) -> None:
    assert not is_courtesy(message)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("who tells jokes", True),
        ("Thanks, and when do you open", True),
        ("Tell me the height of the tower.", True),
        ("capital of Peru", True),
        ("\u4f60\u597d\uff1f", True),
        ("Wie hoch ist der Turm", True),
        ("do not worry", False),
        ("never mind", False),
        ("maybe", False),
        ("My phone is broken.", False),
        ("because of that I left early", False),
    ],
)
def test_what_asks(message: str, expected: bool) -> None:
    assert asks(message) is expected


@pytest.mark.parametrize(
    "message",
    [
        "as a table please",
        "Once more, please.",
        "Say it in simpler words.",
        "Please translate that into Spanish.",
        "What is the source?",
        "What was my very first question?",
        "What have we talked about?",
        "I have a question.",
        "What's my name?",
        "My favourite color is blue.",
    ],
)
def test_what_is_about_the_conversation(message: str) -> None:
    assert is_of_the_talk(message, [])


@pytest.mark.parametrize(
    "message",
    [
        "What is the source of the river?",
        "What was the first question of the exam?",
        "Translate the letter into German.",
        "Explain that rule for guests.",
        "What is the name of the cat?",
        "My phone is broken.",
        "Can I have it in Norway?",
        "My favourite place is closed, why?",
    ],
)
def test_what_is_about_the_documents(message: str) -> None:
    assert not is_of_the_talk(message, ["My cat is ill."])


@pytest.mark.parametrize(
    ("message", "said", "expected"),
    [
        ("Where do I live?", "I live in Oslo.", True),
        ("Do you remember what my sister is called?", "My sister is Ida.", True),
        ("What is my locker number?", "I like swimming.", False),
        ("What do I have to pay?", "I pay now.", False),
        ("Where can I bring my dog?", "I have a dog.", False),
        ("What is my cat called?", "Is my cat welcome?", False),
    ],
)
def test_what_was_told_is_asked_of_the_conversation(
    message: str, said: str, expected: bool
) -> None:
    assert is_of_the_talk(message, [said]) is expected
