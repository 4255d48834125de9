"""Small talk: messages that are not about the documents, known by their likeness to examples.

"Hello!", "Thanks", "What is my name?", "Say that again, but shorter": a chat that answers from
documents must not answer them with "The documents do not say." They are told from questions by the
example, of either kind, that is nearest to them: classification by the nearest neighbor
(https://doi.org/10.1109/TIT.1967.1053964). The passages of the documents are examples of questions
too: `companion.chatbot.evidence` weighs them against what is said here. Who introduces himself is
known by the form, since a name, which may stand in the documents, moves the vector more than all
words around it. Taught in :doc:`/book/applications/chatbot`.
"""

import re
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from companion.chatbot.forms import is_courtesy

TALK = (
    "Hello!",
    "Hi!",
    "Hi, how are you?",
    "Good evening.",
    "Good morning, nice to meet you.",
    "Thanks!",
    "Thank you very much.",
    "Thanks, that helps.",
    "Goodbye, see you soon.",
    "Okay, good.",
    "Great!",
    "Danke!",
    "Merci!",
    "Yes.",
    "Yes, please.",
    "No.",
    "No, thanks.",
    "I see.",
    "Sorry, my mistake.",
    "You are funny.",
    "My name is Ann.",
    "I am Ann and I live in Oslo.",
    "I am Eva, I come from Rome and work as a cook.",
    "I am Bo.",
    "I have a dog.",
    "I like swimming.",
    "Where do I live?",
    "Do you remember what I like?",
    "What is my name?",
    "What did I tell you about myself?",
    "Who are you?",
    "What can you do for me?",
    "Are you a human being?",
    "How do you feel today?",
    "How do you do?",
    "Can you help me?",
    "Do you like music?",
    "Tell me a joke.",
    "Summarize what we have talked about.",
    "What was my first question?",
    "Repeat your last answer.",
    "Say that again in other words.",
    "Say it in simpler words.",
    "Shorter, please.",
    "Can you make your answer shorter?",
    "Translate your answer into French.",
    "I did not understand your answer.",
    "What do you mean?",
    "Are you sure?",
    "That is wrong.",
)
"""Words between people, and about the conversation itself."""

MIN_COSINE = 0.35
"""Cosine from which on a message is like an example. Most questions are like none of them."""

LIKELY = 0.99
"""What the very words of an example count: documents can have them as well."""

QUESTIONS = (
    "What is the capital of Peru?",
    "Who wrote this book?",
    "Who founded the company?",
    "Where does she live?",
    "Where can I find the office?",
    "When does it open?",
    "When was that?",
    "At what time does the shop close?",
    "How much does it cost?",
    "How much do I have to pay?",
    "How long does it take?",
    "How many people work there?",
    "How warm is the room?",
    "How old must visitors be?",
    "How far is it to the station?",
    "How do I change a tire?",
    "How does a pump work?",
    "Why is the sky blue?",
    "What does this word mean?",
    "What is the difference between the two methods?",
    "What happens if I am late?",
    "What do I need to bring?",
    "Which one is the largest?",
    "Can I bring my dog?",
    "May I cancel my order?",
    "Do I get my money back?",
    "Do you have rooms with a view?",
    "Do you open on Sundays?",
    "Is there a fee for students?",
    "Am I allowed to smoke?",
    "Explain how the machine is cleaned.",
    "List the rules for visitors.",
    "Give me the number of the member.",
    "Tell me about the history of the town.",
    "And in winter?",
    "What is the name of the king?",
    "What is the dog called?",
    "What is Ann's job?",
    "Where does Ann live?",
    "Who was the first president?",
    "Who said that in the film?",
    "Who said goodbye at the end?",
    "Who can help me with the form?",
    "Whom do I have to tell if I am ill?",
    "What was the first question of the test?",
    "What is the first step?",
    "What is the joke in the first chapter?",
    "What did the minister say about the war?",
    "What was discussed in the meeting?",
    "Summarize the report.",
    "Summarize the speech in three sentences.",
    "Translate the letter into German.",
    "Is there a French translation of the book?",
    "What language do they speak in Oslo?",
    "I did not understand the second rule. What does it say?",
    "Is the teacher a human being or a machine?",
    "Are robots allowed to drive?",
    "Do you teach music?",
    "What music do they play?",
    "Does he like swimming?",
    "Can I swim in the river?",
    "Do you deliver to Sweden?",
    "How do patients feel after it?",
    "Was the party good?",
    "My phone is broken.",
)
"""Questions that somebody may ask of documents, many of them in words that are like small talk."""

INTRODUCTION = re.compile(
    r"\W*(?:(?:hello|hi|hey|good \w+)\W+)?"
    r"(?:(?P<called>my name(?: is|['\u2019]s))|i(?: am|['\u2019]m))"
    r"(?P<name>(?:\s+[\w.'\u2019-]+){1,3}?)"
    r"(?:,? and i (?:am|live|work|come|like|love)\b[^.?!]*)?[.!]*\s*",
    re.IGNORECASE,
)
"""Somebody says who he is: "My name is Ann." """

NO_NAME = re.compile(
    r"\b(?:\w{4,}(?:ed|ing)|wrong|also|here|on|in|at|not|the|an?)\b", re.IGNORECASE
)
"""What follows "my name is" and is no name: "my name is missing"."""


def introduces(message: str) -> bool:
    """Tell whether somebody says his name, and nothing else but a few words on himself.

    A name has a capital. Where a message has no capitals, or no others, it may also be in other
    letters, but only behind "my name is".

    Example:
        >>> [introduces(text) for text in ("I am Ann.", "my name is ann", "My name is missing.")]
        [True, True, False]
    """
    match = INTRODUCTION.fullmatch(message)
    if match is None:
        return False
    name = match["name"].strip()
    if message == message.lower() or message == message.upper():
        return bool(match["called"]) and not NO_NAME.search(name)
    return not name[0].islower()


class SmallTalk:
    """Tells small talk from questions. A `Chatbot` takes it in its settings.

    Args:
        make_embedder: Returns what makes vectors. It is called with the first message.

    Example:
        >>> from companion.rag import Embedder
        >>> talk = SmallTalk(Embedder)
        >>> talk("My name is Ann."), talk("Good morning!") > 0.7, talk("How high is the deposit?")
        (1.0, True, 0.0)
    """

    def __init__(self, make_embedder: Callable[[], Any]) -> None:
        self.make_embedder = make_embedder

    @cached_property
    def _embedder(self) -> Any:
        return self.make_embedder()

    @cached_property
    def _examples(self) -> np.ndarray:
        return self._embedder.embed([*TALK, *QUESTIONS], progress=False)

    def __call__(self, message: str) -> float:
        """Return how near the nearest example is if it is small talk, and near enough; else 0.

        1 is for what can be nothing else: a courtesy, or somebody who introduces himself.
        """
        if is_courtesy(message) or introduces(message):
            return 1.0
        cosines = self._examples @ self._embedder.embed([message], progress=False)[0]
        nearest = int(np.argmax(cosines))
        is_talk = nearest < len(TALK) and cosines[nearest] >= MIN_COSINE
        return min(float(cosines[nearest]), LIKELY) if is_talk else 0.0
