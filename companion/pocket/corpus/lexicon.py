"""Words that several kinds of documents share, and a generator of made-up names.

All lists are written for this project. Made-up names are built from syllables, so that their number has no practical limit: a
model cannot know them and has to read them.
"""

import random

from .holdout import Split, held_out

FIRST_NAMES = (
    "Mia Tom Anna Ben Lily Sam Nora Max Ella Leo Ruth Omar Ivy Hugo Zoe Adam Clara Finn Maya Jack Rosa Paul Sara Emil Kofi Yuki "
    "Lena Noah Aisha Peter Carla David Emma Felix Grace Henry Irene Jonas Kate Liam Marta Nils Olga Rita Simon Tara Viktor Wendy"
).split()
"""Names of the people in the corpus."""

SHE = frozenset(
    "Mia Anna Lily Nora Ella Ruth Ivy Zoe Clara Maya Rosa Sara Yuki Lena Aisha Carla Emma Grace Irene Kate Marta Olga Rita Tara Wendy".split()
)

COMMON_WORDS = (
    "apple river stone cloud table chair window garden horse bread water light paper music train house tree flower bird fish cat dog "
    "mouse lion tiger bear sheep cow goat duck hen fox wolf frog snake bee ant moon star sun rain snow wind storm fire sand sea lake "
    "hill road bridge tower castle farm field forest island beach boat ship car bus bike plane wheel door wall roof floor lamp clock "
    "book pen desk bag box cup plate bowl spoon fork knife pot oven milk cheese butter egg rice soup salt sugar honey lemon orange "
    "grape cherry plum pear peach carrot onion potato tomato pepper bean corn coat hat shoe sock shirt dress scarf glove ring belt "
    "button needle thread rope nail hammer brush broom soap towel pillow blanket bed mirror picture letter stamp ticket coin key "
    "lock bell drum flute violin piano song dance game ball kite doll robot engine motor pump pipe tube wire battery magnet crystal "
    "metal gold silver copper iron glass wood cotton wool silk leather brick tile shelf basket bottle barrel bucket ladder fence gate "
    "green small quiet happy gentle strong brave clever simple bright sweet sharp heavy empty early often never under above behind "
    "open close jump walk swim climb throw catch build paint write count laugh smile sleep dream travel follow carry listen answer"
).split()

_ONSETS = (
    "b d f g h j k l m n p r s t v w z".split() * 3 + "br ch dr fl gr kr pl qu sh st th tr".split()
)
_VOWELS = "a e i o u".split() * 4 + "ai ea ia io oa ou".split()
_CODAS = [""] * 8 + "l m n r s t k nd rn x".split()


def syllable(rng: random.Random) -> str:
    """Return one random syllable, such as ``"tro"`` or ``"kern"``."""
    return rng.choice(_ONSETS) + rng.choice(_VOWELS) + rng.choice(_CODAS)


def made_up_word(rng: random.Random, split: Split, *, syllables: tuple[int, int] = (2, 3)) -> str:
    """Return an invented lower-case word that is on the side of ``split``."""
    while True:
        word = "".join(syllable(rng) for _ in range(rng.randint(*syllables)))
        if 4 <= len(word) <= 10 and held_out(word) == (split == "eval"):
            return word


def made_up_name(rng: random.Random, split: Split) -> str:
    """Return an invented proper name, such as ``"Troveska"``."""
    return made_up_word(rng, split).capitalize()


def distinct_names(rng: random.Random, split: Split, count: int) -> list[str]:
    """Return ``count`` different invented names."""
    names: dict[str, None] = {}
    while len(names) < count:
        names[made_up_name(rng, split)] = None
    return list(names)


def known_word(rng: random.Random, split: Split) -> str:
    """Return an English word that is on the side of ``split``."""
    while True:
        word = rng.choice(COMMON_WORDS)
        if held_out(word) == (split == "eval"):
            return word


def pronouns(name: str) -> dict[str, str]:
    """Return the pronouns that go with a first name, for filling templates."""
    if name in SHE:
        return {"they": "she", "They": "She", "them": "her", "their": "her", "Their": "Her"}
    return {"they": "he", "They": "He", "them": "him", "their": "his", "Their": "His"}
