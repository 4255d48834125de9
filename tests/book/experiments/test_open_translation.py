"""Pocket and open, translation: what counts as right, a small run on pocket-base, the record."""

import json

import pytest
from _experiments import open_translation
from _experiments._side_by_side import SPLITS, load_items

from companion.pocket.records import record
from companion.prompts.evaluation import Accuracy


@pytest.fixture(scope="module")
def small() -> dict:
    """Three items of each kind, pocket-base, of the development split."""
    return open_translation.measure(scale=0.01, split="development", columns=["pocket"])


@pytest.mark.parametrize(
    ("text", "right"),
    [
        (" soleil", True),
        (" Le soleil.\nEnglish: moon", True),
        (" l\u2019école", False),
        (" soleil couchant", False),
        (" Lesoleil", False),
        ("", False),
    ],
)
def test_a_translation_is_the_word_with_or_without_its_article(text, right) -> None:
    assert open_translation.translates(text, ["soleil", "astre"]) is right


def test_an_article_that_elides_is_taken_off() -> None:
    assert open_translation.translates(" L\u2019\u00e9cole", ["\u00e9cole"])


def test_a_small_run_translates_the_grammar_and_not_ordinary_words(small) -> None:
    pocket = small["columns"]["pocket"]

    assert list(pocket["words"]) == list(pocket["sentences"]) == ["0", "1", "4"]
    assert pocket["sentences"]["4"]["right"] == 3
    assert pocket["words"]["4"]["right"] == 0
    assert list(pocket["phrases"]) == ["right examples", "one wrong example"]
    assert json.loads(json.dumps(small)) == small


def test_no_word_is_in_both_splits_or_shown() -> None:
    stored = load_items("translations")
    words = [one["english"] for part in ("examples", *SPLITS) for one in stored[part]]

    assert len(words) == len(set(words)) == 4 + 10 + 40


def test_no_sentence_is_in_both_splits_or_shown() -> None:
    parts = [open_translation.translation_items(split)["sentences"] for split in SPLITS]
    shown = [english for english, _ in parts[0][0]]
    asked = [english for _, items in parts for english, _ in items]

    assert parts[0][0] == parts[1][0]
    assert len({*shown, *asked}) == len(shown) + len(asked) == 4 + 8 + 16


def test_the_record_is_of_the_held_out_items_of_both_columns() -> None:
    found = record("open_translation")

    assert found["split"] == "held_out"
    assert set(found["columns"]) == {"pocket", "open"}
    for column in found["columns"].values():
        for one in (*column["words"].values(), *column["sentences"].values()):
            interval = Accuracy(one["right"], one["total"]).interval
            assert one["total"] in (32, 16)
            assert one["interval"] == pytest.approx(interval, abs=1e-4)
