"""French phrases agree."""

import pytest

from companion.pocket.corpus import (
    translation,
)


@pytest.mark.parametrize(
    ("noun", "adjective", "french"),
    [
        ("tree", None, "l'arbre"),
        ("house", "white", "la maison blanche"),
        ("cat", "small", "le petit chat"),
        ("bird", "big", "le grand oiseau"),
        ("star", "pretty", "la jolie étoile"),
        ("child", "cold", "l'enfant froid"),
    ],
)
def test_french_phrases_agree(noun, adjective, french):
    assert translation._noun_phrase(noun, adjective).french == french
