"""Everyday stories: open-ended text with many possible continuations, so that sampling has something to choose from."""

import random

from .grammar import expand
from .holdout import Split
from .lexicon import FIRST_NAMES, pronouns

_RULES: dict[str, list[str]] = {
    "when": [
        "One morning",
        "One evening",
        "On Sunday",
        "On a cold day",
        "Last summer",
        "After school",
        "Early in the day",
        "On a rainy afternoon",
        "Late at night",
        "Before breakfast",
        "On the first day of spring",
        "One windy day",
        "During the holidays",
        "Yesterday",
    ],
    "place": [
        "the market",
        "the old harbor",
        "the library",
        "the forest",
        "the lake",
        "the station",
        "the garden",
        "the bakery",
        "the museum",
        "the school",
        "the park",
        "the farm",
        "the beach",
        "the small shop on the corner",
        "the bridge",
        "the mountain hut",
        "the town hall",
    ],
    "thing": [
        "a red kite",
        "an old map",
        "a small box",
        "a silver key",
        "a wooden boat",
        "a letter without a name",
        "a broken clock",
        "a blue scarf",
        "a basket of pears",
        "a strange coin",
        "a heavy book",
        "a glass bottle",
        "a paper lantern",
        "a tiny drum",
        "a green umbrella",
    ],
    "animal": [
        "a gray cat",
        "a small dog",
        "a lost duck",
        "a young fox",
        "an old horse",
        "a hungry bird",
        "a quiet owl",
        "a fat goose",
        "a brown rabbit",
    ],
    "weather": [
        "The sun was shining",
        "It was raining hard",
        "Snow covered the roofs",
        "A soft wind blew from the sea",
        "The sky was gray",
        "Fog lay over the fields",
        "The air smelled of bread",
        "The stars were bright",
        "It was very quiet",
        "The leaves were turning red",
    ],
    "mood": [
        "happy",
        "tired",
        "curious",
        "a little afraid",
        "proud",
        "surprised",
        "hungry",
        "calm",
        "lonely",
        "excited",
    ],
    "food": [
        "warm bread",
        "vegetable soup",
        "apple cake",
        "hot tea",
        "cheese and grapes",
        "rice with beans",
        "pancakes",
        "tomato salad",
        "a bowl of cherries",
    ],
    "person": [
        "a fisherman",
        "an old woman",
        "a young teacher",
        "the baker",
        "a boy with a violin",
        "a tall stranger",
        "the gardener",
        "a girl with a bicycle",
        "the train driver",
        "a doctor",
        "two sisters",
        "the night guard",
    ],
    "said": ["said", "whispered", "asked", "answered", "called"],
    "open": [
        "{when}, {A} went to {place}.",
        "{when}, {A} walked to {place} with {B}.",
        "{A} and {B} lived near {place}.",
        "{when}, {A} could not sleep.",
        "{A} wanted to find {thing}.",
        "There was once a child called {A} who loved {place}.",
        "{when}, {A} woke up and felt {mood}.",
        "{A} had never been to {place} before.",
    ],
    "scene": [
        "{weather}.",
        "{weather}, and the streets were empty.",
        "{weather} and {A} felt {mood}.",
        "{They} carried {thing} under {their} arm.",
        "Nobody else was there.",
        "{They} had been waiting for this day for a long time.",
        "In {their} bag {they} had {food} and {thing}.",
    ],
    "event": [
        "Near the door {they} saw {animal}.",
        "Suddenly {they} found {thing} on the ground.",
        "There {they} met {person}.",
        "{B} showed {them} {thing}.",
        "A loud noise came from {place}.",
        "{Animal} ran past and dropped {thing}.",
        "{Person} asked {them} for help.",
        "{They} opened the door and saw {person}.",
        "The lamp went out and it became dark.",
        "{They} lost {thing} on the way.",
        "{B} came running and looked {mood}.",
        "{They} heard music from {place}.",
    ],
    "talk": [
        '"What is that?" {said} {A}.',
        '"Can you help me?" {said} {person}.',
        '"I have never seen {thing} before," said {B}.',
        '"Come with me to {place}," said {person}.',
        '"Do not worry," said {A}.',
        '"This belongs to my family," said {person}.',
        '"Let us share {food}," said {B}.',
        '"I am {mood}," said {A}.',
        '"We must be quick," whispered {B}.',
        '"Why not?" answered {A} and smiled.',
    ],
    "act": [
        "So they went to {place} together.",
        "{A} gave {person} {food}.",
        "{They} thought about it for a while.",
        "They looked everywhere, but they found only {thing}.",
        "{A} climbed up the hill to see better.",
        "{B} laughed and took {thing}.",
        "Together they repaired {thing}.",
        "{They} wrote everything down in a small book.",
        "{They} followed {animal} as far as {place}.",
        "They sat down and ate {food}.",
        "{A} put {thing} back where it belonged.",
        "{They} counted to ten and tried again.",
    ],
    "close": [
        "In the end, everyone was {mood}.",
        "{A} went home and told {B} the whole story.",
        "From that day on, {A} and {B} were friends.",
        "That night {A} slept well.",
        "{A} kept {thing} for many years.",
        "And {person} thanked them with {food}.",
        "{They} never forgot {place}.",
        "The next day, they all met again at {place}.",
        "{B} was waiting at home with {food}.",
        "It had been a good day.",
    ],
}
_MIDDLE = ("scene", "event", "talk", "act")


def story(rng: random.Random) -> list[str]:
    """Return the sentences of one short story."""
    a, b = rng.sample(FIRST_NAMES, 2)
    rules: dict[str, list[str] | str] = {**_RULES, **pronouns(a), "A": a, "B": b}
    for symbol in ("animal", "person"):
        rules[symbol.capitalize()] = [text[0].upper() + text[1:] for text in _RULES[symbol]]
    middle = (
        ["scene", "event", "talk", "act"]
        if rng.random() < 0.4
        else [rng.choice(_MIDDLE) for _ in range(rng.randint(3, 8))]
    )
    return [expand(rng, f"{{{symbol}}}", rules) for symbol in ("open", *middle, "close")]


def document(rng: random.Random, split: Split) -> str:
    """Return one story as a paragraph."""
    return " ".join(story(rng))
