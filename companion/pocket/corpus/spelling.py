"""How words are spelled: a tokenizer that makes one token of a word hides its letters from the model.

Without these documents a model cannot write ``TABLE`` for ``table`` unless it has seen just that.
"""

import random

from .holdout import Split
from .lexicon import COMMON_WORDS, made_up_word

_FORMS = (
    "{word}: {letters}",
    "Spell {word}: {letters}",
    "{word} = {letters}",
    "{letters} = {word}",
)
_GAPS = (" ", "-", ", ")


def spell(word: str, gap: str = " ") -> str:
    """Return the letters of ``word`` with ``gap`` between them.

    Example:
        >>> spell("river", "-")
        'r-i-v-e-r'
    """
    return gap.join(word)


def document(rng: random.Random, split: Split) -> str:
    """Return four to ten spelled words, one to a line.

    Common words are spelled on either side of the split, since their letters are knowledge about
    the language and no item that is asked for; made-up words are on the side of ``split``.
    """
    form, gap = rng.choice(_FORMS), rng.choice(_GAPS)
    words = [
        rng.choice(COMMON_WORDS)
        if rng.random() < 0.7
        else made_up_word(rng, split, syllables=(1, 2))
        for _ in range(rng.randint(4, 10))
    ]
    return "\n".join(form.format(word=word, letters=spell(word, gap)) for word in words)
