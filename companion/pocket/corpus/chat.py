"""Conversations of several turns in which something said earlier is asked for later."""

import random

from .facts import question
from .holdout import Split
from .lexicon import FIRST_NAMES, known_word, made_up_name

DETAILS = {
    "name": ("My name is {v}.", "I am called {v}.", "Hello, I am {v}.", "Hi! My name is {v}."),
    "city": ("I live in {v}.", "My home is in {v}.", "I come from {v}."),
    "pet": ("I have a cat called {v}.", "My cat is called {v}."),
    "color": ("My favorite color is {v}.", "I like the color {v} best."),
    "thing": ("I am looking for my {v}.", "Yesterday I lost my {v}."),
}
_ASK = {
    "name": ("What is my name?", "Do you remember my name?", "Who am I?"),
    "city": ("Where do I live?", "Do you know where I live?"),
    "pet": ("What is my cat called?", "Do you remember the name of my cat?"),
    "color": ("What is my favorite color?", "Which color do I like best?"),
    "thing": ("What did I lose?", "What am I looking for?"),
}
_TOLD = {
    "name": ("Nice to meet you, {v}.", "Hello, {v}!", "Welcome, {v}."),
    "city": ("{v} sounds like a nice place.", "I would like to see {v}."),
    "pet": ("{v} is a good name for a cat.", "Say hello to {v} for me."),
    "color": ("{v} is a fine color.", "I like {v} too."),
    "thing": ("I hope you find the {v} soon.", "Where did you last see the {v}?"),
}
_RECALL = {
    "name": "Your name is {v}.",
    "city": "You live in {v}.",
    "pet": "Your cat is called {v}.",
    "color": "Your favorite color is {v}.",
    "thing": "You lost your {v}.",
}
_COLORS = "red blue green yellow black white orange purple brown gray pink".split()
_SMALL_TALK = (
    ("How are you?", "I am fine, thank you."),
    ("Hello!", "Hello! How can I help you?"),
    ("Good morning.", "Good morning! What can I do for you?"),
    ("Thank you.", "You are welcome."),
    ("What can you do?", "I can answer questions and remember what you tell me."),
    ("It is raining.", "Then take an umbrella."),
    ("I am tired.", "Maybe you should rest a little."),
    ("I am hungry.", "What would you like to eat?"),
    ("Tell me something.", "The capital of France is Paris."),
    ("Are you a person?", "No, I am a small language model."),
    ("I like music.", "Music is a good companion."),
    ("What day comes after Monday?", "Tuesday."),
    ("Can you swim?", "No, but I can write about the sea."),
)


def _value(rng: random.Random, split: Split, detail: str) -> str:
    if detail == "color":
        return rng.choice(_COLORS)
    if detail == "thing":
        return known_word(rng, split)
    if detail == "name" and split == "train" and rng.random() < 0.4:
        return rng.choice(FIRST_NAMES)
    return made_up_name(rng, split)


def _fill(template: str, value: str) -> str:
    return template.format(v=value)[0].upper() + template.format(v=value)[1:]


def _filler(rng: random.Random) -> tuple[str, str]:
    if rng.random() < 0.4:
        asked, answer = question(rng)
        return asked, f"{answer}."
    return rng.choice(_SMALL_TALK)


def conversation(
    rng: random.Random, split: Split, *, details: list[str], fillers: int
) -> list[tuple[str, str]]:
    """Return turns (user, assistant): each detail is told, then ``fillers`` other turns, then each detail is asked for."""
    values = {detail: _value(rng, split, detail) for detail in details}
    turns = [
        (_fill(rng.choice(DETAILS[d]), values[d]), _fill(rng.choice(_TOLD[d]), values[d]))
        for d in details
    ]
    turns += [_filler(rng) for _ in range(fillers)]
    asked = rng.sample(details, len(details))
    return turns + [(rng.choice(_ASK[d]), _RECALL[d].format(v=values[d])) for d in asked]


def text(turns: list[tuple[str, str]]) -> str:
    """Return the turns as plain text."""
    return "\n".join(f"User: {user}\nAssistant: {assistant}" for user, assistant in turns)


def document(rng: random.Random, split: Split) -> str:
    """Return one conversation."""
    return text(
        conversation(
            rng,
            split,
            details=rng.sample(list(DETAILS), rng.randint(1, 3)),
            fillers=rng.randint(0, 4),
        )
    )


def item(rng: random.Random, split: Split) -> tuple[str, str]:
    """Return a conversation that ends with the question for the name, and the right reply."""
    turns = conversation(rng, split, details=["name"], fillers=2)
    user, reply = turns[-1]
    return text(turns[:-1]) + f"\nUser: {user}\nAssistant:", reply
