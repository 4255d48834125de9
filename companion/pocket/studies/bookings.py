"""Messages of guests who book a table, and the booking that each of them means.

Names, sentences and numbers of the two splits differ, and so do those of the examples. Taught in
:doc:`/book/applications/structured-output`.
"""

import random
from typing import Any

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
WISHES = ("cake", "high chair", "parking")
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "pattern": "^[A-Za-z]{1,12}$"},
        "day": {"enum": list(DAYS), "type": "string"},
        "guests": {"type": "integer", "minimum": 1, "maximum": 12},
        "outside": {"type": "boolean"},
        "wishes": {
            "type": "array",
            "items": {"enum": list(WISHES), "type": "string"},
            "maxItems": 2,
        },
    },
    "required": ["name", "day", "guests", "outside", "wishes"],
    "additionalProperties": False,
}
"""JSON Schema of a booking."""

ASK = (
    "Read the message and write the booking as JSON with these fields: name (a text), day (a "
    "weekday), guests (a whole number from 1 to 12), outside (true or false), wishes (a list, at "
    'most two of "cake", "high chair", "parking"). Write nothing but the JSON.\n\nMessage: {text}'
)
"""Prompt that asks for the booking in a message."""

NAMES = {
    "examples": ("Omar", "Julia", "Chen"),
    "development": ("Nora", "Pavel", "Rosa", "Ivan", "Emma", "Karl"),
    "held_out": ("Alice", "Bruno", "Carla", "David", "Elena", "Felix", "Grace", "Hugo", "Irene"),
}
OPENINGS = {
    "examples": (
        "A table for {guests} on {day}, please.",
        "Can we come on {day}? We are {guests}.",
    ),
    "development": ("Please book {day} for {guests}.", "{guests} people, {day} evening."),
    "held_out": (
        "Hello, I would like to reserve a table for {guests} on {day}.",
        "We are {guests} people and want to eat with you on {day}.",
        "Do you have room for {guests} on {day} night?",
        "On {day} there will be {guests} of us.",
    ),
}
OUTSIDE = {True: "We would like to sit outside.", False: "We would like to sit inside."}
WANTED = {
    "cake": "It is a birthday, so we need a cake.",
    "high chair": "We bring a baby and need a high chair.",
    "parking": "We come by car and need parking.",
}
SIGNED = {
    "examples": "My name is {name}.",
    "development": "The name is {name}.",
    "held_out": "Please put it under the name {name}.",
}


def bookings(split: str, count: int) -> list[tuple[str, dict[str, Any]]]:
    """Draw messages.

    Args:
        split: "held_out", "development", or "examples" for those that a prompt shows.
        count: How many.

    Returns:
        Pairs of a message and its booking, whose fields are in the order of `SCHEMA`.
    """
    rng = random.Random(f"bookings {split}")
    drawn = []
    for index in range(count):
        booking = {
            "name": NAMES[split][index % len(NAMES[split])],
            "day": rng.choice(DAYS),
            "guests": rng.randint(2, 12),
            "outside": rng.random() < 0.5,
            "wishes": sorted(rng.sample(WISHES, rng.choice((0, 0, 1, 1, 2)))),
        }
        opening = OPENINGS[split][index % len(OPENINGS[split])]
        sentences = [opening, OUTSIDE[booking["outside"]], *map(WANTED.get, booking["wishes"])]
        text = " ".join([*sentences, SIGNED[split]])
        drawn.append((text.format(**booking), booking))
    return drawn
