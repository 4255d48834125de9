"""Facts about the real world that a base model has to remember: capitals, languages, opposites, colors and the like."""

import random
from typing import NamedTuple

from .holdout import Split
from .tables import table

CAPITALS = table(
    """
    France:Paris Germany:Berlin Italy:Rome Spain:Madrid Portugal:Lisbon Poland:Warsaw
    Austria:Vienna Greece:Athens Norway:Oslo Sweden:Stockholm Finland:Helsinki Denmark:Copenhagen
    Ireland:Dublin Belgium:Brussels Hungary:Budapest Romania:Bucharest Bulgaria:Sofia
    Croatia:Zagreb Serbia:Belgrade Turkey:Ankara Egypt:Cairo Kenya:Nairobi Ghana:Accra
    Morocco:Rabat Ethiopia:Addis_Ababa Nigeria:Abuja Senegal:Dakar Tunisia:Tunis Japan:Tokyo
    China:Beijing India:New_Delhi Thailand:Bangkok Vietnam:Hanoi Indonesia:Jakarta Nepal:Kathmandu
    Iran:Tehran Iraq:Baghdad Jordan:Amman Canada:Ottawa Mexico:Mexico_City Cuba:Havana Peru:Lima
    Chile:Santiago Argentina:Buenos_Aires Brazil:Brasilia Uruguay:Montevideo Colombia:Bogota
    Ecuador:Quito Australia:Canberra New_Zealand:Wellington
    """
)
"""The capital of each country."""

LANGUAGES = table(
    """
    France:French Germany:German Italy:Italian Spain:Spanish Portugal:Portuguese Poland:Polish
    Greece:Greek Norway:Norwegian Sweden:Swedish Finland:Finnish Denmark:Danish Japan:Japanese
    China:Chinese Turkey:Turkish Brazil:Portuguese Mexico:Spanish Egypt:Arabic Hungary:Hungarian
    """
)
OPPOSITES = table(
    """
    hot:cold big:small long:short fast:slow old:new rich:poor high:low early:late light:dark
    full:empty strong:weak happy:sad wet:dry open:closed hard:soft near:far loud:quiet up:down
    """
)
COLORS = table(
    """
    grass:green snow:white blood:red coal:black milk:white cherries:red lemons:yellow
    chocolate:brown frogs:green roses:red bananas:yellow
    """
)
YOUNG = table(
    """
    dog:puppy cat:kitten cow:calf sheep:lamb horse:foal duck:duckling hen:chick goat:kid bear:cub
    pig:piglet
    """
)
MEMBERS = {
    "Monday": "Tuesday",
    "Tuesday": "Wednesday",
    "Wednesday": "Thursday",
    "Thursday": "Friday",
    "Friday": "Saturday",
    "Saturday": "Sunday",
    "Sunday": "Monday",
}


class Frame(NamedTuple):
    """How the pairs of a table are told and asked, and how often compared with other frames."""

    table: dict[str, str]
    statement: str
    question: str | None
    """None: the pair is only told."""
    weight: int


_FRAMES = (
    Frame(CAPITALS, "The capital of {k} is {v}.", "What is the capital of {k}?", 12),
    Frame(CAPITALS, "{v} is the capital of {k}.", None, 4),
    Frame(LANGUAGES, "People in {k} speak {v}.", "Which language do people speak in {k}?", 2),
    Frame(OPPOSITES, "The opposite of {k} is {v}.", "What is the opposite of {k}?", 2),
    Frame(COLORS, "The usual color of {k} is {v}.", "What is the usual color of {k}?", 1),
    Frame(YOUNG, "A young {k} is called a {v}.", "What is a young {k} called?", 1),
    Frame(MEMBERS, "The day after {k} is {v}.", "What is the day after {k}?", 1),
)
ASKED = tuple(frame for frame in _FRAMES if frame.question)
_WEIGHTS = tuple(frame.weight for frame in _FRAMES)


def capital_question(country: str) -> tuple[str, str]:
    """Return the zero-shot prompt for a capital, and the answer."""
    return f"Question: What is the capital of {country}?\nAnswer:", CAPITALS[country]


def capital_countries(split: str) -> list[str]:
    """Return every fifth country for development, the other forty held out."""
    chosen = {"development": lambda at: at % 5 == 0, "held_out": lambda at: at % 5 != 0}[split]
    return [country for at, country in enumerate(CAPITALS) if chosen(at)]


def question(rng: random.Random) -> tuple[str, str]:
    """Return a general-knowledge question and its answer."""
    frame = rng.choice(ASKED)
    key = rng.choice(tuple(frame.table))
    return frame.question.format(k=key), frame.table[key]


def document(rng: random.Random, split: Split) -> str:
    """Return four to ten facts, as statements or as questions with answers."""
    lines, asking = [], rng.random() < 0.6
    for frame in rng.choices(_FRAMES, weights=_WEIGHTS, k=rng.randint(4, 10)):
        key = rng.choice(tuple(frame.table))
        if asking and frame.question:
            lines.append(f"Question: {frame.question.format(k=key)}\nAnswer: {frame.table[key]}")
        else:
            lines.append(frame.statement.format(k=key, v=frame.table[key]))
    return "\n".join(lines)
