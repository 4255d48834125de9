"""Small talk: messages that are not about the documents, known by their likeness to examples.

"Hello!", "Thanks", "What is my name?", "Say that again, but shorter": a chat that answers from
documents must not answer them with "The documents do not say." They are told from questions by the
example, of either kind, that is nearest to them: classification by the nearest neighbor
(https://doi.org/10.1109/TIT.1967.1053964). Taught in :doc:`/book/applications/chatbot`.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

TALK = (
    "Hello!",
    "Hi, how are you?",
    "Good evening.",
    "Thank you very much.",
    "Thanks, that helps.",
    "Goodbye, see you soon.",
    "Okay, good.",
    "Great!",
    "Yes, please.",
    "No, thanks.",
    "I see.",
    "Sorry, my mistake.",
    "You are funny.",
    "My name is Ann.",
    "I am Ann and I live in Oslo.",
    "I like swimming.",
    "What is my name?",
    "What did I tell you about myself?",
    "Who are you?",
    "What can you do for me?",
    "Are you a human being?",
    "How do you feel today?",
    "Can you help me?",
    "Do you like music?",
    "Tell me a joke.",
    "Summarize what we have talked about.",
    "What was my first question?",
    "Say that again in other words.",
    "Can you make your answer shorter?",
    "Translate your answer into French.",
    "I did not understand your answer.",
    "That is wrong.",
)
"""Words between people, and about the conversation itself."""

MIN_COSINE = 0.35
"""Cosine from which on a message is like an example. Most questions are like none of them."""

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
)
"""Questions that somebody may ask of documents."""


class SmallTalk:
    """Tells small talk from questions. A `Chatbot` takes it in its settings.

    Args:
        make_embedder: Returns what makes vectors. It is called with the first message.

    Example:
        >>> from companion.rag import Embedder
        >>> is_talk = SmallTalk(Embedder)
        >>> is_talk("Good morning!"), is_talk("How high is the deposit?")
        (True, False)
    """

    def __init__(self, make_embedder: Callable[[], Any]) -> None:
        self.make_embedder = make_embedder

    @cached_property
    def _embedder(self) -> Any:
        return self.make_embedder()

    @cached_property
    def _examples(self) -> np.ndarray:
        return self._embedder.embed([*TALK, *QUESTIONS], progress=False)

    def __call__(self, message: str) -> bool:
        """Tell whether the nearest example is small talk, and near enough."""
        cosines = self._examples @ self._embedder.embed([message], progress=False)[0]
        nearest = int(np.argmax(cosines))
        return nearest < len(TALK) and bool(cosines[nearest] >= MIN_COSINE)
