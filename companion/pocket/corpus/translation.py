"""English-French sentence pairs from a small grammar with gender, agreement and elision."""

import random
from typing import NamedTuple

from .holdout import Split, draw
from .tables import table

_NOUNS = table(
    """
    cat:m-chat dog:m-chien house:f-maison book:m-livre table:f-table apple:f-pomme bread:m-pain
    water:f-eau tree:m-arbre flower:f-fleur bird:m-oiseau car:f-voiture garden:m-jardin
    window:f-fenêtre door:f-porte girl:f-fille boy:m-garçon child:m-enfant mother:f-mère
    father:m-père teacher:m-professeur train:m-train boat:m-bateau key:f-clé letter:f-lettre
    hat:m-chapeau shirt:f-chemise horse:m-cheval cow:f-vache fish:m-poisson milk:m-lait
    cheese:m-fromage cake:m-gâteau chair:f-chaise bed:m-lit street:f-rue town:f-ville
    river:f-rivière sea:f-mer star:f-étoile
    """
)
_AFTER = table(
    """
    black:noir,noire white:blanc,blanche green:vert,verte red:rouge,rouge blue:bleu,bleue
    cold:froid,froide warm:chaud,chaude empty:vide,vide
    """
)
_BEFORE = table(
    """
    small:petit,petite big:grand,grande pretty:joli,jolie good:bon,bonne young:jeune,jeune
    bad:mauvais,mauvaise
    """
)
_VERBS = table(
    """
    sees:voit eats:mange likes:aime takes:prend looks_for:cherche finds:trouve buys:achète
    sells:vend loses:perd hides:cache carries:porte draws:dessine
    """
)
_PEOPLE = "girl boy child mother father teacher cat dog bird horse".split()
PHRASES = {
    "Good morning": "Bonjour",
    "Good evening": "Bonsoir",
    "Good night": "Bonne nuit",
    "Thank you": "Merci",
    "Goodbye": "Au revoir",
    "See you tomorrow": "À demain",
    "How are you?": "Comment allez-vous ?",
    "Please": "S'il vous plaît",
    "I am hungry": "J'ai faim",
    "I am thirsty": "J'ai soif",
    "Where is the station?": "Où est la gare ?",
    "I do not know": "Je ne sais pas",
    "Excuse me": "Excusez-moi",
    "Welcome": "Bienvenue",
    "Happy birthday": "Bon anniversaire",
    "My name is Paul": "Je m'appelle Paul",
}


class Pair(NamedTuple):
    """A sentence in both languages."""

    english: str
    french: str


def _noun_phrase(noun: str, adjective: str | None) -> Pair:
    gender, french = _NOUNS[noun].split("-")
    index = 0 if gender == "m" else 1
    before = _BEFORE[adjective].split(",")[index] if adjective in _BEFORE else ""
    after = _AFTER[adjective].split(",")[index] if adjective in _AFTER else ""
    first = before or french
    article = "l'" if first[0] in "aeiouéêâ" else ("le ", "la ")[index]
    return Pair(
        " ".join(filter(None, ("the", adjective, noun))),
        article + " ".join(filter(None, (before, french, after))),
    )


def sentence(rng: random.Random, split: Split) -> Pair:
    """Return a subject-verb-object sentence pair that is on the side of ``split``."""

    def sample(source: random.Random) -> tuple[object, Pair]:
        def phrase(nouns: tuple[str, ...]) -> Pair:
            adjective = source.choice((None, source.choice((*_AFTER, *_BEFORE))))
            return _noun_phrase(source.choice(nouns), adjective)

        subject, verb, obj = (
            phrase(tuple(_PEOPLE)),
            source.choice(tuple(_VERBS)),
            phrase(tuple(_NOUNS)),
        )
        english = f"{subject.english} {verb} {obj.english}."
        french = f"{subject.french} {_VERBS[verb]} {obj.french}."
        return english, Pair(english[0].upper() + english[1:], french[0].upper() + french[1:])

    return draw(rng, split, sample)


def document(rng: random.Random, split: Split) -> str:
    """Return three to seven pairs: sentences, words or set phrases."""
    pattern, gap = rng.choice(
        (
            ("English: {e}\nFrench: {f}", "\n\n"),
            ("{e} = {f}", "\n"),
            ("{e} -> {f}", "\n"),
            ("Translate into French: {e}\n{f}", "\n\n"),
        )
    )
    pairs = []
    for _ in range(rng.randint(3, 7)):
        kind = rng.random()
        if kind < 0.7:
            pairs.append(sentence(rng, split))
        elif kind < 0.85:
            pairs.append(_noun_phrase(rng.choice(tuple(_NOUNS)), None))
        else:
            pairs.append(Pair(*rng.choice(tuple(PHRASES.items()))))
    return gap.join(pattern.format(e=p.english, f=p.french) for p in pairs)


def item(rng: random.Random, split: Split) -> tuple[str, str]:
    """Return a zero-shot prompt and its translation."""
    pair = sentence(rng, split)
    return f"English: {pair.english}\nFrench:", pair.french
