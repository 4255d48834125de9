"""A little Japanese: greetings and simple sentences, enough to see how a byte-level tokenizer treats them."""

import random

from .holdout import Split, draw

_NOUNS = {
    "cat": "猫",
    "dog": "犬",
    "book": "本",
    "water": "水",
    "tea": "お茶",
    "bread": "パン",
    "apple": "りんご",
    "car": "車",
    "flower": "花",
    "music": "音楽",
    "fish": "魚",
    "sea": "海",
}
_MASS = frozenset({"water", "tea", "bread", "music"})
_PLACES = {
    "school": "学校",
    "the station": "駅",
    "the park": "公園",
    "the library": "図書館",
    "Tokyo": "東京",
    "Kyoto": "京都",
    "the shop": "店",
}
_PHRASES = {
    "Good morning": "おはようございます",
    "Hello": "こんにちは",
    "Good evening": "こんばんは",
    "Thank you": "ありがとうございます",
    "Goodbye": "さようなら",
    "Excuse me": "すみません",
    "Good night": "おやすみなさい",
}


def _a(noun: str) -> str:
    if noun in _MASS:
        return noun
    return f"{'an' if noun == 'apple' else 'a'} {noun}"


def sentence(rng: random.Random, split: Split) -> tuple[str, str]:
    """Return an English sentence and its Japanese translation."""

    def sample(source: random.Random) -> tuple[object, tuple[str, str]]:
        noun, place = source.choice(tuple(_NOUNS)), source.choice(tuple(_PLACES))
        kind = source.randrange(4)
        pair = (
            (f"I like the {noun}.", f"私は{_NOUNS[noun]}が好きです。"),
            (f"This is {_a(noun)}.", f"これは{_NOUNS[noun]}です。"),
            (f"I go to {place}.", f"私は{_PLACES[place]}に行きます。"),
            (
                f"The {noun} is at {place}.",
                f"{_NOUNS[noun]}は{_PLACES[place]}にあります。"
                if noun not in ("cat", "dog", "fish")
                else f"{_NOUNS[noun]}は{_PLACES[place]}にいます。",
            ),
        )[kind]
        return pair[0], pair

    return draw(rng, split, sample)


def document(rng: random.Random, split: Split) -> str:
    """Return three to six pairs or a short text in Japanese only."""
    pairs = [
        sentence(rng, split) if rng.random() < 0.7 else rng.choice(tuple(_PHRASES.items()))
        for _ in range(rng.randint(3, 6))
    ]
    if rng.random() < 0.4:
        return "".join(
            japanese if japanese.endswith("。") else japanese + "。" for _, japanese in pairs
        )
    return "\n".join(f"English: {english}\nJapanese: {japanese}" for english, japanese in pairs)
