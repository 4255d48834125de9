"""Pocket and open, texts to read: a chat of three turns, three puzzles, Japanese."""

import json

import pytest
from _experiments import open_conversation, open_japanese, open_puzzles
from _experiments._side_by_side import load_items

from companion.models import load
from companion.pocket.records import record


def test_a_chat_has_three_turns_and_the_models_own_answers() -> None:
    (talk,) = open_conversation.converse(load("chat", source="pocket"), ["Amara"])

    assert [one["role"] for one in talk] == ["user", "assistant"] * 3
    assert talk[0]["content"] == "Hello! My name is Amara, and I live in Osaka."
    assert talk[4]["content"] == "What is my name?"
    assert all(one["content"] for one in talk)


def test_a_small_run_counts_names_and_places() -> None:
    found = open_conversation.measure(scale=0.01, split="development", columns=["pocket"])
    pocket = found["columns"]["pocket"]

    assert {pocket[one]["total"] for one in ("recalled", "mentioned", "place")} == {3}
    assert pocket["recalled"]["right"] <= pocket["mentioned"]["right"]
    assert len(pocket["talks"]) == 2
    assert json.loads(json.dumps(found)) == found


def test_a_puzzle_is_right_if_its_text_comes_to_the_number() -> None:
    assert open_puzzles.comes_to("2 times 3 is 6. 5 plus 6 is 11. The answer is 11.", 11)
    assert not open_puzzles.comes_to("The answer is 10.", 11)
    assert not open_puzzles.comes_to("I don't know.", 11)


def test_the_answers_of_the_puzzles_follow_from_their_numbers() -> None:
    answers = {name: puzzle.answer for name, puzzle in open_puzzles.PUZZLES.items()}

    assert answers == {
        "tennis balls": 5 + 2 * 3,
        "restaurant": (23 + 11) * 2,
        "apples": 25 - 8 - 6 + 10,
    }


def test_both_tokenizers_can_write_any_japanese() -> None:
    loaded = load("base", source="pocket")

    for pair in load_items("japanese")["sentences"]:
        tokens = loaded.tokenizer(pair["japanese"]).input_ids
        assert loaded.tokenizer.decode(tokens) == pair["japanese"]


def test_a_small_run_counts_tokens_and_writes_texts() -> None:
    found = open_japanese.measure(columns=["pocket"])["columns"]["pocket"]

    assert len(found["tokens"]["english"]) == len(found["tokens"]["japanese"]) == 8
    assert sum(found["tokens"]["japanese"]) > 2 * sum(found["tokens"]["english"])
    assert len(found["continued"]) == len(found["answered"]) == 2
    assert len(found["cut"]) == found["tokens"]["japanese"][0]


@pytest.mark.parametrize("name", ["conversation", "puzzles", "japanese"])
def test_the_records_have_both_columns_and_say_where_the_weights_come_from(name) -> None:
    found = record(f"open_{name}")

    assert "Q4_1" in found["origin"]
    assert set(found["columns"]) == {"pocket", "open"}
    assert found["columns"]["pocket"].keys() == found["columns"]["open"].keys()
