"""Instructions with an exact answer: their splits are apart, and only the exact answer is right."""

import json
from collections import Counter

import pytest
from _experiments._exact_instructions import (
    KINDS,
    SPLITS,
    Item,
    as_records,
    is_right,
    items,
    says,
    training_items,
)
from _experiments._side_by_side import load_items

STORED = load_items("exact_instructions")


@pytest.mark.parametrize("kind", KINDS)
def test_no_item_is_asked_in_two_splits_and_the_same_items_come_again(kind: str) -> None:
    drawn = {split: items(kind, split, 200) for split in SPLITS}
    requests = {split: {item.request for item in found} for split, found in drawn.items()}

    assert all(len(found) == len(drawn[split]) >= 12 for split, found in requests.items())
    assert not requests["train"] & requests["development"]
    assert not (requests["train"] | requests["development"]) & requests["held_out"]
    assert items(kind, "held_out", 5) == drawn["held_out"][:5]


@pytest.mark.parametrize("name", ["words", "names", "places", "sentences"])
def test_what_items_are_made_of_is_in_one_split_only(name: str) -> None:
    pieces = [piece for split in SPLITS for piece in STORED[name][split]]

    assert len(pieces) == len(set(pieces))


def test_lists_are_asked_for_with_topics_that_training_never_names() -> None:
    trained, *asked = (set(STORED["lists"][split]) for split in SPLITS)

    assert not trained & asked[0]
    assert not trained & asked[1]
    assert not asked[0] & asked[1]


def test_the_answers_to_train_on_are_right() -> None:
    mixture = training_items(320)

    assert len(mixture) == 320
    assert all(is_right(item, item.answer) for item in mixture)
    counts = Counter(item.kind for item in mixture)
    assert counts.keys() == KINDS.keys()
    assert min(counts["call"], counts["upper case"]) > 1.9 * max(counts["label"], counts["list"])


def test_a_record_ends_with_the_answer() -> None:
    (item,) = training_items(1)

    (record,) = as_records([item])

    assert [turn["role"] for turn in record["messages"]] == ["system", "user", "assistant"]
    assert record["messages"][-1]["content"] == item.answer


@pytest.mark.parametrize(
    ("kind", "right", "good", "bad"),
    [
        ("upper case", "RIVER", " RIVER\n", "RIVER."),
        ("first letter", "r", "r", "R"),
        ("label", "Label: positive", "Label: positive", "positive"),
        ("list", 2, "- a pan\n- a fork", "- a pan\n- a pan"),
        ("list", 2, "- a\n- b", "Here:\n- a\n- b"),
        ("list", 2, "- a\n- b", "- a\n- b\n- c"),
        ("list", 2, "- a\n- b", "- a\n- "),
        ("JSON", {"age": 7}, '{"age": 7}', '{"age": "7"}'),
        ("JSON", {"age": 7}, '{"age":7}', 'JSON: {"age": 7}'),
        ("JSON", {"age": 7}, '{"age": 7}', "{age: 7}"),
    ],
)
def test_only_the_answer_in_its_form_is_right(kind, right, good, bad) -> None:
    item = Item(kind, "?", right)

    assert is_right(item, good)
    assert not is_right(item, bad)


@pytest.mark.parametrize("arguments", [{"minutes": 5}, {"minutes": 50}, {"minutes": "5"}])
def test_a_call_is_right_with_one_of_the_arguments_that_are_right(arguments) -> None:
    item = Item("call", "?", [{"name": "set_timer", "arguments": {"minutes": 5}}])
    call = json.dumps({"name": "set_timer", "arguments": arguments})

    assert is_right(item, call) is (arguments == {"minutes": 5})
    assert not is_right(item, f"{call}\n{call}")
    assert not is_right(item, "")


def test_an_answer_in_another_form_is_said_and_not_right() -> None:
    item = Item("label", "?", "Label: positive")

    assert says(item, "This review is Positive.")
    assert not says(item, "This is positively not so.")
    assert not is_right(item, "This review is Positive.")


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(ValueError, match=r"split must be one of .*, got 'test'"):
        items("label", "test", 3)
